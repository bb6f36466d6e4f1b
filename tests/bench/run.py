#!/usr/bin/env python3
"""Measures Sekimori beside Debian's mosquitto, in one run, in turns, and writes the table into docs/performance.md.

usage: run.py [--full] [--only P8,P14] [--idle N] [--no-table]
Quick: 3 rounds; --full: 5 rounds and 15,000 idle connections. Broker on one core, generator on the other. mosquitto runs
in both its settings (Nagle's algorithm on and off), and the one that did better in a row is what the row compares with.
A row that fails says so in the table, and the run goes on. It never gates anything: no test fails because a machine was
slow. Raw figures: bench.json in the build folder."""
import json
import os
import statistics
import sys
import time

import extra
from extra import against, number
from rig import BUILD, LOAD_CORE, PASSING, RECORDED, ROOT, Lab, Mosquitto, Sekimori, load, machine, quiet, settle

TABLE = os.path.join(ROOT, 'docs/performance.md')
BEGIN, END = '<!-- begin: written by tests/bench/run.py -->', '<!-- end -->'
PAIRS = ('pairs', '--pubs', 100)


class Row:
    """One row: what runs, which figure counts (a path into the generator's JSON), and what was hoped for."""

    def __init__(self, name, what, argv, figure='cpu_us_each', **more):
        self.name, self.what, self.argv, self.figure = name, what, list(argv), figure
        self.prefix = more.get('prefix', PASSING)
        self.plain = more.get('plain', False)      # mosquitto without TLS
        self.resumed = more.get('resumed', False)  # counts only where nine tenths were
        self.goal, self.ratio = more.get('goal'), more.get('ratio')
        self.seconds = more.get('seconds', 1.5)
        self.version = more.get('version', 4)
        self.lab = more.get('lab', False)          # of Sekimori the lab: one process, no TLS

    def runs_as(self, other):
        return (self.argv, self.prefix, self.plain, self.version, self.lab) == (other.argv, other.prefix, other.plain, other.version, other.lab)

    def value(self, result):
        if self.resumed and (result or {}).get('resumed', 0) < 0.9 * (result or {}).get('per_s', 0) * self.seconds:
            return None
        for part in self.figure.split('.'):
            result = (result or {}).get(part)
        return result


ROWS = [
    Row('P1', 'pairs 100:100, QoS 0, mTLS', PAIRS + ('--qos', 0), goal=1.7, ratio=0.17),
    Row('P2', 'pairs, QoS 1, mTLS, not recorded', PAIRS + ('--qos', 1), goal=3.3, ratio=0.18),
    Row('P2 v5', 'the same, MQTT 5', PAIRS + ('--qos', 1), goal=3.3, ratio=0.18, version=5),
    Row('P3', 'pairs, QoS 2, mTLS', PAIRS + ('--qos', 2), goal=8.4),
    Row('P4 q0', 'pairs, QoS 0, without TLS (lab: one process, judged by grants)', PAIRS + ('--qos', 0), plain=True, lab=True, goal=1.4, ratio=0.15),
    Row('P4 q1', 'pairs, QoS 1, without TLS (lab)', PAIRS + ('--qos', 1), plain=True, lab=True, goal=2.5, ratio=0.14),
    Row('P5 q0', 'fan-out 1:100, QoS 0, mTLS', ('fan-out', '--subs', 100, '--qos', 0), goal=1.4, ratio=0.16),
    Row('P5 q1', 'fan-out 1:100, QoS 1, mTLS', ('fan-out', '--subs', 100, '--qos', 1), goal=1.65),
    Row('P6', 'fan-in 100:1, QoS 0, mTLS', ('fan-in', '--pubs', 100, '--qos', 0), goal=1.1, ratio=0.13),
    Row('wild', 'pairs through filters with +, QoS 0, mTLS', ('wildcard', '--pubs', 100, '--qos', 0)),
    Row('P7', 'one message at a time, 1:1, QoS 0, mTLS (split mode)', ('pairs', '--pubs', 1, '--window', 1, '--qos', 0), goal=11.3),
    Row('P7 plain', 'the same without TLS (lab: one process)', ('pairs', '--pubs', 1, '--window', 1, '--qos', 0), plain=True, lab=True, goal=7.3),
    Row('P8', '**headline**: QoS 1, mTLS, authorised, in the record, durable before PUBACK; mosquitto: plain, in memory',
        PAIRS + ('--qos', 1), prefix=RECORDED, plain=True, goal=5.0, ratio=0.28, seconds=2),
    Row('P8 tls', 'the same; mosquitto: mTLS, in memory', PAIRS + ('--qos', 1), prefix=RECORDED),
    Row('P8 p99', 'the same under full load, a window of ten for each of 100 publishers: acknowledgement p99 µs', PAIRS + ('--qos', 1),
        'acknowledgement.p99_us', prefix=RECORDED, plain=True, goal=5000, seconds=2),
    Row('P9 p50', '5,000/s, QoS 1, mTLS, not recorded: p50 µs', ('pairs', '--pubs', 100, '--qos', 1, '--rate', 5000),
        'delivery.p50_us', goal=200),
    Row('P9 p99', 'the same: p99 µs', ('pairs', '--pubs', 100, '--qos', 1, '--rate', 5000), 'delivery.p99_us', goal=500, ratio=0.33),
    Row('P9 kept', '5,000/s, recorded: acknowledgement p50 µs', ('pairs', '--pubs', 100, '--qos', 1, '--rate', 5000),
        'acknowledgement.p50_us', prefix=RECORDED, goal=3000),
    Row('P10', 'full handshake + CONNECT, mTLS', ('handshakes', '--pubs', 16), goal=880, ratio=0.53, seconds=2),
    Row('P11', 'resumed handshake + CONNECT, mTLS, revocation asked again', ('handshakes', '--pubs', 16, '--resume', 1), goal=290, ratio=0.28,
        seconds=2, resumed=True),
]


