/* A small TAP harness for the *_test.c beside each file. No sleeps, no wall time, no network. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <stdio.h>
#include <stdlib.h>

#include "base/outcome.h"

static int test_count_, test_failed_;

#define CHECK(claim)                                                                               \
    do {                                                                                           \
        bool c_ = (claim);                                                                         \
        test_count_++;                                                                             \
        if (!c_) test_failed_++;                                                                   \
        if (!c_) printf("not ok %d - %s:%d %s\n", test_count_, __FILE__, __LINE__, #claim);        \
        else printf("ok %d - %s\n", test_count_, #claim);                                          \
    } while (0)
#define CHECK_OK(e)                                                                                \
    do {                                                                                           \
        outcome o__ = (e);                                                                         \
        if (o__.code != OK) printf("# %s at %s\n", code_word(o__.code), o__.at);                   \
        CHECK(o__.code == OK);                                                                     \
    } while (0)
#define CHECK_IS(e, want)                                                                          \
    do {                                                                                           \
        outcome o__ = (e);                                                                         \
        if (o__.code != (want)) printf("# %s at %s\n", code_word(o__.code), o__.at ? o__.at : ""); \
        CHECK(o__.code == (want));                                                                 \
    } while (0)
/* Same, quiet when it holds: for loops over many rows. */
#define CHECK_QUIET(claim)                                                                         \
    do {                                                                                           \
        if (!(claim)) CHECK(claim);                                                                \
    } while (0)
#define TEST_END                                                                                   \
    (printf("1..%d\n", test_count_), test_failed_ ? 1 : test_count_ ? 0 : 1)

#endif
