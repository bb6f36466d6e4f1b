#!/usr/bin/env python3
"""The negative list's MQTT numbers that need a running server: sizes, floods, storms, signals. Never a process that
ends, never a canary that fails. With RELEASE=1 N10 runs for a minute against a build with ThreadSanitizer."""
import os
import random
import resource
import signal
import socket
import subprocess
import threading
import time

from mqtt_raw import CONNACK, HERE, Client, Lab, check, finish, note, packet, text, tried, until, vbi

RELEASE = bool(os.environ.get('RELEASE'))
ROOT = os.path.dirname(os.path.dirname(HERE))


def closed(s, wait=12.0):
    """Did the server close, and with what before?"""
    s.settimeout(wait)
    got = b''
    try:
        while part := s.recv(4096):
            got += part
    except ConnectionResetError:
        pass
    except (socket.timeout, TimeoutError):
        return None
    return got


def raw(lab, b):
    s = socket.create_connection(('127.0.0.1', lab.port), timeout=5)
    s.sendall(b)
    return s


class Canary:
    """A client of its own that publishes to itself all the time: its worst answer."""

    def __init__(self, lab):
        self.c, self.worst, self.rounds, self.stop = lab.client('canary'), 0.0, 0, threading.Event()
        self.c.subscribe('canary')
        self.t = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            began = time.monotonic()
            self.c.publish('canary', 'x', 1)
            assert self.c.receive(5)
            self.worst, self.rounds = max(self.worst, time.monotonic() - began), self.rounds + 1
            self.stop.wait(0.01)

    def __enter__(self):
        self.t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.t.join()


def n1(lab):
    for b in (b'\x30\5\0\1ahi', b'\x20\2\0\0', b'\0\0', b'\xf0\0', b'\xf0\xff\xff\xff\x7f' + bytes(4000)):
        assert closed(raw(lab, b)) == b'', b


half_open = []


def n2(lab):
    before = lab.rss()
    began = time.monotonic()
    many = [raw(lab, b'\x10\xff\xff\xff\x7f' + bytes(20)) for _ in range(300)]
    assert all(closed(s) is not None for s in many) and time.monotonic() - began < 10
    half_open.extend((raw(lab, b'\x10\xff\x1f'), time.monotonic()) for _ in range(100))  # 4,095 announced, nothing sent
    grown = lab.rss() - before
    assert grown <= 2 << 20, grown


def n2_later(lab):
    """Looked at last: it takes the connect timer's time."""
    assert len(half_open) == 100 and all(closed(s) == b'' for s, _ in half_open)
    assert time.monotonic() - max(began for _, began in half_open) < 14


def n3(lab):
    for b in (b'\x30\x80\x80\x80\x80\1', b'\x30\x80\x00'):
        c = lab.client('n3')
        c.send(b)
        assert c.parted() == 0x81
    assert closed(raw(lab, b'\x10\xff\xff\xff\xff\x7f')) == b''  # nothing of it says which version to answer in


def n4(lab):
    crash = bytes.fromhex('101000044d5154540502003c032100140000') + bytes.fromhex('29020001e000')  # mosquitto 2.0, issue 2163
    answer = closed(raw(lab, crash))
    assert answer is not None and (answer == b'' or answer[0] in (0x20, 0xE0)), answer
    c = lab.client('n4')
    c.send(b'\x20\3\0\0\0')  # CONNACK from a client
    assert c.parted() == 0x82


def n6(lab):
    users = (b'\x26' + text('k') + text('v')) * 9000
    body = text('a') + vbi(len(users)) + users
    pid, tick = lab.p.pid, os.sysconf('SC_CLK_TCK')

    def cpu():
        with open(f'/proc/{pid}/stat', encoding='ascii') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / tick
    before, rounds = cpu(), 50
    for _ in range(rounds):
        c = lab.client('n6')
        c.send(packet(0x30, body))
        assert c.parted() == 0x97
    assert (cpu() - before) / rounds < 0.005, (cpu() - before) / rounds


def n7(lab):
    c = lab.client('n7')
    c.send(packet(0x82, b'\0\1\0' + text('/' * 65000) + b'\1'))
    assert c.read().codes == [0x8F]
    c.send(packet(0x32, text('/' * 65000) + b'\0\2\0x'))
    assert c.parted() == 0x90
    deep = lab.client('n7')
    for i in range(300):  # as deep as the lab takes, with a wildcard at every level in turn
        deep.subscribe('/'.join('+' if k == i % 200 else 'a' for k in range(200)))
    began = time.monotonic()
    deep.publish('/'.join('a' * 200), 'x', 1)
    assert deep.receive() and time.monotonic() - began < 1


def n8(lab):
    ids = iter(range(1, 65536))
    for i in range(20):
        c = lab.client('n8', clean=False, p={'session_expiry': 100})
        for _ in range(200):
            try:
                c.send(c.message('n8', b'x', 2, n=next(ids))[1])
            except OSError:
                break
        assert c.parted() == 0x93, i


def hammer(lab, seconds, bad):
    """One of those who take a client id from each other, in the middle of anything."""
    r, end = random.Random(seconds), time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            s = socket.create_connection(('127.0.0.1', lab.port), timeout=5)
            c = Client.__new__(Client)
            c.version, c.client_id = 5, 'same'
            b = c.hello(clean=r.random() < 0.5, p={'session_expiry': r.choice((0, 100))}, will=('n10', 'gone', 1, False, {'will_delay': r.choice((0, 1))}))
            b += packet(0x82, b'\0\1\0' + text('n10/#') + b'\2') + packet(0x34, text('n10/x') + b'\0\2\0' + b'x' * 100)
            s.sendall(b[:r.randrange(len(b))] if r.random() < 0.3 else b)
            if r.random() < 0.5:
                s.settimeout(r.random() * 0.02)
                s.recv(1000)
            s.close()
        except (ConnectionResetError, BrokenPipeError, TimeoutError, socket.timeout):
            pass
        except OSError as e:
            bad.append(e)


