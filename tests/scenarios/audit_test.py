#!/usr/bin/env python3
"""An audit: a fiscal year of a site (its clock moved on), taken away as one file, checked by sekimori-verify and by one page in a real
Chromium without a network; a changed byte is found by both, an entry left out by whoever knows the form as well."""
import datetime
import hashlib
import json
import os
import random
import re

from browser import CHROMIUM, Browser
from harness import BIN, FAKETIME, ROLES, ROOT, Site, check, days_on, finish, note, run, skip, text_of, until

START = datetime.datetime.now(datetime.timezone.utc)


def day(n):
    return (START + datetime.timedelta(days=n)).strftime('%Y-%m-%dT%H:%M:%SZ')


def cli(site, days, *argv):
    """What somebody types on the n-th day."""
    return run(os.path.join(BIN, 'sekimori'), '--state', site.state, '--lang', 'en', *argv, env={**os.environ, **(days_on(days) if days else {})})


def decide(site, days, number):
    path = site.path(f'D-{number}.json')
    steps = [['new', '--id', f'D-{number}', '--days', '7', '--reason-ja', '試験', '--reason-en', 'test', '--out', path]]
    steps += [['sign', path, '--key', site.key(role)] for role in ROLES] + [['apply', path]]
    for step in steps:
        r = cli(site, days, 'decision', *step)
        if r.returncode:
            raise RuntimeError(f'day {days}, decision {step[0]}: {r.stdout}{r.stderr}')


def declare(site, days):
    r = cli(site, days, 'evidence', 'new', '--control', 'C9b', '--asset', 'site', '--detail', f'restore drill on day {days}', '--days', '90', '--key', site.key('asset-owner'))
    if r.returncode:
        raise RuntimeError(f'day {days}, evidence: {r.stdout}{r.stderr}')


def work(site, days):
    r = cli(site, days, '-o', 'json', 'work', 'request', '--subject', 'con-1', '--person', '山田 太郎', '--company', '水機工業', '--stream', 'sk/v1/test/gw-1/#',
            '--number', f'R8-{days}', '--supervisor', 'sato', '--purpose', 'pump check', '--requester', 'sato', '--until', day(days + 0.1))
    name = json.loads(r.stdout)['id']
    for step in (['approve', name, '--key', site.key('asset-owner')], ['start', name], ['stop', name, '--reason', 'done']):
        done = cli(site, days, 'work', *step)
        if done.returncode:
            raise RuntimeError(f'day {days}, work {step[0]}: {done.stdout}{done.stderr}')


def year(site):
    """First quarter, second, fourth, and a day of the next year."""
    site.start()
    site.mission(os.path.join(ROOT, 'examples/water/mission.yaml'))
    site.cli('user', 'new', 'sato', '--role', 'operator', '--reason', 'control room')
    site.enrol('con-1', role='contractor')
    for n, days in enumerate((0, 120, 300)):
        if days:
            site.start(days=days)
        decide(site, days, n + 1)
        work(site, days)
        declare(site, days)
        site.stop()
        if not n:
            r = site.cli('audit', 'pack', '--from', day(-1), '--to', day(90), '--out', site.path('quarter.pack'))
            check('a pack of the first quarter, made while nothing runs', r.returncode == 0, r.stderr)
    site.start(days=366)
    declare(site, 366)
    site.stop()


def verify(path, *more):
    return run(os.path.join(BIN, 'sekimori-verify'), 'pack', path, '--lang', 'en', *more)


def make(site, pack):
    r = site.cli('-o', 'json', 'audit', 'pack', '--from', day(-1), '--to', day(365), '--after', site.path('quarter.pack'), '--out', pack)
    made = json.loads(r.stdout or '{}')
    check('a pack of the fiscal year', r.returncode == 0 and made['all'] and made['closed'], r.stdout + r.stderr)
    r = verify(pack, '--key', made['key'])
    check('sekimori-verify: whole, and the record only grew since the first quarter', r.returncode == 0 and 'verify: whole' in r.stdout
          and 'only grew since' in r.stdout and 'decision     3' in r.stdout, r.stdout)
    check('another key is refused', verify(pack, '--key', '0' * 64).returncode == 8)
    again = site.cli('audit', 'pack', '--from', day(-1), '--out', pack)
    check('nothing is overwritten', again.returncode == 6, again.stderr)
    check('a day that is none', site.cli('audit', 'pack', '--from', '2026-13-40', '--out', site.path('x')).returncode == 2)
    return made['key']


