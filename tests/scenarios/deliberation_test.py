#!/usr/bin/env python3
"""起案 → 合議 → 決裁 in a real browser, in Japanese, all signatures by passkey: three people and a deputy, each with an authenticator of his
own. A draft begun with a key file outlives the change of all three keys; refusals by name (N36, N37, N38); expiry brings the fallback."""
import base64
import json
import os
import re
import shutil

from harness import BIN, FAKETIME, ROLES, ROOT, Site, check, finish, run, skip, until

CONSOLE = os.path.join(ROOT, 'console')
PEOPLE = {'sachiko': 'mission-owner', 'kenji': 'asset-owner', 'reiko': 'executive', 'jiro': 'mission-owner', 'taro': 'mission-owner'}


def npm():
    return os.path.isdir(os.path.join(CONSOLE, 'node_modules')) or (shutil.which('npm') and run(
        'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', cwd=CONSOLE, timeout=300).returncode == 0)


def handed(site, path, *words):
    return site.cli('draft', 'apply', path, *words)


def by_key_file(site):
    """The route without a browser: fetched, signed where no site is, handed in."""
    path, out = site.path('D-1.json'), site.path('fetched.json')
    r = site.cli('decision', 'new', '--id', 'D-1', '--reason-ja', '試験', '--reason-en', 'test', '--out', path)
    check('a draft by the command line', r.returncode == 0, r.stderr)
    elsewhere = lambda *words: run(os.path.join(BIN, 'sekimori'), '--state', '/nonexistent', '--lang', 'en', 'draft', *words)
    elsewhere('sign', path, '--key', site.key('asset-owner'))
    r = handed(site, path)
    check('the first signature is the mission owner\'s', r.returncode == 6 and 'not-your-turn: mission-owner' in r.stderr, r.stderr)
    os.unlink(path)
    site.cli('decision', 'new', '--id', 'D-1', '--reason-ja', '試験', '--reason-en', 'test', '--out', path)
    elsewhere('sign', path, '--key', site.key('mission-owner'))
    r = handed(site, path)
    check('with it the draft is in the record', r.returncode == 0 and [d['next'] for d in site.json('draft', 'list')] == ['asset-owner'], r.stderr)
    check('and shown by the state', [d['id'] for d in site.json('status')['drafts']] == ['D-1'])
    check('handed in again it is a replay', 'replayed' in handed(site, path).stderr)
    check('nothing is decided', not [d for d in site.json('decision', 'list') if d['id'] == 'D-1'])
    r = site.cli('draft', 'export', 'D-1', '--out', out)
    check('it is fetched to be signed elsewhere', r.returncode == 0, r.stderr)
    with open(out, encoding='utf-8') as f:
        forged = json.load(f)
    sig = bytearray(base64.b64decode(forged['signatures'][0]['sig']))
    sig[5] ^= 1
    forged['signatures'][0]['sig'] = base64.b64encode(sig).decode()
    status, answer = site.http('console', '/api/v1/documents/draft', '-H', 'Authorization: Bearer ' + token(site), '-d', json.dumps(forged), method='POST')
    check('N36 a forged signature is refused by name', status == '403' and 'bad-signature' in answer, (status, answer))
    first = json.load(open(out, encoding='utf-8'))
    first['signatures'] *= 2
    status, answer = site.http('console', '/api/v1/documents/draft', '-H', 'Authorization: Bearer ' + token(site), '-d', json.dumps(first), method='POST')
    check('N38 one person twice is refused by name', status == '403' and 'one-person-twice' in answer, (status, answer))


def token(site):
    if not hasattr(site, 'token'):
        site.token = site.json('token', 'new', 'carrier', '--user', 'sachiko', '--scope', 'documents', '--days', '1', '--reason', 'scenario')['token']
    return site.token


def scripts(site):
    """What only the machine's root and key files do: the three keys become passkeys, one after the other, on one day; deputies are named."""
    cli = f"{os.path.join(BIN, 'sekimori')} --state {site.state} --lang en"
    bind = ''
    for role, who in (('executive', 'reiko'), ('asset-owner', 'kenji')):
        bind += (f"{cli} charter new --role {role} --person {who} --reason passkey --passkey {who} --out bind-{role}.json\n"
                 + ''.join(f"{cli} charter sign bind-{role}.json --key people/{r}.key\n" for r in ROLES[:2]) + f"{cli} charter apply bind-{role}.json\n")
    bind += (f"{cli} charter new --role mission-owner --person sachiko --reason passkey --passkey sachiko --out last.json\n"
             f"{cli} charter sign last.json --key people/mission-owner.key\n")
    deputies = ''.join(f"{cli} deputy new DP-{who} --role mission-owner --person {who} --rank {rank} --days 7 --reason away --passkey {who} --out dp-{who}.json\n"
                       for who, rank in (('jiro', 'R5'), ('taro', 'R1')))
    for name, text in (('bind.sh', bind), ('deputies.sh', deputies)):
        with open(site.path(name), 'w', encoding='utf-8') as f:
            f.write(f'set -e; cd {site.dir}\n{text}')


