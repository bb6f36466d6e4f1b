"""The checkpoint (関所): a plain existing broker as a peer, judged and enforced per flow and direction. Signed by both
owners; only what is listed passes; nothing agreed is lost over a partition, a killed courier or a killed core; a
taken-over broker's commands are held or refused, its flood stays outside, and the flows tighten within a second."""
import json
import os
import signal
import time

from harness import ROLES, Site, check, finish, until
from linked import Broker, write

TOPIC = 'sk/v1/test/level-01/m/level-upper'


def agreement(site, broker, name='a.yaml', **change):
    return broker.text(site.path(name), *change.items())


def sign(site, path, roles=ROLES[:2]):
    draft = path + '.json'
    r = site.cli('peer', 'new', path, '--out', draft)
    if r.returncode:
        return r
    for role in roles:
        site.cli('peer', 'sign', draft, '--key', site.key(role))
    return site.cli('peer', 'apply', draft)


def flow(site, name):
    peers = site.json('peer', 'list')
    return next((f for p in peers for f in p['flows'] if f['flow'] == name), None) if peers else None


def live(site, *names):
    return all((flow(site, n) or {}).get('state') == 'live' for n in names)


def verdict(site, name):
    return (flow(site, name) or {}).get('verdict')


def now():
    return int(time.time() * 1000)


def reading(v, t=None):
    return json.dumps({'t': t or now(), 'u': 'm', 'v': v})


def signing(site, broker):
    bad = site.cli('peer', 'new', agreement(site, broker, 'bad.yaml', per_minute='per_minut'), '--out', site.path('x'))
    check('a mistyped key is an error with file, line and what was meant', bad.returncode == 78 and 'did you mean "per_minute"' in bad.stderr
          and 'bad.yaml:' in bad.stderr, bad.stderr)
    path = agreement(site, broker)
    one = sign(site, path, ROLES[:1])
    check('one owner is not enough', one.returncode == 3 and 'signature-missing' in one.stderr, one.stderr)
    check('no courier runs before there is an agreement', not site.pid_of('courier'))
    check('nothing is agreed yet', site.json('peer', 'list') == [])
    both = sign(site, path)
    check('both owners are', both.returncode == 0, both.stderr)
    check('the peer is reached as agreed, and its flows live', until(lambda: live(site, 'level-out', 'demand-in', 'pump-help'), 20),
          json.dumps(site.json('peer', 'list')))
    with open(f"/proc/{site.pid_of('courier')}/status", encoding='utf-8') as f:
        row = dict(line.split(':\t', 1) for line in f.read().splitlines() if ':\t' in line)
    check('the courier has no capability, no way to new privileges, and a filter on its calls',
          int(row['CapEff'], 16) == 0 and int(row['CapPrm'], 16) == 0 and row['NoNewPrivs'] == '1' and row['Seccomp'] == '2', str(row))
    again = site.cli('peer', 'apply', path + '.json')
    check('the same document again is a replay', again.returncode == 6 and 'replayed' in again.stderr, again.stderr)
    check('in the record: agreement and states', until(lambda: len(site.entries('agreement')) == 1 and len(site.entries('flow')) >= 3, 15))
    return path


def passes(site, broker, level, viewer):
    broker.listen('far/reservoir/level', 'out.log')
    level.publish(TOPIC, reading('3.25'))
    check('a listed reading leaves, under the agreed name', until(lambda: [m['v'] for m in broker.got('out.log')] == ['3.25'], 15))
    broker.pub('far/forecast/demand', reading(120), '-q', '1')
    m = viewer.receive(15, lambda m: m[0].endswith('/peer-vendor-cloud/m/demand'))
    check('a listed reading comes in, in the peer\'s own name', m is not None and json.loads(m[1])['v'] == 120)
    check('verdicts: as allowed as the figures let it', until(lambda: verdict(site, 'demand-in') == 'allow' and verdict(site, 'pump-help') == 'limit', 15))
    shown = site.cli('flow', 'show', 'vendor-cloud/demand-in').stdout
    check('and shown with its figures', '0.860' in shown and '503875' in shown, shown)