def measure(row, brokers, lab, results):
    for broker in ([lab] if row.lab else brokers[:1]) + brokers[1:]:
        name = 'sekimori' if broker is lab else broker.name
        earlier = results.get(row.name, {}).get(name, [])
        twin = next((x for x in ROWS[:ROWS.index(row)] if x.runs_as(row) and len(results.get(x.name, {}).get(name, [])) > len(earlier)), None)
        if twin:  # another figure of the same run
            results.setdefault(row.name, {}).setdefault(name, []).append(results[twin.name][name][-1])
            continue
        r = load(broker, *row.argv, '--version', row.version, '--seconds', row.seconds, prefix=row.prefix,
                 tls=not row.plain if name != 'sekimori' else not row.lab)
        results.setdefault(row.name, {}).setdefault(name, []).append(r)
        v = row.value(r)
        print(f"{row.name:8} {name:20} {v if v is not None else r}  {r.get('per_s')}/s  lost {r.get('lost')} twice "
              f"{r.get('duplicates')} order {r.get('disordered')}", flush=True)
        settle(0.2)


def middle(row, runs):
    values = [row.value(r) for r in runs if r.get('good')]
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def line(row, runs):
    ours = middle(row, runs.get('sekimori', []))
    theirs = {name: middle(row, r) for name, r in runs.items() if name != 'sekimori'}
    theirs = {name: v for name, v in theirs.items() if v is not None}
    if ours is None:
        last = (runs.get('sekimori') or [{}])[-1]
        return (row.name, row.what, 'not measured', '–', '–', f"**missed**: {last.get('why') or 'links were refused, lost, or not resumed'}")
    best = min(theirs, key=theirs.get) if theirs else None
    ratio = ours / theirs[best] if best else None
    peer = f"{number(theirs[best])} ({'Nagle off' if 'nodelay' in best else 'Nagle on'})" if best else '–'
    return (row.name, row.what, number(ours), peer, '–' if ratio is None else f'{ratio:.2f}', against(ours, theirs.get(best), row.goal, row.ratio))


def count(runs, what):
    return sum(r.get(what, 0) or 0 for rows in runs for r in rows if r.get('good'))


def rate(results):
    runs = [r['per_s'] for r in results.get('P8', {}).get('sekimori', []) if r.get('good')]
    if not runs:
        return []
    per_s = statistics.median(runs)
    return [('P8 rate', "the headline's messages a second on the broker's one core", number(per_s), '–', '–', f"≥ 150,000 {'met' if per_s >= 150000 else '**missed**'}")]


def truth(results):
    """Each run once, though two rows may show figures of it."""
    seen = {id(r): (name, r) for rows in results.values() for name, runs in rows.items() for r in runs}.values()
    def of(ours):
        runs = [[r for name, r in seen if (name == 'sekimori') is ours]]
        wrong = [count(runs, k) for k in ('lost', 'duplicates', 'disordered')]
        return count(runs, 'delivered'), sum(wrong), '/'.join(f'{w}' for w in wrong)
    delivered, wrong, ours = of(True)
    theirs = of(False)
    if not delivered:
        return []
    return [('P16', f'lost / twice / out of order, of all {delivered:,} messages above (mosquitto: of {theirs[0]:,})', ours, theirs[2], '–',
             f"0 {'met' if not wrong else '**missed**'}")]


