"""Two whole sites and a contractor's broker in network namespaces of their own. The line between them is taken down (ten minutes under
RELEASE), each role of each side is killed meanwhile, and again while what waited drains. Four flows pass, both ways, by the peers' door
and by a plain broker: nothing that was acknowledged to its sender is lost, its order stays, and nothing forbidden is delivered."""
import json
import os
import signal
import time

from harness import BIN, LONG, Site, check, finish, note, run, skip, until
from linked import Broker, Line, Reader, Sender, accept, agree, cards, first_seen, flow, live, peers, sign

PARTITION_S, ROUNDS, DRAIN_S, GAP = (600, 5, 600, 0.2) if LONG else (8, 1, 90, 0.1)
ROLES_KILLED = ('gate', 'core', 'courier', 'seal')
FLOW, LEVEL, PRIVATE = 'sk/v1/kawa/gw-01/m/flow', 'sk/v1/mizu/level-01/m/level-upper', 'sk/v1/kawa/gw-01/m/private'
SUPPLY, SEEN = 'sk/v1/mizu/peer-kawa/m/supply', 'sk/v1/kawa/peer-mizu/m/level'
OUT, DEMAND, PUMP = 'sk/v1/kawa/level-01/m/level-upper', 'sk/v1/kawa/peer-vendor-cloud/m/demand', 'sk/v1/kawa/pump-01/cmd/pump'


class Far(Site):
    """A site that stands in a namespace: whatever asks it over the network does so from there."""

    def __init__(self, line, side, *a, **more):
        self.there = lambda: line.at(side)
        super().__init__(*a, **more)

    def ready(self):
        with self.there():
            return super().ready()

    def start(self, *a, **more):
        with self.there():
            return super().start(*a, **more)

    def enrol(self, *a, **more):
        with self.there():
            return super().enrol(*a, **more)


class Forecast(Sender):
    """What the contractor's broker was given, and took. Between the true ones, what was never agreed."""

    def send(self):
        n = 0
        while not self.over:
            now = int(time.time() * 1000)
            rows = [now + i for i in range(5)]
            self.tried += rows
            if self.client.burst('far/forecast/demand', [json.dumps({'t': t, 'v': t % 900}) for t in rows], qos=1).returncode == 0:
                self.sent += rows
            if n % 5 == 1:
                self.client.pub('far/forecast/demand', json.dumps({'t': 7, 'v': 99999}), '-q', '1')
                self.client.pub('far/pump/request', json.dumps({'do': 'start'}), '-q', '1')
                self.client.pub('sk/v1/kawa/pump-01/cmd/pump', json.dumps({'do': 'start'}), '-q', '1')
            n += 1
            time.sleep(5 * self.gap)


class Book:
    """One flow: who sends, and what stands at its other end."""

    def __init__(self, name, sender, arrived):
        self.name, self.sender, self.arrived = name, sender, arrived


# Tolerances are such that every flow needs its stages from the first: schema on what comes, reduction of what leaves.
def linked(line, mizu, kawa, broker):
    with line.at(0):
        check('the contractor\'s broker runs', broker.start() and broker.listen('#', 'all.log'))
    os.makedirs(kawa.path('site', 'courier'), mode=0o700, exist_ok=True)
    with open(kawa.path('site', 'courier', 'vendor-cloud.password'), 'w') as f:
        f.write('mizu\nsecret\n')
    accept(mizu, kawa, *cards(mizu, kawa, line.hosts[1]))
    for site, name in ((kawa, 'supplier-customer.yaml'), (mizu, 'supplier-agreement.yaml')):
        r = agree(site, name, [('per_minute: 1200', 'per_minute: 6000'), ('n: { number: true }, ', ''), ('tolerance_yen: 1000000, fallback: all', 'tolerance_yen: 40000, fallback: all')])
        check(f'{site.name}: agreed', r.returncode == 0, r.stderr)
    r = sign(kawa, broker.text(kawa.path('vendor.yaml'), ('per_minute: 120', 'per_minute: 6000'), ('per_minute: 60,', 'per_minute: 6000,'),
                               ('tolerance_yen: 1000000', 'tolerance_yen: 100000, fallback: all-stages'), ('tolerance_yen: 1500000', 'tolerance_yen: 600000')))
    check('and with the contractor', r.returncode == 0, r.stderr)
    check('all flows are live, over the line', until(lambda: live(mizu) and live(kawa) and len(peers(kawa)) == 2, 60), [peers(mizu), peers(kawa)])


def kill_each(sites, roles=ROLES_KILLED):
    for site in sites:
        for role in roles:
            pid = until(lambda: site.pid_of(role), 30)
            os.kill(pid, signal.SIGKILL)
            check(f'{site.name}: {role} killed, back', until(lambda: site.pid_of(role) not in (None, pid) and site.ready(), 60))


