/* Runs a fuzz target over its kept inputs, and over every prefix of each, as an ordinary test. The
 * order is the names', so that a failure comes again. usage: replay DIRECTORY */
#include <dirent.h>
#include <stdio.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 20)

static bool read_file(const char *folder, const char *name, struct buffer *ret)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    bool good = ok(buffer_reserve(ret, INPUT_MAX));
    if (good) ret->n = fread(ret->at, 1, INPUT_MAX, f);
    good = good && !ferror(f) && feof(f);
    return fclose(f) == 0 && good;
}

/* In a block of exactly n bytes, so that a sanitizer sees the first byte past it. */
static void run(struct bytes in)
{
    uint8_t *copy = malloc(in.n ? in.n : 1);
    HOLDS(copy != NULL);
    if (in.n) memcpy(copy, in.at, in.n);
    LLVMFuzzerTestOneInput(copy, in.n);
    free(copy);
}

static bool replay(const char *folder, const char *name)
{
    struct buffer b = BUFFER(INPUT_MAX);
    bool good = read_file(folder, name, &b);
    size_t step = b.n > 2000 ? b.n / 1000 : 1;
    for (size_t n = 0; good && n < b.n; n += step) run(bytes_of(b.at, n));
    if (good) run(buffer_view(&b));
    buffer_deinit(&b);
    return good;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **names = NULL;
    int n = argc == 2 ? scandir(argv[1], &names, visible, alphasort) : -1;
    int failed = n > 0 ? 0 : 1;
    for (int i = 0; i < n; i++) {
        bool good = replay(argv[1], names[i]->d_name);
        failed += !good;
        printf("%sok %d - %s\n", good ? "" : "not ", i + 1, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    printf("1..%d\n", n > 0 ? n : 0);
    return failed ? 1 : 0;
}
