"""One function decides on every way out: live, shared, retained, replayed from the record, queued in memory, a will, a page's
readings (REST) and its open events (SSE), and the way to another system's broker. From outside: all of them deliver; then a policy
change, a lapsed work window and a revocation are in force on each of them, timed (N13, N14). The table is printed; the goal of a
second is judged with RELEASE=1, five seconds otherwise: a machine under load is not a leak.
Who reads below a stream's label gets its declared reduction on every one of them, and nothing when the declaration is gone."""
import json
import os
import re
import struct
import time

from grants_test import apply
from harness import BIN, FAKETIME, LONG, ROLES, ROOT, Mqtt, Site, _string, check, closed_by_peer, finish, note, packet, run, skip, text_of, until
from linked import Broker, live as linked, write
from people_test import open_link

WAYS = ('live', 'shared', 'retained', 'replay', 'queue', 'will', 'bridge', 'REST', 'SSE')
HERE = tuple(w for w in WAYS if w != 'bridge')
GOAL_S = 1 if LONG else 5
FLOW = '''  - id: open-out
    direction: out
    local: sk/v1/mizu/level-01/m/open/bridge
    remote: mizu/reservoir/open
    label: internal
    purpose: the marker of this test
    quota: { per_minute: 120, bytes: 256 }
    risk: { loss_yen: 200000, tolerance_yen: 1000000 }
'''
STREAMS = '''streams:
  - {{ name: quick, pattern: "sk/v1/{site}/+/e/#", recorded: false }}
  - {{ name: kept, pattern: "sk/v1/{site}/+/m/#", recorded: true }}
'''
HIDDEN = '  - {{ name: hidden-{kind}, pattern: "sk/v1/{site}/+/{kind}/hidden/#", recorded: {recorded}, {rest} }}\n'
SECRET = 'label: confidential, fields: [{ name: v, type: integer }, { name: who, type: text }]'
REDUCE = ', reduce: [{ to: internal, drop: [who], coarsen: { v: 10 } }]'
ROWS = '''schema: sekimori-grants/1
site: {site}
zone: "+00:00"
grants:
  - {{ id: say, subject: role:device, action: publish, stream: "sk/v1/{{site}}/{{own}}/#" }}
  - {{ id: open, subject: role:viewer, action: [subscribe, history], stream: "sk/v1/{{site}}/+/+/open/#" }}
  - {{ id: hidden, subject: role:viewer, action: [subscribe, history], stream: "sk/v1/{{site}}/+/+/hidden/#"{when} }}
{bridge}{more}
tests:
  - {{ subject: late, role: viewer, action: receive, topic: sk/v1/{site}/dev-1/m/open/x, want: allow }}
'''


def policy(site, name, when='', more='', bridge=''):
    path = site.path(name)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(ROWS.format(site=site.name, when=when, more=more, bridge=bridge))
    return path


class Patient(Mqtt):
    """Its session outlives the link."""

    def connect_packet(self, client_id, keep_alive=60):
        return packet(0x10, _string('MQTT') + bytes([5, 0]) + struct.pack('>H', keep_alive) + b'\x05\x11' + struct.pack('>I', 600) + _string(client_id))


class Mortal(Mqtt):
    """Has a will, hidden."""

    def connect_packet(self, client_id, keep_alive=60):
        return packet(0x10, _string('MQTT') + bytes([5, 0x06]) + struct.pack('>H', keep_alive) + b'\0' + _string(client_id)
                      + b'\0' + _string(f'sk/v1/{self.site.name}/{client_id}/m/hidden/will') + _string(self.word))

    def __init__(self, site, client, word='gone'):
        self.site, self.word = site, word
        super().__init__(site, client)

    def die(self):
        """Leaves with its will; back when the server has taken that and closed."""
        self.send(b'\xe0\x02\x04\0')
        closed_by_peer(self.sock, 5)


