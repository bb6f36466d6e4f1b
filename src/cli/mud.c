/* `sekimori watch mud`: a maker's profile compiled and shown, or held against what a device is seen to do: in a capture, or
 * on an interface as it happens. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/sensed.h"
#include "watch/mud.h"

enum { PROFILE_BYTES = 4 << 20, CONTROLLERS_MAX = 24 };

struct judging {
    struct cli *c;
    struct mud_profile profile;
    struct address device;
    const struct doc *names;   /* of the flow's peer: a list of texts */
    const char *said;          /* the topic this is about, or "" */
    size_t flows, outside;
};

/* ---- the profile ---- */

int load_mud(struct cli *c, const char *path, struct mud_profile *ret)
{
    struct buffer b = BUFFER(PROFILE_BYTES);
    struct doc *d = NULL;
    char why[MUD_TEXT] = "";
    outcome o = port_file_load(path, PROFILE_BYTES, &b);
    if (ok(o)) {
        o = doc_read_json(buffer_view(&b), &c->arena, &d);
        if (ok(o)) o = mud_compile(d, &c->arena, ret, why);
    }
    buffer_deinit(&b);
    if (ok(o)) return EXIT_OK;
    char what[300];
    snprintf(what, sizeof what, "%s: %s", cli_say(c, W_NO_PROFILE), *why ? why : o.sys ? strerror(o.sys) : code_word(o.code));
    return complain(c, EXIT_CONFIGURATION, "SK-1054", what, path, NULL);
}

static void print_ports(const char *word, const struct mud_ports *p)
{
    if (p->low == MUD_UNKNOWN) return;
    if (p->low == p->high) printf(" %s %d", word, p->low);
    else printf(" %s %d-%d", word, p->low, p->high);
}

static void print_rule(const struct mud_rule *r)
{
    char network[ADDRESS_TEXT] = "";
    address_text(&r->network, network);
    printf("  %s", r->to_device ? "←" : "→");
    if (r->protocol == 6 || r->protocol == 17) printf(" %s", r->protocol == 6 ? "tcp" : "udp");
    else if (r->protocol != MUD_UNKNOWN) printf(" ip-%d", r->protocol);
    else if (r->ethertype != MUD_UNKNOWN) printf(" ether-%04x", (unsigned)r->ethertype);
    print_ports("from", &r->source);
    print_ports("to", &r->destination);
    if (r->name) printf(" %s", r->name);
    if (r->has_network) printf(" %s/%u", network, r->bits);
    if (r->local) printf(" local");
    if (r->controller) printf(" %s", r->controller);
    printf("  (%s)\n", r->ace);
}

static int print_profile(struct cli *c, const struct mud_profile *p)
{
    printf("%s %s\n%s: %zu\n", p->systeminfo, p->url, cli_say(c, W_RULES), p->n);
    for (size_t i = 0; i < p->n; i++) print_rule(&p->rules[i]);
    for (size_t i = 0; i < p->n_publish; i++) printf("  → %s\n", p->publish[i]);
    for (size_t i = 0; i < p->n_subscribe; i++) printf("  ← %s\n", p->subscribe[i]);
    return EXIT_OK;
}

/* ---- a flow ---- */

static bool named(void *ctx, const struct address *a, const char *name)
{
    const struct judging *j = ctx;
    (void)a;
    for (const struct doc *d = j->names ? j->names->first : NULL; d; d = d->next)
        if (d->kind == DOC_TEXT && strcmp(d->text, name) == 0) return true;
    return false;
}

/* --controller URN=ADDRESS, as often as needed. */
static bool controls(void *ctx, const struct address *a, const char *urn)
{
    const struct judging *j = ctx;
    for (size_t k = 0; k < CONTROLLERS_MAX; k++) {
        const char *value = flag_nth(j->c, "controller", k), *equal = value ? strrchr(value, '=') : NULL;
        struct address one;
        if (!value) return false;
        bool same = equal && strlen(urn) == (size_t)(equal - value) && strncmp(value, urn, strlen(urn)) == 0;
        if (same && ok(address_parse(equal + 1, &one)) && address_equal(&one, a)) return true;
    }
    return false;
}

static int protocol_of(const char *transport)
{
    if (strcmp(transport, "tcp") == 0) return 6;
    if (strcmp(transport, "udp") == 0) return 17;
    return strncmp(transport, "ip-", 3) == 0 ? (int)strtol(transport + 3, NULL, 10) : MUD_UNKNOWN;
}

