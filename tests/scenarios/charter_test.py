#!/usr/bin/env python3
"""Who signs, and when somebody else does: all three keys changed in one day without a gap, a lost key replaced by the other two,
deputies within dates and rank; drafts that travel as files and are signed where no site is."""
import datetime
import json
import os

from harness import ROLES, ROOT, Site, check, finish, run

DAY = datetime.timedelta(days=1)


def time_of(offset):
    return (datetime.datetime.now(datetime.timezone.utc) + offset).strftime('%Y-%m-%dT%H:%M:%S.000Z')


def change(site, noun, out, *words, keys, state=None):
    """Draft, signatures, application; the last step's result."""
    path = site.path(out)
    r = site.cli(noun, 'new', *words, '--reason', 'test', '--out', path)
    for key in keys:
        r = r if r.returncode else site.cli(noun, 'sign', path, '--key', key)
    return r if r.returncode else site.cli(noun, 'apply', path)


def declares(site, key):
    """A signature of an owner that the site takes or not."""
    return site.cli('evidence', 'new', '--control', 'power', '--asset', 'site', '--detail', 'tested', '--days', '30', '--key', key)


def rotation(site, key):
    """key: who holds what now."""
    first = dict(key)
    for role in ROLES:
        others = [key[r] for r in ROLES if r != role]
        new = site.path(f'{role}-2.key')
        r = change(site, 'charter', f'rotate-{role}.json', '--role', role, '--person', f'second {role}', '--new-key', new, keys=others)
        check(f'rotation: {role} has another key, by the other two', r.returncode == 0, r.stderr)
        check(f'rotation: no gap; the old key of {role} is nothing, the new one signs', role == 'executive' or
              (declares(site, first[role]).returncode == 3 and declares(site, new).returncode == 0))
        key[role] = new
    r = site.cli('charter', 'apply', site.path('rotate-executive.json'))
    check('a change is not applied twice', r.returncode != 0, r.stdout)
    return first


def refused(site, key, first):
    words = ('--role', 'executive', '--person', 'somebody', '--new-key', site.path('x.key'))
    r = change(site, 'charter', 'one.json', *words, keys=[key['mission-owner']])
    check('one of three changes nothing', r.returncode == 3 and 'signature-missing' in r.stderr, r.stderr)
    os.unlink(site.path('x.key'))
    r = change(site, 'charter', 'old.json', *words, keys=[first['mission-owner'], first['asset-owner']])
    check('keys that were replaced change nothing', r.returncode == 3 and 'unknown-signer' in r.stderr, r.stderr)
    run('openssl', 'pkey', '-in', key['mission-owner'], '-pubout', '-out', site.path('mo.pem'))
    r = change(site, 'charter', 'two.json', '--role', 'executive', '--person', 'the mission owner', '--public', site.path('mo.pem'),
               keys=[key['mission-owner'], key['asset-owner']])
    check('one person does not get two roles', r.returncode == 6 and 'somebody holds it' in r.stderr, r.stderr)


def deputies(site, key):
    two = [key['asset-owner'], key['executive']]
    today, later = site.path('deputy.key'), site.path('deputy-later.key')
    r = change(site, 'deputy', 'dp1.json', 'DP-1', '--role', 'mission-owner', '--person', '次郎', '--rank', 'R2', '--days', '7', '--new-key', today, keys=two)
    check('two of the three name a deputy', r.returncode == 0, r.stderr)
    check('who signs within the dates', declares(site, today).returncode == 0)
    r = change(site, 'deputy', 'dp2.json', 'DP-2', '--role', 'mission-owner', '--person', '三郎', '--rank', 'R5', '--days', '7',
               '--from', time_of(DAY), '--new-key', later, keys=two)
    check('and one from tomorrow', r.returncode == 0, r.stderr)
    r = declares(site, later)
    check('who signs nothing today', r.returncode == 3 and 'unknown-signer' in r.stderr, r.stderr)
    r = change(site, 'charter', 'grab.json', '--role', 'executive', '--person', 'x', '--new-key', site.path('grab.key'), keys=[today, key['asset-owner']])
    check('a deputy changes no charter', r.returncode == 3 and 'not-for-a-deputy' in r.stderr, r.stderr)
    r = change(site, 'deputy', 'long.json', 'DP-3', '--role', 'executive', '--person', 'x', '--rank', 'R1', '--days', '91', '--new-key', site.path('y.key'), keys=two)
    check('nobody is a deputy for more than 90 days', r.returncode == 2, r.stderr)
    shown = site.json('charter', 'show')
    check('deputies are shown with dates and rank', [(d['id'], d['person'], d['rank']) for d in shown['deputies']] == [('DP-1', '次郎', 'R2'), ('DP-2', '三郎', 'R5')], shown)
    return today


