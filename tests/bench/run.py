#!/usr/bin/env python3
"""Measures Sekimori beside Debian's mosquitto, in one run, in turns, and writes the table into docs/performance.md.

usage: run.py [--full] [--only P8,P9] [--idle N] [--no-table]
Quick: 3 rounds; --full: 5 rounds and 15,000 idle connections. Broker on one core, generator on the other. mosquitto runs
in both its settings (Nagle's algorithm on and off), and the one that did better in a row is what the row compares with.
It never gates anything: no test fails because a machine was slow. Raw figures: bench.json in the build folder."""
import json
import os
import statistics
import sys
import tempfile
import time

import retained
from rig import BROKER_CORE, BUILD, PASSING, RECORDED, ROOT, Mosquitto, Sekimori, load, machine, quiet, run, settle

TABLE = os.path.join(ROOT, 'docs/performance.md')
BEGIN, END = '<!-- begin: written by tests/bench/run.py -->', '<!-- end -->'
RETAINED = 90000  # a site keeps 100,000 in all, its own state included
PAIRS = ('pairs', '--pubs', 100)


class Row:
    """One row: what runs, which figure counts (a path into the generator's JSON), and what was hoped for."""

    def __init__(self, name, what, argv, figure='cpu_us_each', **more):
        self.name, self.what, self.argv, self.figure = name, what, list(argv), figure
        self.prefix = more.get('prefix', PASSING)
        self.plain = more.get('plain', False)      # mosquitto without TLS
        self.goal, self.ratio = more.get('goal'), more.get('ratio')
        self.seconds = more.get('seconds', 1.5)
        self.version = more.get('version', 4)
        self.alone = more.get('alone', False)      # the peer has nothing to compare

    def runs_as(self, other):
        return (self.argv, self.prefix, self.plain, self.version) == (other.argv, other.prefix, other.plain, other.version)

    def value(self, result):
        for part in self.figure.split('.'):
            result = (result or {}).get(part)
        return result


ROWS = [
    Row('P1', 'pairs 100:100, QoS 0, mTLS', PAIRS + ('--qos', 0), goal=1.7, ratio=0.17),
    Row('P2', 'pairs, QoS 1, mTLS, not recorded', PAIRS + ('--qos', 1), goal=3.3, ratio=0.18),
    Row('P2 v5', 'the same, MQTT 5', PAIRS + ('--qos', 1), goal=3.3, ratio=0.18, version=5),
    Row('P3', 'pairs, QoS 2, mTLS', PAIRS + ('--qos', 2), goal=8.4),
    Row('P5 q0', 'fan-out 1:100, QoS 0, mTLS', ('fan-out', '--subs', 100, '--qos', 0), goal=1.4, ratio=0.16),
    Row('P5 q1', 'fan-out 1:100, QoS 1, mTLS', ('fan-out', '--subs', 100, '--qos', 1), goal=1.65),
    Row('P6', 'fan-in 100:1, QoS 0, mTLS', ('fan-in', '--pubs', 100, '--qos', 0), goal=1.1, ratio=0.13),
    Row('wild', 'pairs through filters with +, QoS 0, mTLS', ('wildcard', '--pubs', 100, '--qos', 0)),
    Row('P7', 'one message at a time, 1:1, QoS 0, mTLS (split mode)', ('pairs', '--pubs', 1, '--window', 1, '--qos', 0), goal=11.3),
    Row('P8', '**headline**: QoS 1, mTLS, authorised, in the record, durable before PUBACK; mosquitto: plain, in memory',
        PAIRS + ('--qos', 1), prefix=RECORDED, plain=True, goal=5.0, ratio=0.28, seconds=2),
    Row('P8 tls', 'the same; mosquitto: mTLS, in memory', PAIRS + ('--qos', 1), prefix=RECORDED),
    Row('P9 p50', '5,000/s, QoS 1, mTLS, not recorded: p50 µs', ('pairs', '--pubs', 100, '--qos', 1, '--rate', 5000),
        'delivery.p50_us', goal=200),
    Row('P9 p99', 'the same: p99 µs', ('pairs', '--pubs', 100, '--qos', 1, '--rate', 5000), 'delivery.p99_us', goal=500, ratio=0.33),
    Row('P9 kept', '5,000/s, recorded: acknowledgement p50 µs', ('pairs', '--pubs', 100, '--qos', 1, '--rate', 5000),
        'acknowledgement.p50_us', prefix=RECORDED, goal=3000),
    Row('P10', 'full handshake + CONNECT, mTLS', ('handshakes', '--pubs', 16), goal=880, ratio=0.53, seconds=2),
]


