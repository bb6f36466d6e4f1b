"""Strangers who only begin, the site's own who come all at once, and a reader who does not read: whoever behaves
notices nothing of them (N23, R7, R8). The canary is a link of a device and one of a viewer, twenty acknowledged
messages a second; losses and times are the generator's (tests/bench). Times judge only in the long regime: this machine
may be busy with other things."""
import json
import os
import socket
import subprocess
import threading
import time

from harness import BUILD, LONG, Site, Mqtt, check, closed_by_peer, finish, note, packet, tls_socket, until, _string

BENCH = os.path.join(BUILD, 'sekimori-bench')
CONFIG = '\n[guard]\nconnections = 20000\nper-source = 200\n'
HALF_OPEN, SOURCES, SECONDS = (10000, 60, 20) if LONG else (2000, 20, 5)
HELLO = b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'  # a ClientHello whose rest never comes


def generator(site, mode, pub, sub, *more):
    argv = [BENCH, mode, '--port', site.ports['mqtt'], '--ca', site.ca(), '--cert', pub.cert, '--key', pub.key, '--sub-cert', sub.cert,
            '--sub-key', sub.key, '--pub-id', pub.who, '--sub-id', sub.who, '--prefix', f'sk/v1/{site.name}/{pub.who}/m', *more]
    return subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process):
    out, err = process.communicate(timeout=90)
    try:
        return json.loads(out)
    except ValueError:
        return {'good': False, 'why': (out + err)[-300:]}


def rss_kib(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return next(int(x.split()[1]) for x in f if x.startswith('VmRSS'))


def canary(site, who, seconds):
    return generator(site, 'pairs', *who, '--pubs', 1, '--rate', 20, '--qos', 1, '--seconds', seconds)


def judge(what, r):
    d = r.get('delivery', {})
    note(f"{what}: median {d.get('p50_us', 0) / 1000:.1f} ms, worst {d.get('most_us', 0) / 1000:.1f} ms of {d.get('n')}")
    check(f'{what}: the canary loses nothing, gets nothing twice, keeps its link',
          r.get('good') and not r['lost'] and not r['duplicates'] and not r['lines_lost'] and d['n'] > 0, r)
    if LONG and d:
        check(f'{what}: worst below 250 ms', d['most_us'] < 250000, d)


class HalfOpen:
    """Connections that begin a handshake and say no more; closed ones are begun again, from many addresses."""

    def __init__(self, port):
        self.port, self.made, self.over, self.socks = port, 0, False, []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def one(self, n):
        s = socket.socket()
        s.settimeout(0.5)
        s.bind((f'127.0.1.{1 + n % SOURCES}', 0))
        try:
            s.connect(('127.0.0.1', self.port))
            s.send(HELLO if n % 2 else HELLO[:3])
            self.made += 1
            self.socks.append(s)
        except OSError:
            s.close()

    def run(self):
        n = 0
        while not self.over and n < HALF_OPEN * 4:
            self.one(n)
            n += 1
            if len(self.socks) > HALF_OPEN:
                self.socks.pop(0).close()

    def end(self):
        self.over = True
        self.thread.join()
        for s in self.socks:
            s.close()


def handshakes(site, who, many):
    """N23, R8."""
    gate = site.pid_of('gate')
    judge('before', said(canary(site, who, 2)))
    watched, half = canary(site, who, SECONDS), HalfOpen(site.ports['mqtt'])
    full = generator(site, 'handshakes', many, many, '--pubs', 16, '--sources', SOURCES, '--warm', 0.2, '--seconds', SECONDS - 1)
    r, shaken = said(watched), said(full)
    most = rss_kib(gate)
    half.end()
    judge('N23 during', r)
    note(f"{half.made} handshakes begun and left, {shaken.get('per_s')} whole ones a second; gate {most} KiB")
    check('N23: there were strangers, and the site\'s own were served beside them', half.made > 100 and shaken.get('per_s', 0) > 0, shaken)
    check('N23: 256 handshakes in progress are all it holds: no more than 64 MiB', most < 64 * 1024, most)
    check('N23: the same processes', site.pid_of('gate') == gate and site.ready())
    check('N23: it is written who was turned away', until(lambda: site.entries('audit', 'refused'), 20))
    judge('after', said(canary(site, who, 2)))


def not_reading(site, device, viewer):
    """R7: a reader who stops reading; its share is bounded, it is told of, and nobody else waits for it."""
    gate, core = site.pid_of('gate'), site.pid_of('core')
    topic, bulk = f'sk/v1/{site.name}/{device.who}/m/bulk', 'x' * 60000
    stuck, speaker = Mqtt(site, viewer, viewer.who + '/stuck'), device.mqtt()
    stuck.subscribe(topic, 0)
    before = rss_kib(gate) + rss_kib(core)
    reasons = {speaker.publish(topic, bulk)[0] for _ in range(600)}  # 36 MB for one who takes none of it
    grown = rss_kib(gate) + rss_kib(core) - before
    check('R7: the publisher is answered all along', reasons <= {0, 0x10}, reasons)
    check('R7: of 36 MB not read at most 32 MiB is held', grown < 32 * 1024, f'{grown} KiB')
    check('R7: who does not read loses its link', closed_by_peer(stuck.sock, 20) is not None)
    speaker.close()


def away(site, device, viewer):
    """R7: what comes for one who is away waits within bounds: beyond them it is dropped, and that is counted."""
    core, topic = site.pid_of('core'), f'sk/v1/{site.name}/{device.who}/m/away'
    s = Mqtt(site, viewer, greet=False)
    expiry = b'\x05\x11\x00\x00\x0e\x10'  # Session Expiry Interval: an hour
    s.send(packet(0x10, _string('MQTT') + b'\x05\x02\x00\x3c' + expiry + _string(viewer.who + '/away')))
    s.expect(2)
    s.subscribe(topic, 1)
    s.sock.close()
    before, speaker = rss_kib(core), device.mqtt()
    reasons = {speaker.publish(topic, 'y' * 2000)[0] for _ in range(3000)}
    grown = rss_kib(core) - before
    check('R7: an absent reader costs the publisher nothing', reasons <= {0, 0x10}, reasons)
    check('R7: 6 MB for one who is away: at most 16 MiB of memory', grown < 16 * 1024, f'{grown} KiB')
    speaker.close()


def main():
    with Site('storm', config=CONFIG).start() as site:
        device, viewer, many = site.enrol('dev', 'device'), site.enrol('view', 'viewer'), site.enrol('many', 'device')
        handshakes(site, (device, viewer), many)
        not_reading(site, device, viewer)
        away(site, device, viewer)
        check('the site is as ready as before', site.ready())
    finish()


if __name__ == '__main__':
    main()
