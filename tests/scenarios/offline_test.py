#!/usr/bin/env python3
"""A gateway whose site is gone: the plant runs on, its declared settings are written, readings are kept on its disk through any end
of the agent; when the site is back they arrive in order, once, with their own times, and what had no room is named."""
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

from harness import BIN, FAKETIME, LONG, PLANT, Site, cbor, check, days_on, finish, free_port, modbus, note, run, skip, text_of, until
from unseal import messages

AGENT = os.path.join(BIN, 'sekimori-agent')
SEED = int(os.environ.get('SEED', '20261128'))
STREAMS = 'streams:\n' + ''.join(f'  - {{name: {n}, pattern: sk/v1/test/+/{p}, owner: asset-owner, label: internal, recorded: true, fail: pass-flag}}\n'
                                 for n, p in (('readings', 'm/#'), ('gaps', 'e/gap'), ('operations', 'e/operation'), ('people', 'e/people')))
MAP = ('read.level-upper = input 1 100 m\nread.flow = input 2 10 m3/h\ncommand.settings.safe = holding 0 200\n'
       'command.settings.set = set 0 1 100 300\naway = 1 settings safe\n')
KILLS = 40 if LONG else 8


def batch(payload):
    """A batch of origin has the number after its last."""
    _, _, _, first, leaves = cbor(cbor(payload)[0][2])[0]
    return {'n': first + len(leaves) // 32, 'first': first}


class Gateway:
    def __init__(self, site, who, *more):
        self.site, self.who, self.more, self.home, self.log = site, who, more, site.path(who), who + '.log'
        joined = run(AGENT, 'join', site.invite(who), '--state', self.home)
        check(f'{who} joins', joined.returncode == 0, joined.stderr)

    def start(self, env=None):
        log = open(self.site.path(self.log), 'ab')
        self.p = subprocess.Popen([AGENT, 'run', '--state', self.home, '--lang', 'en', *self.more], stdout=log, stderr=log,
                                  stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        self.site.children.append(self.p)

    def kill(self):
        self.p.send_signal(signal.SIGKILL)
        self.p.wait()

    def status(self):
        rows = [r.partition(': ') for r in run(AGENT, 'status', '--state', self.home, '--lang', 'en').stdout.splitlines()]
        return {name: value for name, _, value in rows}

    def waiting(self):
        return int(self.status().get('rows waiting in the buffer', -1))

    def recorded(self):
        """[(n, document, topic)] of this gateway in the record, in the record's order."""
        rows = [(batch(payload) if topic.endswith('/e/origin') else json.loads(payload), topic)
                for _, who, topic, payload in messages(self.site.path('site/ledger'))
                if who == self.who and (payload.startswith(b'{"n":') or topic.endswith('/e/origin'))]
        return [(d['n'], d, topic) for d, topic in rows]


def arrived(gateway, claim, lost=()):
    """Each number once, in order, but for those that are named; times never go back."""
    rows = gateway.recorded()
    numbers, times = [n for n, _, _ in rows], [d['t'] for _, d, _ in rows if 't' in d]
    want = [n for n in range(1, numbers[-1] + 1) if n not in lost] if numbers else None
    check(f'{claim}: {len(numbers)} readings, each number once, in order', numbers == want,
          [(a, b) for a, b in zip(numbers, want or []) if a != b][:3] or len(want or []))
    check(f'{claim}: with their own times', times == sorted(times))
    r = run(os.path.join(BIN, 'sekimori-verify'), 'origin', gateway.site.path('site/ledger'), '--lang', 'en')
    check(f'{claim}: nothing contradicts what was signed', r.returncode == 0 and f'{gateway.who}: proved' in r.stdout, r.stdout[-600:] + r.stderr)
    return rows


def operate(gateway, *words, pin=None, lang='en'):
    return run(AGENT, 'operate', '--state', gateway.home, '--lang', lang, *words, input=None if pin is None else pin + '\n')


def person(gateway, *words, pins='', lang='en'):
    return run(AGENT, 'person', *words, '--state', gateway.home, '--lang', lang, input=pins)


def registered(gateway):
    """People at the device: nobody by default, no PIN that anybody would guess, none twice."""
    r = operate(gateway, 'settings.set', '150', '--person', 'sato', pin='0000')
    check('with nobody registered an operation at the device is refused, in words', r.returncode == 4 and 'nobody is registered' in r.stderr, r.stderr)
    check('without a name, too', operate(gateway, 'settings.set', '150').returncode == 2)
    check('and by a shift list that does not exist', operate(gateway, 'settings.set', '150', '--shift').returncode == 4)
    bad = [('0000', 2), ('', 2), ('123456', 2), ('111111', 2)]
    check('a short or guessed PIN is not taken', all(person(gateway, 'add', 'sato', pins=f'{p}\n{p}\n').returncode == e for p, e in bad))
    check('nor two that differ', person(gateway, 'add', 'sato', pins='480217\n480218\n').returncode == 2)
    r = person(gateway, 'add', '佐藤', pins='480217\n480217\n', lang='ja')
    check('a person is registered with a PIN', r.returncode == 0 and '登録しました: 佐藤' in r.stdout, r.stdout + r.stderr)
    check('nobody else gets this PIN', person(gateway, 'add', 'tanaka', pins='480217\n480217\n').returncode == 6)
    check('another one, yes', person(gateway, 'add', 'tanaka', pins='773105\n773105\n').returncode == 0)
    check('the file is its owner\'s alone', os.stat(gateway.home + '/people').st_mode & 0o777 == 0o600)
    r = person(gateway, 'check')
    check('the probe finds no default and no empty PIN', r.returncode == 0 and 'persons: 2' in r.stdout, r.stdout + r.stderr)
    r = person(gateway, 'list', lang='ja')
    check('who may operate is listed', '操作できる人: 佐藤' in r.stdout, r.stdout)


def operated(gateway, plant_port):
    """What people do at the device while the site is gone; checked in the record when it is back."""
    r = operate(gateway, 'settings.set', '150', '--person', '佐藤', pin='480217')
    check('with the right PIN the operation is carried out, without a site', r.returncode == 0 and modbus(plant_port, 3, 0, 1) == [150], r.stdout + r.stderr)
    r = operate(gateway, 'settings.set', '999', '--person', '佐藤', pin='480217')
    check('outside the map\'s bounds it is not', r.returncode == 3 and 'refused-out-of-range' in r.stderr and modbus(plant_port, 3, 0, 1) == [150], r.stderr)
    wrong = [operate(gateway, 'settings.set', '160', '--person', 'tanaka', pin='773106').returncode for _ in range(5)]
    r = operate(gateway, 'settings.set', '160', '--person', 'tanaka', pin='773105')
    check('five wrong PINs lock that person', wrong == [4] * 5 and r.returncode == 4 and 'locked' in r.stderr, (wrong, r.stderr))
    now = time.time()
    day = lambda t: time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t))
    with open(gateway.home + '/shifts', 'w', encoding='utf-8') as f:
        f.write(f'shift = {day(now - 7200)} {day(now - 3600)} tanaka\nshift = {day(now - 3600)} {day(now + 7200)} 鈴木\n')
    os.chmod(gateway.home + '/shifts', 0o666)
    check('a shift list that anybody may write names nobody', operate(gateway, 'settings.set', '170', '--shift').returncode == 78)
    os.chmod(gateway.home + '/shifts', 0o600)
    r = operate(gateway, 'settings.set', '170', '--shift')
    check('at a panel without PIN it is whoever is on shift', r.returncode == 0 and modbus(plant_port, 3, 0, 1) == [170], r.stderr)


