#!/usr/bin/env python3
"""The incident drill: from the alarm, evidence frozen, manual operation declared, three reports due and filled from data, a clock that is
missed and loud, to the end with the loss there was; all of it in the record, also after a restart."""
import json
import os
import re

from browser import CHROMIUM, Browser
from harness import BIN, FAKETIME, ROOT, Site, check, finish, run, skip, text_of, until

EVIL = '<script>alert(1)</script> & "quoted"'


def one(site, name='INC-1'):
    return next((i for i in site.json('incident', 'list') or [] if i['id'] == name), {})


def causes(site):
    return {g['cause']: g for g in site.json('alert', 'list') or []}


def opening(site):
    site.cli('alert', 'test')
    check('an alarm', until(lambda: 'drill.root' in causes(site), 10), causes(site))
    r = site.cli('incident', 'open', 'no-such', '--reason', 'x')
    check('no incident without its alarm', r.returncode == 5 and 'no alert of this cause' in r.stderr, r.stderr)
    check('a reason is asked for', site.cli('incident', 'open', 'drill.root').returncode == 2)
    r = site.cli('incident', 'open', 'drill.root', '--reason', 'x', '--dry-run')
    check('a dry run opens nothing', r.returncode == 0 and site.json('incident', 'list') == [], r.stderr)
    r = site.cli('incident', 'open', 'drill.root', '--reason', 'x', '--noticed', '2999-01-01T00:00:00Z')
    check('nobody noticed it tomorrow', r.returncode in (1, 2) and 'noticed' in r.stderr, (r.returncode, r.stderr))
    r = site.cli('incident', 'open', 'drill.root', '--reason', 'set-point of pump 1 changed by nobody we know ' + EVIL)
    check('opened', r.returncode == 0 and 'INC-1' in r.stdout, r.stderr)
    i = one(site)
    check("three reports due, each with its clock, the operator's", [d['id'] for d in i['duties']] == ['users', 'ministry-first', 'personal-data'] and all(d['due'] > i['noticed'] for d in i['duties']), i)
    entry = site.entries('incident', 'open')[0]
    check('the record is frozen at what was before it', 0 < i['size'] <= entry['index'] and len(i['root']) == 64, i)
    signed = until(lambda: (lambda d: d if d and d.get('size', 0) > entry['index'] else None)(proof(site, entry['index'])), 15)
    check('and signed: its proof holds outside', signed and run(os.path.join(BIN, 'sekimori-verify'), 'proof', site.path('proof.json')).returncode == 0, signed)
    r = site.cli('status')
    check('the state says so', 'INC-1' in r.stdout, r.stdout)


def proof(site, index):
    path = site.path('proof.json')
    if os.path.exists(path):
        os.remove(path)
    return json.loads(text_of(path)) if site.cli('ledger', 'proof', str(index), '--out', path).returncode == 0 else None


def frozen(site):
    r = site.cli('ledger', 'prune', '--before', '2026-01-01T00:00:00Z')
    check('nothing recorded is given up meanwhile', r.returncode == 6 and 'incident is open' in r.stderr, (r.returncode, r.stderr))
    r = site.cli('ledger', 'erase', 'gw-1', '--reason', 'x')
    check('nor erased', r.returncode == 6 and 'incident is open' in r.stderr, (r.returncode, r.stderr))


def working(site):
    r = site.cli('incident', 'manual', 'INC-1', '--reason', 'pump 1 by hand, two people at the station')
    check('manual operation is declared', r.returncode == 0 and one(site)['manual_by'] == 'root', r.stderr)
    check('once', site.cli('incident', 'manual', 'INC-1', '--reason', 'again').returncode == 6)
    check('the timeline is written', site.cli('incident', 'note', 'INC-1', '--reason', 'contractor called, nobody of theirs').returncode == 0)
    r = site.cli('incident', 'close', 'INC-1', '--loss', '0', '--minutes', '0', '--reason', 'x')
    check('not closed while a report is owed', r.returncode == 6 and 'still owed' in r.stderr, r.stderr)


def reports(site):
    pages = {}
    for duty in ('users', 'ministry-first', 'personal-data'):
        path = site.path(duty + '.html')
        r = site.cli('incident', 'report', 'INC-1', duty, '--out', path)
        pages[duty] = text_of(path)
        check(f'report {duty} is filled from data', r.returncode == 0 and 'pump 1 by hand' in pages[duty] and 'drill.root' in pages[duty] and one(site)['root'] in pages[duty]
              and 'contractor called' in pages[duty], r.stderr + pages[duty][:200])
    check('nothing people typed is markup', '<script' not in pages['users'] and '&lt;script&gt;' in pages['users'])
    r = run(os.path.join(BIN, 'sekimori'), '--state', site.state, '--lang', 'ja', 'incident', 'report', 'INC-1', 'ministry-first', '--out', site.path('ja.html'))
    ja = text_of(site.path('ja.html'))
    check('in Japanese, to whom, by whom, why', r.returncode == 0 and '情報連絡（第一報）' in ja and '国土交通省' in ja and '手動運転' in ja and 'システム責任者' in ja, r.stderr)
    check('nothing is overwritten', site.cli('incident', 'report', 'INC-1', 'users', '--out', site.path('users.html')).returncode == 6)
    check('no such report', site.cli('incident', 'report', 'INC-1', 'nothing', '--out', site.path('x.html')).returncode == 5)
    if not CHROMIUM:
        return skip('the page in a browser', 'no chromium')
    b = Browser('file://' + site.path('ja.html'))
    try:
        text = until(lambda: b.eval('document.body && document.body.innerText') or None, 30) or ''
        check('Chromium shows it, in one page to print', '事案番号' in text and 'INC-1' in text and EVIL in text, text[:300])
    finally:
        b.close()