def bridge_to(site):
    """A contractor's broker behind an agreement: a hidden flow and an open one go there."""
    broker = Broker(site)
    os.makedirs(site.path('site', 'courier'), mode=0o700)
    write(site.path('site', 'courier', 'vendor-cloud.password'), 'mizu\nsecret\n')
    check('the other system\'s broker runs', broker.start())
    text = broker.text(site.path('a.yaml'), ('  - id: demand-in', FLOW.replace('mizu/', 'far/').replace('sk/v1/far/', f'sk/v1/{site.name}/') + '  - id: demand-in'),
                       ('m/level-upper', 'm/line/bridge'))
    site.cli('peer', 'new', text, '--out', text + '.json')
    for role in ROLES[:2]:
        site.cli('peer', 'sign', text + '.json', '--key', site.key(role))
    r = site.cli('peer', 'apply', text + '.json')
    check('an agreement with it is in force and its flows live', r.returncode == 0 and until(lambda: linked(site), 20), r.stderr)
    check('its owner listens', broker.listen('far/reservoir/#', 'bridge.log'))
    return broker


class Plant:
    """One device that speaks, one that dies, four readers and a person with a page."""

    def __init__(self, site, broker):
        self.site, self.base, self.broker = site, f'sk/v1/{site.name}', broker
        self.who = {i: site.enrol(i, 'device') for i in ('dev-1', 'dev-2', 'level-01')}
        self.who.update({i: site.enrol(i, 'viewer') for i in ('live', 'shared', 'patient', 'late')})
        self.round, self.reduced = 0, False
        link = site.json('user', 'new', 'yuki', '--role', 'auditor', '--reason', 'reads')['url']
        self.cookie = open_link(site, link)

    def body(self, word):
        """What is published under hidden; and (form) what who may read it only reduced gets of it."""
        return json.dumps({'v': self.round * 100 + len(word) * 10 + 7, 'who': f'secret-{word}'}) if self.reduced else word

    def form(self, word):
        return json.dumps({'v': self.round * 100 + len(word) * 10}, separators=(',', ':')) if self.reduced else word

    def filters(self, who, share=''):
        return [who.subscribe(f'{share}{self.base}/+/+/{x}/#') for x in ('hidden', 'open')]

    def ready(self):
        """Everything that waits for the trigger."""
        self.round += 1
        n = self.n = str(self.round)
        self.dev, self.mortal = self.who['dev-1'].mqtt(), Mortal(self.site, self.who['dev-2'], self.body('gone'))
        self.level = self.who['level-01'].mqtt()
        self.live, self.shared, self.late = (self.who[i].mqtt() for i in ('live', 'shared', 'late'))
        patient = Patient(self.site, self.who['patient'])
        self.filters(self.live), self.filters(self.shared, '$share/g/'), self.filters(patient)
        patient.close()
        for topic, retain in (('s/hidden/kept', True), ('s/open/kept', True), ('m/hidden/rec', False), ('e/hidden/mem', False), ('m/open/end', False)):
            self.dev.publish(f'{self.base}/dev-1/{topic}', self.body('before' + n) if 'hidden' in topic else 'before' + n, retain)
        self.log = f'events{n}.log'
        self.page = self.site.spawn('curl', '-sSN', '-H', self.cookie, self.site.url('console', '/events'), log=self.log)
        until(lambda: 'open' in text_of(self.site.path(self.log)), 5)
        return self

    def all_of(self, client, last):
        """Topics and payloads up to the marker."""
        seen = []
        while True:
            m = client.receive(10)
            if m is None:
                return seen + ['(no end)']
            seen.append(m[0].split('/', 4)[4] + '=' + m[1])
            if seen[-1] == last:
                return seen

    def trigger(self, began):
        """{way: (what was hidden came, seconds from began to the trigger)}."""
        n, came, at = self.n, {}, {}
        at['bridge'] = time.time() - began
        for u in ('line', 'open'):
            self.level.publish(f'{self.base}/level-01/m/{u}/bridge', json.dumps({'t': int(time.time() * 1000), 'u': u, 'v': int(n)}))
        at['live'] = at['shared'] = at['SSE'] = time.time() - began
        self.dev.publish(f'{self.base}/dev-1/m/hidden/rec', self.body('after' + n))
        at['will'] = time.time() - began
        self.mortal.die()
        self.dev.publish(f'{self.base}/dev-1/m/open/end', 'after' + n)
        at['retained'] = time.time() - began
        self.filters(self.late)
        at['replay'] = at['queue'] = time.time() - began
        patient = Patient(self.site, self.who['patient'])
        at['REST'] = time.time() - began
        readings = self.site.http('console', '/api/v1/readings', '-H', self.cookie)
        live = self.all_of(self.live, 'm/open/end=after' + n)
        shared = self.all_of(self.shared, 'm/open/end=after' + n)
        late = self.all_of(self.late, 's/open/kept=before' + n)
        waited = self.all_of(patient, 'm/open/end=after' + n)
        shown = lambda what, word: any(what in x and word in x.replace('\\', '') for x in text_of(self.site.path(self.log)).splitlines())
        events = until(lambda: shown('/m/open/end', 'after' + n), 10)
        across = lambda u: [m for m in self.broker.got('bridge.log') if m.get('u') == u and m['v'] == int(n)]
        bridged = until(lambda: across('open'), 15)
        ends = [x[-1] != '(no end)' for x in (live, shared, late, waited)] + [bool(bridged), bool(events), readings[0] == '200', 'm/open/end' in readings[1]]
        came['bridge'] = bool(across('line'))
        before, after = self.form('before' + n), self.form('after' + n)
        came['live'], came['shared'] = 'm/hidden/rec=' + after in live, 'm/hidden/rec=' + after in shared
        came['retained'] = 's/hidden/kept=' + before in late
        came['replay'] = 'm/hidden/rec=' + before in waited
        came['queue'] = 'e/hidden/mem=' + before in waited
        came['will'] = 'm/hidden/will=' + self.form('gone') in live
        came['REST'] = 'm/hidden/rec' in readings[1] and (not self.reduced or after in readings[1].replace('\\', ''))
        came['SSE'] = shown('/m/hidden/rec', after)
        self.all_seen = [live, shared, late, waited, readings[1], text_of(self.site.path(self.log))]
        for c in (self.dev, self.level, self.live, self.shared, self.late, patient):
            c.close()
        self.page.terminate()
        return {w: (came[w], at[w]) for w in WAYS}, ends