def operations(rows):
    said = [(d['person'], d['identity'], d['what'], d.get('value'), d['result']) for _, d, t in rows if t.endswith('/e/operation')]
    want = [('佐藤', 'pin', 'settings.set', '150', 'done'), ('佐藤', 'pin', 'settings.set', '999', 'refused-out-of-range'),
            *[('tanaka', 'pin', 'settings.set', '160', 'refused-pin')] * 5, ('鈴木', 'declared', 'settings.set', '170', 'done')]
    check('who operated what, and with what result, is in the record, numbered', said == want, said)
    probed = [(d['persons'], d['default_pin']) for _, d, t in rows if t.endswith('/e/people')]
    check('and that the probe found no default PIN', probed == [(2, 0)], probed)


def offline(site, gateway, plant_port):
    pick = random.Random(SEED)
    note(f'SEED={SEED}')
    check('readings come', until(lambda: len(gateway.recorded()) > 20, 15))
    site.daemon.send_signal(signal.SIGKILL)  # the keeper; gate, core and seal end with it
    site.daemon.wait()
    gone_ms = time.time() * 1000
    under_way = gateway.waiting()
    check('while the site is gone, the plant runs on', modbus(plant_port, 4, 0, 2)[1] > 0)
    check('and readings are kept', until(lambda: gateway.waiting() > 20, 15), gateway.status())
    check('after the declared time without a site its safe settings are written', until(lambda: modbus(plant_port, 3, 0, 1) == [200], 10),
          text_of(site.path(gateway.log))[-300:])
    operated(gateway, plant_port)
    kept = gateway.waiting()
    for _ in range(KILLS):
        time.sleep(pick.random() * 0.2)  # the random instant itself
        gateway.kill()
        now = gateway.waiting()
        if now < kept:
            check('kill -9 of the agent keeps what was kept', False, (kept, now))
        kept = now
        gateway.start()
    check(f'{KILLS} times kill -9 of the agent: what was kept stays', kept > 20, kept)
    back_ms = time.time() * 1000
    site.start()
    for _ in range(KILLS):  # and while it delivers
        time.sleep(pick.random() * 0.2)
        gateway.kill()
        gateway.start()
    check('when the site is back, all of it arrives', until(lambda: gateway.waiting() < 20, 30), gateway.status())
    gateway.p.terminate()
    check('the agent ends when it is told to', until(lambda: gateway.p.poll() is not None, 10) and gateway.p.returncode in (0, -signal.SIGTERM), gateway.p.returncode)
    gateway.start()
    check('nothing waits', until(lambda: gateway.waiting() < 10, 10), gateway.status())
    rows = arrived(gateway, 'after it all')
    away = [d for _, d, _ in rows if gone_ms < d.get('t', 0) < back_ms]
    check('those of the time without a site among them', len(away) >= kept - under_way - sum('first' in d for _, d, _ in rows),
          (len(away), kept, under_way))
    operations(rows)
    check('that the safe settings were written is in the record', any(t.endswith('/m/away') for _, _, t in rows))
    gateway.kill()