def decision(site, key, deputy):
    """Offline: the draft is signed where no site is (another state folder, nothing running), comes back, is applied."""
    elsewhere = lambda path, k: run(os.path.join(os.environ.get('SEKIMORI_BUILD', os.path.join(ROOT, 'build')), 'sekimori'), '--state', '/nonexistent',
                                    'decision', 'sign', path, '--key', k)
    for number, name, signer, want in ((1, 'with a deputy for a rank that is too bad', deputy, 'above-deputy-rank'), (2, 'by the three', key['mission-owner'], '')):
        path = site.path(f'D-{number}.json')
        r = site.cli('decision', 'new', '--id', f'D-{number}', '--days', '7', '--reason-ja', '試験', '--reason-en', 'test', '--out', path)
        check(f'a decision to be signed {name}', r.returncode == 0, r.stderr)
        rank = json.load(open(path, encoding='utf-8'))['rank']
        for k in (signer, key['asset-owner'], key['executive']):
            r = elsewhere(path, k)
            if r.returncode:
                break
        check('signed on a machine without a site', r.returncode == 0, r.stderr)
        r = site.cli('decision', 'apply', path)
        if want:
            check(f'{rank} is refused: {want}', rank > 'R2' and r.returncode == 3 and want in r.stderr, r.stderr)
        else:
            check('and taken back and applied', r.returncode == 0, r.stderr)


def ends(site, key, deputy):
    run('openssl', 'pkey', '-in', deputy, '-pubout', '-out', site.path('dp.pem'))
    r = change(site, 'deputy', 'end.json', 'DP-1', '--role', 'mission-owner', '--person', '次郎', '--rank', 'R2', '--days', '0', '--public', site.path('dp.pem'),
               keys=[key['asset-owner'], key['executive']])
    check('two of the three end it early', r.returncode == 0 and declares(site, deputy).returncode == 3, r.stderr)
    lost = key['executive']
    new = site.path('executive-3.key')
    r = change(site, 'charter', 'lost.json', '--role', 'executive', '--person', 'executive, new key', '--new-key', new,
               keys=[key['mission-owner'], key['asset-owner']])
    check('a lost key: the other two replace the third', r.returncode == 0, r.stderr)
    key['executive'] = new
    r = change(site, 'charter', 'thief.json', '--role', 'executive', '--person', 'thief', '--new-key', site.path('t.key'), keys=[lost, key['asset-owner']])
    check('whoever finds it signs nothing', r.returncode == 3 and 'unknown-signer' in r.stderr, r.stderr)


def main():
    with Site() as site:
        site.start()
        key = {r: site.key(r) for r in ROLES}
        site.mission(os.path.join(ROOT, 'examples/water/mission.yaml'))
        first = rotation(site, key)
        refused(site, key, first)
        deputy = deputies(site, key)
        decision(site, key, deputy)
        ends(site, key, deputy)
        before = site.json('charter', 'show')
        site.stop()
        site.start()
        check('after a restart all is as it was: every change is verified again', site.json('charter', 'show') == before)
        check('and what was decided stands', any(d['id'] == 'D-2' for d in site.json('decision', 'list')))
        rows = [r['payload'] for r in site.entries('charter')]
        check('every change is in the record', len(rows) == 1 + 3 + 2 + 1 + 1, len(rows))
    finish()


if __name__ == '__main__':
    main()
