/* sekimori-agent: what runs on a Linux gateway. Wiring only. */
#include <signal.h>
#include <stdlib.h>

#include "device/agent/run.h"
#include "device/agent/say.h"

static int help(const struct options *o)
{
    options_help(stdout, o->japanese);
    return 0;
}

int main(int argc, char **argv)
{
    static int (*const verbs[VERBS])(const struct options *o) = {
        [VERB_HELP] = help, [VERB_JOIN] = tools_join, [VERB_BOOT] = tools_boot, [VERB_RUN] = run_verb,
        [VERB_STATUS] = tools_status, [VERB_ATTEST] = tools_attest, [VERB_PUB] = tools_publish,
        [VERB_SUB] = tools_subscribe, [VERB_LEAVE] = tools_leave,
        [VERB_PERSON] = people_verb, [VERB_OPERATE] = operate_verb,
    };
    const char *wrong = "";
    struct options o;
    const char *language = getenv("LC_ALL");
    if (language == NULL || language[0] == 0) language = getenv("LANG");
    signal(SIGPIPE, SIG_IGN);
    outcome read = options_read(argc, argv, language, &o, &wrong);
    if (!ok(read)) return say_error(o.japanese, read, wrong);
    return verbs[o.verb](&o);
}
