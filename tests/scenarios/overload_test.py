#!/usr/bin/env python3
"""Overload (M10): a hundred identities of the least important mission send as fast as they can while strangers and the
site's own shake hands; the important mission's readings go on, whoever yields is told so by reason code, commands and
alarms are not touched, and the record says when it began and what it cost. Times judge only in the long regime."""
import contextlib
import json
import os
import selectors
import signal
import ssl
import subprocess
import threading
import time

from harness import BUILD, LONG, ROOT, Site, check, finish, note, packet, text_of, tls_socket, until, _string

BENCH = os.path.join(BUILD, 'sekimori-bench')
FLOODERS, SECONDS = (100, 20) if LONG else (12, 6)
LIGHTS = {
    'functions:\n': '''  - id: akari
    name: {ja: "街灯を灯す", en: "Keep the street lights on"}
    sentence: {ja: "街灯が{time}を超えて消えるおそれ", en: "Chance that the street lights are out for more than {time}"}
    safety: S0
    tolerance: {yen: "1300万", outages: "5"}
    functions: [lighting]

functions:
  - id: lighting
    name: {ja: "街灯", en: "Street lights"}
    minimum: {ja: "主要道路の照明", en: "Light on main roads"}
    tolerable_outage: 12h
    customers: 41000
    depends: [{group: lamps, effect: fail}]
    alternatives: []
''',
    'groups:\n': '''groups:
  - {id: lamps, name: {ja: "街灯の制御器（模擬）", en: "Lamp controllers (simulated)"}, layer: device, zone: office, simulated: true}
''',
}


def two_missions(site):
    text = text_of(os.path.join(ROOT, 'examples/water/mission.yaml'))
    for where, new in LIGHTS.items():
        text = text.replace('\n' + where, '\n' + new, 1)
    path = site.path('two.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    site.mission(path)


class Flood:
    """Readings at QoS 0, as many as the site takes, from every client at once; and evidence that nobody asked for (N40)."""

    def __init__(self, site, clients, prover):
        one = lambda who, what: packet(0x30, _string(f'sk/v1/{site.name}/{who}/{what}') + b'\0' + b'x' * 64)
        self.lines = [(c.mqtt(f'{c.who}/flood-{n}').sock, one(c.who, 'm/lux') * 100) for n, c in enumerate(clients)]
        self.lines += [(prover.mqtt(prover.who + '/flood').sock, one(prover.who, 'att/evidence') * 100)]
        self.sent, self.over = 0, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def push(self, key):
        sock, block = key.data[0], key.data[1]
        try:
            n = sock.send(block[key.data[2]:])
            key.data[2] = (key.data[2] + n) % len(block)
            self.sent += n
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass

    def run(self):
        ready = selectors.DefaultSelector()
        for sock, block in self.lines:
            sock.setblocking(False)
            ready.register(sock, selectors.EVENT_WRITE, [sock, block, 0])
        while not self.over:
            for key, _ in ready.select(0.2):
                self.push(key)

    def end(self):
        self.over = True
        self.thread.join()
        for sock, _ in self.lines:
            sock.close()


class Slowed:
    """The core runs in bursts too far apart to take what is sent: any flood is then more than this site can take, however fast the
    machine."""

    def __init__(self, site):
        self.core, self.over = site.pid_of('core'), threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            os.kill(self.core, signal.SIGSTOP)
            self.over.wait(0.42)
            os.kill(self.core, signal.SIGCONT)
            self.over.wait(0.01)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def generator(site, mode, pub, sub, *more):
    argv = [BENCH, mode, '--port', site.ports['mqtt'], '--ca', site.ca(), '--cert', pub.cert, '--key', pub.key, '--sub-cert', sub.cert,
            '--sub-key', sub.key, '--pub-id', pub.who, '--sub-id', sub.who, '--prefix', f'sk/v1/{site.name}/{pub.who}/m', *more]
    return subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def canary(site, pump, viewer, seconds):
    return generator(site, 'pairs', pump, viewer, '--pubs', 1, '--rate', 50, '--qos', 1, '--seconds', seconds)


def judged(what, process):
    out, err = process.communicate(timeout=120)
    r = json.loads(out) if out.strip().startswith('{') else {'good': False, 'why': err[-300:]}
    d = r.get('delivery', {})
    note(f"{what}: the important mission's readings: median {d.get('p50_us', 0) / 1000:.1f} ms, p99 {d.get('p99_us', 0) / 1000:.1f} ms, "
         f"worst {d.get('most_us', 0) / 1000:.1f} ms of {d.get('n')}")
    check(f'{what}: of the important mission nothing is lost or doubled, and its link stands',
          r.get('good') and not r['lost'] and not r['duplicates'] and not r['lines_lost'] and d['n'] > 0, r)
    if LONG and d:
        check(f'{what}: p99 below 50 ms', d['p99_us'] < 50000, d)


def told(site, lamp, pump):
    """What each is answered while it lasts."""
    asking, working = lamp.mqtt(lamp.who + '/asks'), pump.mqtt(pump.who + '/asks')
    own = lambda c, rest: f'sk/v1/{site.name}/{c.who}/{rest}'
    def refused():
        code, why = asking.publish(own(lamp, 'm/lux'), '1')
        return (code, why) if code == 0x97 else None
    with contextlib.nullcontext() if LONG else Slowed(site):
        answer = until(refused, 30, 0.2)
    check('whoever yields is told by 0x97 and in words', answer and 'more important mission' in answer[1], answer)
    check('its alarm goes through all the same', asking.publish(own(lamp, 'a/dark'), '1')[0] < 0x80)
    check('the important mission is not asked to yield', working.publish(own(pump, 'm/level'), '1')[0] < 0x80)
    for c in (asking, working):
        c.close()


def main():
    with Site('overload').start() as site:
        two_missions(site)
        pump, viewer = site.enrol('pump', 'device', 'gateways'), site.enrol('view', 'viewer')
        many, prover = site.enrol('many', 'device', 'lamps'), site.enrol('prover', 'device', 'lamps')
        lamps = [site.enrol(f'lamp-{n:03}', 'device', 'lamps') for n in range(FLOODERS)]
        judged('before', canary(site, pump, viewer, 2))
        flood = Flood(site, lamps, prover)
        shakes = generator(site, 'handshakes', many, many, '--pubs', 16, '--sources', 20, '--warm', 0.2, '--seconds', SECONDS)
        told(site, lamps[0], pump)
        during = canary(site, pump, viewer, SECONDS - 2)
        judged('during', during)
        shaken = json.loads(shakes.communicate(timeout=60)[0] or '{}')
        flood.end()
        note(f"{FLOODERS} identities pushed {flood.sent / 1e6:.0f} MB; {shaken.get('per_s')} handshakes a second beside them")
        began = until(lambda: site.entries('audit', 'overload'), 10)
        check('the record says that it began', began, began)
        over = until(lambda: site.entries('audit', 'overload-over'), 60)
        check('it ends by itself, and the record says what was refused', over and int(over[-1]['payload']['refused']) > 0, over)
        proofs = [r for r in site.json('ledger', 'list', '--kind', 'evidence') or [] if 'prover' in json.dumps(r)]
        check('N40: of evidence that nobody asked for nothing is kept but a few words', len(proofs) < 20, len(proofs))
        calm = lamps[0].mqtt()
        check('then everybody is served again', calm.publish(f'sk/v1/{site.name}/{lamps[0].who}/m/lux', '1')[0] < 0x80)
        calm.close()
        judged('after', canary(site, pump, viewer, 2))
        check('the site is as ready as before', site.ready())
    finish()


if __name__ == '__main__':
    main()
