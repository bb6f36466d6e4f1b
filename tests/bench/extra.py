"""What run.py measures besides the rows of the load generator. Each function gives rows of the one table: (goal, what,
ours, peer's, ratio, verdict), all text. A measurement that fails raises; run.py says so in its row and goes on."""
import json
import os
import re
import statistics
import sys
import tempfile
import threading

import retained
from rig import BROKER_CORE, BUILD, ROOT, Lab, Mosquitto, Sekimori, load, run, settle

RETAINED = 90000  # a site keeps 100,000 in all, its own state included
MEDIAN = statistics.median


def number(v):
    return '–' if v is None else f'{v:,.0f}' if v >= 100 else f'{v:.1f}' if v >= 10 else f'{v:.2f}'


def judged(value, limit, most=True):
    """`most`: the goal is an upper bound."""
    good = value <= limit if most else value >= limit
    return f"{'≤' if most else '≥'} {number(limit)} {'met' if good else '**missed**'}"


def against(ours, theirs, goal=None, ratio=None):
    words = [judged(ours, goal)] if goal is not None else []
    if ratio is not None and theirs:
        words.append(f"≤ {ratio} × {'met' if ours / theirs <= ratio else '**missed**'}")
    return '; '.join(words) or 'no goal'


def beside(goal, what, ours, theirs, limit=None, ratio=None):
    return (goal, what, number(ours), number(theirs), f'{ours / theirs:.2f}' if theirs else '–', against(ours, theirs, limit, ratio))


# ---- P12: idle connections, on brokers of their own: memory that earlier work left behind would be used again and not be seen

