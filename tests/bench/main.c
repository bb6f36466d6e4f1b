/* sekimori-bench: the load generator's main. */
#include <stdio.h>
#include <sys/resource.h>

#include "load.h"

int main(int argc, char **argv)
{
    static struct bench b;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (!bench_options(argc, argv, &b.o)) {
        fprintf(stderr, "usage: sekimori-bench pairs|fan-in|fan-out|wildcard|idle|handshakes --port N [--name value ...]; see tests/bench/scene.c\n");
        return 2;
    }
    if (!bench_init(&b)) return 1;
    bool good = bench_run(&b);
    bench_report(&b, good);
    return good ? 0 : 1;
}