def verify_origin(site, *more, ledger='site/ledger'):
    return run(os.path.join(BIN, 'sekimori-verify'), 'origin', site.path(ledger), '--lang', 'en', *more)


def one_reading(site, gateway):
    """One entry of the record proved, by our program and by openssl and hashlib alone."""
    rows = [(i, topic, payload) for i, who, topic, payload in messages(site.path('site/ledger')) if who == gateway.who]
    index, topic, payload = next(r for r in rows if r[2].startswith(b'{"n":7,'))
    r = verify_origin(site, '--entry', index)
    check('one reading of the record is proved to be the 7th of its device', r.returncode == 0
          and r.stdout.strip() == f"entry {index}: gw-1's message 7, proved by the device's signature", r.stdout + r.stderr)
    cose = cbor(next(p for _, t, p in rows if t.endswith('/e/origin')))[0]
    first, leaves = cbor(cose[2])[0][3:]
    tail = topic.split('/', 4)[4].encode()
    said = b'sk-origin-1\0' + struct.pack('>QH', 7, len(tail)) + tail + struct.pack('>I', len(payload)) + payload
    check('the batch states it: SHA-256 by other code', leaves[32 * (7 - first):][:32] == hashlib.sha256(said).digest())
    text = lambda b: bytes([0x58, len(b)]) + b if len(b) < 256 else b'\x59' + struct.pack('>H', len(b)) + b
    halves = [cose[3][i:i + 32].lstrip(b'\0') for i in (0, 32)]
    der = b''.join(b'\2' + bytes([len(h) + (h[0] >> 7)]) + b'\0' * (h[0] >> 7) + h for h in halves)
    for name, content in (('tbs', b'\x84\x6aSignature1' + text(cose[0]) + b'\x40' + text(cose[2])), ('sig', b'\x30' + bytes([len(der)]) + der)):
        with open(site.path(name), 'wb') as f:
            f.write(content)
    run('sh', '-c', f"openssl x509 -in {gateway.home}/device.pem -noout -pubkey >{site.path('pub')}")
    r = run('openssl', 'dgst', '-sha256', '-verify', site.path('pub'), '-signature', site.path('sig'), site.path('tbs'))
    check('and openssl finds the batch signed with the key of its certificate', 'Verified OK' in r.stdout, r.stdout + r.stderr)


