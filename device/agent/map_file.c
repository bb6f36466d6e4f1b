#include "device/agent/map_file.h"

#include "device/agent/settings.h"

static MUST outcome kind_parse(struct bytes word, enum map_kind *ret)
{
    static const char *const words[MAP_KINDS] = { "coil", "discrete", "holding", "input" };
    for (int k = 0; k < MAP_KINDS; k++) {
        if (!bytes_equal_str(word, words[k])) continue;
        *ret = (enum map_kind)k;
        return DONE;
    }
    return REFUSE(E_UNKNOWN);
}

static MUST outcome divisor_parse(struct bytes word, int *ret_digits)
{
    static const char *const words[] = { "1", "10", "100", "1000" };
    for (int d = 0; d < 4; d++) {
        if (!bytes_equal_str(word, words[d])) continue;
        *ret_digits = d;
        return DONE;
    }
    return REFUSE(E_RANGE);
}

/* Lower-case letters, digits and "-": a topic level. */
static MUST outcome name_take(struct bytes word, char *ret, size_t size)
{
    if (word.n == 0) return REFUSE(E_CONFIG);
    for (size_t i = 0; i < word.n; i++) {
        uint8_t c = word.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return REFUSE(E_CONFIG);
    }
    return bytes_to_text(word, ret, size);
}

static MUST outcome number_take(struct bytes *in, uint32_t max, uint32_t *ret)
{
    struct bytes word;
    TRY(settings_word(in, &word));
    return settings_number(word, max, ret);
}

static MUST outcome unit_take(struct bytes *in, char *ret, size_t size)
{
    struct bytes word;
    if (in->n == 0) return DONE; /* a pure number */
    TRY(settings_word(in, &word));
    for (size_t i = 0; i < word.n; i++)
        if (word.at[i] == '"' || word.at[i] == '\\' || word.at[i] < 0x20) return REFUSE(E_CONFIG);
    return bytes_to_text(word, ret, size);
}

static MUST outcome read_put(struct map_file *m, struct bytes name, struct bytes value)
{
    struct map_read r = { 0 };
    struct bytes word;
    uint32_t address;
    if (m->reads == MAP_ROWS_MAX) return REFUSE(E_TOO_LARGE);
    TRY(name_take(name, r.name, sizeof r.name));
    for (size_t i = 0; i < m->reads; i++)
        if (strcmp(m->read[i].name, r.name) == 0) return REFUSE(E_CONFLICT);
    TRY(settings_word(&value, &word));
    TRY(kind_parse(word, &r.kind));
    TRY(number_take(&value, 65535, &address));
    r.address = (uint16_t)address;
    TRY(settings_word(&value, &word));
    TRY(divisor_parse(word, &r.digits));
    TRY(unit_take(&value, r.unit, sizeof r.unit));
    TRY(at_end(value));
    m->read[m->reads++] = r;
    return DONE;
}

/* After "set": address divisor lowest highest [unit]. */
static MUST outcome given_read(struct bytes value, struct map_write *w)
{
    uint32_t address;
    struct bytes word;
    char unit[READING_UNIT_MAX];
    TRY(number_take(&value, 65535, &address));
    TRY(settings_word(&value, &word));
    TRY(divisor_parse(word, &w->digits));
    TRY(number_take(&value, 65535, &w->low));
    TRY(number_take(&value, 65535, &w->high));
    TRY(unit_take(&value, unit, sizeof unit));
    TRY(at_end(value));
    if (w->low > w->high) return REFUSE(E_RANGE);
    w->given = true;
    w->kind = MAP_HOLDING;
    w->address = (uint16_t)address;
    return DONE;
}

static MUST outcome fixed_read(struct bytes kind, struct bytes value, struct map_write *w)
{
    uint32_t address, number;
    TRY(kind_parse(kind, &w->kind));
    if (w->kind != MAP_COIL && w->kind != MAP_HOLDING) return REFUSE(E_RANGE); /* nothing to write there */
    TRY(number_take(&value, 65535, &address));
    TRY(number_take(&value, w->kind == MAP_COIL ? 1 : 65535, &number));
    TRY(at_end(value));
    w->address = (uint16_t)address;
    w->value = (uint16_t)number;
    return DONE;
}

