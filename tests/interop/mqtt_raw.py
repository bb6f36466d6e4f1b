"""MQTT 3.1.1 and 5 by hand over a plain socket: every byte is the test's, nothing is answered unless it says so."""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenarios'))
from harness import BIN, check, finish, free_port, note, until  # noqa: E402, F401

LAB = os.path.join(BIN, 'sekimorid-lab')
CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, \
    DISCONNECT, AUTH = range(1, 16)
WAIT_S = 10

# Properties: name -> (identifier, form)
PROPERTIES = {
    'format': (1, 'B'), 'message_expiry': (2, 'I'), 'content_type': (3, 's'), 'response_topic': (8, 's'), 'correlation': (9, 's'),
    'subscription_id': (11, 'v'), 'session_expiry': (17, 'I'), 'assigned_id': (18, 's'), 'server_keep_alive': (19, 'H'),
    'auth_method': (21, 's'), 'auth_data': (22, 's'), 'request_problem': (23, 'B'), 'will_delay': (24, 'I'),
    'request_response': (25, 'B'), 'response_information': (26, 's'), 'reason': (31, 's'), 'receive_maximum': (33, 'H'),
    'alias_maximum': (34, 'H'), 'alias': (35, 'H'), 'maximum_qos': (36, 'B'), 'retain': (37, 'B'), 'user': (38, 'p'),
    'maximum_packet': (39, 'I'), 'wildcards': (40, 'B'), 'subscription_ids': (41, 'B'), 'shared': (42, 'B')}
NAMES = {number: name for name, (number, _) in PROPERTIES.items()}


def vbi(n):
    out = b''
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def text(s):
    s = s.encode() if isinstance(s, str) else s
    return struct.pack('>H', len(s)) + s


def properties(p):
    """p: name -> value; 'user' and 'subscription_id' may be lists."""
    out = b''
    for name, value in (p or {}).items():
        number, form = PROPERTIES[name]
        for v in value if isinstance(value, list) else [value]:
            out += bytes([number])
            if form == 's':
                out += text(v)
            elif form == 'p':
                out += text(v[0]) + text(v[1])
            else:
                out += vbi(v) if form == 'v' else struct.pack('>' + form, v)
    return vbi(len(out)) + out


def packet(first, body):
    return bytes([first]) + vbi(len(body)) + body


class Reader:
    def __init__(self, b):
        self.b, self.at = b, 0

    def take(self, n):
        assert self.at + n <= len(self.b), 'a packet that is too short'
        self.at += n
        return self.b[self.at - n:self.at]

    def number(self, form):
        return struct.unpack('>' + form, self.take(struct.calcsize(form)))[0]

    def vbi(self):
        n = shift = 0
        while True:
            b = self.number('B')
            n |= (b & 127) << shift
            shift += 7
            if not b & 128:
                return n

    def text(self):
        return self.take(self.number('H'))

    def properties(self):
        end, found = self.vbi(), {}
        end += self.at
        while self.at < end:
            name = NAMES[self.vbi()]
            form = PROPERTIES[name][1]
            value = self.text() if form == 's' else (self.text(), self.text()) if form == 'p' else self.vbi() if form == 'v' else self.number(form)
            if form in 'vp':
                found.setdefault(name, []).append(value)
            else:
                assert name not in found, 'a property twice'
                found[name] = value
        return found

    def rest(self):
        return self.take(len(self.b) - self.at)


class Packet:
    """What came: type, flags and the fields of that type."""

    def __init__(self, first, body, version):
        r, five = Reader(body), version == 5
        self.type, self.size = first >> 4, len(body)
        self.duplicate, self.qos, self.retain = bool(first & 8), first >> 1 & 3, bool(first & 1)
        self.id, self.reason, self.p = 0, 0, {}
        if self.type == CONNACK:
            self.present, self.reason = r.number('B') == 1, r.number('B')
            self.p = r.properties() if five else {}
        elif self.type == PUBLISH:
            self.topic = r.text().decode()
            self.id = r.number('H') if self.qos else 0
            self.p = r.properties() if five else {}
            self.payload = r.rest()
        elif self.type in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            self.id = r.number('H')
            self.reason = r.number('B') if len(body) > 2 else 0
            self.p = r.properties() if len(body) > 3 else {}
        elif self.type in (SUBACK, UNSUBACK):
            self.id = r.number('H')
            self.p = r.properties() if five else {}
            self.codes = list(r.rest())
        elif self.type in (DISCONNECT, AUTH):
            self.reason = r.number('B') if body else 0
            self.p = r.properties() if len(body) > 1 else {}
        assert r.at == len(body), f'bytes left over in packet {self.type}'


