#!/usr/bin/env python3
"""The main job, seen from outside: one byte of a gateway's firmware changes; its commands wait for two people, its
readings pass flagged, the plant keeps pumping; why, fix, proof. Then how long the limit takes to act."""
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

from harness import BIN, LONG, Demo, Tpm, check, finish, modbus, note, processes_with, receipt, run, text_of, until

PUMP = 'sk/v1/mizu/gw-02/cmd/pump'
RUNS = 20 if LONG else 5


def plant(demo):
    lower, upper, flow, demand, _, _, _, minutes, starts, mode, alarms = modbus(demo.ports['plant'], 4, 0, 11)
    return {'pumping': modbus(demo.ports['plant'], 2, 0, 1)[0], 'upper': upper, 'flow': flow, 'minutes': minutes, 'mode': mode, 'alarms': alarms}


def limits(demo, device):
    return [x for x in demo.json('limit', 'list') if x['device'] == device and x['enforced'] and x['mode'] == 'hold']


def readings_of(demo):
    """The page's own view of readings, by the local socket's twin on the console: with a session."""
    url = demo.json('login')['url']
    token = json.dumps({'token': url.split('#')[1]})
    jar = demo.path('jar')
    demo.http('console', '/api/v1/session', '-c', jar, '--data-binary', token, method='POST')
    doc = json.loads(demo.http('console', '/api/v1/readings', '-b', jar)[1])
    rows = doc if isinstance(doc, list) else doc['readings']
    return {r['topic']: r for r in rows}


def order(client, what, name, topic=PUMP):
    return client.publish(topic, json.dumps({'do': what, 'id': name}))


def pcr_digest(folder):
    shown = run('tpm2_print', '-t', 'TPMS_ATTEST', folder + '/quote.msg').stdout
    return re.search(r'pcrDigest: ([0-9a-f]{64})', shown).group(1)


def outside_verdict(demo, name):
    """tpm2_checkquote on what `device evidence` exported: (agrees, digest)."""
    folder = demo.path('evidence-' + name)
    r = demo.cli('device', 'evidence', 'gw-02', '--out', folder)
    checked = run('sh', '-c', r.stdout.strip())
    return checked.returncode == 0, pcr_digest(folder), folder


def digest_of(image):
    with open(image, 'rb') as f:
        pcr = hashlib.sha256(bytes(32) + hashlib.sha256(f.read()).digest()).digest()
    return hashlib.sha256(pcr).hexdigest()


def attacked(demo, operator, offset):
    r = demo.demo('attack', 'tamper-firmware', '--offset', str(offset))
    check(f'offset {offset}: attack returns 0 with its limit in force', r.returncode == 0 and limits(demo, 'gw-02'), r.stdout[-400:])
    check(f'offset {offset}: status exits 7', demo.demo('status').returncode == 7)
    reason, words = order(operator, 'start', f'held-{offset}')
    check(f'offset {offset}: a command is answered 0x83 with its hold', reason == 0x83 and re.match(r'held H-\d+: limit L-\d+ of decision D-1', words),
          (reason, words))


def fixed(demo, name):
    began = time.monotonic()
    r = demo.demo('fix')
    took = time.monotonic() - began
    check(f'{name}: fix ends with status 0 within 30 s', r.returncode == 0 and took <= 30 and demo.demo('status').returncode == 0,
          f'{took:.1f} s {r.stdout[-400:]}')
    note(f'{name}: fixed in {took:.1f} s')


