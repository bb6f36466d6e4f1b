#!/usr/bin/env python3
"""The deck's nine threats, enacted on the running demo. usage: threats.py STATE BIN CONSOLE_PORT MQTT_PORT ja|en [--json]
Uses what anybody could: the network, the file system, the command line, the API of a signed-in page. Every word of the table comes
from what the site then said, not from here; a line that did not come out as it should ends the run with 1."""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

state, bin_dir, console, mqtt, lang = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
here = os.path.dirname(os.path.abspath(__file__))
demo = os.path.join(here, '..', '..', 'demo')
device = os.path.join(state, 'device')
os.environ['SEKIMORI_DEMO_STATE'], os.environ['SEKIMORI_DEMO_PORT'], os.environ['SEKIMORI_BUILD'] = state, str(console), bin_dir
said = lambda ja, en: ja if lang == 'ja' else en


def run(*argv, timeout=60):
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout)


def agent(who, *argv, timeout=20):
    return run(os.path.join(bin_dir, 'sekimori-agent'), *argv, '--state', os.path.join(device, who), '--lang', 'en', timeout=timeout)


class Site:
    """A signed-in page: what people see."""

    def __init__(self):
        self.cookie = None
        out = run(os.path.join(bin_dir, 'sekimori'), '--state', os.path.join(state, 'site'), '-o', 'json', 'login').stdout
        token = re.search(r'#([0-9a-f]+)', out)[1]
        c = http.client.HTTPConnection('localhost', console, timeout=10)
        c.request('POST', '/api/v1/session', json.dumps({'token': token}), {'Origin': f'http://localhost:{console}'})
        self.cookie = c.getresponse().getheader('Set-Cookie').split(';')[0]

    def get(self, path, cookie=True):
        c = http.client.HTTPConnection('localhost', console, timeout=10)
        c.request('GET', path, headers={'Cookie': self.cookie} if cookie else {})
        r = c.getresponse()
        body = r.read()
        return r.status, json.loads(body) if body[:1] in b'{[' else body

    def picture(self):
        _, s = self.get('/api/v1/status')
        _, m = self.get('/api/v1/mission')
        return {'limits': {x['id']: x for x in s['limits'] if x['enforced']}, 'stake': s.get('at_stake'), 'state': s['state'],
                'figure': m['figures']['decision_yen'], 'denied': s['traffic']['denied'], 'unauthenticated': s['unauthenticated'], 'missions': m}

    def readings(self):
        return {(r['from'], r['topic']): r['at'] for r in self.get('/api/v1/readings')[1]}


site = Site()


def until(what, seconds):
    end = time.time() + seconds
    while time.time() < end:
        got = what()
        if got:
            return got
        time.sleep(0.02)
    return what()


def kept():
    """What went on, measured now: each device's readings newer than this moment, and a command in the safe direction."""
    before = site.readings()
    sources = {'gw-02', 'chlorine-01', 'level-01'}  # what carries the plant's own values, every two seconds
    fresh = lambda: {k[0] for k, at in site.readings().items() if at > before.get(k, '')}
    until(lambda: sources <= fresh(), 6)
    alive = len(sources & fresh())
    safe = agent('operator-1', 'pub', 'sk/v1/mizu/gw-02/cmd/pump', json.dumps({'do': 'stop', 'id': f'safe-{time.time_ns()}'})).returncode == 0
    return alive == len(sources) and safe, said(f'計測 {alive}/{len(sources)} 台、安全側の指令 {"通過" if safe else "不通"}',
                                               f'readings of {alive}/{len(sources)} devices, safe-direction command {"passed" if safe else "stopped"}')