def partition(site, broker, level, viewer):
    sent = []

    def publish(n):
        for _ in range(n):
            sent.append(f'{len(sent)}.5')
            level.publish(TOPIC, reading(sent[-1]))
    before = len(broker.got('out.log'))
    broker.stop()
    check('the partition is seen', until(lambda: site.json('peer', 'list')[0]['link'] == 'down', 15))
    publish(30)
    broker.start()
    broker.listen('far/reservoir/level', 'out2.log')
    arrived = lambda: [m['v'] for m in broker.got('out2.log')]
    check('what was agreed arrives after the partition, in order', until(lambda: list(dict.fromkeys(arrived())) == sent, 20), str(arrived()))
    os.kill(site.pid_of('courier'), signal.SIGKILL)
    publish(10)
    check('and after the courier was killed', until(lambda: list(dict.fromkeys(arrived())) == sent, 20), str(arrived()))
    check('again connected', until(lambda: site.json('peer', 'list')[0]['link'] == 'up', 20))
    return before


def killed_core(site, broker):
    """What the broker holds for us while the core is dead arrives once."""
    os.kill(site.pid_of('core'), signal.SIGKILL)
    broker.burst('far/forecast/demand', [json.dumps({'t': now() + i, 'v': 200 + i}) for i in range(8)], qos=1)
    until(site.ready, 20)
    check('live again from the record alone', until(lambda: live(site, 'level-out', 'demand-in', 'pump-help'), 20))
    check('what was tightened stays tightened', until(lambda: verdict(site, 'demand-in') == 'limit', 15))
    check('readings of that time are in the record', until(lambda: flow(site, 'demand-in')['passed'] >= 8, 20), json.dumps(flow(site, 'demand-in')))


def stages(site, broker, viewer, path):
    """Broken, replayed and unlisted data are refused, and what is seen tightens at once."""
    began = time.monotonic()
    broker.pub('far/pump/request', json.dumps({'do': 'drain'}), '-q', '1')
    seen = until(lambda: flow(site, 'demand-in')['verdict'] == 'limit', 15)
    took = time.monotonic() - began
    check(f'an order that was not agreed tightens every flow of the peer ({took:.2f} s, commands of the test included)', seen)
    check('and is in the record', until(lambda: site.entries('audit', 'peer-saw'), 15))
    f = flow(site, 'demand-in')
    check('with the cheapest set that suffices', [s['stage'] for s in f['stages'] if s['stage'] in ('schema', 'fresh')] == ['schema'], json.dumps(f))
    broker.pub('far/forecast/demand', reading(5000), '-q', '1')
    broker.pub('far/forecast/demand', json.dumps({'t': now(), 'v': 1, 'u': 'm', 'x': 1}), '-q', '1')
    check('a reading outside the agreed range is refused', until(lambda: flow(site, 'demand-in')['refused'] >= 2, 15))
    broker.pub('far/forecast/demand', json.dumps({'t': now(), 'v': 150}), '-q', '1')
    m = viewer.receive(15, lambda m: m[0].endswith('/demand') and '150' in m[1])
    check('a good one passes the stages', m is not None)


def command(site, broker, pump):
    broker.pub('far/pump/request', json.dumps({'do': 'start'}), '-q', '1')
    check('a peer\'s command is held for two people', until(lambda: flow(site, 'pump-help')['held'] == 1, 15), json.dumps(flow(site, 'pump-help')))
    check('and is not delivered', pump.receive(1, lambda m: '/cmd/' in m[0]) is None)
    why = site.cli('why', 'peer-vendor-cloud', 'command', 'sk/v1/test/pump-01/cmd/pump').stdout
    check('why says so', 'agreement' in why, why)
    release(site, broker, pump)
    other = site.cli('why', 'peer-vendor-cloud', 'command', 'sk/v1/test/pump-02/cmd/pump')
    check('nothing else is granted to it', 'deny' in other.stdout or other.returncode == 3, other.stdout)