def attempt(goal, found, what):
    """One more measurement; where it fails its row says so, and the run goes on."""
    print(f'{goal} ...', flush=True)
    began = time.monotonic()
    try:
        found += what()
    except Exception as e:  # whatever it was: said, not hidden
        found.append((goal, 'could not be measured', '–', '–', '–', f"**missed**: {type(e).__name__}: {str(e)[-200:]}".replace('\n', ' ').replace('|', '/')))
    print(f'{goal}: {time.monotonic() - began:.0f} s', flush=True)


def wanted(only, goal):
    return not only or goal in only


def messages(only, rounds, found, results):
    """All that runs on one site beside both settings of mosquitto."""
    site, lab = Sekimori(), Lab()
    peers = []
    try:
        peers += [Mosquitto(site.site, nodelay) for nodelay in (True, False)]
        rows = [r for r in ROWS if not only or r.name.split()[0] in only or r.name in only]
        for _ in range(rounds):
            for row in rows:
                measure(row, [site] + peers, lab, results)
        more = (('P12 plain', lambda: extra.idle_plain(5000, site.site)), ('P13', lambda: extra.judging(site.site, rounds)),
                ('P14', lambda: extra.retained_rows([site] + peers, rounds)), ('P17', lambda: extra.sharing(site)))
        for goal, what in more:
            if wanted(only, goal.split()[0]):
                attempt(goal, found, what)
    finally:
        for b in peers + [lab, site]:
            b.close()


TITLE = ('goal', 'what', 'Sekimori', 'mosquitto 2.0.11, better setting', 'ratio', 'against the goal')


def by_goal(row):
    name = row[0].split()[0]
    return (int(name[1:]), '') if name[1:].isdigit() else (99, name)


def table(rows, rounds, began):
    head = [BEGIN, '', f"`{' '.join(['tests/bench/run.py'] + sys.argv[1:])}`, {time.strftime('%Y-%m-%d %H:%M', time.gmtime(began))} UTC, "
            f"{machine()}; {rounds} rounds in turn, medians; load average {quiet():.1f} at the end, of which two belong to the measurement: above "
            f"that, others were at work and absolute figures are too high, ratios less so. {(time.time() - began) / 60:.0f} minutes.", '',
            'Microseconds of processor time for each delivered message (handshake), all roles summed, where nothing else is said.', '']
    missed, met = sum('**missed**' in r[-1] for r in rows), sum(' met' in r[-1] and '**missed**' not in r[-1] for r in rows)
    lines = ['| ' + ' | '.join(r) + ' |' for r in [TITLE, ('---',) * 6] + rows]
    return '\n'.join(head + lines + ['', f'{met} rows met, {missed} missed.', '', END])


def write_table(text):
    with open(TABLE, encoding='utf-8') as f:
        page = f.read()
    before, _, rest = page.partition(BEGIN)
    with open(TABLE, 'w', encoding='utf-8') as f:
        f.write(before + text + rest.partition(END)[2])


def option(name, fallback):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else fallback


def main():
    began, full = time.time(), '--full' in sys.argv
    only, rounds = [x for x in option('--only', '').split(',') if x], 5 if full else 3
    os.sched_setaffinity(0, LOAD_CORE)
    idle = int(option('--idle', 15000 if full else 2000))
    found, results = [], {}
    if idle and wanted(only, 'P12'):
        attempt('P12', found, lambda: extra.idle_tls(idle))
    attempt('messages', found, lambda: messages(only, rounds, found, results) or [])
    for goal, what in (('P15', extra.record), ('P16', extra.killed), ('risk', extra.risk)):
        if wanted(only, goal):
            attempt(goal, found, what)
    rows = [line(r, results[r.name]) for r in ROWS if r.name in results] + rate(results) + truth(results) + found
    rows.sort(key=by_goal)
    with open(os.path.join(BUILD, 'bench.json'), 'w', encoding='utf-8') as f:
        json.dump({'began': began, 'machine': machine(), 'results': results, 'rows': rows}, f)
    text = table(rows, rounds, began)
    print(text)
    if '--no-table' not in sys.argv and not only:
        write_table(text)


if __name__ == '__main__':
    main()