def mosquitto_sees(demo, outside):
    """The same answers by mosquitto's own clients."""
    r = outside.pub(PUMP, '{"do":"start","id":"mosquitto-1"}', '-V', 'mqttv5', '-q', '1')
    check('mosquitto_pub: the hold\'s reason code is 0x83', 'Implementation specific error' in r.stdout + r.stderr, r)
    log = 'replies.log'
    demo.spawn('stdbuf', '-oL', 'mosquitto_sub', *outside.args()[:-2], '-i', 'outside-1/replies', '-d', '-V', 'mqttv5', '-q', '1', '-t', PUMP + '/reply', '-W', '60',
               log=log)
    until(lambda: 'SUBACK' in text_of(demo.path(log)))
    r = outside.pub(PUMP, '{"do":"stop","id":"mosquitto-stop"}', '-V', 'mqttv5', '-q', '1')
    check('mosquitto_pub: the safe direction passes', r.returncode == 0 and 'failed' not in r.stderr + r.stdout, r)
    check('its receipt comes back', until(lambda: 'mosquitto-stop' in [receipt(x).get('id') for x in text_of(demo.path(log)).splitlines()], 10), text_of(demo.path(log))[-300:])
    check('the pump has stopped by order', until(lambda: plant(demo)['mode'] == 2, 5), plant(demo))
    flagged = run('mosquitto_sub', *outside.args()[:-2], '-i', 'outside-1/readings', '-V', 'mqttv5', '-t', 'sk/v1/mizu/gw-02/m/#', '-C', '3', '-W', '15',
                  '-F', '%t %P %p', timeout=20)
    lines = flagged.stdout.splitlines()
    check('readings of the gateway arrive, each flagged', len(lines) == 3 and all('sk-flag' in x for x in lines), flagged)
    sound = run('mosquitto_sub', *outside.args()[:-2], '-i', 'outside-1/sound', '-V', 'mqttv5', '-t', 'sk/v1/mizu/level-01/m/#', '-C', '1', '-W', '15', '-F', '%t %P %p', timeout=20)
    check('a sound device\'s readings have no flag', sound.stdout and 'sk-flag' not in sound.stdout, sound)


def explained(demo):
    for lang, word in (('en', 'held'), ('ja', '保留')):
        r = run(os.path.join(BIN, 'sekimori'), '--state', demo.state, '--lang', lang, 'why', 'operator-1', 'command', PUMP)
        steps = re.findall(r'[├└] (safe direction|\S+)', r.stdout)
        for step in ('identity', 'life', 'trust', 'stream', 'grant', 'safe direction', 'limit', 'condition', 'evidence', 'decision', 'signer',
                     'authority', 'end', 'appeal'):
            check(f'why ({lang}) has the step {step}', step in steps, steps)
        check(f'why ({lang}): three people signed', steps.count('signer') == 3)
        check(f'why ({lang}) is in its language', word in r.stdout, r.stdout[:300])
        check(f'why ({lang}) names the finding', 'firmware-mismatch' in r.stdout and 'D-1' in r.stdout)


def released(demo, watcher):
    """One person cannot, nor one person twice, nor a stranger; two can, once."""
    hold = [h for h in demo.json('status')['held'] if h['from'] == 'operator-2'][0]
    mission, asset, executive = (demo.key(r) for r in ('mission-owner', 'asset-owner', 'executive'))
    stranger = demo.path('stranger.key')
    run('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', stranger)
    for name, keys in (('one person', [mission]), ('one person twice', [mission, mission]), ('a person and a stranger', [mission, stranger])):
        r = demo.cli('limit', 'release', hold['id'], *sum((['--key', k] for k in keys), []))
        check(f'{name} cannot release', r.returncode not in (0, 75), r)
    paper = demo.path('release.json')
    demo.cli('limit', 'release', hold['id'], '--out', paper)
    for _ in range(2):
        demo.cli('limit', 'sign', paper, '--key', mission)
    check('one person\'s signature on paper does not do', demo.cli('limit', 'apply', paper).returncode not in (0, 75))
    check('still held', any(h['id'] == hold['id'] for h in demo.json('status')['held']))
    demo.cli('limit', 'sign', paper, '--key', asset)
    r = demo.cli('limit', 'apply', paper)
    check('two people release it', r.returncode == 0, r)
    got = watcher.receive(10, lambda m: receipt(m[1]).get('id', '').startswith('held-'))
    check('the device carried it out: its receipt came', got is not None and receipt(got[1])['result'] == 'done', got)
    check('the pump runs by order', until(lambda: plant(demo)['mode'] == 3, 5), plant(demo))
    check('the paper does not work twice', demo.cli('limit', 'apply', paper).returncode not in (0, 75))
    r = demo.cli('limit', 'release', hold['id'], '--key', mission, '--key', executive)
    check('nor another pair\'s', r.returncode not in (0, 75), r)
    check('one receipt only', got and watcher.receive(1.0, lambda m: receipt(m[1]).get('id') == receipt(got[1])['id']) is None)