static bool allowed(struct judging *j, const struct doc *f, const struct address *peer, bool device_is_client)
{
    struct mud_world w = { j, named, controls };
    int port = (int)doc_int(f, "port", 0), protocol = protocol_of(doc_text(f, "transport", ""));
    bool ports = protocol == 6 || protocol == 17;
    struct mud_packet p = { .from_device = device_is_client, .ethertype = peer->family == 4 ? 0x0800 : 0x86DD, .protocol = protocol,
        .source_port = MUD_UNKNOWN, .destination_port = ports ? port : MUD_UNKNOWN, .icmp_type = MUD_UNKNOWN, .icmp_code = MUD_UNKNOWN,
        .opened_by_device = device_is_client, .peer = *peer };
    if (address_many(peer)) p.has_mac = true, memset(p.mac_to, 0xFF, 6);
    if (mud_allows(&j->profile, &w, &p)) return true;
    if (protocol == 6) return false;
    /* Of datagrams nobody can say for sure who asked: the answer may be what the profile names. */
    p.from_device = !p.from_device;
    p.source_port = p.destination_port;
    p.destination_port = MUD_UNKNOWN;
    return mud_allows(&j->profile, &w, &p) != NULL;
}

static void print_outside(struct judging *j, const struct doc *f, const char *said)
{
    printf("■ %s: %s → %s %s/%lld %s %s", cli_say(j->c, W_LEFT_PROFILE), doc_text(f, "client", ""), doc_text(f, "server", ""),
        doc_text(f, "transport", ""), (long long)doc_int(f, "port", 0), doc_text(f, "protocol", ""), *said ? said : doc_text(f, "name", ""));
    printf(j->c->ja ? "  %.19sZ から\n" : "  since %.19sZ\n", doc_text(f, "first", ""));
    fflush(stdout);
}

static void judge_flow(struct judging *j, const struct doc *f, const struct doc *client_names, const struct doc *server_names)
{
    struct address client, server;
    if (!ok(address_parse(doc_text(f, "client", ""), &client)) || !ok(address_parse(doc_text(f, "server", ""), &server))) return;
    bool is_client = address_equal(&client, &j->device), is_server = address_equal(&server, &j->device);
    if (!is_client && !is_server) return;
    j->names = is_client ? server_names : client_names;
    j->flows++;
    bool topic = !is_client || !*j->said || mud_topic_inside(&j->profile, true, bytes_str(j->said));
    if (topic && allowed(j, f, is_client ? &server : &client, is_client)) return;
    j->outside++;
    if (j->c->json) print_json(f);
    else print_outside(j, f, j->said);
}

/* ---- a capture, or an interface ---- */

static int judge_capture(struct judging *j, const char *path)
{
    struct sensed s;
    int code = sensed_get(j->c, path, &s);
    const struct doc *flows = code ? NULL : doc_get(s.doc, "flows");
    for (const struct doc *f = flows ? flows->first : NULL; f; f = f->next) {
        bool writes = strcmp(doc_text(f, "protocol", ""), "mqtt") == 0 && doc_int(f, "publishes", 0) > 0;
        j->said = writes ? doc_text(f, "name", "") : ""; /* of a capture's topics the first, or the first command */
        const struct doc *client = sensed_host(&s, doc_text(f, "client", "")), *server = sensed_host(&s, doc_text(f, "server", ""));
        judge_flow(j, f, doc_get(client, "names"), doc_get(server, "names"));
    }
    sensed_deinit(&s);
    return code;
}

static void live_flow(void *ctx, const struct doc *line)
{
    ((struct judging *)ctx)->said = doc_text(line, "said", "");
    judge_flow(ctx, doc_get(line, "flow"), doc_get(line, "client_names"), doc_get(line, "server_names"));
}

int cmd_watch_mud(struct cli *c)
{
    struct judging j = { .c = c };
    const char *device = flag(c, "device"), *pcap = flag(c, "pcap"), *interface = flag(c, "interface");
    if (!c->n_args) return complain_usage(c);
    int code = load_mud(c, c->args[0], &j.profile);
    if (code || (!pcap && !interface)) return code ? code : print_profile(c, &j.profile);
    if (!device) return need_flag(c, "device");
    if (!ok(address_parse(device, &j.device))) return complain(c, EXIT_USAGE, "SK-1001", "--device: IPv4, IPv6", device, NULL);
    code = pcap ? judge_capture(&j, pcap) : sensed_follow(c, interface, live_flow, &j);
    if (code) return code;
    if (!c->json) printf("%s: %zu, %s: %zu\n", cli_say(c, W_TRAFFIC), j.flows, cli_say(c, W_LEFT_PROFILE), j.outside);
    return j.outside ? EXIT_LIMITED : EXIT_OK;
}
