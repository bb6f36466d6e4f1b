/* The daemon's configuration: strict `key = value` with sections; errors name file:line, what was
 * expected and what was probably meant. One row per key makes the default, the range and the help. */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "base/mem.h"
#include "platform/registry.h"
#include "wire/link.h"

struct address {
    char host[LINK_ADDRESS_MAX];
    uint16_t port; /* 0: this listener is off */
};

struct config_place { char host[128], path[200]; uint16_t port; bool plain; }; /* plain: without TLS, this machine only */

struct config {
    char site[ID_MAX];
    char name_ja[128], name_en[128];
    char host[128];            /* how devices and people reach this machine */
    char console_dir[256];
    struct address listen[LISTENERS];
    char proxies[LINK_PROXIES_MAX / 2]; /* "off", or addresses whose MQTT links begin with a PROXY header */
    uint32_t handshakes, connections, per_source;
    uint32_t commit_window_ms;
    uint32_t keep_days, keep_mib; /* of recorded data; 0 = for ever */
    uint32_t attest_every_s;   /* besides every session and on demand */
    uint32_t certificate_days, renew_within_s;
    char alert_syslog[160], alert_webhook[360], alert_mail[160]; /* "off", or where to */
    char alert_from[128], alert_to[128]; /* addresses of the mail */
    uint32_t alert_tries;      /* of one alert at one place, then it is a dead letter */
};

struct config_error {
    int line;
    char text[240];
};

/* Defaults, then the text. E_CONFIG with up to cap errors; *ret written only when there is none. */
MUST outcome config_read(struct bytes text, struct config *ret, struct config_error *errors, size_t cap,
    size_t *ret_n);
/* The file `sekimori init` writes; read back by config_read to the same values. */
MUST outcome config_write(const struct config *c, struct buffer *b);
/* "host:port" (url false) or "https://host[:port]/path", "http://127.0.0.1:port/path" (url true). E_MALFORMED. */
MUST outcome config_place_read(const char *text, bool url, struct config_place *ret);
void config_defaults(struct config *ret);

#endif