TABLE = {}


def printed():
    note(f"{'milliseconds':16}" + ''.join(f'{w:>10}' for w in WAYS))
    for claim, row in TABLE.items():
        note(f'{claim:16}' + ''.join(f'{row[w] * 1000:10.0f}' if w in row else f"{'-':>10}" for w in WAYS))
    worst = sorted(v for row in TABLE.values() for v in row.values())
    note(f'median {worst[len(worst) // 2] * 1000:.0f} ms, worst {worst[-1] * 1000:.0f} ms')
    check('all three are in the table, on all paths', all(set(TABLE[c]) == set(WAYS) for c in ('policy change', 'window lapsed', 'revocation') if FAKETIME or c in TABLE), TABLE)


def judged(claim, got, ends, want, ways=WAYS):
    check(f'{claim}: what is open reaches every reader', all(ends), ends)
    for way in ways:
        check(f'{claim}: {way} {"delivers" if want else "gives nothing away"}', got[way][0] == want, got[way])


def timed(claim, got, ways=WAYS):
    note(f'{claim}, milliseconds from the change to a refused delivery: ' + ', '.join(f'{w} {got[w][1] * 1000:.0f}' for w in ways))
    TABLE[claim] = {w: got[w][1] for w in ways}
    check(f'{claim}: in force within {GOAL_S} s on every path', max(got[w][1] for w in ways) <= GOAL_S, got)


def changed(site, plant):
    got, ends = plant.ready().trigger(time.time())
    judged('granted', got, ends, True)
    path = policy(site, 'deny.yaml', more='  - { id: no, subject: any, action: [subscribe, history], stream: "sk/v1/{site}/+/+/hidden/#", deny: true }\n' \
           '  - { id: line, subject: any, action: [subscribe, history], stream: "sk/v1/{site}/+/+/line/#", deny: true }\n')
    draft = path + '.json'
    site.cli('grant', 'new', path, '--out', draft)
    site.cli('grant', 'sign', draft, '--key', site.key('asset-owner'))
    plant.ready()
    began = time.time()
    r = site.cli('grant', 'apply', draft)
    got, ends = plant.trigger(began)
    check('the policy is applied', r.returncode == 0, r.stderr)
    judged('policy change', got, ends, False)
    timed('policy change', got)


