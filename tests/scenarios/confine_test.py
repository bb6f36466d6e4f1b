#!/usr/bin/env python3
"""What each process of a running site is held to, read from outside: no capability, no new privileges, a filter of
system calls, nobody's or an owner's user; and everything still works."""
import os
import re

from harness import Site, check, finish, note, run, skip, text_of, until

ROLES = ('gate', 'core', 'seal')


def status(pid):
    return dict(re.findall(r'^(\w+):\s*(.*)$', text_of(f'/proc/{pid}/status'), re.M))


def confined(site, role):
    s = status(site.pid_of(role))
    check(f'{role}: no capability, and none to be had', all(int(s[k], 16) == 0 for k in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')), s)
    check(f'{role}: no new privileges, a filter of calls', s['NoNewPrivs'] == '1' and s['Seccomp'] == '2', (s['NoNewPrivs'], s['Seccomp']))
    threads = os.listdir(f'/proc/{site.pid_of(role)}/task')
    check(f'{role}: each of its {len(threads)} threads', all(re.search(r'^Seccomp:\s*2', text_of(f'/proc/{site.pid_of(role)}/task/{t}/status'), re.M)
                                                             for t in threads))


def sockets(site, role):
    """Families of the sockets a process holds, by the kernel's tables."""
    pid = site.pid_of(role)
    held = set()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            held |= set(re.findall(r'socket:\[(\d+)\]', os.readlink(f'/proc/{pid}/fd/{fd}')))
        except OSError:
            pass
    inet = set()
    for name in ('tcp', 'tcp6', 'udp', 'udp6'):
        inet |= {line.split()[9] for line in text_of(f'/proc/{pid}/net/{name}').splitlines()[1:]}
    return len(held), len(held & inet)


def works(site, what, client):
    check(f'{what}: a reading is acknowledged', client.pub(f'sk/v1/{site.name}/{client.who}/m/x', '1', '-q', '1').returncode == 0)
    check(f'{what}: a head is signed', site.cli('ledger', 'head').returncode == 0)
    check(f'{what}: people see it', site.json('device', 'list') and site.cli('ledger', 'verify').returncode == 0)


def owners(site, client):
    """Folders that belong to two other users: core and seal run as they."""
    if os.geteuid():
        skip('core and seal run as the owners of their folders', 'not root')
        return
    site.stop()
    core, seal = 61001, 61002
    run('chown', '-R', f'{core}:{core}', site.state)
    run('chown', '-R', f'{seal}:{seal}', os.path.join(site.state, 'keys'))
    run('chmod', '711', site.state, site.dir)
    site.start()
    uid = lambda role: status(site.pid_of(role))['Uid'].split()
    check('core runs as the owner of the record', uid('core') == [str(core)] * 4, uid('core'))
    check('seal runs as the owner of the keys', uid('seal') == [str(seal)] * 4, uid('seal'))
    for role in ROLES:
        confined(site, role)
    works(site, 'as other users', client)
    os.kill(site.pid_of('core'), 9)
    check('core killed: back', until(site.ready, 10))
    works(site, 'after that', client)


def main():
    with Site('confine') as site:
        site.start()
        client = site.enrol('dev-1', role='device')
        for role in ROLES:
            confined(site, role)
        held, inet = sockets(site, 'core')
        check('core holds sockets, none of the internet', held > 0 and inet == 0, (held, inet))
        said = site.entries('audit', 'started')
        check('the record says what core is held to', said and 'seccomp' in said[-1]['payload']['confined'], said[-1:])
        note(f"core: {said[-1]['payload']['confined']}")
        works(site, 'confined', client)
        owners(site, client)
    finish()


main()