def release(site, broker, pump):
    """The queue of what is held: one refused, one released by two people."""
    first = site.json('status')['held'][0]['id']
    check('the queue is listed with the flows', first in site.cli('flow', 'list').stdout)
    check('a refusal needs a reason', site.cli('flow', 'refuse', first).returncode == 2)
    check('a dry run refuses nothing', site.cli('flow', 'refuse', first, '--reason', 'drill', '--dry-run').returncode == 0
          and site.json('status')['held'])
    check('refused: gone, and written down', site.cli('flow', 'refuse', first, '--reason', 'not asked for').returncode == 0
          and until(lambda: not site.json('status')['held'] and site.entries('audit', 'hold-refused'), 15))
    check('a refused one is not there to be released', site.cli('flow', 'release', first, '--key', site.key('mission-owner'), '--key', site.key('asset-owner')).returncode == 5)
    broker.pub('far/pump/request', json.dumps({'do': 'start'}), '-q', '1')
    second = until(lambda: site.json('status')['held'], 15)[0]['id']
    one = site.cli('flow', 'release', second, '--key', site.key('mission-owner'))
    check('one person releases nothing', one.returncode != 0, one.stdout)
    two = site.cli('flow', 'release', second, '--key', site.key('mission-owner'), '--key', site.key('asset-owner'))
    check('two people do, once', two.returncode == 0 and pump.receive(15, lambda m: '/cmd/' in m[0]) is not None
          and pump.receive(0.5, lambda m: '/cmd/' in m[0]) is None, two.stderr)
    shown = site.cli('flow', 'show', 'vendor-cloud/pump-help').stdout
    check('what changed since the agreement is shown', 'what changed since the agreement' in shown and 'because' not in shown and 'reached' in shown, shown)


def taken_over(site, broker, level, viewer):
    """The broker floods: on a topic we never asked for (which a broker can send all the same) and on a listed one."""
    count = lambda: site.json('status') and flow(site, 'demand-in')['passed']
    before, began = count(), time.monotonic()
    broker.burst('far/forecast/demand', [json.dumps({'t': now() + i, 'v': 100}) for i in range(5000)])
    check('a flood on a listed topic is seen as one', until(lambda: any(s['sight'] == 'flood' for s in site.json('peer', 'list')[0]['seen']), 15))
    check('and stays outside: its quota passes, no more', until(lambda: flow(site, 'demand-in')['refused'] > 1000, 60) and count() - before <= 12 + time.monotonic() - began,
          f'{count() - before} {json.dumps(flow(site, "demand-in"))}')
    level.publish(TOPIC, reading('7.75'))
    check('our own readings flow on', viewer.receive(15, lambda m: m[0] == TOPIC and '7.75' in m[1]) is not None)


def suspended(site, broker, level, path):
    dry = site.cli('peer', 'suspend', 'vendor-cloud', '--reason', 'drill', '--dry-run')
    check('a dry run changes nothing', dry.returncode == 0 and live(site, 'level-out'))
    check('suspended by an operator', site.cli('peer', 'suspend', 'vendor-cloud', '--reason', 'drill').returncode == 0)
    level.publish(TOPIC, reading('8.00'))
    check('at once: nothing leaves', until(lambda: '8.00' in [m['v'] for m in broker.got('out2.log')], 0.5) is None)
    check('the operator cannot open it again', flow(site, 'level-out')['state'] == 'suspended')
    site.stop()
    site.start()
    check('nor does a restart', until(lambda: (flow(site, 'level-out') or {}).get('state') == 'suspended', 15))
    time.sleep(1.1)  # the agreement's dwell
    r = sign(site, path)
    check('both owners\' new signature does', r.returncode == 0 and until(lambda: live(site, 'level-out'), 20), r.stderr)
    check('and what waited arrives', until(lambda: '8.00' in [m['v'] for m in broker.got('out2.log')], 20))
    check('loosened by people: as it was', until(lambda: verdict(site, 'demand-in') == 'allow', 15))
    check('ended', site.cli('peer', 'delete', 'vendor-cloud', '--reason', 'contract over').returncode == 0
          and until(lambda: flow(site, 'level-out')['state'] == 'ended', 15))


def main():
    with Site() as site:
        site.start()
        broker = Broker(site)
        os.makedirs(site.path('site', 'courier'), mode=0o700)
        write(site.path('site', 'courier', 'vendor-cloud.password'), 'mizu\nsecret\n')
        check('the contractor\'s broker runs', broker.start())
        clients = [site.enrol(n, r) for n, r in (('level-01', 'device'), ('eyes', 'viewer'), ('pump-01', 'device'))]
        level, viewer, pump = (c.mqtt() for c in clients)
        viewer.subscribe('sk/v1/test/#')
        pump.subscribe('sk/v1/test/pump-01/cmd/#')
        path = signing(site, broker)
        passes(site, broker, level, viewer)
        partition(site, broker, level, viewer)
        command(site, broker, pump)
        stages(site, broker, viewer, path)
        taken_over(site, broker, level, viewer)
        killed_core(site, broker)
        suspended(site, broker, clients[0].mqtt(), path)
    finish()


main()
