#include "assurance/precedence.h"

#include "base/test.h"

static struct model *m;
static struct precedence rows[MODEL_GROUPS_MAX];
static uint8_t last;

static void mission(const char *id, const char *safety, int64_t yen, const char *function)
{
    struct model_mission *x = &m->missions[m->n_missions++];
    *x = (struct model_mission) { .utility_yen = yen, .n_functions = 1 };
    snprintf(x->id, sizeof x->id, "%s", id);
    snprintf(x->safety, sizeof x->safety, "%s", safety);
    snprintf(x->functions[0], MODEL_ID, "%s", function);
}

static void function(const char *id, const char *group)
{
    struct model_function *f = &m->functions[m->n_functions++];
    *f = (struct model_function) { .n_depends = 2 };
    snprintf(f->id, sizeof f->id, "%s", id);
    snprintf(f->depends[0], MODEL_ID, "%s", group);
    snprintf(f->depends[1], MODEL_ID, "tankers"); /* an alternative */
}

static void group(const char *id, const char *depends)
{
    struct model_group *g = &m->groups[m->n_groups++];
    *g = (struct model_group) { .n_depends = depends != NULL };
    snprintf(g->id, sizeof g->id, "%s", id);
    if (depends) snprintf(g->depends[0], MODEL_ID, "%s", depends);
}

static int place(const char *id)
{
    size_t n = precedence_of(m, rows, &last);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].group, id) == 0) return rows[i].place;
    return -1;
}

int main(void)
{
    m = mem_new(sizeof *m);
    CHECK(precedence_of(m, rows, &last) == 0 && last == 0);
    mission("lighting", "S0", 900, "light");
    mission("water", "S2", 100, "pump");
    mission("billing", "S0", 5000, "bill");
    function("light", "lamps");
    function("pump", "pumps");
    function("bill", "meters");
    group("lamps", NULL);
    group("pumps", "power");
    group("meters", "power");
    group("power", "pumps"); /* a circle ends */
    group("guests", NULL);
    CHECK(place("pumps") == 0);   /* safety first */
    CHECK(place("meters") == 1);  /* then what an hour is worth */
    CHECK(place("lamps") == 2);
    CHECK(place("power") == 0);   /* the best mission that rests on it */
    CHECK(place("guests") == -1); /* nobody's */
    CHECK(last == 3);
    m->missions[0].utility_yen = 5000; /* equals stand as they are listed */
    CHECK(place("lamps") == 1 && place("meters") == 2);
    mem_free(m);
    return TEST_END;
}
