"""P14: many retained messages, stored over one link and fetched over another by one subscription. The broker's processor
time a message, and how long the fetching link waits. Every packet has the same length, so bytes count messages."""
import os
import socket
import ssl
import time

from rig import PASSING, _string, packet

PAYLOAD = b'r' * 64
TICK_US = 1e6 / os.sysconf('SC_CLK_TCK')


def cpu_us(pids):
    total = 0
    for pid in pids:
        with open(f'/proc/{pid}/stat', encoding='ascii') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total * TICK_US


def link(broker, cert, key, client):
    context = ssl.create_default_context(cafile=broker.site.ca())
    context.load_cert_chain(cert, key)
    args = [str(a) for a in broker.args()]
    raw = socket.create_connection(('127.0.0.1', int(args[args.index('--port') + 1])), timeout=60)
    s = context.wrap_socket(raw, server_hostname='localhost')
    s.sendall(packet(0x10, _string('MQTT') + b'\x04\x02\x00\x00' + _string(client)))
    if s.recv(4)[-1] != 0:
        raise ConnectionError('refused')
    return s


def take(s, n):
    """Exactly n bytes, or a ConnectionError: the link was closed on us."""
    got = bytearray()
    while len(got) < n:
        part = s.recv(min(65536, n - len(got)))
        if not part:
            raise ConnectionError(f'closed after {len(got)} of {n} bytes')
        got += part
    return bytes(got)


def store(broker, n, empty=False):
    s = link(broker, broker.site.path('dev.pem'), broker.site.path('dev.key'), 'dev/retained')
    began, cpu = time.monotonic(), cpu_us(broker.pids())
    for at in range(0, n, 500):
        s.sendall(b''.join(packet(0x31, _string(f'{PASSING}/r/{i:07}') + (b'' if empty else PAYLOAD)) for i in range(at, min(n, at + 500))))
    s.sendall(b'\xc0\0')
    take(s, 2)
    s.close()
    return (cpu_us(broker.pids()) - cpu) / n, time.monotonic() - began


def fetch(broker, n):
    s = link(broker, broker.site.path('view.pem'), broker.site.path('view.key'), 'view/retained')
    size = len(packet(0x31, _string(f'{PASSING}/r/{0:07}') + PAYLOAD))
    began, cpu = time.monotonic(), cpu_us(broker.pids())
    s.sendall(packet(0x82, b'\0\1' + _string(f'{PASSING}/r/#') + b'\0'))
    take(s, 5 + n * size)
    seconds = time.monotonic() - began
    s.close()
    return (cpu_us(broker.pids()) - cpu) / n, seconds