class Client:
    def __init__(self, port, client_id, version=5, **how):
        self.version, self.port, self.client_id = version, port, client_id
        self.s = socket.create_connection(('127.0.0.1', port), timeout=WAIT_S)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.have, self.later, self.next_id = b'', [], 0
        self.connack = self.greet(**how) if how.pop('greet', True) else None

    def hello(self, clean=True, keep_alive=60, p=None, will=None, user=None, password=None, name='MQTT', level=None):
        """will: (topic, payload, qos, retain, properties)"""
        five = self.version == 5
        flags = 2 * clean | (4 | will[2] << 3 | 32 * will[3] if will else 0) | 128 * (user is not None) | 64 * (password is not None)
        body = text(name) + bytes([level or self.version, flags]) + struct.pack('>H', keep_alive)
        body += (properties(p) if five else b'') + text(self.client_id)
        if will:
            body += (properties(will[4]) if five else b'') + text(will[0]) + text(will[1])
        body += (text(user) if user is not None else b'') + (text(password) if password is not None else b'')
        return packet(0x10, body)

    def greet(self, **how):
        self.send(self.hello(**how))
        return self.expect(CONNACK)

    def send(self, b):
        self.s.sendall(b)

    def _more(self, deadline):
        self.s.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            got = self.s.recv(65536)
        except (socket.timeout, TimeoutError):
            return None
        except ConnectionResetError:
            got = b''
        self.have += got
        return bool(got)

    def read(self, wait=WAIT_S):
        """The next packet; None when nothing comes in time; False when the server closed."""
        deadline = time.monotonic() + wait
        while True:
            n = shift = 0
            for i in range(1, min(5, len(self.have))):
                n |= (self.have[i] & 127) << shift
                shift += 7
                if not self.have[i] & 128:
                    whole = i + 1 + n
                    if len(self.have) >= whole:
                        p = Packet(self.have[0], self.have[i + 1:whole], self.version)
                        self.have = self.have[whole:]
                        return p
                    break
            more = self._more(deadline)
            if not more:
                return more

    def expect(self, kind, wait=WAIT_S):
        """The next packet of that kind; messages that come before it are kept for receive()."""
        while True:
            p = self.later.pop(0) if kind == PUBLISH and self.later else self.read(wait)
            assert p, f'no packet {kind}: ' + ('closed' if p is False else 'nothing came')
            if p.type == kind:
                return p
            if p.type == PUBLISH:
                self.later.append(p)
            else:
                assert kind == PUBLISH and p.type in (PUBACK, PUBREC, PUBCOMP, PUBREL), f'packet {p.type} where {kind} was expected'

    def id(self):
        self.next_id += 1
        return self.next_id

    def subscribe(self, *rows, p=None):
        """rows: filter or (filter, options); the codes."""
        n, body = self.id(), b''
        for row in rows:
            name, options = row if isinstance(row, tuple) else (row, 2)
            body += text(name) + bytes([options])
        self.send(packet(0x82, struct.pack('>H', n) + (properties(p) if self.version == 5 else b'') + body))
        ack = self.expect(SUBACK)
        assert ack.id == n
        return ack.codes

    def unsubscribe(self, *filters):
        n = self.id()
        self.send(packet(0xA2, struct.pack('>H', n) + (b'\0' if self.version == 5 else b'') + b''.join(text(f) for f in filters)))
        ack = self.expect(UNSUBACK)
        assert ack.id == n
        return ack.codes

    def message(self, topic, payload, qos=0, retain=False, p=None, n=None, duplicate=False):
        n = n or (self.id() if qos else 0)
        body = text(topic) + (struct.pack('>H', n) if qos else b'') + (properties(p) if self.version == 5 else b'')
        return n, packet(0x30 | 8 * duplicate | qos << 1 | retain, body + (payload.encode() if isinstance(payload, str) else payload))

    def publish(self, topic, payload, qos=0, retain=False, p=None):
        """To its end; the reason of PUBACK or PUBREC."""
        n, b = self.message(topic, payload, qos, retain, p)
        self.send(b)
        if qos == 0:
            return 0
        ack = self.expect(PUBACK if qos == 1 else PUBREC)
        assert ack.id == n
        if qos == 2 and ack.reason < 0x80:
            self.answer(PUBREL, n)
            assert self.expect(PUBCOMP).id == n
        return ack.reason

    def answer(self, kind, n):
        self.send(packet(kind << 4 | (2 if kind == PUBREL else 0), struct.pack('>H', n)))

    def receive(self, wait=WAIT_S):
        """The next message, acknowledged to its end; None when none comes in time."""
        p = self.later.pop(0) if self.later else self.read(wait)
        while p and p.type != PUBLISH:
            p = self.read(wait)
        assert p is not False, 'closed'
        if p and p.qos == 1:
            self.answer(PUBACK, p.id)
        if p and p.qos == 2:
            self.answer(PUBREC, p.id)
            assert self.expect(PUBREL).id == p.id
            self.answer(PUBCOMP, p.id)
        return p

    def messages(self, n, wait=WAIT_S):
        return [self.receive(wait) for _ in range(n)]

    def quiet(self, wait=0.4):
        """Nothing more comes; a PING proves that the server is past all that was sent before."""
        self.send(b'\xc0\0')
        got = []
        while (p := self.read()) and p.type != PINGRESP:
            got.append(p)
        more = self.read(wait) if wait else None
        return not self.later and not [g for g in got if g.type == PUBLISH] and more is None

    def parted(self, wait=WAIT_S):
        """The reason of the server's DISCONNECT; 0 when it closed without one; None when it did neither."""
        reason, deadline = 0, time.monotonic() + wait
        while (p := self.read(max(0.001, deadline - time.monotonic()))):
            if p.type == DISCONNECT:
                reason = p.reason
        return None if p is None else reason

    def disconnect(self, reason=0, p=None):
        body = b'' if not reason and not p else bytes([reason]) + (properties(p) if p else b'')
        self.send(packet(0xE0, body))
        while self.read():
            pass
        self.s.close()

    def drop(self):
        self.s.close()


