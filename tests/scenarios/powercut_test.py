#!/usr/bin/env python3
"""The power goes. A real site on a real ext4, on a loop device over a block log (tests/power/blocklog.c) that
remembers every write and flush in order; publishers send more than 5,000 acknowledged messages a second. From the
log the disk is rebuilt as a power cut at a drawn instant would have left it: what was flushed is there; of what was
not, each write is there, absent, or torn at sectors, as drawn. Each time the file system is mounted, the site started
and judged: nothing acknowledged before that instant is missing, the head any client saw still holds, verify says whole.

CUTS=n sets the number (10; with RELEASE=1 500, of ten recordings). SEED=n. KEEP=DIR keeps the disk of a bad cut. Root, /dev/fuse and loop devices are
needed; where there are none it is skipped, and tests/power/power_test.c's simulated disk stands alone."""
import base64
import hashlib
import os
import random
import struct
import time

from harness import BIN, BUILD, LONG, Site, check, finish, note, run, skip, until
from kill_test import PUBLISHER, RATE_MIN, Book, recorded

SEED = int(os.environ.get('SEED', '20261128'))
CUTS = int(os.environ.get('CUTS', '500' if LONG else '10'))
KEEP = os.environ.get('KEEP')
RECORDINGS = 10 if LONG else 1
SECONDS, PUBLISHERS, RATE, SECTOR = 2.5, 5, 1700, 512
IMAGE_MIB, ROW, WRITE, FLUSH = 512, struct.Struct('=QQII'), 1, 2
CLOCK_STEP_S = 0.0001  # the books' last digit


class Operations:
    """The block log: when and what, the bytes read from the file as they are needed."""

    def __init__(self, path):
        self.rows, self.file, at = [], open(path, 'rb'), 0
        size = os.path.getsize(path)
        while at + ROW.size <= size:
            self.file.seek(at)
            when, offset, n, kind = ROW.unpack(self.file.read(ROW.size))
            at += ROW.size
            self.rows.append((when / 1e9, kind, offset, n, at))
            at += n if kind == WRITE else 0

    def data(self, row):
        self.file.seek(row[4])
        return self.file.read(row[3])

    def flushed(self, n):
        """Of the first n operations, how many a flush made sure."""
        while n and self.rows[n - 1][1] != FLUSH:
            n -= 1
        return n