def partition(line, mizu, kawa, books):
    check('the line is taken down', line.cut(), line.why)
    before, began = [len(b.sender.sent) for b in books], time.monotonic()
    for n in range(ROUNDS):
        kill_each((mizu, kawa))
        time.sleep(max(0, began + PARTITION_S * (n + 1) / ROUNDS - time.monotonic()))
    check('both sides say that the other is away', until(lambda: all(p['link'] == 'down' for s in (mizu, kawa) for p in peers(s)), 60), [peers(mizu), peers(kawa)])
    meanwhile = [b.sender.sent[n:] for b, n in zip(books, before)]
    note(f'{time.monotonic() - began:.0f} s without a line; acknowledged meanwhile: ' + ', '.join(f'{b.name} {len(m)}' for b, m in zip(books, meanwhile)))
    crossed = [(b.name, len(set(m) & set(b.arrived()))) for b, m in zip(books, meanwhile)]
    check('what was acknowledged in it waits', all(meanwhile) and all(n <= 8 for _, n in crossed), crossed)  # the first may have been on its way
    check('the line is mended', line.mend())
    kill_each((mizu, kawa), ROLES_KILLED if LONG else ('courier', 'core'))
    check('both find each other again', until(lambda: all(p['link'] == 'up' for s in (mizu, kawa) for p in peers(s)) and live(mizu) and live(kawa), 120), [peers(mizu), peers(kawa)])


def whole(b):
    there = until(lambda: set(b.sender.sent) <= set(b.arrived()), DRAIN_S, 0.2)
    arrived = b.arrived()
    got = first_seen(arrived)
    note(f'{b.name}: {len(b.sender.sent)} acknowledged by its own side, {len(arrived)} arrived, {len(arrived) - len(got)} of them again')
    check(f'{b.name}: nothing agreed is lost', there and len(got) > 5, sorted(set(b.sender.sent) - set(got))[:5])
    check(f'{b.name}: in order', got == sorted(got))
    check(f'{b.name}: nothing arrives that was not sent', set(got) <= set(b.sender.tried))


def forbidden(kawa, ours, theirs, pump, broker, broker_side):
    private = [body for name, _, body in theirs.rows if name == PRIVATE]
    check('what no flow names was sent at home, and did not cross', len(private) > 5 and {name for name, _, _ in ours.rows} == {SUPPLY, LEVEL}, {name for name, _, _ in ours.rows})
    check('nor reach the broker', not [m for m in broker.got('all.log') if 'private' in m])
    withheld = [body for name, _, body in ours.rows + theirs.rows if name in (SUPPLY, SEEN)] + [m for m in broker.got('all.log') if m.get('u') == 'm']
    check('the field that is withheld left on no flow', len(withheld) > 10 and not [m for m in withheld if 'n' in m])
    with broker_side():
        broker.pub('far/forecast/demand', json.dumps({'t': 8, 'v': 99999}), '-q', '1')  # counts begin anew with each core
    check('a value its schema forbids is refused', not [b for name, _, b in theirs.rows if name == DEMAND and b['v'] > 2000] and until(lambda: flow(kawa, 'demand-in')['refused'], 15), flow(kawa, 'demand-in'))
    check('the contractor\'s orders wait for two people; none was delivered', not pump.rows and until(lambda: kawa.json('status')['held'], 15), pump.rows)
    check('an order on a topic of ours never came to be', PUMP not in {name for name, _, _ in theirs.rows})


def scenario(line, mizu, kawa):
    broker = Broker(kawa, line.hosts[0], '0.0.0.0')
    for site in (mizu, kawa):
        site.start()
    linked(line, mizu, kawa, broker)
    with mizu.there():
        ours = Reader(mizu, 'eyes', 'sk/v1/mizu/#', there=mizu.there)
    with kawa.there():
        theirs, pump = Reader(kawa, 'eyes', 'sk/v1/kawa/#', there=kawa.there), Reader(kawa, 'pump-01', PUMP, role='device', there=kawa.there)
    device = lambda site, who, topic, **more: Sender(site, site.enrol(who, 'device'), topic, GAP, site.there, **more)
    books = [Book('supply', device(kawa, 'gw-01', FLOW, beside=PRIVATE), lambda: ours.of(SUPPLY)),
             Book('level', device(mizu, 'level-01', LEVEL), lambda: theirs.of(SEEN)),
             Book('to the broker', device(kawa, 'level-01', OUT), lambda: [m['t'] for m in broker.got('all.log') if m.get('u') == 'm']),
             Book('from the broker', Forecast(kawa, broker, '', GAP, mizu.there), lambda: theirs.of(DEMAND))]
    for b in books:
        b.sender.start()
    check('readings pass on all four', until(lambda: all(b.arrived() for b in books), 60), [b.name for b in books if not b.arrived()])
    partition(line, mizu, kawa, books)
    for b in books:
        b.sender.over = True
    for b in books:
        b.sender.join(60)
    for b in books:
        whole(b)
    forbidden(kawa, ours, theirs, pump, broker, mizu.there)
    for site in (mizu, kawa):
        site.stop()
        r = run(BIN + '/sekimori-verify', site.path('site', 'ledger'))
        check(f'{site.name}: its record verifies', r.returncode == 0, r.stdout + r.stderr)


def main():
    with Line() as line:
        if line.why:
            skip('two sites over a line that is cut', 'no network namespaces here: ' + line.why)
            finish()
        with Far(line, 0, 'mizu') as mizu, Far(line, 1, 'kawa', host=line.hosts[1], listen='0.0.0.0', peers=True) as kawa:
            scenario(line, mizu, kawa)
    finish()


main()