static MUST outcome write_put(struct map_file *m, struct bytes key, struct bytes value)
{
    struct map_write w = { 0 };
    struct bytes kind;
    const uint8_t *dot = memchr(key.at, '.', key.n);
    if (m->writes == MAP_ROWS_MAX) return REFUSE(E_TOO_LARGE);
    if (dot == NULL) return REFUSE(E_CONFIG);
    size_t n = (size_t)(dot - key.at);
    TRY(name_take(bytes_of(key.at, n), w.name, sizeof w.name));
    TRY(name_take(bytes_of(dot + 1, key.n - n - 1), w.act, sizeof w.act));
    if (map_file_write_find(m, w.name, w.act) != NULL) return REFUSE(E_CONFLICT);
    TRY(settings_word(&value, &kind));
    if (bytes_equal_str(kind, "set")) TRY(given_read(value, &w));
    else TRY(fixed_read(kind, value, &w));
    m->write[m->writes++] = w;
    return DONE;
}

/* seconds name do */
static MUST outcome away_put(struct map_file *m, struct bytes value)
{
    struct bytes name, act;
    uint32_t after_s;
    if (m->away_s != 0) return REFUSE(E_CONFLICT);
    TRY(number_take(&value, 366 * 86400, &after_s));
    TRY(settings_word(&value, &name));
    TRY(settings_word(&value, &act));
    TRY(at_end(value));
    if (after_s == 0) return REFUSE(E_RANGE);
    TRY(name_take(name, m->away_name, sizeof m->away_name));
    TRY(name_take(act, m->away_act, sizeof m->away_act));
    const struct map_write *w = map_file_write_find(m, m->away_name, m->away_act); /* declared above this row */
    if (w == NULL) return REFUSE(E_UNKNOWN);
    if (w->given) return REFUSE(E_CONFIG); /* nobody is there to give a value */
    m->away_s = after_s;
    return DONE;
}

static MUST outcome map_put_row(void *ctx, struct bytes key, struct bytes value)
{
    static const struct bytes read = { (const uint8_t *)"read.", 5 }, command = { (const uint8_t *)"command.", 8 };
    struct map_file *m = ctx;
    uint32_t station;
    if (bytes_starts(key, read)) return read_put(m, bytes_of(key.at + read.n, key.n - read.n), value);
    if (bytes_starts(key, command)) return write_put(m, bytes_of(key.at + command.n, key.n - command.n), value);
    if (bytes_equal_str(key, "away")) return away_put(m, value);
    if (!bytes_equal_str(key, "station")) return REFUSE(E_UNKNOWN);
    TRY(settings_number(value, 247, &station));
    m->station = (int)station;
    return DONE;
}

outcome map_file_read(struct bytes text, struct map_file *ret, int *ret_line)
{
    *ret = (struct map_file) { .station = 1 };
    return settings_read(text, map_put_row, ret, ret_line);
}

const struct map_write *map_file_write_find(const struct map_file *m, const char *name, const char *act)
{
    for (size_t i = 0; i < m->writes; i++)
        if (strcmp(m->write[i].name, name) == 0 && strcmp(m->write[i].act, act) == 0) return &m->write[i];
    return NULL;
}

outcome map_file_raw(const struct map_write *w, int64_t value_milli, uint16_t *ret)
{
    static const int64_t tens[] = { 1, 10, 100, 1000 };
    if (!w->given) {
        *ret = w->value;
        return DONE;
    }
    if (value_milli < (int64_t)w->low * 1000 || value_milli > (int64_t)w->high * 1000) return REFUSE(E_RANGE);
    int64_t raw = value_milli * tens[w->digits];
    if (raw % 1000 != 0 || raw / 1000 > 65535) return REFUSE(E_RANGE);
    *ret = (uint16_t)(raw / 1000);
    return DONE;
}