def maybe_write(disk, offset, data, pick):
    """A write no flush followed: all of it, nothing, its beginning, or some of its sectors."""
    how = pick.randrange(4)
    if how == 1:
        os.pwrite(disk, data, offset)
    elif how == 2:
        os.pwrite(disk, data[:pick.randrange(len(data) // SECTOR + 1) * SECTOR], offset)
    elif how == 3:
        for at in range(0, len(data), SECTOR):
            if pick.randrange(2):
                os.pwrite(disk, data[at:at + SECTOR], offset + at)


class Rolled:
    """The disk with all that is flushed, rolled forward from cut to cut."""

    def __init__(self, base, operations, start):
        self.path, self.operations, self.done = base, operations, start

    def cut(self, n, out, pick):
        sure = max(self.done, self.operations.flushed(n))
        disk = os.open(self.path, os.O_WRONLY)
        for row in self.operations.rows[self.done:sure]:
            if row[1] == WRITE:
                os.pwrite(disk, self.operations.data(row), row[2])
        os.close(disk)
        self.done = sure
        run('cp', '--sparse=always', self.path, out)
        disk = os.open(out, os.O_WRONLY)
        unsure = [row for row in self.operations.rows[sure:n] if row[1] == WRITE]
        for row in unsure:
            maybe_write(disk, row[2], self.operations.data(row), pick)
        os.close(disk)
        return len(unsure)


class Disk:
    """ext4 on a loop device on the block log, mounted at site.path('disk')."""

    def __init__(self, site):
        self.site, self.loop, self.image, self.log = site, None, site.path('image'), site.path('log')
        self.served, self.place = site.path('served'), site.path('disk')
        for path, size in ((self.image, IMAGE_MIB << 20), (self.served, 0)):
            with open(path, 'wb') as f:
                f.truncate(size)
        os.makedirs(self.place, exist_ok=True)

    def up(self):
        """The reason when it cannot be had here."""
        if os.geteuid():
            return 'not root'
        made = run('mkfs.ext4', '-q', '-F', '-J', 'size=16', '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0', self.image)
        if made.returncode:
            return made.stderr.strip()
        server = self.site.spawn(os.path.join(BUILD, 'tests/power/blocklog'), self.image, self.log, self.served, log='blocklog.log')
        if not until(lambda: os.path.getsize(self.served) or server.poll() is not None, 5) or server.poll() is not None:
            return 'no FUSE: ' + open(self.site.path('blocklog.log')).read().strip()
        made = run('losetup', '-f', '--show', self.served)
        if made.returncode:
            return 'no loop device: ' + made.stderr.strip()
        self.loop = made.stdout.strip()
        made = run('mount', '-o', 'noatime', self.loop, self.place)
        return made.stderr.strip() if made.returncode else None

    def down(self):
        run('umount', self.place)
        if self.loop:
            run('losetup', '-d', self.loop)
        until(lambda: not os.path.exists(self.served) or run('umount', self.served).returncode == 0 or not os.path.ismount(self.served), 5)


def heads_seen(site, seconds):
    """[(when a client had it, size, root)], as the command line shows them, while the load goes on."""
    seen, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        rows = site.cli('ledger', 'head').stdout.splitlines()
        if len(rows) > 2:
            seen.append((time.monotonic(), int(rows[1]), base64.b64decode(rows[2])))
        time.sleep(0.05)
    return seen


def root_of(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b'\1' + root_of(hashes[:k]) + root_of(hashes[k:])).digest()


def leaves(ledger, size):
    """Leaf hashes by RFC 6962, of the records on disk; fewer when there are fewer."""
    found = []
    for name in sorted(os.listdir(os.path.join(ledger, 'leaves'))):
        with open(os.path.join(ledger, 'leaves', name), 'rb') as f:
            data = f.read()
        for at in range(0, len(data), 128):
            if len(found) == size or data[at:at + 4] != b'SKL1':
                return found
            found.append(hashlib.sha256(b'\0' + data[at:at + 128]).digest())
    return found


class Recording:
    """One run under load: the disk as it was before, the log, the publishers' books, the heads seen."""

    def __init__(self, site, k):
        self.site, self.k, self.disk = site, k, None

    def make(self, clients):
        site, state = self.site, self.site.state
        self.disk = disk = Disk(site)
        try:
            why = disk.up()
            if why:
                return why
            run('cp', '-a', state, disk.place)
            run('sync', '-f', disk.place)
            self.start = len(Operations(disk.log).rows)
            self.base = site.path('base')
            run('cp', '--sparse=always', disk.image, self.base)
            site.state = os.path.join(disk.place, os.path.basename(state))
            self.load(clients)
        finally:
            site.stop()
            disk.down()
            site.state = state
        return None

    def load(self, clients):
        site = self.site
        site.start()
        publishers = [site.spawn(PUBLISHER, '127.0.0.1', site.ports['mqtt'], site.ca(), c.cert, c.key, c.who, f'sk/v1/cut/{c.who}/m/load',
                                 site.path(c.who + '.book'), RATE, log=c.who + '.log') for c in clients]
        books = [Book(site.path(c.who + '.book')) for c in clients]
        until(lambda: all(b.read().numbers for b in books), 20)
        began = time.monotonic()
        self.heads = heads_seen(site, SECONDS)
        ended = time.monotonic()
        for p in publishers:
            p.kill()
            p.wait()
        self.acks = sorted((when, c.who, n) for c, b in zip(clients, books) for n, when in zip(b.read().numbers, b.times))
        self.rate = sum(began <= a[0] <= ended for a in self.acks) / (ended - began)
        self.span = (began, ended)


def judge(site, place, promised, heads, later):
    """What is wrong with what the cut left, once it is started again; '' when nothing. later: what was acknowledged
    after the cut, which must be missing for the most part, or this judge sees no loss."""
    state = os.path.join(place, 'site')
    site.state = state
    try:
        site.start(wait=False)
        if not until(site.ready, 20):
            return 'it does not start: ' + open(site.path('sekimorid.log'), errors='replace').read()[-300:]
    finally:
        site.stop()
    keyless = []
    there = set(recorded(os.path.join(state, 'ledger'), keyless))
    if keyless:
        return f'{len(keyless)} entries are sealed under a key that is not on disk, though a key precedes what it seals: {keyless[:2]}'
    lost = [a for a in promised if (a[1], a[2]) not in there]
    if lost:
        return f'{len(lost)} of {len(promised)} acknowledged are lost: {lost[:3]}'
    if len(later) > 1000 and not any((a[1], a[2]) not in there for a in later):
        return 'what was sent after the cut is there: nothing was cut'
    if heads:
        when, size, root = heads[-1]
        found = leaves(os.path.join(state, 'ledger'), size)
        if len(found) != size or root_of(found) != root:
            return f'the head of size {size} that a client saw does not hold'
    r = run(os.path.join(BIN, 'sekimori-verify'), os.path.join(state, 'ledger'), '--lang', 'en')
    return '' if r.returncode == 0 else r.stdout[:300]


def cut_and_judge(site, recording, rolled, n, pick):
    place, out = site.path('after'), site.path('cut-image')
    os.makedirs(place, exist_ok=True)
    instant = rolled.operations.rows[n - 1][0] - CLOCK_STEP_S
    unsure = rolled.cut(n, out, pick)
    promised = [a for a in recording.acks if a[0] < instant]
    heads = [h for h in recording.heads if h[0] < instant]
    mounted = run('mount', '-o', 'loop', out, place)
    if mounted.returncode:
        return f'the file system does not mount: {mounted.stderr}', unsure, len(promised)
    try:
        wrong = judge(site, place, promised, heads, recording.acks[len(promised):])
    finally:
        run('umount', place)
    if wrong and KEEP:
        run('cp', '--sparse=always', out, os.path.join(KEEP, f'powercut-{SEED}-{recording.k}-{n}.image'))
    return wrong, unsure, len(promised)


def cuts_of(site, recording, count, pick):
    """[(operation, what was wrong, unsure writes, promised)]"""
    state, operations = site.state, Operations(recording.disk.log)
    rolled, found = Rolled(recording.base, operations, recording.start), []
    within = [k + 1 for k, row in enumerate(operations.rows) if recording.span[0] <= row[0] <= recording.span[1]]
    for n in sorted(pick.choice(within) for _ in range(count)):
        found.append((n, *cut_and_judge(site, recording, rolled, n, pick)))
        site.state = state
    return found


def one_recording(k, pick):
    """False when this machine cannot."""
    with Site('cut') as site:
        site.start()
        clients = [site.enrol(f'load-{i}', role='device') for i in range(PUBLISHERS)]
        site.stop()
        recording = Recording(site, k)
        why = recording.make(clients)
        if why:
            skip('power cuts on a real file system', why)
            return False
        began = time.monotonic()
        found = cuts_of(site, recording, CUTS // RECORDINGS, pick)
        operations = len(Operations(recording.disk.log).rows) - recording.start
        note(f'recording {k + 1}: {len(recording.acks)} acknowledged, {recording.rate:.0f} a second; {operations} writes and flushes; '
             f'{len(found)} cuts, each judged in {(time.monotonic() - began) / max(1, len(found)):.1f} s; unflushed writes at a cut '
             f'{min(f[2] for f in found)} to {max(f[2] for f in found)}; acknowledged before it {min(f[3] for f in found)} to {max(f[3] for f in found)}')
        bad = [f for f in found if f[1]]
        check(f'recording {k + 1}: {len(found)} power cuts: starts each time, 0 acknowledged lost, heads hold, whole', found and not bad, bad[:3])
        check(f'recording {k + 1}: under at least {RATE_MIN} acknowledged messages a second', recording.rate >= RATE_MIN, recording.rate)
        check(f'recording {k + 1}: heads were seen', len(recording.heads) > 5, len(recording.heads))
        return True


def main():
    pick = random.Random(SEED)
    note(f'seed {SEED}')
    for k in range(RECORDINGS):
        if not one_recording(k, pick):
            break
    finish()


if __name__ == '__main__':
    main()
