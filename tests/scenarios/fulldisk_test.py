#!/usr/bin/env python3
"""The disk is full, or refuses (N57): nothing unsaved is acknowledged, each refusal has its reason code (0x97), reading goes
on, and it works again by itself when space returns. Counted by the publishers' own books and an own reader of the
record. A small file system of its own where it can be mounted, a limit on file size, and injected errors (strace)."""
import os
import shutil
import signal
import sys
import time

from harness import BIN, LONG, ROOT, Site, check, finish, note, run, skip, until
from kill_test import Book, recorded

BACK_MAX_S = 5.0


def load(site, client, rate=800):
    return site.spawn(sys.executable, os.path.join(ROOT, 'tests/scenarios/publisher.py'), 'localhost', site.ports['mqtt'], site.ca(),
                      client.cert, client.key, client.who, f'sk/v1/{site.name}/{client.who}/m/load', site.path(client.who + '.book'), rate,
                      log=client.who + '.log')


def end(publisher):
    publisher.terminate()
    publisher.wait(20)


def acknowledged(site, client):
    return Book(site.path(client.who + '.book')).read()


def nothing_lost(site, client, what):
    book = acknowledged(site, client)
    found = {n for who, n in recorded(site.path('site/ledger')) if who == client.who}
    lost = set(book.numbers) - found
    r = run(os.path.join(BIN, 'sekimori-verify'), site.path('site/ledger'), '--lang', 'en')
    check(f'{what}: of {len(book.numbers)} acknowledged messages 0 are lost', not lost and len(book.numbers) > 100, sorted(lost)[:5])
    check(f'{what}: the record is whole', r.returncode == 0, r.stdout[:300])


def grows(site, client, n=50, seconds=BACK_MAX_S):
    before, at = len(acknowledged(site, client).numbers), time.monotonic()
    return until(lambda: len(acknowledged(site, client).numbers) > before + n, seconds, 0.02) and time.monotonic() - at


def refused_and_back(site, client, what, fill, free):
    """One full disk: fill(), what must be seen, free(), back within the bound."""
    check(f'{what}: before, messages are acknowledged', grows(site, client, 200, 20))
    fill()
    check(f'{what}: refused with 0x97 (quota exceeded)', until(lambda: '97' in [r[-2:] for r in acknowledged(site, client).refused], 20), acknowledged(site, client).refused[-3:])
    until(lambda: site.http('console', '/ready')[0] != '200', 10)
    frozen = len(acknowledged(site, client).numbers)
    check(f'{what}: reading goes on (devices, entries, proof of an old entry)', site.json('device', 'list') and site.json('ledger', 'list')
          and site.http('console', '/health')[0] == '200')
    check(f'{what}: it says it is not ready', site.http('console', '/ready')[0] != '200', site.http('console', '/ready'))
    check(f'{what}: nothing is acknowledged meanwhile', len(acknowledged(site, client).numbers) == frozen)
    free()
    back = grows(site, client)
    check(f'{what}: acknowledged again within {BACK_MAX_S:g} s of space, unaided', back, acknowledged(site, client).refused[-1:])
    note(f'{what}: back after {back or 99:.2f} s')


def small_file_system():
    with Site('full') as site:
        state = site.path('site')
        os.rename(state, state + '.made')
        os.mkdir(state, 0o700)
        if run('mount', '-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'none', state).returncode:
            skip('a full file system of its own', 'cannot mount here')
            return
        try:
            run('cp', '-a', state + '.made/.', state)
            full_disk(site, os.path.join(state, 'filler'))
        finally:
            site.stop()
            run('umount', state)


def full_disk(site, filler):
    site.start()
    client = site.enrol('load', role='device')
    publisher = load(site, client, 3000)

    def fill():
        with open(filler, 'wb') as f:
            try:
                while True:
                    f.write(bytes(65536))
                    f.flush()
            except OSError:
                pass
    for k in range(3 if LONG else 2):
        refused_and_back(site, client, f'full disk {k + 1}', fill, lambda: os.unlink(filler))
    # killed while it is full: what was acknowledged is there when it is back
    fill()
    until(lambda: site.http('console', '/ready')[0] != '200', 20)
    os.kill(site.pid_of('core'), signal.SIGKILL)
    os.unlink(filler)
    check('killed while the disk was full: acknowledged again', grows(site, client, 50, 15))
    end(publisher)
    site.stop()
    nothing_lost(site, client, 'full disk')


def file_size_limit():
    with Site('limit') as site:
        site.start()
        client = site.enrol('load', role='device')
        publisher = load(site, client, 2000)
        core = str(site.pid_of('core'))
        until(lambda: len(acknowledged(site, client).numbers) > 500, 20)

        def fill():
            run('prlimit', '--pid', core, '--fsize=1048576:unlimited')

        def free():
            run('prlimit', '--pid', core, '--fsize=unlimited:unlimited')
        refused_and_back(site, client, 'file size limit', fill, free)
        end(publisher)
        site.stop()
        nothing_lost(site, client, 'file size limit')


def injected(names):
    """strace fails one kind of call of the core now and then, of each kind in turn."""
    if not shutil.which('strace'):
        skip('errors injected into system calls', 'no strace')
        return
    with Site('inject') as site:
        site.start()
        client = site.enrol('load', role='device')
        fresh = [site.enrol(f'fresh-{k}', role='device') for k in range(len(names))]  # the first message of each makes a key file
        publisher = load(site, client, 500)
        core = site.pid_of('core')
        check('before: acknowledged', grows(site, client, 100, 20))
        seen = []
        for one, (call, error, when) in zip(fresh, names):
            tracer = site.spawn('strace', '-f', '-qq', '-p', str(core), '-e', f'trace={call}', '-e', f'inject={call}:error={error}:when={when}',
                                '-o', '/dev/null', log='strace.log')
            time.sleep(0.5)  # the time errors are injected in; nothing is awaited
            one.pub(f'sk/v1/inject/{one.who}/m/x', f'{one.who} 0', '-q', '1')  # may be refused
            time.sleep(0.5)
            tracer.terminate()
            tracer.wait(10)
            good = grows(site, client, 30, BACK_MAX_S)
            later = until(lambda: one.pub(f'sk/v1/inject/{one.who}/m/x', f'{one.who} 1', '-q', '1').returncode == 0, BACK_MAX_S)
            seen += [] if good and later and site.pid_of('core') == core else [(call, error)]
        check(f'{len(names)} kinds of injected errors: the core lives, acknowledges again within {BACK_MAX_S:g} s each time', not seen, seen)
        end(publisher)
        site.stop()
        nothing_lost(site, client, 'injected errors')


def main():
    small_file_system()
    file_size_limit()
    short = [('fdatasync', 'EIO', '2+3'), ('pwrite64', 'ENOSPC', '1+5'), ('pwrite64', 'EIO', '3+4'), ('fallocate', 'ENOSPC', '1+1'), ('pwrite64', 'EDQUOT', '2+2'),
             ('pwrite64', 'EINTR', '1+2'), ('openat', 'EIO', '1+1'), ('rename', 'EIO', '1+1'), ('fsync', 'EIO', '1+1'), ('mmap', 'ENOMEM', '1+1')]
    more = [(call, error, f'{first}+{step}') for call in ('fdatasync', 'pwrite64') for error in ('EIO', 'ENOSPC', 'EDQUOT') for first, step in ((1, 2), (4, 7), (1, 1))]
    injected(short + more if LONG else short)
    finish()


if __name__ == '__main__':
    main()