class Between(threading.Thread):
    """Whoever holds the gate's own certificate and key, and may hand on as the device: one figure changes on the way, no length does."""

    def __init__(self, site, gateway):
        super().__init__(daemon=True)
        self.site, self.gateway, self.changed = site, gateway, 0
        self.ear = socket.create_server(('127.0.0.1', 0))
        self.port = self.ear.getsockname()[1]
        self.inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inside.load_cert_chain(site.path('site/keys/server.pem'), site.path('site/keys/server.key'))
        self.start()

    def run(self):
        while True:
            raw = self.ear.accept()[0]
            threading.Thread(target=self.hand_on, args=(raw,), daemon=True).start()

    def hand_on(self, raw):
        try:
            near = self.inside.wrap_socket(raw, server_side=True)
            outside = ssl.create_default_context(cafile=self.site.ca())
            outside.load_cert_chain(self.gateway.home + '/device.pem', self.gateway.home + '/device.key')
            far = outside.wrap_socket(socket.create_connection(('127.0.0.1', self.site.ports['mqtt'])), server_hostname='localhost')
            threading.Thread(target=self.copy, args=(far, near, False), daemon=True).start()
            self.copy(near, far, True)
        except OSError:
            raw.close()

    def copy(self, source, sink, change):
        try:
            while b := source.recv(65536):
                found = re.search(rb'"u":"m","v":"(\d)\.', b) if change and not self.changed else None
                if found:
                    b = b[:found.start(1)] + (b'9' if found[1] != b'9' else b'1') + b[found.end(1):]
                    self.changed += 1
                sink.sendall(b)
        except OSError:
            pass
        sink.close()


def in_between(site):
    g = Gateway(site, 'gw-mid', '--every', '50', *site.small)
    between = Between(site, g)
    with open(g.home + '/agent.conf', encoding='ascii') as f:
        conf = f.read()
    with open(g.home + '/agent.conf', 'w', encoding='ascii') as f:
        f.write(re.sub(r'mqtt_port = \d+', f'mqtt_port = {between.port}', conf))
    g.start()
    done = lambda: sum('first' in d for _, d, _ in g.recorded()) >= 1
    check('a man in the middle with the gate\'s certificate changed one reading', until(done, 30) and between.changed == 1, text_of(site.path(g.log))[-300:])
    g.kill()
    r = until(lambda: (lambda r: 'of the record 0' in r.stdout and r)(verify_origin(site)), 10, 0.3) or verify_origin(site)  # the site goes on writing
    check('it is found, named by device, number and entry', r.returncode == 8
          and re.search(r'^gw-mid number \d+ entry \d+: not what the device signed$', r.stdout, re.M)
          and 'findings of origin 1, of the record 0' in r.stdout, r.stdout)
    r = run(os.path.join(BIN, 'sekimori-verify'), 'origin', site.path('site/ledger'), '--lang', 'ja')
    check('in Japanese, too', r.returncode == 8 and '機器が署名した内容と違う' in r.stdout, r.stdout)
    shutil.copytree(site.path('site/ledger'), site.path('alone/ledger'))
    r = verify_origin(site, ledger='alone/ledger')
    check('without the data keys it says what is missing', r.returncode == 1 and '--keys' in r.stderr, r.stderr)
    r = verify_origin(site, '--keys', site.path('site/data-keys'), ledger='alone/ledger')
    check('from a copy, offline, the same', r.returncode == 8 and 'gw-mid number' in r.stdout, r.stdout + r.stderr)


def counted(site):
    """Holes and repetitions are counted as they come, by device; what a device names as lost is no hole."""
    dev, base = site.enrol('num-1', 'device'), 'sk/v1/test/num-1/'
    for n in (1, 2, 5, 5, 6):
        dev.pub(base + 'm/level', json.dumps({'n': n, 't': 1, 'u': 'm', 'v': 3}, separators=(',', ':')), '-q', '1')
    shown = lambda: {k: (site.json('device', 'show', 'num-1') or {}).get(k) for k in ('numbered', 'missing', 'again', 'named_lost')}
    check('two numbers are missing, one came again', until(lambda: shown() == {'numbered': 6, 'missing': 2, 'again': 1, 'named_lost': 0}, 10), shown())
    found = until(lambda: [e['payload'] for e in site.entries('audit', 'origin-gap')], 30) or []
    check('which ones, in the record', [(d['id'], d['from'], d['to']) for d in found] == [('num-1', '3', '4')], found)
    check('and the repetition', until(lambda: [e['payload']['from'] for e in site.entries('audit', 'origin-again')] == ['5'], 10))
    dev.pub(base + 'e/gap', '{"n":7,"t":1,"from":3,"to":4,"lost":2,"since":1,"until":1}', '-q', '1')
    check('named by the device itself, they are no hole any more', until(lambda: shown() == {'numbered': 7, 'missing': 0, 'again': 1, 'named_lost': 2}, 10), shown())