def browser(site):
    links = {}
    for who, role in PEOPLE.items():
        links[who] = site.json('user', 'new', who, '--role', role, '--name', who, '--reason', 'scenario')['url']
    by_key_file(site)
    scripts(site)
    r = run('node', 'test/deliberate.mjs', site.url('console', ''), json.dumps(links), os.path.join(ROOT, 'build-logs', 'shots'), site.dir, cwd=CONSOLE, timeout=240)
    for word, claim, detail in re.findall(r'^(ok|not ok) \d+ - (.*?)(?: # (.*))?$', r.stdout, re.M):
        check('browser: ' + claim, word == 'ok', detail)
    check('the browser test came to its end', r.returncode == 0, r.stdout[-300:] + r.stderr[-300:])


def record(site):
    cases = {d['id']: d for d in site.json('decision', 'list')}
    check('what was begun with a key file was decided by passkeys', cases['D-1']['state'] == 'superseded', cases.keys())
    check('and so was what was drafted on the page', cases['D-2']['state'] in ('in-force', 'reopened') and [s['role'] for s in cases['D-2']['signers']] == list(ROLES), cases['D-2'])
    check('the difference of view stands as it was said', [d['text'] for d in cases['D-2']['differences']] == ['網羅率の実測が足りません'], cases['D-2']['differences'])
    signed = [e['payload'] for e in site.entries('decision')]
    passkeys = [s for p in signed for s in p['signatures'] if b'webauthn.get' in base64.b64decode(s['sig'])]
    check('every signature under a decision is an authenticator\'s own', len(signed) == 2 and len(passkeys) == 6, (len(signed), len(passkeys)))
    one = json.loads(base64.b64decode(signed[1]['payload']))
    check('the options that were weighed are in what was signed', one['chosen'] and len(one['options']) >= 3, one.get('options'))
    steps = site.entries('draft')
    check('each step is an entry of the record', len(steps) >= 6 and all('signatures' in e['payload'] for e in steps), len(steps))
    return cases


def improvement(site):
    steps = [e['payload'] for e in site.entries('action')]
    check('finding, what was done, its effect and the review are in the record, with who', [(s['what'], s['by']) for s in steps] ==
          [('open', 'kenji'), ('done', 'kenji'), ('judge', 'sachiko'), ('review', 'reiko')], steps)
    r = site.cli('action', 'new', '--finding', 'no drill this year', '--owner', 'nobody-here', '--source', 'drill')
    check('an owner is a registered person', r.returncode != 0 and 'registered person' in r.stderr, r.stderr)
    r = site.cli('action', 'new', '--finding', 'no drill this year', '--owner', 'kenji', '--source', 'drill', '--ref', 'C9b', '--days', '60')
    check('by the command line as well', r.returncode == 0 and 'CA-2' in r.stdout and 'under way' in r.stdout, r.stdout + r.stderr)
    check('what is under way is not proposed again', 'C9b' not in [p['ref'] for p in site.json('action', 'list')['proposed']])
    check('and counts as open in the state', site.json('status')['actions'] == {'open': 1, 'late': 0}, site.json('status')['actions'])


def again(site, cases):
    standing = lambda: [(d['id'], d['state'], d['revision'], d['next'], d['payload_sha256'], d['signers'], d['ended']) for d in site.json('draft', 'list')]
    before = standing()
    site.stop()
    site.start()
    now = {d['id']: d for d in site.json('decision', 'list')}
    check('after a restart drafts stand as they stood', standing() == before and len(before) == 2, before)
    check('and decisions', set(now) == set(cases) and now['D-2']['signers'] == cases['D-2']['signers'])
    if not FAKETIME:
        return skip('expiry brings the fallback', 'libfaketime is not installed')
    site.stop()
    site.start(days=400)
    late = until(lambda: site.json('status')['actions'] == {'open': 1, 'late': 1})
    check('a corrective action past its due date is late, in the state too', late, site.json('status')['actions'])
    over = until(lambda: {d['id']: d for d in site.json('decision', 'list')}['D-2']['state'] == 'expired')
    check('its end comes: the decision is over', over)
    limits = until(lambda: [x for x in site.json('limit', 'list') if x['enforced'] and x['decision'] == 'D-2' and x['mode'] == 'hold'])
    check('and the fallback that was signed stands: commands are held until people decide anew', limits, site.json('limit', 'list'))
    causes = {d['id']: d['cause'] for d in site.json('draft', 'list') if d['state'] == 'draft'}
    check('N37 a draft whose assessment is old says that it cannot be decided', causes and all(c.split(':')[0] in ('expired', 'old-assessment') for c in causes.values()), causes)


def main():
    if not npm():
        skip('a decision in a browser', 'no npm registry is reachable from here')
        finish()
    with Site(console=os.path.join(CONSOLE, 'dist')) as site:
        site.start()
        site.mission(os.path.join(ROOT, 'examples/water/mission.yaml'))
        browser(site)
        cases = record(site)
        improvement(site)
        again(site, cases)
    finish()


if __name__ == '__main__':
    main()
