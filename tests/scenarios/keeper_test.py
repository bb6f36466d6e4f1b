#!/usr/bin/env python3
"""The keeper with made-up roles: starts them, gives channels, restarts the dead, stops in order.

usage: keeper_test.py [SEKIMORID]"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get('SEKIMORI_BUILD', os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../build'))

ROLE = '''#!/usr/bin/env python3
import array, os, signal, socket, sys
here = os.path.dirname(os.path.abspath(__file__))
name = os.path.basename(__file__)
log = os.open(os.path.join(here, 'log'), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def say(text):
    os.write(log, f'{name} {os.getpid()} {text}\\n'.encode())
say('started ' + ' '.join(sys.argv[1:]) + ' fds ' + ' '.join(sorted(
    (fd for fd in os.listdir('/proc/self/fd') if int(fd) < 100 and os.path.exists('/proc/self/fd/' + fd)
     and int(fd) != log), key=int)))
if name == 'sekimorid-core' and '--check' in sys.argv:
    sys.exit(5)
if os.path.exists(os.path.join(here, name + '.config-error')):
    sys.exit(78)
def stop(*_):
    say('stopped')
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
control = socket.socket(fileno=5 if name == 'sekimorid-seal' else 3)
if name == 'sekimorid-core':
    control.send(b'y')
    signal.signal(signal.SIGUSR1, lambda *_: control.send(b'b'))
while True:
    data, anc, flags, _ = control.recvmsg(16, 256)
    if not data:
        say('control closed')
        sys.exit(0)
    fds = array.array('i')
    for level, kind, value in anc:
        fds.frombytes(value[:len(value) - len(value) % fds.itemsize])
    say('got ' + data.decode() + ' ' + str(len(fds)))
    for fd in fds:
        os.close(fd)
'''

count = 0
failed = 0


def check(claim, good):
    global count, failed
    count += 1
    failed += not good
    print(f'{"ok" if good else "not ok"} {count} - {claim}')


class Site:
    def __init__(self, folder, sekimorid):
        self.folder = folder
        shutil.copy(sekimorid, os.path.join(folder, 'sekimorid'))
        for name in ('seal', 'core', 'gate'):
            path = os.path.join(folder, 'sekimorid-' + name)
            with open(path, 'w', encoding='utf-8') as f:
                f.write(ROLE)
            os.chmod(path, 0o755)

    def run(self, *args):
        return subprocess.Popen([os.path.join(self.folder, 'sekimorid'), *args], stderr=subprocess.PIPE, text=True)

    def log(self):
        try:
            with open(os.path.join(self.folder, 'log'), encoding='utf-8') as f:
                return [line.split(' ', 2) for line in f.read().splitlines()]
        except FileNotFoundError:
            return []

    def said(self, role, text, since=0):
        return [row for row in self.log()[since:] if row[0] == 'sekimorid-' + role and row[2].startswith(text)]

    def until(self, what, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return True
            time.sleep(0.01)
        return False

    def pid(self, role):
        return int(self.said(role, 'started')[-1][1])


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def restarts(site):
    """Each role in turn is killed: it comes back, and its neighbours get fresh channels."""
    wants = {
        'core': [('core', 'got R 3'), ('core', 'got s 1'), ('gate', 'got R 3'), ('seal', 'got c 1')],
        'gate': [('gate', 'got R 3'), ('gate', 'got s 1'), ('core', 'got R 3'), ('seal', 'got g 1')],
        'seal': [('core', 'got s 1'), ('gate', 'got s 1')],
    }
    for role, rows in wants.items():
        before, since = site.pid(role), len(site.log())
        os.kill(before, signal.SIGKILL)
        site.until(lambda: site.pid(role) != before)
        check(f'{role} is started again', site.pid(role) != before)
        for who, text in rows:
            check(f'{role} died: {who} {text}', site.until(lambda w=who, t=text: site.said(w, t, since)))
        others = {'core', 'gate', 'seal'} - {role}
        check(f'{role} died: nobody else was started', not any(site.said(o, 'started', since) for o in others))


def dies_again(site):
    """A role that dies as soon as it runs does not keep the machine busy: each start waits longer."""
    began = time.monotonic()
    for _ in range(4):
        before = site.pid('core')
        os.kill(before, signal.SIGKILL)
        site.until(lambda b=before: site.pid('core') != b)
    check('four deaths in a row: the last start waited 0.4 s and more', time.monotonic() - began >= 0.7)


def broken(site):
    """The core says that the gate broke its channel: the gate is started afresh, with a channel for both."""
    before, since = site.pid('gate'), len(site.log())
    os.kill(before, signal.SIGSTOP)  # as one that does not read
    os.kill(site.pid('core'), signal.SIGUSR1)
    check('a gate that broke its channel is started afresh', site.until(lambda: site.pid('gate') != before))
    check('and both have a fresh channel', site.until(lambda: site.said('gate', 'got R 3', since) and site.said('core', 'got R 3', since)))
    check('nobody else was started', not any(site.said(o, 'started', since) for o in ('core', 'seal')))


def storms(site, keeper):
    """N59: signals as fast as they can be sent, to the keeper and to its children."""
    since, pids = len(site.log()), [site.pid(r) for r in ('core', 'gate', 'seal')]
    for _ in range(500):
        keeper.send_signal(signal.SIGHUP)
        for pid in [keeper.pid, *pids]:
            os.kill(pid, signal.SIGSTOP)
            os.kill(pid, signal.SIGCONT)
    check('N59 a storm of HUP, STOP and CONT: the keeper stays', keeper.poll() is None)
    check('N59 and so do its children', all(alive(p) for p in pids) and not site.said('core', 'started', since))


def stays(folder, sekimorid):
    site = Site(folder, sekimorid)
    keeper = site.run('--state', '/nowhere', '--config', '/nowhere/c')
    check('core gets a channel and a seal', site.until(lambda: site.said('core', 'got R 3') and site.said('core', 'got s 1')))
    check('gate gets a channel and a seal', site.until(lambda: site.said('gate', 'got R 3') and site.said('gate', 'got s 1')))
    site.until(lambda: all(site.said(r, 'started') for r in ('core', 'gate', 'seal')))
    check('seal has three descriptors', site.said('seal', 'started')[0][2] == 'started /nowhere fds 0 1 2 3 4 5')
    check('core has one', site.said('core', 'started')[0][2] == 'started --state /nowhere --config /nowhere/c fds 0 1 2 3')
    check('gate has one', site.said('gate', 'started')[0][2] == 'started  fds 0 1 2 3')
    restarts(site)
    dies_again(site)
    broken(site)
    storms(site, keeper)
    for _ in range(200):  # N59: the second TERM and the rest change nothing
        if keeper.poll() is None:
            keeper.send_signal(signal.SIGTERM)
    check('N59 a storm of TERM stops it with 0', keeper.wait(15) == 0)
    order = [row[0] for row in site.log() if row[2] == 'stopped']
    check('the core stops first', order and order[0] == 'sekimorid-core' and len(order) == 3)


def killed(folder, sekimorid):
    site = Site(folder, sekimorid)
    keeper = site.run()
    site.until(lambda: all(site.said(r, 'got') for r in ('core', 'gate')) and site.said('seal', 'started'))
    pids = [site.pid(r) for r in ('core', 'gate', 'seal')]
    keeper.kill()
    keeper.wait()
    check('children die with the keeper', site.until(lambda: not any(alive(p) for p in pids)))


def codes(folder, sekimorid):
    site = Site(folder, sekimorid)
    check('unknown option: 2', site.run('--what').wait(5) == 2)
    check('--check is the core\'s', site.run('--check', '--state', 'x').wait(5) == 5)
    open(os.path.join(folder, 'sekimorid-gate.config-error'), 'w', encoding='utf-8').close()
    os.chmod(os.path.join(folder, 'sekimorid-core'), 0o644)
    check('what cannot be configured is not tried for ever: 78', site.run().wait(20) == 78)


def main():
    for part in (stays, killed, codes):
        with tempfile.TemporaryDirectory() as folder:
            part(folder, sys.argv[1] if len(sys.argv) > 1 else os.path.join(BIN, 'sekimorid'))
    print(f'1..{count}')
    return 1 if failed else 0


sys.exit(main())
