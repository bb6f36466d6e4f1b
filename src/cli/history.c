/* `sekimori history`: recorded readings by time, as they are or by interval; every figure comes from entries of the record. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "platform/schema.h"

enum { INTERVALS_MAX = 10000 };

struct interval {
    int64_t n, least, most, first, last; /* thousandths; entries of the first and the last point */
    double sum;
};

struct history {
    struct cli *c;
    const char *topic;
    int64_t from_ms, to_ms, every_ms; /* every 0: point by point */
    struct interval *intervals;
    size_t n_intervals;
    uint64_t points, unreadable;
    bool csv, started, many; /* many: a filter, of more topics than one */
    bool objects, lines;     /* JSON: one list, or an object a line */
};

static bool moment_read(const char *text, int64_t now_ms, int64_t *ret)
{
    int64_t back;
    if (ok(time_parse(bytes_str(text), ret))) return true;
    if (!ok(time_length(bytes_str(text), &back))) return false;
    *ret = now_ms - back;
    return true;
}

static void print_milli(int64_t milli, const char *behind)
{
    char text[48];
    printf("%s%s", schema_milli(milli, "", text, sizeof text), behind);
}

/* What a device said, on a terminal: no escape sequence of its own. */
static void print_plain(const char *text)
{
    for (; *text; text++) putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void start(struct history *h)
{
    if (h->started) return;
    h->started = true;
    if (h->csv && flag(h->c, "bom")) printf("\xEF\xBB\xBF");
    if (h->csv) printf("%s\n", h->every_ms ? "from,n,min,mean,max,first_entry,last_entry" : "time,topic,value,unit,flagged,entry");
    if (h->objects && !h->lines) printf("[");
}

static void print_row(const struct doc *p, const char *at)
{
    print_cell(at, false);
    print_cell(doc_text(p, "topic", ""), false);
    if (doc_get(p, "milli")) print_milli(doc_int(p, "milli", 0), ",");
    else print_cell(doc_text(p, "text", ""), false);
    print_cell(doc_text(p, "unit", ""), false);
    printf("%s,%lld\n", doc_bool(p, "flagged", false) ? "flagged" : "", (long long)doc_int(p, "index", 0));
}

static void print_line(const struct history *h, const struct doc *p, const char *at)
{
    printf("%s  ", at);
    if (h->many) print_plain(doc_text(p, "topic", ""));
    if (h->many) printf("  ");
    if (doc_get(p, "milli")) print_milli(doc_int(p, "milli", 0), "");
    else print_plain(doc_text(p, "text", ""));
    printf(" ");
    print_plain(doc_text(p, "unit", ""));
    printf("  %s @%lld\n", doc_bool(p, "flagged", false) ? "flagged" : "", (long long)doc_int(p, "index", 0));
}

static void print_point(struct history *h, const struct doc *p)
{
    char at[TIME_TEXT];
    start(h);
    time_text(doc_int(p, "ms", 0), at);
    if (h->objects) {
        struct buffer b = BUFFER(65536);
        if (ok(doc_write_json(p, &b))) printf("%s%.*s%s", h->points && !h->lines ? ",\n" : "", (int)b.n, (const char *)b.at, h->lines ? "\n" : "");
        buffer_deinit(&b);
        return;
    }
    if (h->csv) print_row(p, at);
    else print_line(h, p, at);
}

/* Pieces of one interval: what was said of it is added up. */
static void count_interval(struct history *h, const struct doc *d)
{
    size_t at = (size_t)((doc_int(d, "ms", 0) - h->from_ms) / h->every_ms);
    if (doc_int(d, "ms", 0) < h->from_ms || at >= h->n_intervals) return;
    struct interval *i = &h->intervals[at];
    int64_t least = doc_int(d, "min_milli", 0), most = doc_int(d, "max_milli", 0), first = doc_int(d, "first", 0), last = doc_int(d, "last", 0);
    if (!i->n || least < i->least) i->least = least;
    if (!i->n || most > i->most) i->most = most;
    if (!i->n || first < i->first) i->first = first;
    if (!i->n || last > i->last) i->last = last;
    i->sum += strtod(doc_text(d, "sum_milli", "0"), NULL);
    i->n += doc_int(d, "n", 0);
    h->points += (uint64_t)doc_int(d, "n", 0);
}

static void count(struct history *h, const struct doc *d)
{
    for (const struct doc *p = h->every_ms ? NULL : doc_get(d, "points")->first; p; p = p->next, h->points++) print_point(h, p);
    for (const struct doc *p = h->every_ms ? doc_get(d, "intervals")->first : NULL; p; p = p->next) count_interval(h, p);
}

static void print_interval(struct history *h, size_t at)
{
    const struct interval *i = &h->intervals[at];
    char from[TIME_TEXT];
    start(h);
    time_text(h->from_ms + (int64_t)at * h->every_ms, from);
    int64_t mean = i->n ? (int64_t)(i->sum / (double)i->n + (i->sum < 0 ? -0.5 : 0.5)) : 0;
    if (h->objects) {
        printf("%s{\"from\":\"%s\",\"n\":%lld", at && !h->lines ? ",\n" : "", from, (long long)i->n);
        if (i->n) printf(",\"min_milli\":%lld,\"mean_milli\":%lld,\"max_milli\":%lld,\"first\":%lld,\"last\":%lld", (long long)i->least, (long long)mean,
            (long long)i->most, (long long)i->first, (long long)i->last);
        printf(h->lines ? "}\n" : "}");
        return;
    }
    if (!i->n) {
        printf(h->csv ? "%s,0,,,,,\n" : "%s  %s\n", from, cli_say(h->c, W_NO_DATA));
        return;
    }
    printf(h->csv ? "%s,%lld," : "%s  %6lld  ", from, (long long)i->n);
    const char *between = h->csv ? "," : "  ";
    print_milli(i->least, between);
    print_milli(mean, between);
    print_milli(i->most, between);
    printf(h->csv ? "%lld,%lld\n" : "@%lld..%lld\n", (long long)i->first, (long long)i->last);
}

/* The daemon answers a piece at a time. */
static int read_all(struct history *h)
{
    char from[TIME_TEXT], to[TIME_TEXT], next[24] = "", path[1200];
    time_text(h->from_ms, from);
    time_text(h->to_ms, to);
    for (bool more = true; more;) {
        const struct doc *d;
        struct out o = out_of(path, sizeof path - 1);
        put_str(&o, "/api/v1/history");
        add_query(&o, true, "topic", h->topic);
        add_query(&o, false, "from", from);
        add_query(&o, false, "to", to);
        if (flag(h->c, "field")) add_query(&o, false, "field", flag(h->c, "field"));
        if (h->every_ms) add_query(&o, false, "every", flag(h->c, "every"));
        if (*next) add_query(&o, false, "after", next);
        if (o.over) return complain_usage(h->c);
        path[o.n] = 0;
        int code = ask(h->c, "GET", path, BYTES_NONE, &d);
        if (code) return code;
        count(h, d);
        h->unreadable += (uint64_t)doc_int(d, "unreadable", 0);
        more = doc_bool(d, "more", false);
        snprintf(next, sizeof next, "%lld", (long long)doc_int(d, "next", 0));
        arena_deinit(&h->c->arena);
        h->c->arena = ARENA(64u << 20);
    }
    return EXIT_OK;
}

static int finish(struct history *h)
{
    for (size_t i = 0; h->points && i < h->n_intervals; i++) print_interval(h, i);
    if (h->csv || h->objects) start(h);
    if (h->objects && !h->lines) printf("]\n");
    if (h->unreadable) fprintf(stderr, "%s: %llu\n", cli_say(h->c, W_GIVEN_UP), (unsigned long long)h->unreadable);
    if (!h->points && !h->csv && !h->objects) printf("%s\n", cli_say(h->c, W_NO_POINTS));
    return EXIT_OK;
}

int cmd_history(struct cli *c)
{
    int64_t now = port_wall_ms();
    const char *from = flag(c, "from"), *to = flag(c, "to"), *every = flag(c, "every");
    if (c->n_args != 1) return complain_usage(c);
    struct history h = { .c = c, .topic = c->args[0], .from_ms = now - MS_DAY, .to_ms = now, .csv = c->output && strcmp(c->output, "csv") == 0, .many = strpbrk(c->args[0], "+#") != NULL };
    h.lines = c->output && strcmp(c->output, "ndjson") == 0;
    h.objects = c->json || h.lines;
    if (every && h.many) return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_ONE_TOPIC), c->args[0], NULL);
    if ((from && !moment_read(from, now, &h.from_ms)) || (to && !moment_read(to, now, &h.to_ms)))
        return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_TIME_IS), from && !moment_read(from, now, &h.from_ms) ? from : to, NULL);
    if (every && !ok(time_length(bytes_str(every), &h.every_ms))) return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_EVERY_IS), every, NULL);
    if (every) {
        h.from_ms -= h.from_ms % h.every_ms; /* whole hours are whole hours of the clock (UTC) */
        h.n_intervals = h.to_ms > h.from_ms ? (size_t)((h.to_ms - h.from_ms) / h.every_ms + 1) : 0;
        if (h.n_intervals > INTERVALS_MAX) return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_EVERY_IS), every, NULL);
        h.intervals = mem_new_array(h.n_intervals + 1, sizeof *h.intervals);
        if (!h.intervals) return EXIT_FAILED;
    }
    int code = read_all(&h);
    if (!code) code = finish(&h);
    mem_free(h.intervals);
    return code;
}