def elsewhere(demo):
    """A copy of the record on 'another machine': nothing of the site is there."""
    away = tempfile.mkdtemp(prefix='sekimori-away-')
    copy = os.path.join(away, 'ledger')
    shutil.copytree(os.path.join(demo.state, 'ledger'), copy)
    r = run(os.path.join(BIN, 'sekimori-verify'), copy, cwd=away)
    check('a copy taken while running verifies', r.returncode == 0, r.stdout + r.stderr)
    for kind, want in (('decision', None), ('limit', 'attested(gw-02)'), ('hold', 'H-'), ('release', 'H-'), ('evidence', 'firmware-mismatch')):
        rows = [e for e in demo.entries(kind) if want is None or want in json.dumps(e)]
        if not check(f'the record has its {kind} entries', rows):
            continue
        proof = os.path.join(away, kind + '.proof')
        made = demo.cli('ledger', 'proof', str(rows[-1]['index']), '--out', proof)
        r = run(os.path.join(BIN, 'sekimori-verify'), 'proof', proof, cwd=away)
        check(f'a proof of the {kind} entry verifies alone', made.returncode == 0 and r.returncode == 0, made.stderr + r.stdout + r.stderr)
    story = b''.join(open(os.path.join(copy, 'control', f), 'rb').read() for f in sorted(os.listdir(os.path.join(copy, 'control'))))
    check('the copy tells the story', all(w in story for w in (b'firmware-mismatch', b'"hold":"H-1"', b'attested(gw-02)')))
    paper = os.path.join(away, 'assessment.json')
    r = demo.cli('assessment', 'export', '--out', paper)
    check('an assessment is exported', r.returncode == 0, r)
    replay = lambda f: run(os.path.join(BIN, 'sekimori'), '--state', os.path.join(away, 'no-such-site'), '--lang', 'en', 'assessment', 'replay', f, cwd=away)
    r = replay(paper)
    same = demo.json('assessment', 'list')
    check('replay elsewhere recomputes the same hash', r.returncode == 0 and any(a['hash'] in r.stdout for a in same), r)
    forged = text_of(paper)
    number = re.search(r'"residual_yen":"?(\d+)', forged)
    with open(paper, 'w', encoding='utf-8') as f:
        f.write(forged[:number.start(1)] + str(int(number.group(1)) + 1) + forged[number.end(1):])
    check('replay of a changed figure says so (8)', replay(paper).returncode == 8, replay(paper))
    shutil.rmtree(away)


