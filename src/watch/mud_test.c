/* Profiles compile, and each of their rules allows what it says and nothing beside it: for every rule one packet that is
 * allowed and near misses of it, one for each thing the rule asks for. The public profiles of real devices are not shipped:
 * MUD_PROFILES names a folder of such files, and all of it is tried the same way. */
#include "watch/mud.h"

#include "base/port/port.h"
#include "base/test.h"

static struct arena arena = ARENA(64 << 20);
static char why[MUD_TEXT];
enum { OWN_DENIALS = 37 /* counted by hand: 7 + 6 + 6 + 4 + 4 + 3 + 7 */ };

static const char own[] = "{\"ietf-mud:mud\":{\"mud-version\":1,\"mud-url\":\"https://maker.example/plc\",\"systeminfo\":\"PLC\","
    "\"from-device-policy\":{\"access-lists\":{\"access-list\":[{\"name\":\"from4\"},{\"name\":\"from6\"},{\"name\":\"ether\"}]}},"
    "\"to-device-policy\":{\"access-lists\":{\"access-list\":[{\"name\":\"to4\"}]}},"
    "\"extensions\":[\"sekimori-topics\"],\"sekimori-topics:topics\":{\"publish\":[\"sk/v1/+/plc-1/m/#\"],\"subscribe\":[\"sk/v1/+/plc-1/cmd/+\"]}},"
    "\"ietf-access-control-list:access-lists\":{\"acl\":["
    "{\"name\":\"from4\",\"type\":\"ipv4-acl-type\",\"aces\":{\"ace\":["
    "{\"name\":\"cloud\",\"matches\":{\"ipv4\":{\"protocol\":6,\"ietf-acldns:dst-dnsname\":\"cloud.maker.example\"},\"tcp\":{\"destination-port\":"
    "{\"operator\":\"eq\",\"port\":8883},\"ietf-mud:direction-initiated\":\"from-device\"}},\"actions\":{\"forwarding\":\"accept\"}},"
    "{\"name\":\"dns\",\"matches\":{\"ietf-mud:mud\":{\"controller\":\"urn:ietf:params:mud:dns\"},\"ipv4\":{\"protocol\":17},\"udp\":{\"destination-port\":"
    "{\"operator\":\"eq\",\"port\":53}}},\"actions\":{\"forwarding\":\"accept\"}},"
    "{\"name\":\"local\",\"matches\":{\"ietf-mud:mud\":{\"local-networks\":[null]},\"ipv4\":{\"protocol\":17,\"destination-ipv4-network\":\"239.255.0.0/16\"},"
    "\"udp\":{\"destination-port\":{\"operator\":\"range\",\"lower-port\":1900,\"upper-port\":1910}}},\"actions\":{\"forwarding\":\"accept\"}},"
    "{\"name\":\"ping\",\"matches\":{\"ipv4\":{\"protocol\":1},\"icmp\":{\"type\":8,\"code\":0}},\"actions\":{\"forwarding\":\"accept\"}},"
    "{\"name\":\"never\",\"matches\":{\"ipv4\":{\"protocol\":47}},\"actions\":{\"forwarding\":\"drop\"}}]}},"
    "{\"name\":\"from6\",\"type\":\"ipv6-acl-type\",\"aces\":{\"ace\":[{\"name\":\"six\",\"matches\":{\"ipv6\":{\"protocol\":58,"
    "\"destination-ipv6-network\":\"ff02::/12\"}},\"actions\":{\"forwarding\":\"accept\"}}]}},"
    "{\"name\":\"ether\",\"type\":\"ethernet-acl-type\",\"aces\":{\"ace\":[{\"name\":\"eapol\",\"matches\":{\"eth\":{\"ethertype\":\"0x888e\","
    "\"destination-mac-address\":\"01:80:c2:00:00:03\"}},\"actions\":{\"forwarding\":\"accept\"}}]}},"
    "{\"name\":\"to4\",\"type\":\"ipv4-acl-type\",\"aces\":{\"ace\":[{\"name\":\"master\",\"matches\":{\"ietf-mud:mud\":{\"local-networks\":[null]},"
    "\"ipv4\":{\"protocol\":6},\"tcp\":{\"destination-port\":{\"operator\":\"eq\",\"port\":502},\"ietf-mud:direction-initiated\":\"to-device\"}},"
    "\"actions\":{\"forwarding\":\"accept\"}}]}}]}}";

static MUST outcome compile(struct bytes json, struct mud_profile *ret)
{
    struct doc *d = NULL;
    snprintf(why, sizeof why, "not JSON");
    TRY(doc_read_json(json, &arena, &d));
    return mud_compile(d, &arena, ret, why);
}