class Lab:
    """sekimorid-lab on a port of its own."""

    program, before = LAB, None  # before: called in the child, before it runs

    def __init__(self, *options):
        self.port, self.options, self.p = free_port(), options, None

    def __enter__(self):
        self.log = tempfile.NamedTemporaryFile('w+', prefix='sekimori-lab-', suffix='.log')
        self.start()
        return self

    def start(self):
        self.p = subprocess.Popen([self.program, str(self.port), *map(str, self.options)], stderr=self.log, preexec_fn=self.before)
        assert until(self.answers, 10, 0.005), open(self.log.name).read()

    def answers(self):
        try:
            socket.create_connection(('127.0.0.1', self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.p.terminate()
        code = self.p.wait(10)
        return code

    def rss(self):
        with open(f'/proc/{self.p.pid}/status', encoding='ascii') as f:
            return int(next(line for line in f if line.startswith('VmRSS')).split()[1]) * 1024

    def client(self, client_id, version=5, **how):
        return Client(self.port, client_id, version, **how)

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.stop()
        self.log.close()


def tried(claim, part):
    """Runs a part that asserts; one line of TAP."""
    try:
        part()
        return claim, True, ''
    except (AssertionError, OSError, KeyError, ValueError, AttributeError) as e:
        at = e.__traceback__
        while at.tb_next and at.tb_next.tb_frame.f_code.co_filename == part.__code__.co_filename:
            at = at.tb_next
        return claim, False, f'line {at.tb_lineno}: {e or type(e).__name__}'