def measure(row, brokers, results):
    for broker in brokers:
        if row.alone and broker is not brokers[0]:
            continue
        ours = broker is brokers[0]
        twin = next((x for x in ROWS[:ROWS.index(row)] if x.runs_as(row) and len(results.get(x.name, {}).get(broker.name, []))
                     > len(results.get(row.name, {}).get(broker.name, []))), None)
        if twin:  # another figure of the same run
            results.setdefault(row.name, {}).setdefault(broker.name, []).append(results[twin.name][broker.name][-1])
            continue
        r = load(broker, *row.argv, '--version', row.version, '--seconds', row.seconds, prefix=row.prefix,
                 tls=ours or not row.plain)
        results.setdefault(row.name, {}).setdefault(broker.name, []).append(r)
        v = row.value(r)
        print(f"{row.name:8} {broker.name:20} {v if v is not None else r}  {r.get('per_s')}/s  lost {r.get('lost')} twice "
              f"{r.get('duplicates')} order {r.get('disordered')}", flush=True)
        settle(0.2)


def middle(row, runs):
    values = [row.value(r) for r in runs if r.get('good')]
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def number(v):
    return '–' if v is None else f'{v:,.0f}' if v >= 100 else f'{v:.1f}' if v >= 10 else f'{v:.2f}'


def verdict(row, ours, ratio):
    words = []
    if row.goal is not None:
        words.append(f"≤ {number(row.goal)} {'met' if ours <= row.goal else '**missed**'}")
    if row.ratio is not None and ratio is not None:
        words.append(f"≤ {row.ratio} × {'met' if ratio <= row.ratio else '**missed**'}")
    return '; '.join(words) or 'no goal'


def line(row, runs):
    ours = middle(row, runs['sekimori'])
    theirs = {name: middle(row, r) for name, r in runs.items() if name != 'sekimori'}
    theirs = {name: v for name, v in theirs.items() if v is not None}
    if ours is None:
        return f"| {row.name} | {row.what} | not possible: links were refused or lost | | | **missed** |"
    best = min(theirs, key=theirs.get) if theirs else None
    ratio = ours / theirs[best] if best else None
    peer = f"{number(theirs[best])} ({'Nagle off' if 'nodelay' in best else 'Nagle on'})" if best else '–'
    return f"| {row.name} | {row.what} | {number(ours)} | {peer} | {'–' if ratio is None else f'{ratio:.2f}'} | {verdict(row, ours, ratio)} |"


def count(runs, what):
    return sum(r.get(what, 0) or 0 for rows in runs for r in rows if r.get('good'))


def headline(results):
    runs = results.get('P8', {}).get('sekimori')
    if not runs:
        return []
    at = lambda figure: number(middle(Row('', '', (), figure), runs))
    return [f"P8 besides: {at('per_s')} messages/s on the broker's one core (goal ≥ 150,000), acknowledgement p50 "
            f"{at('acknowledgement.p50_us')} µs, p99 {at('acknowledgement.p99_us')} µs (goal ≤ 5,000) at full load: a window of ten "
            f"for each of 100 publishers, so most of that time is waiting in line.", '']


