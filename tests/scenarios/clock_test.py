#!/usr/bin/env python3
"""N35: the machine's clock jumps, back a day and forward ten years, while a site runs and while it does not. Keep-alive
goes by the monotonic clock, the record keeps its order and its times never go back, what a device sent is
acknowledged, and the jump itself is an entry."""
import os
import struct
import time

from harness import BUILD, Site, check, closed_by_peer, finish, until

DAY = 86400000
CLOCK = os.path.join(BUILD, 'tests/power/libjumpclock.so')


class Clock:
    def __init__(self, site):
        self.path = site.path('clock')
        self.set(0)

    def set(self, ms):
        with open(self.path, 'r+b' if os.path.exists(self.path) else 'wb') as f:
            f.write(struct.pack('=q', ms))

    def environment(self):
        return {'LD_PRELOAD': CLOCK, 'JUMPCLOCK': self.path}


def start(site, clock):
    os.environ.update(clock.environment())
    try:
        site.start()
    finally:
        for name in clock.environment():
            del os.environ[name]


def jumps(site):
    return [int(e['payload']['by_ms']) for e in site.entries('audit', 'clock-jumped')]


def leaves(site):
    """(index, time) of each entry, by the records on disk (src/ledger/format.h)."""
    with open(site.path('site/ledger/leaves/000000'), 'rb') as f:
        data = f.read()
    return [(struct.unpack_from('>Q', data, at + 8)[0], struct.unpack_from('>q', data, at + 64)[0]) for at in range(0, len(data), 128) if data[at:at + 4] == b'SKL1']


def order(site, what):
    site.cli('ledger', 'head')
    rows = leaves(site)
    back = [(a, b) for a, b in zip(rows, rows[1:]) if b[0] != a[0] + 1 or b[1] < a[1]]
    check(f'{what}: the record keeps its order, its times never go back', len(rows) > 20 and not back, back[:2])
    check(f'{what}: it verifies', site.cli('ledger', 'verify').returncode == 0)


def publishes(client, n):
    with_reasons = [client.publish(f'sk/v1/clock/{client.who}/m/x', str(k)) for k in range(n)]
    return all(reason in (0, 16) for reason, _ in with_reasons)


def while_running(site, clock, dev, quiet):
    line, still = dev.mqtt(keep_alive=2), quiet.mqtt(keep_alive=2)
    line.who = dev.who
    at = time.monotonic()
    check('before: acknowledged', publishes(line, 3))
    for what, ms in (('back a day', -DAY), ('forward again', 0), ('back an hour', -3600000), ('forward three hours', 7200000)):
        before = len(jumps(site))
        clock.set(ms)
        check(f'{what}: acknowledged on the same connection', publishes(line, 3) and line.ping())
        check(f'{what}: the jump is an entry', until(lambda: len(jumps(site)) > before, 5), jumps(site))
    took = closed_by_peer(still.sock, 6)
    since = time.monotonic() - at
    check('who says nothing is closed after 1.5 times its keep alive, no earlier and no later', took is not None and 2.9 <= since <= 4.5, (took, since))
    order(site, 'jumps while running')


def ten_years(site, clock, dev):
    """Certificates end; nothing else does, and back again all is as it was."""
    clock.set(3650 * DAY)
    check('ten years on: the certificate is over, no connection', until(lambda: dev.pub('sk/v1/clock/dev-1/m/x', 'late', '-q', '1').returncode != 0, 10))
    check('people still see the site', site.json('device', 'list') and site.cli('ledger', 'verify').returncode == 0)
    clock.set(0)


def while_stopped(site, clock, dev):
    site.stop()
    clock.set(-DAY)
    start(site, clock)
    found = site.entries('audit', 'clock-set-back')
    check('set back while nobody ran: an entry says by how much', found and int(found[-1]['payload']['by_ms']) < -DAY // 2, found)
    clock.set(0)
    check('right again: acknowledged', until(lambda: dev.pub('sk/v1/clock/dev-1/m/x', 'right', '-q', '1').returncode == 0, 10))
    check('it verifies', site.cli('ledger', 'verify').returncode == 0)


def main():
    with Site('clock') as site:
        clock = Clock(site)
        start(site, clock)
        dev, quiet = site.enrol('dev-1', role='device'), site.enrol('dev-2', role='device')
        while_running(site, clock, dev, quiet)
        ten_years(site, clock, dev)
        while_stopped(site, clock, dev)
    finish()


main()