def tls(port, cert=None, version=None, timeout=4):
    """One try at the door. '' when it opened, else why not."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if version:
        c.minimum_version = c.maximum_version = version
    if cert:
        c.load_cert_chain(*cert)
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=timeout) as raw, c.wrap_socket(raw, server_hostname='localhost') as s:
            s.sendall(bytes.fromhex('101400044d515454050200000000077374726167'))
            return '' if s.recv(64) else 'closed'
    except (OSError, ssl.SSLError) as e:
        return getattr(e, 'reason', None) or type(e).__name__


# ---- the nine ----

def s1():
    """Somebody says to be the operator: guessed passwords, and a sensor's own credentials used for a pump command."""
    c = http.client.HTTPConnection('localhost', console, timeout=10)
    c.request('POST', '/api/v1/session', json.dumps({'user': 'sachiko', 'password': 'mizu2026'}), {'Origin': f'http://localhost:{console}'})
    wrong = c.getresponse().status
    r = agent('level-01', 'pub', 'sk/v1/mizu/gw-02/cmd/pump', '{"do":"start","id":"threat-s1"}')
    refused = re.search(r'0x87 [a-z-]+', r.stderr + r.stdout)
    return wrong == 401 and r.returncode == 3 and bool(refused), f'HTTP {wrong}; MQTT {refused[0] if refused else r.returncode}'


def s2():
    """A flood of connections that never finish, while the operator works."""
    stop, opened, worst = threading.Event(), [0], [0.0]

    def flood():
        held = []
        while not stop.is_set():
            try:
                held.append(socket.create_connection(('127.0.0.1', mqtt), timeout=1))
                opened[0] += 1
            except OSError:
                pass
            if len(held) > 100:
                held.pop(0).close()
        for s in held:
            s.close()

    crowd = [threading.Thread(target=flood) for _ in range(2)]
    for t in crowd:
        t.start()
    good = 0
    for i in range(5):
        at = time.time()
        good += agent('operator-1', 'pub', 'sk/v1/mizu/gw-02/cmd/pump', json.dumps({'do': 'stop', 'id': f'flood-{i}-{time.time_ns()}'})).returncode == 0
        worst[0] = max(worst[0], time.time() - at)
    stop.set()
    for t in crowd:
        t.join()
    return good == 5 and opened[0] > 100, said(f'{opened[0]} 接続の殺到中、指令 {good}/5（最も遅い {worst[0]*1000:.0f} ms、接続から）',
                                               f'{opened[0]} connections, commands {good}/5 meanwhile (slowest {worst[0]*1000:.0f} ms with its connection)')


def s3():
    """Malformed packets and forbidden paths, as an exploit tries them, from a device that is let in."""
    own = [os.path.join(device, 'level-01', f) for f in ('device.pem', 'device.key')]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(*own)
    closed = 0
    bad = [b'\x10\xff\xff\xff\xff\xff', b'\x00' * 64, b'\x10\x0a\x00\x04MQTT\xff\x00\x00\x00', b'\xf0' * 32, b'\x30\x80\x80\x80\x01' + b'A' * 64]
    for packet in bad:
        try:
            with socket.create_connection(('127.0.0.1', mqtt), timeout=5) as raw, context.wrap_socket(raw, server_hostname='localhost') as s:
                s.sendall(packet)
                while s.recv(256):
                    pass
                closed += 1
        except (ConnectionError, ssl.SSLError):
            closed += 1
        except OSError:
            pass
    path, _ = site.get('/api/v1/../../etc/passwd')
    ready, _ = site.get('/ready', cookie=False)
    return closed == len(bad) and path in (400, 404) and ready == 200, said(f'不正な電文 {closed}/{len(bad)} を切断、経路 HTTP {path}、稼働 HTTP {ready}',
                                                                             f'malformed packets cut {closed}/{len(bad)}, path HTTP {path}, ready HTTP {ready}')


def p1():
    """One byte of a copy of the record is changed, as whoever holds the disk could."""
    copy = tempfile.mkdtemp(prefix='sekimori-threat-')
    try:
        shutil.copytree(os.path.join(state, 'site', 'ledger'), copy + '/ledger')
        sound = run(os.path.join(bin_dir, 'sekimori-verify'), copy + '/ledger').returncode
        with open(copy + '/ledger/data/000000', 'r+b') as f:  # in the middle of what is written
            at = len(f.read().rstrip(b'\0')) // 2
            f.seek(at)
            b = f.read(1)[0]
            f.seek(at)
            f.write(bytes([b ^ 1]))
        r = run(os.path.join(bin_dir, 'sekimori-verify'), copy + '/ledger')
        where = (r.stdout + r.stderr).replace(copy, '').strip().splitlines()
        return sound == 0 and r.returncode == 8, said(f'検証 {sound} → {r.returncode}：', f'verify {sound}, then {r.returncode}: ') + (where[0][:90] if where else '')
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def p2():
    """Somebody asks for data that is not theirs: a sensor for everything, a stranger for the API."""
    r = agent('level-01', 'sub', 'sk/v1/#', '--timeout', '4')
    refused = re.search(r'0x87', r.stderr + r.stdout)
    codes = [site.get(p, cookie=False)[0] for p in ('/api/v1/readings', '/api/v1/model', '/api/v1/ledger/entries')]
    return bool(refused) and codes == [401] * 3, f'MQTT {refused[0] if refused else r.returncode}; HTTP {codes}'


