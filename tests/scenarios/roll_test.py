#!/usr/bin/env python3
"""The CA rolls over under a live fleet: another key issues, whoever runs our agent renews by itself at a moment of its own and goes
on measuring, a third party's client works on until the former CA is retired by the asset owner's order, and no reading is lost.
20 agents, 200 with RELEASE=1."""
import json
import os
import subprocess
import time

from harness import BIN, LONG, Site, cbor, check, closed_by_peer, finish, note, run, text_of, until
from unseal import messages
import json

AGENTS = 200 if LONG else 20
AGENT = os.path.join(BIN, 'sekimori-agent')


def fleet(site):
    """All agents in one process, each with its own key, certificate and buffer; joined before they are awaited."""
    with open(site.path('invites'), 'w', encoding='ascii') as f:
        f.writelines(site.invite(f'gw-{i:03}') + '\n' for i in range(AGENTS))
    log = open(site.path('fleet.log'), 'ab')
    p = subprocess.Popen([AGENT, 'run', '--sim', 'pump', '--count', str(AGENTS), '--invites', site.path('invites'), '--state', site.path('fleet'),
                          '--every', '1000', '--buffer', '256', '--lang', 'en'], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    site.children.append(p)
    return p


def authorities(site):
    return site.json('ca', 'list') or []


def numbers(site):
    """{device: the numbers of its readings in the record, in the record's order}."""
    found = {}
    for _, who, topic, payload in messages(site.path('site/ledger')):
        if payload.startswith(b'{"n":'):
            found.setdefault(who, []).append(json.loads(payload)['n'])
        elif topic.endswith('/e/origin'):  # a batch has the number after its last
            _, _, _, first, leaves = cbor(cbor(payload)[0][2])[0]
            found.setdefault(who, []).append(first + len(leaves) // 32)
    return found


def roll(site, third):
    dry = site.cli('ca', 'roll', '--custody', site.path('custody'), '--dry-run')
    check('a dry run says how many will renew, and changes nothing', dry.returncode == 0 and str(AGENTS + 1) in dry.stdout and len(authorities(site)) == 1,
          dry.stdout + dry.stderr)
    other = site.cli('ca', 'roll', '--custody', site.key('executive'))
    check('only the root key signs another CA', other.returncode in (4, 78) and len(authorities(site)) == 1, (other.returncode, other.stderr))
    former = authorities(site)[0]['key']
    r = site.cli('ca', 'roll', '--custody', site.path('custody'))
    rows = authorities(site)
    check('another key issues, the former one is still trusted', r.returncode == 0 and len(rows) == 2 and rows[1]['key'] == former and rows[0]['issues'], r.stderr)
    check('a second roll waits for the first to end', site.cli('ca', 'roll', '--custody', site.path('custody')).returncode == 6)
    os.rename(site.ca(), site.path('ca-before'))
    check('/cacerts serves both and their root', open(site.ca(), encoding='ascii').read().count('BEGIN CERT') == 3)
    shown = run('openssl', 's_client', '-connect', f"localhost:{site.ports['est']}", '-CAfile', site.path('ca-before'), '-verify_return_error',
                '-verify_hostname', 'localhost', stdin=subprocess.DEVNULL)
    check('the server shows a certificate of the new one, which who knew only the former verifies', 'Verify return code: 0' in shown.stdout, shown.stdout[-300:])
    sent = third.pub(f'sk/v1/{site.name}/third/m/level', '1', '-q', '1')
    check('a third party\'s client works on with the former one\'s certificate', sent.returncode == 0, sent.stderr)
    return former


def moved(site):
    """Everybody but the third party."""
    end = time.monotonic()
    left = until(lambda: (lambda rows: len(rows) == 2 and rows[1]['left'] == ['third'])(authorities(site)), 120 if LONG else 60, 0.3)
    check('every agent renews by itself', left, authorities(site)[1]['left'][:5] if len(authorities(site)) == 2 else '')
    note(f'{AGENTS} agents moved within {time.monotonic() - end:.1f} s of being told (window 5 s)')
    pem = [text_of(site.path(f'fleet/sim-{i + 1:04}/authority.pem')).count('BEGIN CERT') for i in range(AGENTS)]
    check('and trusts both', pem == [3] * AGENTS, pem[:5])


def lists(site, third):
    """What each CA says of its own."""
    gone = site.enrol('gone', 'device')
    for claim, word in (('good before', 'OK'), ('revoked after', 'certificate revoked')):
        site.cli('ca', 'crl', '--out', site.path('crl.pem'))
        r = run('openssl', 'verify', '-crl_check', '-CAfile', site.ca(), '-CRLfile', site.path('crl.pem'), gone.cert)
        check(f'a certificate of the new CA, {claim}', word in r.stdout + r.stderr, r.stdout + r.stderr)
        site.cli('device', 'revoke', 'gone', '--reason', 'test')
    r = run('openssl', 'verify', '-crl_check', '-CAfile', site.ca(), '-CRLfile', site.path('crl.pem'), third.cert)
    check('the former one speaks of its own', 'OK' in r.stdout, r.stderr)


def retire(site, third, former):
    dry = site.cli('ca', 'retire', former, '--dry-run')
    check('a dry run lists who has not moved', dry.returncode == 0 and 'third' in dry.stdout and 'gw-' not in dry.stdout and len(authorities(site)) == 2, dry.stdout)
    check('nobody is cut off unsaid', site.cli('ca', 'retire', former, '--key', site.key('asset-owner')).returncode == 6)
    r = site.cli('ca', 'retire', former, '--left', '1', '--key', site.key('executive'))
    check('another role does not order it', r.returncode != 0 and len(authorities(site)) == 2, r.stderr)
    link = third.mqtt()
    began = time.monotonic()
    r = site.cli('ca', 'retire', former, '--left', '1', '--key', site.key('asset-owner'))
    check('the asset owner does', r.returncode == 0 and len(authorities(site)) == 1, r.stderr)
    check('a link by its certificate ends at once', closed_by_peer(link.sock, 10) is not None)
    note(f'{(time.monotonic() - began) * 1000:.0f} ms from typing the order to the closed link')
    check('and is refused from then on', third.pub(f'sk/v1/{site.name}/third/m/level', '2', '-q', '1').returncode != 0)
    check('in the record', until(lambda: site.refusals('foreign-certificate'), 10) and len(site.entries('audit', 'authority-retired')) == 1)
    again = site.enrol('third', 'device')
    check('with a new invite it is back', again.pub(f'sk/v1/{site.name}/third/m/level', '3', '-q', '1').returncode == 0)


def whole(site, before):
    """Each agent's numbers from 1 on without a hole, more of them than before the roll."""
    now = numbers(site)
    broken = {w: n for w, n in now.items() if w.startswith('gw-') and n != list(range(1, n[-1] + 1))}
    grown = [w for w in before if len(now.get(w, [])) <= len(before[w])]
    check(f'no reading lost: {sum(len(n) for n in now.values())} of {len(now)} devices, each number once, in order', len(now) >= AGENTS and not broken,
          list(broken.items())[:1])
    check('every agent went on measuring', not grown, grown[:5])


def main():
    with Site('mizu', config='\n[devices]\nrenew-within = 5\n') as site:
        site.start()
        third = site.enrol('third', 'device')
        agents = fleet(site)
        measured = lambda: (lambda n: len([w for w in n if w.startswith('gw-') and len(n[w]) > 2]) == AGENTS and n)(numbers(site))
        before = until(measured, 120 if LONG else 60, 0.5)
        check(f'{AGENTS} agents measure', before and agents.poll() is None, text_of(site.path('fleet.log'))[-600:])
        former = roll(site, third)
        moved(site)
        lists(site, third)
        retire(site, third, former)
        later = until(lambda: (lambda n: all(len(n.get(w, [])) > len(before[w]) + 3 for w in before) and n)(numbers(site)), 60, 0.5)
        check('under the new CA alone they go on', bool(later))
        whole(site, before or {})
        site.stop()
        site.start()
        check('after a restart the same one issues', len(authorities(site)) == 1 and authorities(site)[0]['key'] != former)
        r = site.cli('ledger', 'verify')
        check('the record is whole', r.returncode == 0, r.stderr)
    finish()


main()