def declare(site, rest, claim):
    with open(site.path('hidden.yaml'), 'w', encoding='utf-8') as f:
        f.write('streams:\n' + ''.join(HIDDEN.format(site=site.name, kind=k, recorded=r, rest=rest) for k, r in (('m', 'true'), ('e', 'false'), ('s', 'false'))))
    r = site.cli('stream', 'apply', site.path('hidden.yaml'))
    check(f'what is hidden is declared {claim}', r.returncode == 0, r.stderr)


def history(site, plant):
    got = site.http('console', f'/api/v1/history?topic=sk/v1/{site.name}/dev-1/m/hidden/rec&field=v&from=2026-01-01T00:00:00Z&to=2099-01-01T00:00:00Z', '-H', plant.cookie)
    return got[1]


def reduced(site, plant):
    """The readers are granted up to internal: what is confidential comes to them reduced, or not at all."""
    r = apply(site, policy(site, 'reduced.yaml'))
    check('a policy up to internal is applied', r.returncode == 0, r.stderr)
    declare(site, SECRET + REDUCE, 'confidential, with a reduction to internal')
    plant.reduced = True
    got, ends = plant.ready().trigger(time.time())
    judged('reduced', got, ends, True, HERE)
    check('reduced: nothing that was left out came on any path', not any('secret' in str(x) for x in plant.all_seen), plant.all_seen)
    v = plant.round * 100 + len('after' + plant.n) * 10
    seen = until(lambda: f'"milli":{v * 1000},' in (h := history(site, plant).replace(' ', '')) and h, 10)
    check('reduced: history as well', seen and f'"milli":{(v + 7) * 1000}' not in seen and '"reduced":true' in seen, history(site, plant)[-300:])
    why = site.cli('why', 'live', 'receive', f'sk/v1/{site.name}/dev-1/m/hidden/rec')
    check('why says in which form', 'reduced to internal: v/10 -who' in why.stdout, why.stdout)
    plant.ready()
    began = time.time()
    declare(site, SECRET, 'confidential, without one')
    got, ends = plant.trigger(began)
    plant.reduced = False
    judged('reduction gone', got, ends, False, HERE)
    timed('reduction gone', got, HERE)
    check('reduction gone: not the whole either', not any('secret' in str(x) for x in plant.all_seen), plant.all_seen)
    declare(site, 'label: internal', 'internal, of any form')


DERIVED = '''streams:
  - {{ name: number, pattern: "sk/v1/{site}/+/m/open/number", recorded: true, label: confidential, fields: [{{ name: v }}] }}
  - {{ name: how-many, pattern: "sk/v1/{site}/site/m/open/how-many", derive: {{ from: [number], how: count, every_s: 1 }} }}
  - {{ name: greatest, pattern: "sk/v1/{site}/site/m/open/greatest", label: internal, derive: {{ from: [number], how: max, field: v, every_s: 5, at_least: 2 }} }}
'''