def n1():
    """Somebody listens on the wire while a command with a marker passes; plaintext is tried at the door."""
    mark = f'marker{time.time_ns()}'
    plain = ''
    try:
        with socket.create_connection(('127.0.0.1', mqtt), timeout=3) as s:
            s.sendall(bytes.fromhex('101400044d515454050200000000077374726167'))
            plain = 'answered' if s.recv(4)[:1] == b'\x20' else 'cut'
    except OSError:
        plain = 'cut'
    old = tls(mqtt, version=ssl.TLSVersion.TLSv1_2)
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    except PermissionError:
        return False, said('傍受には root が要ります', 'listening needs root')
    tap.bind(('lo', 0))
    tap.settimeout(0.3)
    seen, done = bytearray(), threading.Event()

    def listen():
        while not done.is_set():
            try:
                seen.extend(tap.recv(65535))
            except TimeoutError:
                pass
    t = threading.Thread(target=listen)
    t.start()
    sent = agent('operator-1', 'pub', 'sk/v1/mizu/gw-02/cmd/pump', json.dumps({'do': 'stop', 'id': mark})).returncode
    time.sleep(0.3)
    done.set()
    t.join()
    tap.close()
    found = seen.count(mark.encode())
    return sent == 0 and found == 0 and len(seen) > 1000 and plain == 'cut' and bool(old), said(
        f'傍受 {len(seen)} バイト中、指令の文字列 {found} 回。平文 {plain}、TLS 1.2 拒否', f'{len(seen)} bytes overheard, the command in them {found} times; plaintext {plain}, TLS 1.2 refused')


def n2():
    """Somebody stands between a device and the site, with a certificate of their own."""
    d = tempfile.mkdtemp(prefix='sekimori-threat-')
    listener = socket.create_server(('127.0.0.1', 0))
    got = []
    try:
        run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=localhost',
            '-addext', 'subjectAltName=DNS:localhost', '-keyout', d + '/k', '-out', d + '/c')
        shutil.copytree(os.path.join(device, 'operator-1'), d + '/dev')
        with open(d + '/dev/agent.conf') as f:
            conf = re.sub(r'mqtt_port = \d+', f'mqtt_port = {listener.getsockname()[1]}', f.read())
        with open(d + '/dev/agent.conf', 'w') as f:
            f.write(conf)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(d + '/c', d + '/k')

        def between():
            listener.settimeout(10)
            try:
                raw, _ = listener.accept()
                raw.settimeout(4)
                with context.wrap_socket(raw, server_side=True) as s:
                    got.append(s.recv(4096))
            except (OSError, ssl.SSLError) as e:
                got.append(getattr(e, 'reason', None) or type(e).__name__)
        t = threading.Thread(target=between)
        t.start()
        r = run(os.path.join(bin_dir, 'sekimori-agent'), 'pub', 'sk/v1/mizu/gw-02/cmd/pump', '{"do":"start","id":"n2"}', '--state', d + '/dev', '--timeout', '5', timeout=20)
        t.join()
        leaked = sum(len(x) for x in got if isinstance(x, bytes))
        return r.returncode != 0 and leaked == 0 and bool(got), said(f'端末が相手を拒否（{got[0]}）、漏れた {leaked} バイト', f'the device refused ({got[0]}), {leaked} bytes leaked')
    finally:
        listener.close()
        shutil.rmtree(d, ignore_errors=True)