def truth(results):
    once = [r for name, r in results.items() if name != 'P9 p99'] # the same runs as P9 p50
    ours = [r['sekimori'] for r in once if 'sekimori' in r]
    peers = [v for r in once for k, v in r.items() if k != 'sekimori']
    return [f"P16, over all runs above: Sekimori delivered {count(ours, 'delivered'):,} messages: {count(ours, 'lost')} lost, "
            f"{count(ours, 'duplicates')} twice, {count(ours, 'disordered')} out of order. mosquitto: {count(peers, 'delivered'):,}: "
            f"{count(peers, 'lost')} lost, {count(peers, 'duplicates')} twice, {count(peers, 'disordered')} out of order. "
            f"(Killing every role in mid-run: tests/scenarios/kill_test.py.)", '']


def memory(idle):
    if not idle:
        return []
    ours, theirs = idle['sekimori'], idle['mosquitto']
    each = lambda r: r['rss_kib'] / max(1, r['lines'])
    if not ours.get('good') or not theirs.get('good'):
        return [f"P12: not measured: {ours.get('why', '')} {theirs.get('why', '')}", '']
    return [f"P12: {ours['lines']:,} idle mTLS connections from many loopback addresses: Sekimori {each(ours):.1f} KiB each (resident, all "
            f"roles), mosquitto {each(theirs):.1f} KiB; ratio {each(ours) / each(theirs):.2f} (goal ≤ 20 KiB "
            f"{'met' if each(ours) <= 20 else '**missed**'}; ≤ 0.7 × {'met' if each(ours) <= 0.7 * each(theirs) else '**missed**'}).", '']


def retained_lines(found):
    """P14; of mosquitto the better of both settings, each figure by itself."""
    if not found:
        return []
    ours, theirs = found['sekimori'], [v for k, v in found.items() if k != 'sekimori' and 'why' not in v]
    if 'why' in ours or not theirs:
        return [f"P14: **missed**: {ours.get('why', 'mosquitto did not do it')}", '']
    store, per_s = ours['store_us'], RETAINED / ours['fetch_s']
    peer_store, peer_fetch = min(t['store_us'] for t in theirs), min(t['fetch_us'] for t in theirs)
    return [f"P14, {RETAINED:,} retained messages of 64 bytes over mTLS: stored at {store:.1f} µs each (mosquitto {peer_store:.1f}; goal ≤ 1.9 "
            f"{'met' if store <= 1.9 else '**missed**'}), fetched by one subscription at {ours['fetch_us']:.1f} µs each (mosquitto {peer_fetch:.1f}), "
            f"{per_s:,.0f}/s (goal ≥ 500,000 {'met' if per_s >= 500000 else '**missed**'}). What others' p99 does meanwhile is not measured.", '']


def rooms():
    """What single rooms do by themselves: judging by many grants, and making the record durable."""
    found = []
    pinned = lambda *argv: run('taskset', '-c', str(min(BROKER_CORE)), *argv, timeout=300)
    grants = pinned(os.path.join(BUILD, 'tests/bench/sekimori-grants-bench'))
    if grants.returncode == 0:
        lines = [x.strip() for x in grants.stdout.splitlines() if x.strip()]
        found += ['P13, judging alone (`sekimori-grants-bench`): ' + '; '.join(lines) + '.', '']
    with tempfile.TemporaryDirectory(prefix='sekimori-') as d:
        record = pinned(os.path.join(BUILD, 'tests/bench/sekimori-record-bench'), os.path.join(d, 'ledger'), 500000)
    if record.returncode == 0:
        r = json.loads(record.stdout)
        found += [f"P15, the record alone on one core (`sekimori-record-bench`): {r['per_s']:,.0f} durable entries/s (goal ≥ 400,000 "
                  f"{'met' if r['per_s'] >= 400000 else '**missed**'}), {r['cpu_us_each']:.2f} µs of processor time each; a commit of 1,000 behind up "
                  f"to three others: p50 {r['commit_p50_us'] / 1000:.1f} ms, p99 {r['commit_p99_us'] / 1000:.1f} ms (goal ≤ 5 ms "
                  f"{'met' if r['commit_p99_us'] <= 5000 else '**missed**'}).", '']
    risk = pinned(os.path.join(BUILD, 'tests/bench/sekimori-risk-bench'), '300')
    if risk.returncode == 0:
        r = json.loads(risk.stdout)
        found += [f"Risk (`sekimori-risk-bench`): 1,000 groups × 30 threats × 40 controls × 5,000 flows × 20 missions, processor time p50: whole "
                  f"{r['whole_us']['p50'] / 1000:.1f} ms (goal ≤ 10), one changed fact {r['one_fact_us']['p50'] / 1000:.2f} ms (goal ≤ 1), one of a "
                  f"control that stands on a fifth of all flows {r['one_fact_on_flows_us']['p50'] / 1000:.1f} ms; the same, byte for byte, as the whole.", '']
    return found


