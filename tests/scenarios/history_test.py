#!/usr/bin/env python3
"""History: recorded readings by time, raw and by interval, with gaps; late ones in their place; each point is an entry that can be
proved; what was erased is gone from it too; who may not read history is shown nothing; messages do not wait for a reader."""
import csv
import io
import json
import os
import shutil
import threading
import time

from harness import LONG, Site, check, finish, note, packet, _string

POINTS = 200000 if LONG else 3000


def iso(ms):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms / 1000)) + f'.{int(ms) % 1000:03}Z'


def speak(site, dev, hours):
    """A reading every ten minutes for so many hours, but for a gap of three; as a gateway that was alone sends them: late."""
    m, end = dev.mqtt(), int(time.time() // 3600 * 3600 * 1000)
    start, said = end - hours * 3600000, []
    for k in range(hours * 6):
        t = start + k * 600000
        if 6 <= k // 6 < 9:
            continue
        v = 10 + k % 6
        m.publish(f'sk/v1/{site.name}/dev/m/level', json.dumps({'t': t, 'u': 'm', 'v': f'{v}.5'}))
        said.append((t, v + 0.5))
    m.close()
    return start, end, said


def by_interval(site, topic, start, end):
    r = site.cli('-o', 'csv', 'history', topic, '--from', iso(start), '--to', iso(end - 1), '--every', '1h')
    rows = list(csv.DictReader(io.StringIO(r.stdout)))
    full = [x for x in rows if x['n'] == '6']
    check('every hour of the day is there, a gap as a gap', len(rows) == 24 and [x['n'] for x in rows[6:9]] == ['0', '0', '0'] and len(full) == 21, r.stdout)
    check('minimum, mean and maximum are right', all((x['min'], x['mean'], x['max']) == ('10.5', '13', '15.5') for x in full), full[:2])
    first = int(full[0]['first_entry'])
    proof = site.json('ledger', 'proof', str(first))
    check('a figure names entries that can be proved', proof and str(first) in json.dumps(proof), proof)


def raw(site, topic, start, end, said):
    r = site.cli('-o', 'json', 'history', topic, '--from', iso(start), '--to', iso(end))
    points = json.loads(r.stdout)
    check('point by point: what was said, when it was measured', [(p['ms'], p['milli'] / 1000) for p in points] == said, points[:3])
    r = site.cli('-o', 'csv', 'history', topic, '--from', iso(start), '--to', iso(end), '--bom')
    check('with a byte order mark for spreadsheets where it is asked for', r.stdout.startswith('\ufeff'), repr(r.stdout[:20]))
    r = site.cli('-o', 'ndjson', 'history', topic, '--from', iso(start), '--to', iso(end))
    check('the same, an object a line', [json.loads(x) for x in r.stdout.splitlines()] == points, r.stdout[:200])
    r = site.cli('history', topic, '--from', iso(start - 7200000), '--to', iso(start - 3600000))
    check('where there is nothing it says so', r.returncode == 0 and 'nothing was recorded' in r.stdout, r.stdout)
    for bad in (['--from', 'yesterday'], ['--every', '1x'], ['--every', '1s', '--from', '365d']):
        check(f'{bad[-1]} gets an error and no table', site.cli('history', topic, *bad).returncode == 2)
    check('a filter has no mean', site.cli('history', f'sk/v1/{site.name}/+/m/#', '--every', '1h').returncode == 2)


def attacker(site, dev):
    m = dev.mqtt()
    m.publish(f'sk/v1/{site.name}/dev/m/note', json.dumps({'u': '=cmd', 'v': 'x'}) + '\x1b[2J')
    m.publish(f'sk/v1/{site.name}/dev/m/note', '=HYPERLINK("http://evil")')
    m.close()
    table = site.cli('history', f'sk/v1/{site.name}/dev/m/note', '--from', '5m').stdout
    sheet = site.cli('-o', 'csv', 'history', f'sk/v1/{site.name}/dev/m/note', '--from', '5m').stdout
    check('a device\'s text brings no escape to a terminal', '\x1b' not in table + sheet and 'HYPERLINK' in table, repr(table))
    check('and no formula to a spreadsheet', '"\'=HYPERLINK' in sheet and ',=' not in sheet, sheet)


def beside_messages(site, dev):
    """Readers of history take turns with messages."""
    topic, m = f'sk/v1/{site.name}/dev/m/fast', dev.mqtt()
    for k in range(POINTS):
        m.send(packet(0x30, _string(topic) + b'\0' + str(k % 10).encode()))
    m.publish(topic, '5')
    began, over = time.monotonic(), []
    def read():
        over.append(json.loads(site.cli('-o', 'json', 'history', topic, '--from', '30m', '--every', '1m', timeout=120).stdout))
    reader = threading.Thread(target=read)
    reader.start()
    waits = []
    while reader.is_alive():
        t = time.monotonic()
        m.publish(f'sk/v1/{site.name}/dev/m/canary', '1')
        waits.append(time.monotonic() - t)
        time.sleep(0.002)
    took = time.monotonic() - began
    m.close()
    check('all points are counted', sum(x['n'] for x in over[0]) == POINTS + 1, sum(x['n'] for x in over[0]))
    note(f'{POINTS} points read and put into minutes in {took * 1000:.0f} ms; acknowledgements meanwhile: median {sorted(waits)[len(waits) // 2] * 1000:.1f} ms, worst {max(waits) * 1000:.1f} ms of {len(waits)}')


def index_removed(site, topic, start, end, said):
    """The index is derived: thrown away while the site is down, it is made again, and the answers are the same."""
    ask = ('-o', 'json', 'history', topic, '--from', iso(start), '--to', iso(end))
    hours = ('-o', 'csv', 'history', topic, '--from', iso(start), '--to', iso(end - 1), '--every', '1h')
    before, sums = json.loads(site.cli(*ask).stdout), site.cli(*hours).stdout
    site.stop()
    folder = os.path.join(site.state, 'core', 'history')
    check('the index is a folder of the core', os.path.isdir(folder), os.listdir(os.path.join(site.state, 'core')))
    shutil.rmtree(folder)
    site.start()
    check('without its index the site answers the same', json.loads(site.cli(*ask).stdout) == before and len(before) == len(said))
    check('and counts the same', site.cli(*hours).stdout == sums, sums)


def grafana(site, topic, start, end):
    """As the data source of docs/history.md asks: a token that only reads, one answer of intervals; days begin where the asker's do."""
    site.cli('user', 'new', 'grafana', '--role', 'operator', '--reason', 'x')
    token = site.json('token', 'new', 'grafana', '--user', 'grafana', '--scope', 'read', '--days', '1', '--reason', 'x')['token']
    ask = f'/api/v1/history?topic={topic}&from={iso(start)}&to={iso(end - 1)}&every=1h&zone=540'
    check('without a token nothing is told', site.http('https', ask)[0] == '401')
    status, body = site.http('https', ask, '-H', 'Authorization: Bearer ' + token)
    rows = json.loads(body).get('intervals', []) if status == '200' else []
    check('Grafana gets the hours that have anything in them, by time', len(rows) == 21 and [r['ms'] for r in rows] == sorted(r['ms'] for r in rows)
          and all((r['n'], r['min_milli'], r['mean_milli'], r['max_milli']) == (6, 10500, 13000, 15500) for r in rows), (status, body[:300]))
    for bad in ('every=1y', 'every=1s', 'zone=x', 'zone=2000&every=1d'):
        status, body = site.http('https', f'/api/v1/history?topic={topic}&from={iso(start)}&to={iso(end)}&{bad}', '-H', 'Authorization: Bearer ' + token)
        check(f'{bad} is refused and says what is expected', status == '400' and bad.split('=')[0] in body, (status, body))


def main():
    with Site('history').start() as site:
        dev = site.enrol('dev', 'device')
        topic = f'sk/v1/{site.name}/dev/m/level'
        start, end, said = speak(site, dev, 24)
        by_interval(site, topic, start, end)
        raw(site, topic, start, end, said)
        grafana(site, topic, start, end)
        attacker(site, dev)
        beside_messages(site, dev)
        index_removed(site, topic, start, end, said)
        site.cli('ledger', 'erase', 'dev', '--reason', 'asked for')
        r = site.cli('-o', 'json', 'history', topic, '--from', iso(start), '--to', iso(end))
        check('erased is gone from history too, and said', json.loads(r.stdout) == [] and 'given up' in r.stderr, r.stderr)
    finish()


main()
