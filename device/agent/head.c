#include "device/agent/head.h"

const char *head_step_word(enum head_step s)
{
    static const char *const words[HEAD_STEPS] = { [HEAD_FIRST] = "first", [HEAD_SAME] = "same", [HEAD_LATER] = "later",
        [HEAD_EARLIER] = "earlier", [HEAD_OTHER] = "other" };
    return words[s];
}

outcome head_judge(struct bytes kept, struct bytes given, enum head_step *ret)
{
    struct note old, fresh;
    TRY(note_peek(given, &fresh));
    if (kept.n == 0 || !ok(note_peek(kept, &old))) {
        *ret = HEAD_FIRST; /* a kept file that is no head any more says nothing */
        return DONE;
    }
    if (strcmp(old.origin, fresh.origin) != 0) return REFUSE(E_UNKNOWN);
    bool same = bytes_equal(hash_view(&old.root), hash_view(&fresh.root));
    if (fresh.size == old.size) *ret = same ? HEAD_SAME : HEAD_OTHER;
    else *ret = fresh.size > old.size ? HEAD_LATER : HEAD_EARLIER;
    return DONE;
}
