"""Two sites that both run Sekimori: cards exchanged by a code people compare, an agreement each side signs for itself, statements
that travel by themselves, each the witness of the other's record. Every role of either side is killed and the line cut while
readings pass: nothing agreed is lost, nothing else arrives. A record set back or rewritten is told by what the other holds."""
import json
import os
import shutil
import signal
import time
import types

from harness import LONG, ROOT, Mqtt, Site, _string, check, closed_by_peer, finish, note, packet, run, until
from linked import Reader, Sender, accept, agree, cards, first_seen, flow, live, peer

FLOW, LEVEL = 'sk/v1/kawa/gw-01/m/flow', 'sk/v1/mizu/level-01/m/level-upper'
SUPPLY, SEEN = 'sk/v1/mizu/peer-kawa/m/supply', 'sk/v1/kawa/peer-mizu/m/level'


def introduced(mizu, kawa):
    code, ours, theirs = cards(mizu, kawa)
    changed = json.load(open(theirs))
    changed['record_key'] = json.load(open(ours))['record_key']
    json.dump(changed, open(mizu.path('changed.card'), 'w'))
    r = mizu.cli('peer', 'accept', mizu.path('changed.card'), '--ours', ours, '--code', code)
    check('a card changed on the way has another code', r.returncode == 8 and 'SK-1064' in r.stderr, r.stderr)
    check('our own card is no peer', mizu.cli('peer', 'accept', ours, '--ours', ours).returncode == 6)
    accept(mizu, kawa, code, ours, theirs)


def agreed(mizu, kawa):
    r = agree(kawa, 'supplier-customer.yaml')
    check('the supplier signs', r.returncode == 0, r.stderr)
    r = agree(mizu, 'supplier-agreement.yaml', [('the supplier sees our reservoir, to deliver in time', 'something else')])
    check('another purpose here: reached, each tells the other how it stands', r.returncode == 0 and until(lambda: peer(mizu)['link'] == 'up' and peer(mizu).get('terms') == 'differ', 20), r.stderr or peer(mizu))
    check('and nothing goes live on either side', not any(f['open'] for s in (mizu, kawa) for f in peer(s)['flows']) and until(lambda: peer(kawa)['terms'] == 'differ', 15))
    time.sleep(1.1)  # dwell
    r = agree(mizu, 'supplier-agreement.yaml')
    check('the same terms signed by both: live on both sides', r.returncode == 0 and until(lambda: live(mizu) and live(kawa), 20), [r.stderr, peer(mizu), peer(kawa)])
    check('each side\'s statement stands in the other\'s record', until(lambda: all(s.entries('statement', 'statement') for s in (mizu, kawa)), 15))


def cosigned(mizu, kawa):
    """The sizes each holds of the other's record."""
    return until(lambda: peer(mizu)['their_record'] > 0 and peer(kawa)['their_record'] > 0, 30)


def proposed(kawa):
    """What passes between the sites, to a model file that says nothing of another site."""
    path = kawa.path('own.yaml')
    shutil.copy(os.path.join(ROOT, 'examples/water/supplier-mission.yaml'), path)
    seen = lambda: {p['id']: p for p in (kawa.json('mission', 'propose', path) or {'proposed': []})['proposed'] if p['seen'] == 'peer'}
    both = until(lambda: len(seen()) == 2 and seen(), 20) or seen()
    check('both ways are proposed to a model without them, with the other site as a group', set(both) == {'mizu-platform', 'platform-mizu'}
          and all(p['group'] == 'mizu' and p['entries'] and p['count'] > 0 for p in both.values()), both)
    r = kawa.cli('mission', 'propose', path, '--confirm', 'mizu-platform', '--confirm', 'platform-mizu')
    check('confirmed together, the group is written once and the file is a model', r.returncode == 0 and r.stdout.count('{id: mizu,') == 1
          and kawa.cli('mission', 'check', path).returncode == 0 and seen() == {}, r.stdout + r.stderr)