def spoil(site, pack):
    """One byte anywhere; a line left out and the hash of the lines made right again."""
    data = open(pack, 'rb').read()
    rng = random.Random(7)
    spots = rng.sample(range(len(data)), 60)
    found = 0
    for at in spots:
        bad = site.path('bad.pack')
        with open(bad, 'wb') as f:
            f.write(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        found += verify(bad).returncode == 8
    check('sekimori-verify finds one changed byte, 60 of 60', found == 60, found)
    lines = data.split(b'\n')[:-2]
    middle = [i for i, line in enumerate(lines) if line.startswith(b'entry ') and b' -' not in line][20]
    rest = b'\n'.join(lines[:middle] + lines[middle + 1:]) + b'\n'
    with open(site.path('less.pack'), 'wb') as f:
        f.write(rest + b'sha256 ' + hashlib.sha256(rest).hexdigest().encode() + b'\n')
    r = verify(site.path('less.pack'))
    check('an entry left out by who knows the form', r.returncode == 8 and 'left out' in r.stdout, r.stdout)


def word(b):
    text = b.eval("document.getElementById('word').textContent") or ''
    return text if 'verify' in text or '検証：' in text else None


def answer(b, path):
    """The page's word for a file; it says first that it is checking."""
    b.eval("document.getElementById('word').textContent = ''")
    b.choose('#file', path)
    return until(lambda: word(b), 30) or ''


def page(site, pack, key):
    html = site.path('verify.html')
    r = site.cli('audit', 'page', '--out', html)
    check('the page is one file, its script under its own policy', r.returncode == 0 and run(os.path.join(ROOT, 'tools/pagehash'), '--check', html).returncode == 0, r.stderr)
    kinds = dict(re.findall(r'X\(ENTRY_[A-Z_]+, ([0-9]+), "([a-z-]+)"', text_of(os.path.join(ROOT, 'src/ledger/ledger.h'))))
    named = text_of(html)
    shown = {w: n for n, w in kinds.items() if w in ('decision', 'declaration', 'emergency', 'work', 'evidence', 'incident')}
    check('it names the kinds of entries it explains as the record does; others it shows by number', len(shown) == 6
          and all(f"{n}: '{w}'" in named if int(n) > 20 else f"'{w}'" in named for w, n in shown.items()), shown)
    b = Browser('file://' + html)
    try:
        until(lambda: b.eval("document.getElementById('word') && document.getElementById('word').textContent"), 30)
        note(f'chromium has {"no network at all" if b.cut_off else "its network"}')
        said = answer(b, pack)
        check('Chromium, offline: whole', said == '● verify: whole', said)
        text = b.eval('document.body.innerText')
        check('three decisions, their end, and who signed', b.eval("document.querySelectorAll('#decisions tbody tr').length") == 3 and 'D-3' in text, text[:300])
        check("the contractor's work by name", '山田 太郎' in text and '水機工業' in text)
        check('exceptions with their end, evidence by control', 'restore drill on day 300' in text and b.eval("document.querySelectorAll('#evidence tbody tr').length") > 2)
        check('what is of the next year is not in it', 'day 366' not in text)
        b.eval(f"document.getElementById('key').value = '{'0' * 64}'; document.getElementById('word').textContent = ''; document.getElementById('key').onchange()")
        check('another key is refused', until(lambda: word(b), 60) == '■ verify: failed')
        b.eval(f"document.getElementById('key').value = '{key}'; document.getElementById('word').textContent = ''; document.getElementById('key').onchange()")
        check('the right one is taken', until(lambda: word(b), 60) == '● verify: whole')
        data, rng, found = open(pack, 'rb').read(), random.Random(8), 0
        for at in rng.sample(range(len(data)), 8):
            bad = site.path(f'bad-{at}.pack')  # the same name again would be no change
            with open(bad, 'wb') as f:
                f.write(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            found += answer(b, bad) == '■ verify: failed'
        check('one changed byte is found, 8 of 8', found == 8, found)
        answer(b, site.path('less.pack'))
        check('and an entry left out', 'left out' in (b.eval("document.getElementById('why').textContent") or ''))
        b.eval("document.getElementById('lang').click()")
        check('in Japanese', b.eval('document.documentElement.lang') == 'ja' and word(b) == '■ 検証：失敗')
        asked = [u for u in b.requests() if not u.startswith('file://')]
        check('it asked for nothing but itself', not asked, asked)
    finally:
        b.close()


def main():
    if not FAKETIME:
        skip('an audit', 'no faketime')
        return finish()
    with Site() as site:
        year(site)
        pack = site.path('year.pack')
        key = make(site, pack)
        spoil(site, pack)
        if CHROMIUM:
            page(site, pack, key)
        else:
            skip('the page', 'no chromium')
        note(f'{os.path.getsize(pack)} bytes')
    finish()


main()