def late(site):
    """A day later: the clocks of users and of the ministry are over."""
    site.stop()
    site.start(days=1)
    check('it stands after a restart', one(site)['state'] == 'open' and one(site)['manual'].startswith('pump 1'))
    got = until(lambda: {c for c in causes(site) if c.startswith('report-due.inc-1')} == {'report-due.inc-1.users', 'report-due.inc-1.ministry-first'}, 15)
    check('a missed clock is loud: an alert of its own, for each', got, sorted(causes(site)))
    r = site.cli('status')
    check('the state says how many', '!! missed: 2' in r.stdout, r.stdout)
    r = site.cli('incident', 'sent', 'INC-1', 'ministry-first', '--reason', 'receipt 2026-114')
    check('sent late is sent late', r.returncode == 0 and re.search(r'ministry-first +sent late', r.stdout), r.stdout + r.stderr)
    site.cli('incident', 'sent', 'INC-1', 'users', '--reason', 'notice on the web site')
    r = site.cli('incident', 'waive', 'INC-1', 'personal-data', '--reason', 'no personal data on that controller')
    check('what does not apply is said with why', r.returncode == 0 and 'does not apply' in r.stdout, r.stderr)
    check('none is sent twice', site.cli('incident', 'sent', 'INC-1', 'users', '--reason', 'x').returncode == 6)


def closing(site):
    r = site.cli('incident', 'close', 'INC-1', '--minutes', '35', '--reason', 'x')
    check('not without its loss', r.returncode == 2, r.stderr)
    r = site.cli('incident', 'close', 'INC-1', '--loss', '1200000', '--minutes', '35', '--reason', 'a stolen session of the contractor')
    i = one(site)
    check('closed with the loss there was', r.returncode == 0 and (i['state'], i['loss_yen'], i['loss_minutes']) == ('closed', 1200000, 35), r.stderr)
    r = site.cli('incident', 'show', 'INC-1')
    steps = re.findall(r'@\d+ +(\w+)', r.stdout)
    check('its timeline, each step an entry of the record', steps == ['open', 'manual', 'note', 'sent', 'sent', 'waive', 'close'], r.stdout)
    check('what is recorded may be given up again', site.cli('ledger', 'prune', '--before', '2026-01-01T00:00:00Z').returncode == 0)
    r = site.cli('incident', 'open', '--reason', 'a hole in what we make', '--view', 'maker')
    check("a maker's reports are others", r.returncode == 0 and [d['id'] for d in one(site, 'INC-2')['duties']] == ['vulnerability-24h', 'notification-72h', 'final-report'], r.stderr)
    check('nobody without an account sees it', site.http('https', '/api/v1/incidents')[0] == '401')


def documented(site):
    """Every command of the pages, as it stands there, in both languages."""
    until(lambda: site.cli('audit', 'pack', '--from', '2020-01-01', '--out', site.path('first.pack')).returncode == 0, 15)  # a signed head
    key = run(os.path.join(BIN, 'sekimori-verify'), 'pack', site.path('first.pack'), '--lang', 'en').stdout
    key = re.search(r'own \(([0-9a-f]{64})\)', key)
    for n, page in enumerate(('incident.md', 'incident.ja.md', 'audit.md', 'audit.ja.md')):
        text = text_of(os.path.join(ROOT, 'docs', page))
        blocks = re.findall(r'^```sh\n(.*?)^```', text, re.M | re.S)
        folder = site.path('page-' + page)
        os.mkdir(folder)
        env = {**os.environ, 'PATH': BIN + ':' + os.environ['PATH'], 'SEKIMORI_STATE': site.state, 'KEY': key[1] if key else '', 'LANG': 'ja_JP.UTF-8' if '.ja' in page else 'C'}
        script = ''.join(blocks).replace('INC-1', f'INC-{n + 1}')
        r = run('sh', '-exc', script, cwd=folder, env=env)
        check(f'every command of docs/{page}, as it stands there ({len(script.splitlines())})', blocks and r.returncode == 0, (r.stdout + r.stderr)[-400:])


def main():
    with Site() as site:
        documented(site.start())
    with Site() as site:
        site.start()
        opening(site)
        frozen(site)
        working(site)
        reports(site)
        if FAKETIME:
            late(site)
            closing(site)
        else:
            skip('a missed clock', 'no faketime')
        check('the record verifies', site.cli('ledger', 'verify').returncode == 0)
    finish()


main()
