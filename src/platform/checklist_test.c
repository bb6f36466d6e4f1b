#include "platform/checklist.h"

#include <stdio.h>

#include "base/test.h"

static struct arena arena = ARENA(4 << 20);
static struct checklists all;

static outcome apply(const char *text)
{
    struct doc *d = NULL;
    char why[CHECKLIST_WHY] = "";
    CHECK_QUIET(ok(doc_read_json(bytes_str(text), &arena, &d)));
    outcome o = checklist_judge(&all, d, why);
    CHECK_QUIET(ok(o) || why[0]);
    outcome p = checklist_apply(&all, d, 7);
    CHECK_QUIET(p.code == o.code);
    return p;
}

static outcome answer(const char *id, const char *item, const char *word, const char *note)
{
    char text[400];
    snprintf(text, sizeof text, "{\"what\":\"answer\",\"subject\":\"%s\",\"item\":\"%s\",\"answer\":\"%s\",\"note\":\"%s\",\"by\":\"sato\"}", id, item, word, note);
    return apply(text);
}

static void answer_all(const char *id)
{
    const struct checklist *c = checklist_of(&all, id);
    for (size_t i = 0; i < checklist_items_n; i++)
        if (checklist_asked(&checklist_items[i], c->role) && !checklist_items[i].measured) CHECK_QUIET(ok(answer(id, checklist_items[i].id, "yes", "")));
}

#define SIGN(id) "{\"what\":\"sign\",\"subject\":\"" id "\",\"by\":\"asset-owner\"}"
#define BEGIN(id, role) "{\"what\":\"begin\",\"subject\":\"" id "\",\"role\":\"" role "\"}"

static void held_until_signed(void)
{
    char before[65], after[65];
    CHECK(!checklist_holds(NULL, "gw-1") && !checklist_holds(&all, "gw-1"));
    CHECK_OK(apply("{\"what\":\"ask\",\"role\":\"device\",\"on\":true,\"by\":\"root\"}"));
    CHECK(all.asked[ROLE_DEVICE] && !all.asked[ROLE_CONTRACTOR]);
    CHECK_IS(apply("{\"what\":\"ask\",\"role\":\"peer\",\"on\":true,\"by\":\"root\"}"), E_MALFORMED);
    CHECK_OK(apply(BEGIN("gw-1", "device")));
    CHECK_IS(apply(BEGIN("gw-1", "device")), E_CONFLICT);
    CHECK(checklist_holds(&all, "gw-1") && !checklist_holds(&all, "gw-2"));
    CHECK_IS(apply(SIGN("gw-1")), E_CONFLICT); /* nothing is answered */
    answer_all("gw-1");
    CHECK_OK(answer("gw-1", "guarded", "no", "in a public park"));
    CHECK_IS(apply(SIGN("gw-1")), E_CONFLICT); /* one is answered no */
    CHECK_OK(answer("gw-1", "guarded", "not-applicable", "in a locked room"));
    CHECK_OK(checklist_sha256(checklist_of(&all, "gw-1"), before));
    CHECK_OK(apply(SIGN("gw-1")));
    CHECK(!checklist_holds(&all, "gw-1"));
    CHECK_IS(apply(SIGN("gw-1")), E_CONFLICT);
    uint64_t epoch = all.epoch;
    CHECK_OK(answer("gw-1", "guarded", "no", "moved outside"));
    CHECK(checklist_holds(&all, "gw-1") && all.epoch > epoch); /* what was signed is not so any more */
    CHECK_OK(checklist_sha256(checklist_of(&all, "gw-1"), after));
    CHECK(strcmp(before, after) != 0);
    CHECK_OK(answer("gw-1", "guarded", "yes", ""));
    CHECK_OK(apply(SIGN("gw-1")));
    CHECK_OK(apply(BEGIN("gw-1", "device"))); /* enrolled again: perhaps another machine */
    CHECK(checklist_holds(&all, "gw-1") && checklist_of(&all, "gw-1")->answers[0].answer == ANSWER_NONE);
}

static void what_is_refused(void)
{
    CHECK_OK(apply(BEGIN("con-1", "contractor")));
    CHECK_IS(answer("con-1", "guarded", "yes", ""), E_CONFLICT);       /* of devices */
    CHECK_IS(answer("con-1", "permit-asked", "yes", ""), E_CONFLICT);  /* measured */
    CHECK_IS(answer("con-1", "nothing", "yes", ""), E_UNKNOWN);
    CHECK_IS(answer("con-1", "trained", "perhaps", ""), E_MALFORMED);
    CHECK_IS(answer("con-1", "trained", "not-applicable", ""), E_MALFORMED); /* why? */
    CHECK_IS(answer("con-1", "trained", "yes", "a\\u001b[2J"), E_MALFORMED);
    CHECK_IS(answer("nobody", "trained", "yes", ""), E_UNKNOWN);
    CHECK_IS(apply("{\"what\":\"answer\",\"subject\":\"con-1\",\"item\":\"trained\",\"answer\":\"yes\"}"), E_MALFORMED); /* by whom? */
    CHECK_IS(apply("{\"what\":\"colour\",\"subject\":\"con-1\"}"), E_MALFORMED);
    answer_all("con-1");
    CHECK_OK(apply(SIGN("con-1")));
    CHECK(!checklist_holds(&all, "con-1"));
}

/* Both parts, in both languages; nothing is asked twice. */
static void the_items(void)
{
    unsigned parts = 0;
    for (size_t i = 0; i < checklist_items_n; i++) {
        parts |= 1u << checklist_items[i].part;
        CHECK_QUIET(checklist_items[i].ja[0] && checklist_items[i].en[0] && registry_id_valid(bytes_str(checklist_items[i].id)));
        for (size_t k = 0; k < i; k++) CHECK_QUIET(strcmp(checklist_items[i].id, checklist_items[k].id) != 0);
    }
    CHECK(parts == 3);
}

int main(void)
{
    held_until_signed();
    what_is_refused();
    the_items();
    checklists_deinit(&all);
    arena_deinit(&arena);
    return TEST_END;
}