def each_kib(broker, n, tls=True):
    r = load(broker, 'idle', '--pubs', n, '--sources', max(1, n // 250), '--warm', 3, '--seconds', 3, tls=tls)
    print('idle', broker.name, {k: r.get(k) for k in ('good', 'lines', 'rss_kib', 'cpu_us', 'why')}, flush=True)
    if not r.get('good') or r.get('lines') != n:
        raise RuntimeError(f"{broker.name}: {r.get('lines')} of {n} links, {r.get('why', '')}")
    settle(1)
    return r['rss_kib'] / n


def idle_tls(n):
    site = Sekimori()
    try:
        ours, peer = each_kib(site, n), Mosquitto(site.site, True)
        try:
            theirs = each_kib(peer, n)
        finally:
            peer.close()
    finally:
        site.close()
    return [beside('P12 mTLS', f'{n:,} idle mTLS connections over {max(1, n // 250)} addresses, all roles: KiB resident for each', ours, theirs, 20, 0.7)]


def idle_plain(n, site):
    lab, peer = Lab(), Mosquitto(site, True)
    try:
        ours, theirs = each_kib(lab, n, tls=False), each_kib(peer, n, tls=False)
    finally:
        lab.close()
        peer.close()
    return [beside('P12 plain', f'{n:,} idle connections without TLS (lab: one process): KiB for each', ours, theirs, 1.5, 0.3)]


# ---- P13, P15 and risk: single rooms by themselves

def pinned(*argv):
    r = run('taskset', '-c', str(min(BROKER_CORE)), *argv, timeout=300)
    if r.returncode:
        raise RuntimeError((r.stdout + r.stderr)[-300:])
    return r.stdout


def acl_us(site, rounds):
    """What 1,000 access rules cost mosquitto a message: processor time with them less that without."""
    with_rules, without, more = Mosquitto(site, False, rules=1000), Mosquitto(site, False), []
    try:
        for _ in range(rounds):
            each = [load(b, 'pairs', '--pubs', 100, '--qos', 0, '--seconds', 1, tls=False)['cpu_us_each'] for b in (with_rules, without)]
            more.append(each[0] - each[1])
    finally:
        with_rules.close()
        without.close()
    return MEDIAN(more)


def judging(site, rounds):
    theirs = acl_us(site, rounds)
    out = pinned(os.path.join(BUILD, 'tests/bench/sekimori-grants-bench'))
    found = re.findall(r'^ *(\d+) rows, *(\d+) topics speaking: (\d+) ns', out, re.M)
    if not found:
        raise RuntimeError(out[-300:])
    goal = {'1000': 0.15, '100000': 0.3}
    return [beside(f'P13 {int(rows):,}', f'judging a message by {int(rows):,} grants and 10,000 streams, {int(topics):,} topics speaking (mosquitto: what 1,000 rules add)',
                   int(ns) / 1000, theirs, goal.get(rows), 1 / 150 if rows == '1000' and topics == '100' else None) for rows, topics, ns in found]


def record():
    runs = []
    for _ in range(3):
        with tempfile.TemporaryDirectory(prefix='sekimori-') as d:
            runs.append(json.loads(pinned(os.path.join(BUILD, 'tests/bench/sekimori-record-bench'), os.path.join(d, 'ledger'), 500000)))
    at = lambda k: MEDIAN(r[k] for r in runs)
    return [('P15', 'the record alone on one core: durable entries a second', number(at('per_s')), '–', '–', judged(at('per_s'), 400000, False)),
            ('P15 p99', f"a commit of 1,000 behind up to three others: p99 ms (p50 {at('commit_p50_us') / 1000:.1f})", number(at('commit_p99_us') / 1000), '–', '–',
             judged(at('commit_p99_us') / 1000, 5))]


def risk():
    r = json.loads(pinned(os.path.join(BUILD, 'tests/bench/sekimori-risk-bench'), '300'))
    size = '1,000 groups × 30 threats × 40 controls × 5,000 flows × 20 missions'
    return [('risk', f'{size}: whole, ms p50', number(r['whole_us']['p50'] / 1000), '–', '–', judged(r['whole_us']['p50'] / 1000, 10)),
            ('risk', 'the same, one changed fact, ms p50', number(r['one_fact_us']['p50'] / 1000), '–', '–', judged(r['one_fact_us']['p50'] / 1000, 1))]


# ---- P14: retained messages, and what others notice meanwhile

def canary(broker, seconds):
    r = load(broker, 'pairs', '--pubs', 10, '--qos', 1, '--rate', 1000, '--seconds', seconds)
    if not r.get('good'):
        raise RuntimeError(f"{broker.name}: {r.get('why')}")
    return r['delivery']['p99_us']


def while_fetching(broker):
    """Others' p99 µs while all retained messages are fetched again and again."""
    found = {}
    one = threading.Thread(target=lambda: found.update(p99=canary(broker, 3)))
    one.start()
    while one.is_alive():
        retained.fetch(broker, RETAINED)
    one.join()
    return found['p99']


def retained_of(broker):
    f = {'calm': canary(broker, 2)}
    f['store_us'], _ = retained.store(broker, RETAINED)
    f['fetch_us'], f['fetch_s'] = retained.fetch(broker, RETAINED)
    f['busy'] = while_fetching(broker)
    retained.store(broker, RETAINED, empty=True)  # nothing is left for what is measured next
    print('retained', broker.name, {k: round(v, 2) for k, v in f.items()}, flush=True)
    return f


def retained_rows(brokers, rounds):
    runs = {b.name: [retained_of(b) for _ in range(rounds)] for b in brokers}
    at = lambda name, k: MEDIAN(r[k] for r in runs[name])
    names = [b.name for b in brokers]
    ours, peers = names[0], names[1:]
    best = lambda k: min((at(p, k) for p in peers), default=None)
    per_s = RETAINED / at(ours, 'fetch_s')
    growth = at(ours, 'busy') / at(ours, 'calm')
    peer_growth = min((at(p, 'busy') / at(p, 'calm') for p in peers), default=None)
    return [beside('P14 store', f'{RETAINED:,} retained messages of 64 bytes, mTLS: stored, µs each', at(ours, 'store_us'), best('store_us'), 1.9, 0.23),
            beside('P14 fetch', 'the same, fetched by one subscription, µs of processor time each', at(ours, 'fetch_us'), best('fetch_us')),
            ('P14 rate', 'the same, fetched a second', number(per_s), number(RETAINED / best('fetch_s')) if peers else '–', '–', judged(per_s, 500000, False)),
            ('P14 others', f"others' p99 while it is fetched again and again, × their p99 before ({at(ours, 'calm'):,.0f} µs)", number(growth),
             number(peer_growth), '–', judged(growth, 2))]


# ---- P16 under kill -9, P17

def killed():
    """The scenario with its own books; eight kills, each role in turn, at 5,000 acknowledged a second."""
    r = run(sys.executable, os.path.join(ROOT, 'tests/scenarios/kill_test.py'), timeout=240,
            env={**os.environ, 'CYCLES': '8', 'SEKIMORI_BUILD': BUILD, 'RELEASE': ''})
    lost = re.search(r'of (\d+) acknowledged messages (\d+) are lost', r.stdout)
    rate = re.search(r'a second over all|median (\d+)', r.stdout)
    if not lost:
        raise RuntimeError((r.stdout + r.stderr)[-300:])
    wrong = [x for x in r.stdout.splitlines() if x.startswith('not ok')]
    words = '0 met' if lost[2] == '0' and not wrong else '**missed**'
    return [('P16 kill', f"8 × kill -9 in mid-run, each role in turn (median {rate[1] if rate and rate[1] else '?'} acknowledged/s before a kill): lost of {int(lost[1]):,}",
             lost[2], '–', '–', words)]


def shared_maps(pid):
    """What of a process's memory others may write as well, by the kernel's own list."""
    with open(f'/proc/{pid}/maps', encoding='ascii', errors='replace') as f:
        return [x.split(None, 5) for x in f if x.split()[1][1] == 'w' and x.split()[1][3] == 's']


def switches(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        return sum(int(x.split()[1]) for x in f if 'ctxt_switches' in x)


def sharing(site):
    """P17: what the gate's message path shares with anybody: threads, shared memory that is written, and wakes a message."""
    gate = site.site.pid_of('gate')
    threads, maps = len(os.listdir(f'/proc/{gate}/task')), shared_maps(gate)
    names = sorted({m[5].split()[0] if len(m) > 5 else '(no name)' for m in maps})
    before = switches(gate)
    r = load(site, 'pairs', '--pubs', 100, '--qos', 1, '--seconds', 2)
    woken = (switches(gate) - before) / max(1, r['delivered']) * 1000
    rings = threads == 1 and len(maps) <= 2 and all('ring' in n or 'channel' in n or 'memfd' in n for n in names)
    what = (f"gate: {threads} thread, {len(maps)} shared writable mapping(s): {', '.join(names)}; {woken:.1f} context switches for 1,000 messages: "
            'nothing but the two rings is shared')
    return [('P17', what, 'shown' if rings else 'not shown', '–', '–', 'met' if rings else '**missed**')] + scaling(site)


def scaling(site):
    """Over cores, where the generator leaves any: gate and core on one, then on one each."""
    cores = sorted(os.sched_getaffinity(0) | BROKER_CORE)
    if (os.cpu_count() or 1) < 3:
        return [('P17 cores', 'messages/s of gate and core on two cores, × on one', '–', '–', '–', f'not measured: {os.cpu_count()} cores, one is the generator\'s')]
    pin_to = lambda pid, core: [os.sched_setaffinity(int(t), {core}) for t in os.listdir(f'/proc/{pid}/task')]
    rate = lambda: MEDIAN(load(site, 'pairs', '--pubs', 100, '--qos', 1, '--seconds', 1)['per_s'] for _ in range(5))
    one = rate()
    pin_to(site.site.pid_of('core'), [c for c in range(os.cpu_count()) if c not in BROKER_CORE][0])
    two = rate()
    pin_to(site.site.pid_of('core'), min(BROKER_CORE))
    return [('P17 cores', f'messages/s of gate and core on two cores, × on one ({len(cores)} cores)', f'{two / one:.2f}', '–', '–', 'no goal')]
