#!/usr/bin/env python3
"""A start reads heads and links, not the data: with 10^6 recorded messages behind it, killed, it is back within a
second, its retained messages too. N=... sets the number."""
import os
import signal
import time

from harness import BIN, LONG, Site, check, finish, note, run, until

N = int(os.environ.get('N', '1000000'))
FILL = os.path.join(BIN, 'tests/power/ledger-fill')
GOAL_S, STEADY_S = 1.0, 2.1  # the keeper's STEADY_MS: who lived longer is started again at once


def core_again(site, old):
    return until(lambda: (p := site.pid_of('core')) and p != old and p, 20, 0.002)


def age(pid):
    """Seconds since the process began, by the kernel's clock."""
    with open(f'/proc/{pid}/stat', encoding='utf-8') as f:
        ticks = int(f.read().rsplit(')', 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf('SC_CLK_TCK')


def main():
    with Site('fill') as site:
        site.start()
        probe = site.enrol('probe', role='device')
        eye = site.enrol('eye', role='operator')
        probe.pub('sk/v1/fill/probe/s/mode', 'kept', '-q', '1', '-r')
        site.stop()
        before = time.monotonic()
        r = run(FILL, site.state, N, timeout=600)
        check(f'{N} readings are recorded', r.returncode == 0, r.stderr)
        note(f'filled in {time.monotonic() - before:.1f} s')
        site.start()
        note('first start after that done')
        shown = lambda: int((open(site.path('site/ledger/checkpoint'), encoding='utf-8').read().split('\n') + ['0', '0'])[1] or 0)
        check('its signed head is on disk', until(lambda: shown() > N, 30, 0.1))
        times = []
        for k in range(9 if LONG else 3):
            pid = site.pid_of('core')
            check(f'start {k + 1}: it has run long enough to count as healthy', until(lambda: age(pid) > STEADY_S, 10, 0.05))
            at = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            core_again(site, pid)
            good = until(site.ready, 20, 0.005)
            times.append(time.monotonic() - at if good else 99)
            check(f'killed and back, start {k + 1}: a recorded message is acknowledged', probe.pub('sk/v1/fill/probe/m/flow', '1', '-q', '1').returncode == 0, times[-1])
        note(f'kill to ready: {", ".join(f"{t:.2f}" for t in times)} s; worst {max(times):.2f} s')
        check(f'within {GOAL_S:g} s with {N} stored messages ({"every one" if LONG else "median"} of {len(times)})',
              (max(times) if LONG else sorted(times)[len(times) // 2]) <= GOAL_S, times)
        got = eye.sub('sk/v1/fill/probe/s/mode', '-C', '1', '-W', '5').stdout.strip()
        check('the retained message is there again', got == 'kept', got)
    finish()


main()
