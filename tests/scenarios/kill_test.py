#!/usr/bin/env python3
"""kill -9 of every role in turn, at random instants, while publishers send: what was acknowledged is in the record.
Counted by the publishers' own books of PUBACKs and by an own reader of the ledger's files.

CYCLES=n sets the number of kills (20; with RELEASE=1 200)."""
import array
import bisect
import os
import random
import re
import signal
import ssl
import struct
import time

from harness import BIN, BUILD, Site, check, finish, note, run, until
from publisher import PUBACK, Line, context, publish
from unseal import messages

SEED = int(os.environ.get('SEED', '20261123'))
CYCLES = int(os.environ.get('CYCLES', '200' if os.environ.get('RELEASE') else '20'))
PUBLISHERS, RATE = 5, 1700
RATE_MIN = 5000  # acknowledged a second, in the moments before each kill
MOMENT_S = 0.3
PUBLISHER = os.path.join(BUILD, 'tests/power/publisher')
ROLES = ('gate', 'core', 'seal', 'keeper')
READY_MAX_S, AT_SPEED_MAX_S = 10.0, 10.0


def recorded(ledger, keyless=None):
    """(publisher, number) of each message of the record; keyless gets (index, key id) of those that no key opens."""
    found = []
    for _, who, _, payload in messages(ledger, keyless):
        name, number = payload.split(b' ')
        assert name.decode() == who, (who, payload[:40])
        found.append((who, int(number)))
    return found


class Book:
    """What one publisher wrote down, read as it grows."""

    def __init__(self, path):
        self.path, self.at, self.numbers, self.times, self.refused = path, 0, array.array('Q'), array.array('d'), []

    def read(self):
        if not os.path.exists(self.path):
            return self
        with open(self.path, encoding='ascii') as f:
            f.seek(self.at)
            text = f.read()
        text = text[:text.rfind('\n') + 1]
        self.at += len(text)
        for line in text.splitlines():
            first, second = line.split()
            if first == 'x':
                self.refused.append(second)
            else:
                self.numbers.append(int(first))
                self.times.append(float(second))
        return self


def ready(site, tls, who):
    """A new connection's message is acknowledged: gate, core, seal and disk all work."""
    try:
        line = Line('localhost', site.ports['mqtt'], tls, who, 2.0)
    except (OSError, ssl.SSLError):
        return False
    try:
        line.s.sendall(publish(f'sk/v1/kill/{who}/m/probe', 1, f'{who} 0'.encode()))
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            if any(kind == PUBACK and (len(body) == 2 or body[2] < 0x80) for kind, body in line.take(0.5)):
                return True
        return False
    except OSError:
        return False
    finally:
        line.close()


def kill(site, role):
    """Returns false when there was nobody to kill."""
    pid = site.daemon.pid if role == 'keeper' else until(lambda: site.pid_of(role), 10)
    if not pid:
        return False
    os.kill(pid, signal.SIGKILL)
    if role == 'keeper':
        site.daemon.wait()
        site.start(wait=False)  # as whoever supervises it would: at once
    return True


def rate_up_to(books, at):
    """Acknowledged a second in the moment before this instant, by the publishers' own books."""
    return sum(bisect.bisect_right(b.times, at) - bisect.bisect_left(b.times, at - MOMENT_S) for b in books) / MOMENT_S


def at_speed(books):
    for b in books:
        b.read()
    return rate_up_to(books, time.monotonic()) >= RATE_MIN


def cycle(site, role, pick, tls, books):
    """Seconds until it is ready again (None: never), and the rate the kill fell into."""
    until(lambda: at_speed(books), AT_SPEED_MAX_S, 0.02)  # where it is not reached, the rate below says so
    time.sleep(pick.random() * 0.5)  # the random instant itself
    at = time.monotonic()
    if not kill(site, role):
        return None, 0.0
    killed = time.monotonic()
    if pick.random() < 0.3:  # and again while it comes back
        time.sleep(pick.random() * 0.4)
        kill(site, 'core')
    good = until(lambda: ready(site, tls, 'probe'), READY_MAX_S, 0.005)
    took = time.monotonic() - killed if good else None
    for b in books:
        b.read()
    return took, rate_up_to(books, at)