def points(site, topic, field):
    """[(entry, value)] of the record."""
    return [(p['index'], p['milli'] // 1000) for p in site.json('history', topic, '--field', field, '--from', '24h') or []]


def derived(site, plant):
    """A stream computed from another: of its own label, with its lineage, and each input once over kill -9."""
    with open(site.path('derived.yaml'), 'w', encoding='utf-8') as f:
        f.write(DERIVED.format(site=site.name))
    r = site.cli('stream', 'apply', site.path('derived.yaml'))
    check('a derived stream is declared', r.returncode == 0, r.stderr)
    topic, said = f'sk/v1/{site.name}/site/m/open/how-many', f'{plant.base}/dev-1/m/open/number'
    dev, live = plant.who['dev-1'].mqtt(), plant.who['live'].mqtt()
    plant.filters(live)
    for i in range(10):
        dev.publish(said, json.dumps({'v': i}))
    os.kill(site.pid_of('core'), 9)
    check('core is killed and back', until(site.ready, 20))
    dev, live = until(lambda: reconnect(plant, 'dev-1'), 20), until(lambda: reconnect(plant, 'live'), 20)
    plant.filters(live)
    for i in range(10):
        dev.publish(said, json.dumps({'v': i}))
    total = lambda: sum(int(v) for _, v in points(site, topic, 'v'))
    check('over kill -9 each input is in exactly one derived message', until(lambda: total() >= 20, 15) and total() == 20, points(site, topic, 'v'))
    got = live.receive(15, lambda m: m[0].endswith('/greatest'))
    check('who may not read the input reads what is derived, by its label', got is not None and not any('/m/open/number' in m[0] or m[0] == topic for m in live.messages), got)
    entry = points(site, topic, 'v')[0][0]
    one = site.json('lineage', str(entry))
    counted = [e['entry'] for e in one['entries']]
    check('its lineage names its inputs in the record', one['stream'] == 'how-many' and len(counted) == one['n'] and one['first'] == counted[0]
          and one['last'] == counted[-1] and all(e['topic'] == said for e in one['entries']), one)
    text = site.cli('lineage', 'how-many').stdout
    check('lineage of the stream: how, inputs, labels, file and line', all(x in text for x in ('count', '← number', 'label: confidential', 'derived.yaml:2', 'derived.yaml:3')), text)
    check('lineage in Japanese', '区分: confidential' in run(os.path.join(BIN, 'sekimori'), '--state', site.state, '--lang', 'ja', 'lineage', 'how-many').stdout)
    check('of what is not there: nothing', site.cli('lineage', '99999999').returncode != 0)
    dev.close(), live.close()
    plant.cookie = open_link(site, site.json('user', 'link', 'yuki')['url'])


def reconnect(plant, who):
    try:
        return plant.who[who].mqtt()
    except (OSError, ConnectionError, AssertionError):
        return None


def lapsed(site, plant):
    if not FAKETIME:
        return skip('a lapsed work window on every path', 'libfaketime is not installed')
    end = (int(time.time()) // 60 + 2) * 60
    hour = lambda t: time.strftime('%H:%M', time.gmtime(t))
    night = f'  - {{ id: night, subject: any, action: [subscribe], stream: "sk/v1/{{site}}/+/m/line/bridge", deny: true, when: {{ time: "{hour(end)}-{hour(end - 300)}" }} }}\n'
    r = apply(site, policy(site, 'window.yaml', when=f', when: {{ time: "{hour(end + 60)}-{hour(end)}" }}', bridge=night.replace('{site}', site.name)))
    got, ends = plant.ready().trigger(time.time())
    check('the policy with a work window is applied', r.returncode == 0, r.stderr)
    judged('inside the window', got, ends, True)
    site.stop()
    ahead = round(end - 25 - time.time(), 1)
    os.environ.update(LD_PRELOAD=FAKETIME, FAKETIME=f'{ahead:+}', FAKETIME_DONT_FAKE_MONOTONIC='1', FAKETIME_NO_CACHE='0')
    try:
        site.start(wait=False)
    finally:
        for k in ('LD_PRELOAD', 'FAKETIME', 'FAKETIME_DONT_FAKE_MONOTONIC', 'FAKETIME_NO_CACHE'):
            del os.environ[k]
    until(site.ready, 20)
    plant.cookie = open_link(site, site.json('user', 'link', 'yuki')['url'])
    check('the bridge is up again', until(lambda: linked(site), 20))
    plant.ready()
    check('ready before the window ends', time.time() + ahead < end, time.time() + ahead - end)
    until(lambda: time.time() + ahead >= end, 40, every=0.002)
    got, ends = plant.trigger(end - ahead)
    judged('window lapsed', got, ends, False)
    timed('window lapsed', got)


def revoked(site, plant):
    """Readers and publishers, one after the other, each timed from the moment it was typed."""
    apply(site, policy(site, 'again.yaml'))
    plant.ready()
    took = {}
    check('the bridge is up', until(lambda: linked(site), 20))

    def suspended():
        return until(lambda: not any(f['state'] == 'live' for p in site.json('peer', 'list') or [] for f in p['flows']), 10)

    def revoke(way, seen, *words):
        began = time.time()
        r = site.cli(*words, '--reason', 'test')
        good = r.returncode == 0 and seen()
        took[way] = time.time() - began
        check(f'revoked: {way} is shut', good, r.stderr)

    def shut(client):
        try:
            client.mqtt()
            return False
        except (OSError, ConnectionError):
            return True

    def page_gone():
        return until(lambda: plant.page.poll() is not None, 10) and site.http('console', '/api/v1/readings', '-H', plant.cookie)[0] == '401'

    revoke('bridge', suspended, 'peer', 'suspend', 'vendor-cloud')
    revoke('SSE and REST', page_gone, 'user', 'revoke', 'yuki')
    revoke('shared', lambda: closed_by_peer(plant.shared.sock, 10) is not None, 'device', 'revoke', 'shared')
    revoke('replay and queue', lambda: shut(plant.who['patient']), 'device', 'revoke', 'patient')
    revoke('will', lambda: closed_by_peer(plant.mortal.sock, 10) is not None, 'device', 'revoke', 'dev-2')
    revoke('retained', lambda: retained_nothing(plant), 'device', 'revoke', 'dev-1')
    revoke('live', lambda: closed_by_peer(plant.live.sock, 10) is not None, 'device', 'revoke', 'live')
    check('the will of a revoked device reached nobody', not any('will' in m[0] for m in plant.live.messages))
    parts = {'SSE and REST': ('SSE', 'REST'), 'replay and queue': ('replay', 'queue')}
    TABLE['revocation'] = {w: v for k, v in took.items() for w in parts.get(k, (k,))}
    check(f'revocation: in force within {GOAL_S} s on every path', max(took.values()) <= GOAL_S, took)


def retained_nothing(plant):
    """A reader who comes now gets nothing that the revoked device left behind."""
    plant.filters(plant.late)
    plant.late.ping()
    return not any('/s/' in m[0] for m in plant.late.messages)


def counted():
    """The places in the source: one writer of PUBLISH to links, one egress before it, and who calls that."""
    text = open(os.path.join(ROOT, 'src/platform/deliver.c'), encoding='utf-8').read()
    calls = re.findall(r'= egress\(x, [^;]*\);', text)
    note(f'{len(calls)} callers of the one egress')
    check('the one egress has seven callers and a forecast, all in its own file', len(calls) == 7 and text.count('return egress(') == 1, calls)
    others = [f for f in sorted(os.listdir(os.path.join(ROOT, 'src/platform'))) if f.endswith('.c') and not f.endswith('_test.c') and f != 'deliver.c'
              and 'mqtt_write_publish(' in open(os.path.join(ROOT, 'src/platform', f), encoding='utf-8').read()]
    check('no other file of the exchange writes a message to a link', text.count('mqtt_write_publish(') == 1 and not others, others)
    judges = [f for f in sorted(os.listdir(os.path.join(ROOT, 'src/service'))) if f.endswith('.c') and not f.endswith('_test.c')
              and 'exchange_shows(' in open(os.path.join(ROOT, 'src/service', f), encoding='utf-8').read()]
    check('the service asks it in one place', judges == ['grants.c'], judges)


def main():
    counted()
    with Site() as site:
        site.start()
        with open(site.path('streams.yaml'), 'w', encoding='utf-8') as f:
            f.write(STREAMS.format(site=site.name))
        check('streams declared', site.cli('stream', 'apply', site.path('streams.yaml')).returncode == 0)
        r = apply(site, policy(site, 'base.yaml'))
        check('a policy in force', r.returncode == 0, r.stderr)
        plant = Plant(site, bridge_to(site))
        changed(site, plant)
        reduced(site, plant)
        derived(site, plant)
        lapsed(site, plant)
        revoked(site, plant)
        printed()
    finish()


if __name__ == '__main__':
    main()