def one_only(site, gateway):
    """Two agents on one folder would number twice; and what one needs of memory."""
    second = run(AGENT, 'run', '--state', gateway.home, '--lang', 'en', '--timeout', '5')
    check('a second agent on the same folder is refused, by name', second.returncode == 6 and 'another agent runs' in second.stderr, second.stderr)
    with open(f'/proc/{gateway.p.pid}/status', encoding='ascii') as f:
        rows = {k: int(v.split()[0]) for k, v in (x.split(':') for x in f if x.startswith(('VmRSS', 'RssAnon', 'VmHWM')))}
    note(f"agent with buffer, Modbus and session: RSS {rows['VmRSS']} KB, of it its own {rows['RssAnon']} KB, at most {rows['VmHWM']} KB")
    check('its own memory stays within 8 MB', rows['RssAnon'] <= 8192, rows)


def named(gateway):
    """The numbers that the device itself says are lost."""
    gaps = [d for _, d, t in gateway.recorded() if t.endswith('/e/gap')]
    return gaps, {n for d in gaps for n in range(d['from'], d['to'] + 1)}


def holes(gateway):
    """Numbers that are neither in the record nor named."""
    numbers = {n for n, _, _ in gateway.recorded()}
    return set(range(1, max(numbers, default=0) + 1)) - numbers - named(gateway)[1]


def no_more_room(site):
    g = Gateway(site, 'gw-small', '--every', '5', '--buffer', '64', *site.small)
    site.stop()
    g.start()
    check('a buffer without room drops the oldest and says which', until(lambda: 'numbers lost because the buffer was full' in g.status(), 60),
          g.status())
    site.start()
    check('what is left arrives', until(lambda: g.waiting() < 50 and named(g)[0] and not holes(g), 60, 0.5), g.status())
    g.p.terminate()
    g.p.wait(10)
    gaps, lost = named(g)
    check('the gap is in the record with numbers and times', gaps and all(d['lost'] == d['to'] - d['from'] + 1 and d['until'] >= d['since'] > 0
                                                                         for d in gaps), gaps)
    arrived(g, 'but for the named', lost)


def a_day(site):
    """24 hours of the agent's clocks in 24 seconds and less: a reading every 30 seconds, twice."""
    g = Gateway(site, 'gw-day', '--every', '30000', *site.small)
    site.stop()
    g.start({'LD_PRELOAD': FAKETIME, 'FAKETIME': '+0 x5000'})
    check('24 hours without a site are kept', until(lambda: g.waiting() >= 2 * 2880, 90), g.status())
    kept = g.waiting()
    g.kill()
    site.start()
    g.start(days_on(2))  # its own clock went on
    check('and arrive', until(lambda: g.waiting() == 0, 60), g.status())
    g.kill()
    rows = arrived(g, 'a day')
    hours = (rows[kept - 1][1]['t'] - rows[0][1]['t']) / 3600000 if len(rows) >= kept else 0
    check('24 hours of them', hours >= 23.9, hours)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


with Site() as site:
    site.start()
    with open(site.path('streams.yaml'), 'w') as f:
        f.write(STREAMS)
    r = site.cli('stream', 'apply', site.path('streams.yaml'))
    check('the streams are recorded', r.returncode == 0, r.stdout + r.stderr)
    with open(site.path('plant.map'), 'w') as f:
        f.write(MAP)
    port = free_port()
    site.spawn(PLANT, port, 60)
    until(lambda: listens(port), 5)
    site.small = ['--modbus', f'127.0.0.1:{port}', '--map', site.path('plant.map'), '--only-controller']
    gateway = Gateway(site, 'gw-1', '--every', '50', *site.small)
    gateway.start()
    check('a session', until(lambda: 'session: gw-1' in text_of(site.path(gateway.log)), 10))
    one_only(site, gateway)
    registered(gateway)
    offline(site, gateway, port)
    own = site.json('device', 'show', 'gw-1')
    check('the site counted no hole and no repetition of it', own.get('numbered', 0) > 0 and own['missing'] == 0 and own['again'] == 0, own)
    one_reading(site, gateway)
    no_more_room(site)
    if LONG and FAKETIME:
        a_day(site)
    elif LONG:
        skip('24 hours', 'libfaketime is not installed')
    in_between(site)
    counted(site)
finish()
