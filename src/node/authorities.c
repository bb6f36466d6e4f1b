/* The CA rolls over: who still has a certificate of the former one is told to renew, at a time of its own within a window; when
 * the former one is retired, what it issued opens nothing any more, also where a link stands already. */
#include <stdio.h>

#include "node/core.h"

enum { AUTHORITIES_MAX = 8 };

static size_t authorities_read(struct bytes pem, struct x509_facts ret[AUTHORITIES_MAX])
{
    size_t n = 0;
    return pem.n && ok(x509_facts_all(pem, ret, AUTHORITIES_MAX, &n)) ? n : 0;
}

static bool has_key(const struct x509_facts *list, size_t n, const uint8_t key[CERTIFICATE_AUTHORITY])
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(list[i].key_id, key, sizeof list[i].key_id) == 0) return true;
    return false;
}

static void tell(struct core *c, const char *id, const struct x509_facts *issuing)
{
    char topic[160], text[96], key[2 * CERTIFICATE_AUTHORITY + 1];
    struct out o = out_of(text, sizeof text);
    snprintf(topic, sizeof topic, "sk/v1/%s/%s/cfg/renew", c->config.site, id);
    hex_of(bytes_of(issuing->key_id, sizeof issuing->key_id), key);
    put_fmt(&o, "{\"authority\":\"%s\",\"within_s\":%u}", key, c->config.renew_within_s);
    struct message m = { .topic = bytes_str(topic), .payload = out_view(&o), .qos = 0 };
    (void)!ok(exchange_publish(c->exchange, &m)); /* who missed it is told at its next subscription */
}

static bool should_move(const struct identity *who, const struct x509_facts *issuing)
{
    bool acts = who->role == ROLE_DEVICE && who->life == LIFE_ENROLLED && who->has_key && who->trust != TRUST_REVOKED;
    return acts && memcmp(who->authority, issuing->key_id, sizeof who->authority) != 0;
}

/* While only one has ever issued, nobody has to move: an older record does not say who did. */
static size_t issuers(struct core *c, struct x509_facts ret[AUTHORITIES_MAX])
{
    size_t n = authorities_read(buffer_view(&c->ca_chain), ret);
    return n > 2 ? n : 0;
}

void authorities_link_up(struct core *c, const char *id)
{
    struct x509_facts f[AUTHORITIES_MAX];
    const struct identity *who = registry_identity(c->registry, id);
    if (c->rolling && who && issuers(c, f) && should_move(who, &f[0])) tell(c, id, &f[0]);
}

static void tell_all(struct core *c, const struct x509_facts *issuing)
{
    size_t n = registry_identities(c->registry, NULL, 0);
    const struct identity **all = mem_new_array(n + 1, sizeof *all);
    if (!all) return;
    n = registry_identities(c->registry, all, n);
    for (size_t i = 0; i < n; i++)
        if (should_move(all[i], issuing)) tell(c, all[i]->id, issuing);
    mem_free(all);
}

void authorities_changed(struct core *c, struct bytes before_pem)
{
    struct x509_facts before[AUTHORITIES_MAX], now[AUTHORITIES_MAX];
    uint8_t gone[AUTHORITIES_MAX + 1][CERTIFICATE_AUTHORITY] = { { 0 } };
    size_t n_before = authorities_read(before_pem, before), n_now = authorities_read(buffer_view(&c->ca_chain), now), n = 0;
    c->rolling = n_now > 2;
    if (!n_before || !n_now || !c->registry) return;
    for (size_t i = 0; i < n_before; i++)
        if (!has_key(now, n_now, before[i].key_id)) memcpy(gone[n++], before[i].key_id, sizeof gone[0]);
    if (n) links_retire(c, (const uint8_t(*)[CERTIFICATE_AUTHORITY])gone, n + 1); /* the last, zeros: of whom the record does not say */
    if (memcmp(before[0].key_id, now[0].key_id, sizeof now[0].key_id) != 0) tell_all(c, &now[0]);
}