def cycles(site, tls, books):
    pick, took, rates = random.Random(SEED), {r: [] for r in ROLES}, []
    for k in range(CYCLES):
        role = ROLES[k % len(ROLES)]
        seconds, rate = cycle(site, role, pick, tls, books)
        rates.append(rate)
        if seconds is None:
            check(f'cycle {k + 1}: the site is ready again after {role} was killed', False, open(site.path('sekimorid.log'), errors='replace').read()[-600:])
            return
        took[role].append(seconds)
    for role in ROLES:
        if took[role]:
            note(f'{role}: killed {len(took[role])} times; ready again after {min(took[role]):.2f} to {max(took[role]):.2f} s')
    check(f'{CYCLES} × kill -9, each role in turn: ready again each time, at most {READY_MAX_S:.0f} s', True)
    rates.sort()
    under = rates[len(rates) // 2]
    note(f'acknowledged a second in the {MOMENT_S} s before a kill: least {rates[0]:.0f}, median {under:.0f}, most {rates[-1]:.0f}')
    check(f'the kills came under at least {RATE_MIN} acknowledged QoS 1 messages a second (median)', under >= RATE_MIN, under)


def whole(site, when):
    r = run(os.path.join(BIN, 'sekimori-verify'), site.path('site/ledger'), '--lang', 'en', timeout=600)
    check(f'verify {when}: whole', r.returncode == 0, r.stdout[-600:])
    return int(re.search(r'^entries (\d+)', r.stdout, re.M)[1])


def main():
    with Site('kill') as site:
        site.start()
        clients = [site.enrol(f'load-{k}', role='device') for k in range(PUBLISHERS)]
        probe = site.enrol('probe', role='device')
        tls = context(site.ca(), probe.cert, probe.key)
        books = [Book(site.path(c.who + '.book')) for c in clients]
        publishers = [site.spawn(PUBLISHER, '127.0.0.1', site.ports['mqtt'], site.ca(), c.cert, c.key, c.who, f'sk/v1/kill/{c.who}/m/load',
                                 site.path(c.who + '.book'), RATE, log=c.who + '.log') for c in clients]
        check('messages are acknowledged', until(lambda: all(b.read().numbers for b in books), 20))
        start = time.monotonic()
        cycles(site, tls, books)
        seconds = time.monotonic() - start
        for p in publishers:
            p.terminate()
        check('each publisher ends with nothing unacknowledged', all(until(lambda p=p: p.poll() is not None, 20) for p in publishers)
              and not any(p.returncode for p in publishers), [p.returncode for p in publishers])
        acknowledged = {(c.who, n) for c, b in zip(clients, books) for n in b.read().numbers}
        note(f'{len(acknowledged)} acknowledged in {seconds:.1f} s: {len(acknowledged) / seconds:.0f} a second over all, pauses included')
        check('no publisher was refused', not any(b.refused for b in books), [b.refused[:3] for b in books])
        whole(site, 'while it runs, after the last kill')
        site.stop()
        whole(site, 'after it was stopped')
        keyless = []
        found = recorded(site.path('site/ledger'), keyless)
        check('each entry is sealed under a key that is there', not keyless, keyless[:2])
        there = set(found)
        lost = sorted(acknowledged - there)
        note(f'{len(found)} data entries; {len([f for f in found if f[1]]) - len({f for f in there if f[1]})} of them twice (sent again, as QoS 1 may)')
        check(f'of {len(acknowledged)} acknowledged messages 0 are lost', acknowledged and not lost, f'{len(lost)} lost: {lost[:10]}')
        site.start()
        check('it starts again, ready', until(lambda: ready(site, tls, 'probe'), 10))
        site.stop()
        whole(site, 'after that restart')
    finish()


if __name__ == '__main__':
    main()