def d1():
    """One byte of a gateway's firmware changes."""
    r = run(demo, 'attack', 'tamper-firmware', '--lang', lang, timeout=120)
    ms = re.search(r'(\d+) ms', r.stdout)
    return r.returncode == 0, said(f'TPM の引用が承認済みの版と不一致（起動から {ms[1] if ms else "?"} ms）', f'the TPM quote differs from the signed release ({ms[1] if ms else "?"} ms from its start)')


def d2():
    """A device nobody enrolled, with a certificate it made itself under a real name; and one more that has none."""
    d = tempfile.mkdtemp(prefix='sekimori-threat-')
    try:
        run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=gw-02', '-keyout', d + '/k', '-out', d + '/c')
        own, none = tls(mqtt, cert=(d + '/c', d + '/k')), tls(mqtt)
        return bool(own) and bool(none), said(f'自作の証明書 {own}、証明書なし {none}', f'its own certificate: {own}; none: {none}')
    finally:
        shutil.rmtree(d, ignore_errors=True)


NINE = [
    ('S1', 'なりすまし', 'impersonation', s1), ('S2', 'サービス妨害', 'denial of service', s2), ('S3', '脆弱性への攻撃', 'attack on a vulnerability', s3),
    ('P1', 'データの改ざん', 'tampering with data', p1), ('P2', 'データの漏えい', 'leak of data', p2), ('N1', '盗聴', 'eavesdropping', n1),
    ('N2', '通信からの漏えい', 'leak in transit', n2), ('D1', '機器の改ざん', 'tampering with a device', d1), ('D2', '信頼できない機器', 'untrusted device', d2),
]


def tier_of(before, after, new, otherwise):
    """Which of the three tiers spoke, by what the site shows: A limits, B what is at stake, C the yearly picture; else the door refused."""
    tiers = []
    if new:
        tiers.append('A')
    if after['stake'] and not before['stake']:
        tiers.append('B')
    if (after['figure'] - before['figure']) * 50 > before['figure']:
        tiers.append('C')
    return '+'.join(tiers) or otherwise


def limit_text(new):
    if not new:
        return said('なし（拒否で足りる）', 'none (refusal suffices)')
    scope = lambda x: x['device'] or x['stream']
    return ', '.join(f"{x['mode']}: {scope(x)} ({x['decision']})" for x in new)


def enact(row):
    number, ja, en, what = row
    before = site.picture()
    at = time.time()
    good, measured = what()
    took = time.time() - at
    after = site.picture()
    new = [x for i, x in sorted(after['limits'].items()) if i not in before['limits']]
    going, text = kept()
    if number == 'D1':
        run(demo, 'fix', '--lang', lang, timeout=120)
    quiet = number == 'D1' or not new  # a stranger must tighten nothing
    return {'threat': f'{number} {said(ja, en)}', 'good': bool(good and going and quiet), 'measured': measured, 'tier': tier_of(before, after, new, said('検証', 'verifier') if number == 'P1' else said('入口', 'door')),
            'limit': limit_text(new), 'seconds': round(took, 1), 'kept': text, 'state': after['state']}


def width(text):
    return sum(2 if ord(c) > 0x2e80 else 1 for c in text)


def main():
    rows = [enact(r) for r in NINE]
    if '--json' in sys.argv:
        print(json.dumps(rows, ensure_ascii=False))
        return sys.exit(0 if all(r['good'] for r in rows) else 1)
    for r in rows:
        mark = '●' if r['good'] else '■'
        print(f"{mark} {r['threat']}{' ' * max(1, 30 - width(r['threat']))}{said('段', 'tier')} {r['tier']}  {r['seconds']} s")
        print(f"    {said('測定', 'measured')}: {r['measured']}")
        print(f"    {said('制限', 'limit')}: {r['limit']}")
        print(f"    {said('継続', 'kept running')}: {r['kept']}")
    good = sum(r['good'] for r in rows)
    print(said(f'9件中 {good} 件がこのとおり（段：A 条件、B 確定した事案、C 年間の見込み、入口 = 接続・権限の拒否、検証 = 記録の検証）',
               f'{good} of 9 as they should be (tiers: A conditions, B confirmed events, C the yearly picture; door = refused at connection or by access, verifier = of the record)'))
    sys.exit(0 if good == 9 else 1)


main()