def table(results, idle, kept, rounds, began):
    rows = [BEGIN, '', f"`{' '.join(['tests/bench/run.py'] + sys.argv[1:])}`, {time.strftime('%Y-%m-%d %H:%M', time.gmtime(began))} UTC, "
            f"{machine()}; {rounds} rounds in turn; load average {quiet():.1f} at the end, of which two belong to the measurement: "
            'above that, others were at work and absolute figures are too high, ratios less so.', '',
            '| goal | what | Sekimori | mosquitto 2.0.11, better setting | ratio | against the goal |', '|---|---|---|---|---|---|']
    rows += [line(r, results[r.name]) for r in ROWS if r.name in results]
    rows += ['', 'Microseconds of processor time for each delivered message (handshake), all roles summed, where nothing else is said.', '']
    return '\n'.join(rows + headline(results) + truth(results) + memory(idle) + retained_lines(kept) + (rooms() if '--only' not in sys.argv else []) + [END])


def write_table(text):
    with open(TABLE, encoding='utf-8') as f:
        page = f.read()
    before, _, rest = page.partition(BEGIN)
    with open(TABLE, 'w', encoding='utf-8') as f:
        f.write(before + text + rest.partition(END)[2])


def idle_connections(n):
    """On brokers of their own: memory that earlier work left behind would be used again and not be seen."""
    site, found = Sekimori(), {}
    try:
        peer = Mosquitto(site.site, True)
        for name, broker in (('sekimori', site), ('mosquitto', peer)):
            found[name] = load(broker, 'idle', '--pubs', n, '--sources', max(1, n // 250), '--warm', 3, '--seconds', 5)
            print('idle', name, {k: found[name].get(k) for k in ('good', 'lines', 'rss_kib', 'cpu_us', 'why')}, flush=True)
            settle(1)
        peer.close()
    finally:
        site.close()
    return found


def option(name, fallback):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else fallback


def main():
    began, full = time.time(), '--full' in sys.argv
    only, rounds = option('--only', ''), 5 if full else 3
    rows = [r for r in ROWS if not only or r.name in only.split(',')]
    count_idle = int(option('--idle', 15000 if full else 2000))
    idle = idle_connections(count_idle) if count_idle else None
    site, results, kept = Sekimori(), {}, {}
    try:
        peers = [Mosquitto(site.site, nodelay) for nodelay in (True, False)]
        for _ in range(rounds):
            for row in rows:
                measure(row, [site] + peers, results)
        if not only:
            kept = {b.name: retained.measure(b, RETAINED) for b in [site] + peers}
        for p in peers:
            p.close()
    finally:
        site.close()
    with open(os.path.join(BUILD, 'bench.json'), 'w', encoding='utf-8') as f:
        json.dump({'began': began, 'machine': machine(), 'results': results, 'idle': idle, 'retained': kept}, f)
    text = table(results, idle, kept, rounds, began)
    print(f'{(time.time() - began) / 60:.1f} minutes', flush=True)
    print(text)
    if '--no-table' not in sys.argv:
        write_table(text)


if __name__ == '__main__':
    main()