def weather(mizu, kawa):
    """Each role of each side killed once, and the line cut, while readings pass both ways."""
    supply, level = Reader(mizu, 'eyes', SUPPLY), Reader(kawa, 'eyes', SEEN)
    senders = [Sender(kawa, kawa.enrol('gw-01', 'device'), FLOW, 0.1), Sender(mizu, mizu.enrol('level-01', 'device'), LEVEL, 0.1)]
    for s in senders:
        s.start()
    check('readings pass both ways', until(lambda: supply.got and level.got, 20), [flow(mizu, 'supply'), flow(kawa, 'supply')])
    proposed(kawa)
    for site, role in [(s, r) for s in (mizu, kawa) for r in ('gate', 'core', 'seal') + (('courier',) if s is mizu else ())]:
        pid = site.pid_of(role)
        os.kill(pid, signal.SIGKILL)
        check(f'{site.name}: {role} killed, back', until(lambda: site.pid_of(role) not in (None, pid) and site.ready(), 30))
    check('the flows are live again', until(lambda: live(mizu) and live(kawa) and peer(mizu)['link'] == 'up', 30), [peer(mizu), peer(kawa)])
    os.kill(kawa.pid_of('gate'), signal.SIGSTOP)  # the line is dead, nobody says so
    time.sleep(20 if LONG else 3)
    os.kill(kawa.pid_of('gate'), signal.SIGCONT)
    check('after a dead line: up again', until(lambda: peer(mizu)['link'] == 'up' and live(mizu), 60))
    for s in senders:
        s.over = True
    for s in senders:
        s.join(20)
    for name, sender, reader in (('supply', senders[0], supply), ('level', senders[1], level)):
        whole = until(lambda: set(sender.sent) <= set(reader.got), 60, 0.2)
        got = first_seen(reader.got)
        note(f'{name}: {len(sender.sent)} acknowledged by its own site, {len(reader.got)} arrived, {len(reader.got) - len(got)} of them again')
        check(f'{name}: nothing agreed is lost', whole, sorted(set(sender.sent) - set(got))[:5])
        check(f'{name}: in order', got == sorted(got))
        check(f'{name}: nothing arrives that was not sent', set(got) <= set(sender.tried))  # its acknowledgement may be lost with a killed role


def told(site, what):
    return [r for r in site.entries('audit', what)]


def set_back(mizu, kawa, old):
    """N34: kawa's whole directory goes back to what it was before, the seal's mark too."""
    size = lambda: peer(mizu)['their_record']
    held, rate = until(size, 15), flow(mizu, 'supply')['rate_used_ppb']
    kawa.stop()
    shutil.rmtree(kawa.state)
    run('cp', '-a', old, kawa.state)
    kawa.start()
    check('N34 a record set back: told by the head we cosigned', until(lambda: told(mizu, 'peer-record-rewritten'), 40), [held, peer(mizu)])
    rows = told(mizu, 'peer-record-rewritten')
    note(f"N34: {rows[0]['payload'] if rows else ''}")
    check('N34 and the one that was set back hears it from us', until(lambda: told(kawa, 'record-set-back'), 40))
    check('N34 it counts against its flows here', until(lambda: [s['sight'] for s in peer(mizu)['seen']] == ['history-rewritten'] and flow(mizu, 'supply')['rate_used_ppb'] > rate, 15), peer(mizu))


def rewritten(mizu, kawa):
    """N33: while nobody looks, kawa's own keys sign another history from the same day on, longer than the one we hold."""
    kawa.stop()
    time.sleep(1.1)  # dwell
    r = agree(mizu, 'supplier-agreement.yaml')
    check('both owners sign anew: nothing is seen of it yet', r.returncode == 0 and not peer(mizu)['seen'], r.stderr)
    held = peer(mizu)['their_record']
    mizu.stop()
    kawa.start()
    gateway = kawa.enrol('gw-03', 'device').mqtt()
    while kawa.json('status')['ledger']['size'] < held + 50:
        for _ in range(25):
            gateway.publish('sk/v1/kawa/gw-03/m/flow', json.dumps({'n': 1, 't': int(time.time() * 1000), 'u': 'm', 'v': 1}))
    kawa.cli('ledger', 'head')  # signed as far as it goes: what it shows first is longer than what we hold
    mizu.start()
    check('N33 a history rewritten and signed anew: it does not lead on from the head we cosigned',
          until(lambda: any(r['payload']['why'] == 'does-not-lead-on' for r in told(mizu, 'peer-record-rewritten')), 40), [held, peer(mizu), peer(kawa)])
    check('N33 it counts against its flows here', until(lambda: [s['sight'] for s in peer(mizu)['seen']] == ['history-rewritten'], 15), peer(mizu))
    note(f"N33: {told(mizu, 'peer-record-rewritten')[-1]['payload']}")


