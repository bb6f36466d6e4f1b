#include "base/nearest.h"

#define NEAREST_LENGTH 64

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein over bytes, without regard to case. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NEAREST_LENGTH + 1], n = strlen(b);
    if (n > NEAREST_LENGTH || strlen(a) > NEAREST_LENGTH) return NEAREST_LENGTH;
    for (size_t i = 0; i <= n; i++) row[i] = i;
    for (size_t i = 0; a[i]; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < n; k++) {
            size_t same = corner + ((a[i] | 32) != (b[k] | 32));
            corner = row[k + 1];
            row[k + 1] = smaller(same, 1 + smaller(row[k], row[k + 1]));
        }
    }
    return row[n];
}

const char *text_nearest(const char *got, const char *(*candidate)(const void *ctx, size_t i), const void *ctx)
{
    const char *best = NULL;
    size_t least = 1 + strlen(got) / 3 + 1;
    const char *c;
    for (size_t i = 0; (c = candidate(ctx, i)); i++) {
        size_t d = edit_distance(got, c);
        if (d >= least) continue;
        least = d;
        best = c;
    }
    return best;
}
