/* Members of a document being read, for the files of this room that read entries. An unknown key is refused, not skipped. */
#ifndef PLATFORM_MEMBER_H
#define PLATFORM_MEMBER_H

#include "platform/registry.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* E_MALFORMED unless every member is one of the names. */
MUST static inline outcome member_only(const struct doc *d, const char *const *names, size_t n)
{
    if (!d || d->kind != DOC_MAP) return REFUSE(E_MALFORMED);
    for (const struct doc *m = d->first; m; m = m->next) {
        size_t i = 0;
        while (i < n && strcmp(m->key, names[i]) != 0) i++;
        if (i == n) return REFUSE(E_MALFORMED);
    }
    return DONE;
}

MUST static inline outcome member_text(const struct doc *d, const char *key, char *text, size_t size)
{
    const struct doc *m = doc_get(d, key);
    if (m && m->kind != DOC_TEXT) return REFUSE(E_MALFORMED);
    return bytes_to_text(bytes_str(m ? m->text : ""), text, size);
}

/* Words on one line: UTF-8 without control characters; may be none. */
static inline bool member_plain(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((uint8_t)*p < ' ' || *p == 0x7F) return false;
    return bytes_is_utf8(bytes_str(text));
}

/* ... and some, that fit. */
static inline bool member_words(const char *text, size_t size)
{
    return *text && strlen(text) < size && member_plain(text);
}

/* needed: not "". */
MUST static inline outcome member_id(const struct doc *d, const char *key, bool needed, char *text)
{
    TRY(member_text(d, key, text, ID_MAX));
    if (text[0] == 0 && !needed) return DONE;
    return registry_id_valid(bytes_str(text)) ? DONE : REFUSE(E_MALFORMED);
}

/* The place of a word in a list of n. */
MUST static inline outcome member_word(const char *word, const char *const *words, size_t n, size_t *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, words[i]) != 0) continue;
        *ret = i;
        return DONE;
    }
    return REFUSE(E_MALFORMED);
}

#endif