/* A world of one name and one class, those of the rule in question. */
struct one {
    const char *name, *urn;
};
static bool named(void *ctx, const struct address *a, const char *name)
{
    const struct one *o = ctx;
    return a->family && o->name && strcmp(o->name, name) == 0;
}
static bool controls(void *ctx, const struct address *a, const char *urn)
{
    const struct one *o = ctx;
    return a->family && o->urn && strcmp(o->urn, urn) == 0;
}

static struct address peer_of(const struct mud_rule *r)
{
    struct address a;
    bool six = r->ethertype == 0x86DD;
    CHECK_QUIET(ok(address_parse(r->local ? (six ? "fd00::5" : "10.0.0.5") : six ? "2001:db8::5" : "203.0.113.5", &a)));
    return r->has_network ? r->network : a;
}

static struct mud_packet allowed_by(const struct mud_rule *r)
{
    struct mud_packet p = { .from_device = !r->to_device, .ethertype = r->ethertype == MUD_UNKNOWN ? 0x0800 : r->ethertype,
        .protocol = r->protocol == MUD_UNKNOWN ? 6 : r->protocol, .source_port = r->source.low == MUD_UNKNOWN ? 40000 : r->source.low,
        .destination_port = r->destination.low == MUD_UNKNOWN ? 40001 : r->destination.high,
        .icmp_type = r->icmp_type == MUD_UNKNOWN ? 3 : r->icmp_type, .icmp_code = r->icmp_code == MUD_UNKNOWN ? 1 : r->icmp_code,
        .opened_by_device = r->initiated != INITIATED_TO_DEVICE, .peer = peer_of(r), .has_mac = true };
    if (r->has_mac) memcpy(p.mac_to, r->mac, 6);
    return p;
}

static size_t denials;
static void denied(const struct mud_rule *r, const struct mud_world *w, const struct mud_packet *p, const char *what)
{
    struct mud_profile alone = { .rules = (struct mud_rule *)r, .n = 1 };
    bool good = mud_allows(&alone, w, p) == NULL;
    if (!good) printf("# %s: %s\n", r->ace, what);
    CHECK_QUIET(good);
    denials++;
}

static void near_misses(const struct mud_rule *r, const struct mud_packet *good)
{
    struct one right = { r->name, r->controller }, other = { "other.example", "urn:other" };
    struct mud_world w = { &right, named, controls }, foreign = { &other, named, controls };
    struct mud_packet p = *good;
    p.from_device = !p.from_device, denied(r, &w, &p, "the other direction"), p = *good;
    if (r->protocol != MUD_UNKNOWN) p.protocol ^= 1, denied(r, &w, &p, "another protocol"), p = *good;
    if (r->ethertype != MUD_UNKNOWN) p.ethertype ^= 1, denied(r, &w, &p, "another ethertype"), p = *good;
    if (r->destination.low != MUD_UNKNOWN) p.destination_port = r->destination.high + 1, denied(r, &w, &p, "a port above"), p = *good;
    if (r->destination.low > 0) p.destination_port = r->destination.low - 1, denied(r, &w, &p, "a port below"), p = *good;
    if (r->source.low != MUD_UNKNOWN) p.source_port = r->source.high + 1, denied(r, &w, &p, "another source port"), p = *good;
    if (r->icmp_type != MUD_UNKNOWN) p.icmp_type++, denied(r, &w, &p, "another message"), p = *good;
    if (r->initiated != INITIATED_ANY) p.opened_by_device = !p.opened_by_device, denied(r, &w, &p, "opened by the other"), p = *good;
    if (r->name) denied(r, &foreign, &p, "another name");
    if (r->controller) denied(r, &foreign, &p, "another class");
    if (r->has_mac) p.mac_to[5] ^= 1, denied(r, &w, &p, "another hardware address"), p = *good;
    if (r->has_network && r->bits) p.peer.at[0] ^= 0x80, denied(r, &w, &p, "another network"), p = *good;
    if (!r->local || r->has_network) return;
    CHECK_QUIET(ok(address_parse("198.51.100.1", &p.peer)));
    denied(r, &w, &p, "a peer outside");
}

static void every_rule_allows_itself_and_nothing_beside_it(const struct mud_profile *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct mud_rule *r = &m->rules[i];
        struct one right = { r->name, r->controller };
        struct mud_world w = { &right, named, controls };
        struct mud_packet p = allowed_by(r);
        bool good = mud_allows(m, &w, &p) != NULL;
        if (!good) printf("# %s: not allowed\n", r->ace);
        CHECK_QUIET(good);
        near_misses(r, &p);
    }
}

