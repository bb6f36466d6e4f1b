/* The agent's one loop: sessions, measurements, evidence, until told to stop. */
#ifndef DEVICE_AGENT_RUN_H
#define DEVICE_AGENT_RUN_H

#include "device/agent/operate.h"
#include "device/agent/options.h"
#include "device/agent/station.h"

struct loop {
    struct station *stations;
    size_t n;
    const char *tcti;          /* "" = no TPM */
    uint32_t every_ms;         /* 0: nothing is measured */
    int64_t until_ms;          /* monotonic; 0 = no end */
    struct local *local;       /* operations by people here; NULL: none are taken */
    bool until_evidence;       /* stop when the first station's evidence was acknowledged */
    void *ctx;
    void (*measure)(void *ctx, struct station *s, int64_t now_ms);
};

/* DONE when asked to end or evidence was acknowledged; E_TIMEOUT at until_ms; *ret_signal: what ended
 * it, 0 if none did. */
MUST outcome loop_run(struct loop *l, int *ret_signal);
/* Extends the boot PCR with the image, if nothing has been measured into it since power-on. */
MUST outcome boot_measure(struct tpm *t, const char *image, uint8_t ret_pcr[32]);
/* Prints what a station tells (station_setup.tell); ctx is the struct options. */
void run_tell(void *ctx, const char *device, enum station_told what, const char *detail);

/* The verbs; each returns the process's exit code. */
int run_verb(const struct options *o);
int sim_verb(const struct options *o);
int tools_join(const struct options *o);
int tools_boot(const struct options *o);
int tools_status(const struct options *o);
int tools_attest(const struct options *o);
int tools_publish(const struct options *o);
int tools_subscribe(const struct options *o);
int tools_leave(const struct options *o);
int people_verb(const struct options *o);
int operate_verb(const struct options *o);

#endif