def knocks(site, key, cert, door='peers'):
    """Whether a CONNECT with this certificate is answered on this door."""
    who = types.SimpleNamespace(key=key, cert=cert, who='x')
    try:
        old, site.ports['mqtt'] = site.ports['mqtt'], site.ports[door]
        try:
            link = Mqtt(site, who, client_id='')
        finally:
            site.ports['mqtt'] = old
        return link
    except OSError:
        return None


def strangers(mizu, kawa):
    device = kawa.enrol('gw-02', 'device')
    check('a device of the site is nobody on the peers\' door', knocks(kawa, device.key, device.cert) is None)
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=mizu', '-keyout', kawa.path('s.key'), '-out', kawa.path('s.pem'))
    check('nor is a certificate of that name by anybody else', knocks(kawa, kawa.path('s.key'), kawa.path('s.pem')) is None)
    own = [mizu.path('site/courier/kawa.key'), mizu.path('site/courier/kawa.pem')]
    check('nor is the peer on the devices\' door', knocks(kawa, *own, door='mqtt') is None)


def hostile(mizu, kawa):
    """Whoever has the peer's own key gets what the agreement says, and no more."""
    mizu.stop()
    link = knocks(kawa, mizu.path('site/courier/kawa.key'), mizu.path('site/courier/kawa.pem'))
    check('its own key is let in', link is not None)
    check('a wildcard gives nothing', link.subscribe('#') == 0x87 and link.subscribe('sk/v1/kawa/gw-01/m/flow') == 0x87)
    check('what is agreed does', link.subscribe('kawa/supply/flow') == 1)
    link.publish('sk/v1/kawa/gw-01/cmd/pump', '{"do":"start"}')
    check('a topic never agreed to: refused, and seen', until(lambda: any(s['sight'] == 'unlisted-topic' for s in peer(kawa)['seen']), 15)
          and not kawa.json('status')['held'], peer(kawa))
    link.publish('mizu/reservoir/level', json.dumps({'n': 1, 't': int(time.time() * 1000), 'u': 'm', 'v': 4000}))
    check('out of range: the stage that now runs refuses it', until(lambda: flow(kawa, 'level')['last_refusal'] == 'range', 15), flow(kawa, 'level'))
    link.publish('sekimori/statement', '{"statement":{"payload":"e30=","payloadType":"x","signatures":[]}}')
    check('a statement nobody signed changes nothing', peer(kawa)['statement'] == 'valid' and peer(kawa)['terms'] == 'equal')
    link.send(packet(0x34, _string('mizu/reservoir/level') + b'\0\1\0{}'))  # QoS 2: not offered
    check('what breaks the protocol ends the link, and only that', closed_by_peer(link.sock, 15) is not None and until(lambda: kawa.ready() and peer(kawa)['link'] == 'down', 15))


def main():
    with Site('mizu') as mizu, Site('kawa', peers=True) as kawa:
        mizu.start()
        kawa.start()
        introduced(mizu, kawa)
        agreed(mizu, kawa)
        check('each cosigns the other\'s head', cosigned(mizu, kawa), [peer(mizu), peer(kawa)])
        kawa.stop()
        run('cp', '-a', kawa.state, kawa.path('yesterday'))
        kawa.start()
        strangers(mizu, kawa)
        weather(mizu, kawa)
        set_back(mizu, kawa, kawa.path('yesterday'))
        rewritten(mizu, kawa)
        hostile(mizu, kawa)
    finish()


main()