static void our_own_profile(void)
{
    struct mud_profile m = { 0 };
    CHECK_OK(compile(bytes_str(own), &m));
    CHECK(m.n == 7 && strcmp(m.url, "https://maker.example/plc") == 0); /* what is dropped is no rule */
    every_rule_allows_itself_and_nothing_beside_it(&m);
    printf("# %zu near misses denied\n", denials);
    CHECK(denials == OWN_DENIALS);
    CHECK(mud_topic_inside(&m, true, BYTES_LIT("sk/v1/mizu/plc-1/m/flow")));
    CHECK(!mud_topic_inside(&m, true, BYTES_LIT("sk/v1/mizu/plc-2/m/flow")));
    CHECK(mud_topic_inside(&m, false, BYTES_LIT("sk/v1/mizu/plc-1/cmd/pump")) && !mud_topic_inside(&m, false, BYTES_LIT("sk/v1/mizu/plc-1/m/flow")));
}

static void what_is_refused(void)
{
    static const struct { const char *json; enum code want; } rows[] = {
        { "{}", E_MALFORMED }, { "{\"ietf-mud:mud\":{\"mud-version\":2,\"mud-url\":\"x\"}}", E_UNSUPPORTED },
        { "{\"ietf-mud:mud\":{\"mud-version\":1}}", E_MALFORMED },
        { "{\"ietf-mud:mud\":{\"mud-version\":1,\"mud-url\":\"x\",\"from-device-policy\":{\"access-lists\":{\"access-list\":[{\"name\":\"a\"}]}}}}", E_UNSUPPORTED },
        { "{\"ietf-mud:mud\":{\"mud-version\":1,\"mud-url\":\"x\",\"sekimori-topics:topics\":{\"publish\":[\"a/#/b\"]}}}", E_MALFORMED },
#define ACE(matches) "{\"ietf-mud:mud\":{\"mud-version\":1,\"mud-url\":\"x\",\"from-device-policy\":{\"access-lists\":{\"access-list\":[{\"name\":\"a\"}]}}}," \
    "\"ietf-access-control-list:access-lists\":{\"acl\":[{\"name\":\"a\",\"aces\":{\"ace\":[{\"name\":\"e\",\"matches\":{" matches "},\"actions\":{\"forwarding\":\"accept\"}}]}}]}}"
        { ACE("\"ipv4\":{\"protocol\":6}"), OK }, { ACE("\"ipv4\":{\"dscp\":6}"), E_UNSUPPORTED }, { ACE("\"vlan\":{}"), E_UNSUPPORTED },
        { ACE("\"ipv4\":{\"protocol\":256}"), E_MALFORMED }, { ACE("\"ipv4\":{\"destination-ipv4-network\":\"10.0.0.0/33\"}"), E_MALFORMED },
        { ACE("\"ipv4\":{\"ietf-acldns:src-dnsname\":\"x\"}"), E_UNSUPPORTED }, /* its own name, on the way out */
        { ACE("\"tcp\":{\"destination-port\":{\"operator\":\"neq\",\"port\":1}}"), E_UNSUPPORTED },
        { ACE("\"tcp\":{\"destination-port\":{\"operator\":\"range\",\"lower-port\":5,\"upper-port\":4}}"), E_MALFORMED },
        { ACE("\"tcp\":{\"destination-port\":{\"operator\":\"eq\",\"port\":70000}}"), E_MALFORMED } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mud_profile m;
        outcome o = compile(bytes_str(rows[i].json), &m);
        if (o.code != rows[i].want) printf("# row %zu: %s (%s)\n", i, code_word(o.code), why);
        CHECK(o.code == rows[i].want && (ok(o) || *why));
    }
}

static size_t files, rules;
static outcome one_file(void *ctx, const char *name)
{
    char path[600];
    size_t n = strlen(name);
    struct buffer b = BUFFER(4 << 20);
    struct mud_profile m = { 0 };
    if (n < 5 || strcmp(name + n - 5, ".json") != 0) return DONE;
    snprintf(path, sizeof path, "%s/%s", (const char *)ctx, name);
    TRY(port_file_load(path, 4 << 20, &b));
    outcome o = compile(buffer_view(&b), &m);
    if (!ok(o)) printf("# %s: %s %s\n", name, code_word(o.code), why);
    CHECK(ok(o));
    buffer_deinit(&b);
    every_rule_allows_itself_and_nothing_beside_it(&m);
    files++;
    rules += m.n;
    return DONE;
}

static void profiles_of_real_devices(void)
{
    const char *folder = getenv("MUD_PROFILES");
    if (!folder) {
        printf("# MUD_PROFILES is not set: no public profiles tried\n");
        return;
    }
    denials = 0;
    CHECK_OK(port_dir_list(folder, one_file, (void *)folder));
    printf("# %zu profiles, %zu rules, %zu near misses denied\n", files, rules, denials);
    CHECK(files > 0 && rules > 0);
}

int main(void)
{
    our_own_profile();
    what_is_refused();
    profiles_of_real_devices();
    arena_deinit(&arena);
    return TEST_END;
}