def story(demo):
    image = demo.path('demo', 'device', 'gw-02', 'firmware.img')
    size = os.path.getsize(image)
    agrees, good, _ = outside_verdict(demo, 'good')
    check('tpm2_checkquote agrees with the good evidence', agrees)
    check('and its PCR is the release\'s', good == digest_of(demo.path('demo', 'release', 'gateway-1.4.img')))
    operator, watcher = demo.enrol('operator-2').mqtt(), demo.enrol('watch-1', 'viewer').mqtt()
    outside = demo.enrol('outside-1')
    watcher.subscribe(PUMP + '/reply')
    check('before: a command passes', order(operator, 'start', 'before-1')[0] == 0)
    check('before: its receipt comes', watcher.receive(10, lambda m: receipt(m[1]).get('id') == 'before-1') is not None)
    for offset in (0, size // 2):
        attacked(demo, operator, offset)
        fixed(demo, f'offset {offset}')
        watcher.receive(5, lambda m: receipt(m[1]).get('id') == f'held-{offset}')
    attacked(demo, operator, size - 1)
    agrees, bad, _ = outside_verdict(demo, 'bad')
    check('tpm2_checkquote: the tampered gateway\'s quote is genuine', agrees)
    check('and shows another PCR: that of the tampered image', bad != good and bad == digest_of(image))
    before = plant(demo)
    stamp = readings_of(demo)['sk/v1/mizu/gw-02/m/level-upper']['at']
    after = until(lambda: (lambda p: p if p['minutes'] != before['minutes'] else None)(plant(demo)), 30)
    check('the plant goes on by itself, no alarm', after and not after['alarms'] and (after['pumping'] and after['flow'] or after['upper'] > 0), (before, after))
    check('its readings go on, flagged', until(lambda: (lambda r: r['at'] > stamp and r['flagged'])(readings_of(demo)['sk/v1/mizu/gw-02/m/level-upper']), 10))
    state = demo.json('status')
    check('what is at stake is said in hours of water', state['at_stake']['hours_mille'] > 0 and 'h' in state['at_stake']['text_en'], state['at_stake'])
    mosquitto_sees(demo, outside)
    explained(demo)
    released(demo, watcher)
    elsewhere(demo)
    fixed(demo, f'offset {size - 1}')
    elsewhere_ended(demo)
    for c in (operator, watcher):
        c.close()
    return outside


def elsewhere_ended(demo):
    r = demo.cli('ledger', 'verify')
    check('the site\'s own record verifies', r.returncode == 0, r)


class StandIn:
    """A gateway that is not ours: enrolled by curl, quotes by tpm2-tools, listens with mosquitto_sub."""

    def __init__(self, demo):
        self.demo, self.tpm = demo, Tpm(demo, 'gw-09')
        self.good = demo.path('demo', 'release', 'gateway-1.4.img')
        self.bad = demo.path('bad.img')
        shutil.copy(self.good, self.bad)
        with open(self.bad, 'ab') as f:
            f.write(b'x')
        self.client = demo.enrol('gw-09', 'device', 'gateways', 'gateway', self.tpm.ak_der())
        args = self.client.args()[:-2]
        self.listen = demo.spawn('stdbuf', '-oL', 'mosquitto_sub', *args, '-i', 'gw-09', '-V', 'mqttv5', '-q', '1', '-t', 'sk/v1/mizu/gw-09/cmd/#',
                                 '-F', '%U %p', log='delivered.log')
        demo.spawn('stdbuf', '-oL', 'mosquitto_sub', *args, '-i', 'gw-09/challenges', '-V', 'mqttv5', '-t', 'sk/v1/mizu/gw-09/att/challenge',
                   '-F', '%p', log='challenges.log')
        self.answers = self.line_publisher(self.client, 'gw-09/evidence', 'sk/v1/mizu/gw-09/att/evidence')

    def line_publisher(self, client, client_id, topic):
        p = subprocess.Popen(['mosquitto_pub', *client.args()[:-2], '-i', client_id, '-V', 'mqttv5', '-q', '1', '-l', '-t', topic],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, bufsize=1, start_new_session=True)
        self.demo.children.append(p)
        return p

    def nonces(self):
        return re.findall(r'"nonce":"([0-9a-f]{64})"', text_of(self.demo.path('challenges.log')))

    def prove(self, image):
        """Boots the image and answers a fresh challenge; the instant just before the evidence was handed to mosquitto_pub."""
        if not self.tpm.boot(image):
            raise RuntimeError('the TPM does not boot')
        before = len(self.nonces())
        self.demo.cli('device', 'attest', 'gw-09')
        if not until(lambda: len(self.nonces()) > before, 10):
            raise RuntimeError('no challenge')
        evidence = self.tpm.evidence(self.nonces()[-1])
        at = time.time()
        self.answers.stdin.write(evidence + '\n')
        self.answers.stdin.flush()
        return at

    def trust(self):
        return self.demo.json('device', 'show', 'gw-09').get('trust')

    def deliveries(self):
        return [(float(t), int(n)) for t, n in re.findall(r'^(\d+\.\d+) .*"id":"t-(\d+)"', text_of(self.demo.path('delivered.log')), re.M)]


def loosen(demo, device):
    done = until(lambda: not [x for x in limits(demo, device) if x['state'] != 'good'], 15, 0.1)
    for x in limits(demo, device):
        demo.cli('limit', 'loosen', x['id'], '--key', demo.key('mission-owner'), '--key', demo.key('asset-owner'))
    return done and not limits(demo, device)


def time_to_effect(demo):
    """A command every 10 ms by one mosquitto, received by another; then the receiver's evidence turns bad."""
    device = StandIn(demo)
    device.prove(device.good)
    if not check('the stand-in gateway is attested', until(lambda: device.trust() == 'attested', 10), device.trust()):
        return
    loosen(demo, 'gw-09')
    sender = device.line_publisher(demo.enrol('outside-2'), 'outside-2', 'sk/v1/mizu/gw-09/cmd/pump')
    sent, worst = [0], []

    def send_until(done, seconds):
        end, following = time.monotonic() + seconds, time.monotonic()
        while not done() and time.monotonic() < end:
            sent[0] += 1
            sender.stdin.write(json.dumps({'do': 'start', 'id': f't-{sent[0]}'}, separators=(',', ':')) + '\n')
            sender.stdin.flush()
            following += 0.01
            time.sleep(max(0, following - time.monotonic()))  # the load itself: one each 10 ms

    for i in range(RUNS):
        first = len(device.deliveries())
        send_until(lambda: len(device.deliveries()) > first + 20, 10)
        at = []
        attacker = threading.Thread(target=lambda: at.append(device.prove(device.bad)))
        attacker.start()
        send_until(lambda: at and time.time() > at[0] + 1.2, 20)
        attacker.join()
        rows = device.deliveries()
        late = rows[-1][0] - at[0]
        flowing = [t for t, _ in rows if at[0] - 0.5 < t < at[0]]
        worst.append(late)
        good = limits(demo, 'gw-09') and sent[0] > rows[-1][1] + 50
        check(f'run {i + 1}: commands flowed until the fact and ended with it', len(flowing) > 10 and good, (len(flowing), late, sent[0], rows[-1]))
        device.prove(device.good)
        if not check(f'run {i + 1}: good again, loosened by two', loosen(demo, 'gw-09')):
            break
    note('from bad evidence handed to mosquitto_pub to the last command out of mosquitto_sub, ms: ' + ' '.join(f'{x * 1000:.0f}' for x in worst))
    note(f'worst of {len(worst)}: {max(worst) * 1000:.0f} ms')
    check('the worst time to effect is at most a second', max(worst) <= 1.0, worst)
    check('what was held was never delivered later', len(device.deliveries()) == len({n for _, n in device.deliveries()}))
    sender.stdin.close()


def receipts(log):
    """When each receipt of the load came out of mosquitto_sub."""
    rows = [x.split(' ', 1) for x in text_of(log).splitlines() if re.match(r'\d+\.\d+ \{', x)]
    return [float(t) for t, payload in rows if receipt(payload).get('id', '').startswith('r-')]


def real_gateway(demo, outside):
    """The attack itself, under a command every 10 ms: the last receipt of the real gateway after the fact."""
    log = 'receipts.log'
    demo.spawn('stdbuf', '-oL', 'mosquitto_sub', *outside.args()[:-2], '-i', 'outside-1/receipts', '-d', '-V', 'mqttv5', '-t', PUMP + '/reply', '-F', '%U %p',
               log=log)
    until(lambda: 'SUBACK' in text_of(demo.path(log)))
    sender = subprocess.Popen(['mosquitto_pub', *outside.args()[:-2], '-i', 'outside-1/sender', '-V', 'mqttv5', '-q', '1', '-l', '-t', PUMP],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    demo.children.append(sender)
    over, n = threading.Event(), [0]

    def load():
        while not over.wait(0.01):
            n[0] += 1
            try:
                sender.stdin.write(f'{{"do":"start","id":"r-{n[0]}"}}\n')
                sender.stdin.flush()
            except OSError:
                return

    loader = threading.Thread(target=load)
    loader.start()
    until(lambda: len(receipts(demo.path(log))) > 20, 10)
    began = time.time()
    r = demo.demo('attack', 'tamper-firmware')
    limited_at = time.time()
    until(lambda: time.time() > limited_at + 1.2, 3)
    over.set()
    loader.join()
    check('the attack under load ends with its limit', r.returncode == 0, r.stdout[-300:])
    facts = [e for e in demo.entries('evidence') if e['payload'].get('asset') == 'gw-02' and e['payload'].get('detail') == 'firmware-mismatch']
    at = facts[-1]['payload']['at']
    fact = datetime.datetime.fromisoformat(at.replace('Z', '+00:00')).timestamp()
    late = max([t for t in receipts(demo.path(log)) if t >= began] or [began]) - fact
    note(f'real gateway under {n[0]} commands: last receipt {late * 1000:.0f} ms after the recorded fact')
    check('the gateway\'s last receipt is within a second of the fact', fact >= began - 1 and late <= 1.0, late)


def main():
    demo = Demo()
    try:
        began = time.monotonic()
        r = demo.demo('start')
        note(f'start took {time.monotonic() - began:.1f} s')
        if check('the demo starts', r.returncode == 0, r.stdout[-600:]):
            check('status is 0 within', demo.demo('status').returncode == 0)
            outside = story(demo)
            time_to_effect(demo)
            real_gateway(demo, outside)
            check('at the end the record verifies', demo.cli('ledger', 'verify').returncode == 0)
        for p in demo.children:
            p.kill()
            p.wait()
        r = demo.demo('stop')
        check('stop leaves no folder', r.returncode == 0 and not os.path.exists(demo.folder))
        check('stop leaves no process', not processes_with(demo.folder) and not processes_with(f'sekimori-water-plant {demo.ports["plant"]}'),
              processes_with(demo.folder))
    finally:
        demo.close(keep=bool(os.environ.get('SEKIMORI_KEEP')))
    finish()


main()
