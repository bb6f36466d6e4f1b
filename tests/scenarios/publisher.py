#!/usr/bin/env python3
"""A publisher that keeps its own book: numbered QoS 1 messages over MQTT 5, a window in flight, what is not
acknowledged is sent again on the next connection. Every PUBACK goes to the book at once, with its time.

usage: publisher.py HOST PORT CA CERT KEY ID TOPIC BOOK RATE [LIMIT]
book: one line per acknowledged message: its number and the monotonic time; `x REASON` for a refusal."""
import os
import select
import signal
import socket
import ssl
import struct
import sys
import time

WINDOW = 100
CONNECT, CONNACK, PUBLISH_QOS1, PUBACK, DISCONNECT = 0x10, 0x20, 0x32, 0x40, 0xE0


def variable(n):
    out = bytearray()
    while True:
        out.append(n % 128 | (128 if n > 127 else 0))
        n //= 128
        if not n:
            return bytes(out)


def text(s):
    s = s.encode()
    return struct.pack('>H', len(s)) + s


def packet(kind, body):
    return bytes([kind]) + variable(len(body)) + body


def connect(client, keep_alive=30):
    return packet(CONNECT, text('MQTT') + bytes([5, 2]) + struct.pack('>H', keep_alive) + b'\0' + text(client))


def publish(topic, mid, payload):
    return packet(PUBLISH_QOS1, text(topic) + struct.pack('>H', mid) + b'\0' + payload)


def take_packets(data):
    """Whole packets at the front of a bytearray, which loses them: [(first byte, body)]."""
    found = []
    while len(data) >= 2:
        length = used = 0
        for k in range(1, min(5, len(data))):
            length |= (data[k] & 127) << 7 * (k - 1)
            if data[k] < 128:
                used = k + 1
                break
        if not used or len(data) < used + length:
            break
        found.append((data[0], bytes(data[used:used + length])))
        del data[:used + length]
    return found


class Line:
    """One TLS connection that CONNECT opened; raises OSError when it is gone."""

    def __init__(self, host, port, context, client, timeout=5.0):
        raw = socket.create_connection((host, port), timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s = context.wrap_socket(raw, server_hostname=host)
        self.data = bytearray()
        self.s.sendall(connect(client))
        end = time.monotonic() + timeout
        while True:
            for kind, body in self.take(max(0.0, end - time.monotonic())):
                if kind != CONNACK or body[1]:
                    raise OSError(f'CONNACK {body.hex()}')
                return
            if time.monotonic() > end:
                raise OSError('no CONNACK')

    def take(self, wait):
        if not self.s.pending() and not select.select([self.s], [], [], wait)[0]:
            return []
        got = self.s.recv(65536)
        if not got:
            raise OSError('closed')
        self.data += got
        return take_packets(self.data)

    def close(self):
        self.s.close()


def context(ca, cert, key):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations(ca)
    c.load_cert_chain(cert, key)
    return c


class Publisher:
    def __init__(self, host, port, tls, client, topic, book, rate, limit):
        self.host, self.port, self.tls, self.client, self.topic = host, port, tls, client, topic
        self.book = os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.rate, self.limit = rate, limit
        self.next, self.flight, self.stopping, self.paid = 1, {}, False, time.monotonic()

    def send(self, line, numbers):
        if numbers:
            line.s.sendall(b''.join(publish(self.topic, n % 65535 + 1, b'%s %d' % (self.client.encode(), n)) for n in numbers))

    def fresh(self):
        """Numbers that rate, window and limit let go now."""
        now = time.monotonic()
        due = min(int((now - self.paid) * self.rate), WINDOW - len(self.flight), self.limit + 1 - self.next)
        if self.stopping or due <= 0:
            return []
        self.paid = max(self.paid + due / self.rate, now - 0.1)
        first, self.next = self.next, self.next + due
        self.flight.update((n % 65535 + 1, n) for n in range(first, self.next))
        return range(first, self.next)

    def acknowledged(self, packets):
        lines = []
        for kind, body in packets:
            if kind == DISCONNECT:
                raise OSError(f'DISCONNECT {body.hex()}')
            if kind != PUBACK:
                continue
            n = self.flight.pop(struct.unpack('>H', body[:2])[0])
            refused = len(body) > 2 and body[2] >= 0x80
            lines.append(f'x {body[2]:02x}\n' if refused else f'{n} {time.monotonic():.4f}\n')
        if lines:
            os.write(self.book, ''.join(lines).encode())

    def done(self):
        return not self.flight and (self.stopping or self.next > self.limit)

    def one_line(self):
        line = Line(self.host, self.port, self.tls, self.client)
        try:
            self.send(line, sorted(self.flight.values()))
            self.paid = time.monotonic()
            while not self.done():
                self.send(line, self.fresh())
                self.acknowledged(line.take(0.005))
        finally:
            line.close()

    def run(self):
        while not self.done():
            try:
                self.one_line()
            except OSError as e:
                print(f'{time.monotonic():.3f} {self.client}: {e}', flush=True)
                time.sleep(0.02)


def main(argv):
    host, port, ca, cert, key, client, topic, book, rate = argv[1:10]
    p = Publisher(host, int(port), context(ca, cert, key), client, topic, book, float(rate), int(argv[10]) if len(argv) > 10 else 1 << 60)

    def stop(*_):
        p.stopping = True
    signal.signal(signal.SIGTERM, stop)
    p.run()


if __name__ == '__main__':
    main(sys.argv)