def n10(lab, seconds=2.0, at_once=6, worst=2.0):
    bad = []
    crowd = [threading.Thread(target=hammer, args=(lab, seconds, bad)) for _ in range(at_once)]
    with Canary(lab) as canary:
        for t in crowd:
            t.start()
        for t in crowd:
            t.join()
    note(f'N10 worst canary {canary.worst * 1000:.0f} ms of {canary.rounds} rounds')
    assert lab.p.poll() is None and not bad and canary.rounds > 5 and canary.worst < worst, bad[:1]
    assert lab.client('same').publish('after', 'x', 1) in (0, 0x10)


def n10_under_tsan():
    """The same for a minute, gate thread, core and log thread watched."""
    build = os.path.join(ROOT, 'build-tsan')
    if not os.path.exists(f'{build}/build.ninja'):
        subprocess.run(['meson', 'setup', build, '-Db_sanitize=thread', '-Db_lundef=false'], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(['ninja', '-C', build, 'sekimorid-lab'], check=True, capture_output=True)
    lab = Lab()
    lab.program = f'{build}/sekimorid-lab'
    with lab:
        n10(lab, 60.0, worst=10.0)
        lab.stop()
        said = open(lab.log.name, encoding='utf-8').read()
        assert 'ThreadSanitizer' not in said, said[:3000]


def n16(lab):
    rows = (('receive maximum twice', b'\x21\0\1\x21\0\1', 0x82), ('receive maximum 0', b'\x21\0\0', 0x82),
            ('maximum packet 0', b'\x27\0\0\0\0', 0x82), ('a will\'s property', b'\x18\0\0\0\1', 0x81))
    for claim, p, want in rows:
        answer = closed(raw(lab, packet(0x10, text('MQTT') + bytes([5, 2, 0, 60, len(p)]) + p + text('n16'))))
        assert answer[:1] == b'\x20' and answer[3] == want, (claim, answer)


def n17(lab):
    for keep_alive in (1, 2):
        c = lab.client(f'n17-{keep_alive}', keep_alive=keep_alive)
        began = time.monotonic()
        assert c.parted() == 0x8D
        took = (time.monotonic() - began) / keep_alive
        assert 1.49 <= took <= 1.75, took


def n56():
    """64 descriptors: accepting pauses without spinning; who is there is served; who leaves makes room."""
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    lab = Lab()
    lab.before = few
    with lab:
        c = lab.client('n56')
        crowd = [socket.create_connection(('127.0.0.1', lab.port), timeout=5) for _ in range(80)]
        with open(f'/proc/{lab.p.pid}/stat', encoding='ascii') as f:
            before = sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13]))
        for _ in range(20):
            c.publish('x', 'x', 1)
            time.sleep(0.05)
        with open(f'/proc/{lab.p.pid}/stat', encoding='ascii') as f:
            used = (sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13])) - before) / os.sysconf('SC_CLK_TCK')
        assert used < 0.2, used
        for s in crowd:
            s.close()
        assert until(lambda: tried('', lambda: lab.client('later'))[1], 12)


def n59():
    """Signals as fast as they can be sent while messages flow: nothing is lost, the end is clean, once."""
    with Lab() as lab:
        c = lab.client('n59')
        c.subscribe('x')
        for i in range(200):
            for s in (signal.SIGSTOP, signal.SIGCONT) * 3:
                os.kill(lab.p.pid, s)
            assert c.publish('x', str(i), 1) == 0
        assert [m.payload for m in c.messages(200)] == [str(i).encode() for i in range(200)]
        for _ in range(100):
            if lab.p.poll() is None:
                lab.p.send_signal(signal.SIGTERM)
        assert lab.p.wait(10) == 0


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with Lab() as lab:
        for claim, fn in (('N1 a first packet that is no CONNECT: closed, nothing said', n1),
                          ('N2 256 MB announced on 300 sockets: 2 MiB at most, all closed within the connect timer', n2),
                          ('N3 a length of five bytes, or not minimal: 0x81', n3), ('N4 the packets that crashed another broker: closed', n4),
                          ('N6 9,000 user properties: 0x97 in less than 5 ms of CPU', n6), ('N7 65,000 slashes: SUBACK 0x8F, 0x90; deep filters cost no more than their nodes', n7),
                          ('N8 QoS 2 never released over 20 reconnects: 0x93 each time', n8), ('N10 one client id fought over by many: nobody else waits', n10),
                          ('N16 CONNECT properties twice, 0 or not its own: 0x82, 0x82, 0x81', n16), ('N17 silence: closed after 1.5 to 1.75 times the keep alive', n17),
                          ('N2 what was announced and never came: closed by the connect timer', n2_later)):
            check(*tried(claim, lambda fn=fn: fn(lab)))
        check('the lab is still there', lab.p.poll() is None and lab.client('end').connack.type == CONNACK)
    check(*tried('N56 64 descriptors: accepting pauses, nothing spins, room comes back', n56))
    check(*tried('N59 storms of STOP, CONT and TERM: nothing lost, one clean end', n59))
    if RELEASE:
        check(*tried('N10 the same for a minute under ThreadSanitizer: 0 reports', n10_under_tsan))
    finish()


if __name__ == '__main__':
    main()
