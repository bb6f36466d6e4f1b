#!/usr/bin/env python3
"""Work permits (作業申請): asked for by one, approved by another's signature, begun and ended under supervision, over by themselves. A
contractor's own credentials act within them and nowhere else; what he does differently then raises no alarm."""
import json
import re
import time

from harness import BIN, Site, check, finish, note, run, text_of, until

PUMP = 'sk/v1/test/gw-1/cmd/pump'


def at(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + seconds))


def request(site, *more, **given):
    fields = {'subject': 'con-1', 'person': '山田 太郎', 'company': '水機工業', 'stream': 'sk/v1/test/gw-1/#', 'number': 'R8-1', 'supervisor': 'sato',
              'purpose': 'pump check', 'requester': 'sato', 'until': at(3600), **given}
    return site.cli('-o', 'json', 'work', 'request', *[x for k, v in fields.items() for x in ('--' + k, v)], *more)


def permit(site, **given):
    """One that is under way."""
    r = request(site, **given)
    name = json.loads(r.stdout)['id']
    for step in (['approve', name, '--key', site.key('asset-owner')], ['start', name]):
        done = site.cli('work', *step)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
    return name


def order(contractor, text='{"do":"start"}'):
    r = contractor.pub(PUMP, text, '-V', 'mqttv5', '-q', '1', '-d')
    return r.stdout + r.stderr


def delivered(site, name):
    return [e for e in site.entries('command', 'command-delivered') if e['payload'].get('permit') == name]


def asking(site):
    r = request(site, person='水機工業株式会社')
    check('a company is no person', r.returncode == 2 and 'person' in r.stderr, r.stderr)
    r = request(site, subject='gw-1')
    check('a device does not work', r.returncode == 2 and 'subject' in r.stderr, r.stderr)
    r = request(site, stream='#')
    check('everything is no station', r.returncode == 2 and 'stream' in r.stderr, r.stderr)
    r = request(site, supervisor='nobody')
    check('the supervisor is a person of the site', r.returncode == 2 and 'supervisor' in r.stderr, r.stderr)
    r = request(site, until=at(-5))
    check('a window in the past', r.returncode == 2, r.stderr)
    r = request(site, '--dry-run')
    check('a dry run asks for nothing', r.returncode == 0 and site.json('work', 'list') == [], r.stderr)
    r = request(site)
    check('asked for', r.returncode == 0 and json.loads(r.stdout)['state'] == 'requested', r.stderr)
    r = site.cli('work', 'start', 'WP-1')
    check('nothing begins before it is approved', r.returncode == 6, r.stderr)
    r = site.cli('work', 'approve', 'WP-1', '--key', site.key('executive'))
    check('not every key approves', r.returncode == 3 and 'signature-missing' in r.stderr, r.stderr)
    draft = site.path('approval.json')
    site.cli('work', 'approve', 'WP-1', '--out', draft)
    with open(draft, encoding='utf-8') as f:
        text = f.read()
    with open(draft, 'w', encoding='utf-8') as f:
        f.write(re.sub(r'"until":"\d+', '"until":"2099', text))
    site.cli('work', 'sign', draft, '--key', site.key('asset-owner'))
    r = site.cli('work', 'apply', draft)
    check('a signature on another window approves nothing', r.returncode == 3 and 'other-request: until' in r.stderr, r.stderr)
    r = site.cli('work', 'approve', 'WP-1', '--key', site.key('asset-owner'))
    check('approved by the asset owner', r.returncode == 0 and site.json('work', 'show', 'WP-1')['state'] == 'approved', r.stderr)
    r = request(site, person='鈴木 花子')
    check('one credential is not two persons\'', r.returncode == 6, r.stderr)
    r = site.cli('work', 'refuse', 'WP-1', '--reason', 'rain')
    check('withdrawn, with a reason', r.returncode == 0 and site.json('work', 'show', 'WP-1')['state'] == 'refused', r.stderr)
    site.cli('user', 'new', 'owner', '--role', 'asset-owner', '--reason', 'owner')
    name = json.loads(request(site, requester='owner').stdout)['id']
    r = site.cli('work', 'approve', name, '--key', site.key('asset-owner'))
    check('whoever asks does not approve', r.returncode == 3 and 'one-person-twice' in r.stderr, r.stderr)
    site.cli('work', 'refuse', name, '--reason', 'asked by its approver')


def acting(site, contractor):
    said = order(contractor)
    check('outside a permit: held', 'held H-1' in said or 'Implementation specific' in said, said)
    held = site.json('status')['held']
    check('it waits for two people', [h['from'] for h in held] == ['con-1'], held)
    r = contractor.pub('sk/v1/test/gw-1/m/level', '{"v":9}', '-V', 'mqttv5', '-q', '1', '-d')
    check('a false reading is refused', 'Not authorized' in r.stdout + r.stderr, r)
    told = until(lambda: [a for a in site.json('watch', 'list') if a['what'] == 'outside-permit' and a['device'] == 'con-1'], 5) or []
    check('both attempts are alarms', {a['name'] for a in told} == {PUMP, 'sk/v1/test/gw-1/m/level'}, told)
    r = contractor.sub('sk/v1/test/#', '-V', 'mqttv5', '-C', '1', '-W', '3')
    check('he hears nothing', 'denied' in r.stderr and not r.stdout.strip(), r)
    why = run(BIN + '/sekimori', '--state', site.state, '--lang', 'ja', 'why', 'con-1', 'command', PUMP, '--payload', '{"do":"start"}').stdout
    check('why says it in Japanese', '作業許可の時間外・範囲外' in why and '二人の承認待ち' in why, why)
    said = order(contractor, '{"do":"stop"}')
    check('the safe direction always passes', 'held' not in said and len(site.entries('command', 'command-delivered')) == 1, said)
    name = permit(site)
    said = order(contractor)
    check('within it the same order passes', 'held' not in said and until(lambda: delivered(site, name), 5), said)
    told = len(site.json('watch', 'list'))
    note(f'{told} alarms')
    r = contractor.pub('sk/v1/test/gw-2/cmd/pump', '{"do":"start"}', '-V', 'mqttv5', '-q', '1', '-d')
    check('of another station: held', len(site.json('status')['held']) == 2, r)
    r = site.cli('work', 'stop', name, '--reason', 'done')
    check('ended by the supervisor', r.returncode == 0 and site.json('work', 'show', name)['state'] == 'stopped', r.stderr)
    order(contractor)
    check('after its end: held again', len(site.json('status')['held']) == 3)
    return name


def over_by_itself(site, contractor):
    name = permit(site, until=at(3))
    order(contractor)
    check('within a short window it passes', until(lambda: delivered(site, name), 5))
    end = time.time() + 3
    closed = until(lambda: site.json('work', 'show', name)['state'] == 'closed', 10)
    check('over by itself at its end', closed and abs(time.time() - end) < 4)
    before = len(site.json('status')['held'])
    order(contractor)
    check('and held from then on', len(site.json('status')['held']) == before + 1)
    steps = [(e['payload']['what'], e['payload'].get('by', e['payload'].get('requester'))) for e in site.entries('work')
             if e['payload']['id'] == name and e['payload']['what'] != 'unusual']
    check('every step is in the record, by whom', steps == [('request', 'sato'), ('approve', 'asset-owner'), ('start', 'root'), ('close', 'sekimori')], steps)


def person(site):
    """A contractor who signs in: his page shows what his permit covers, and only then."""
    site.cli('user', 'new', 'con-2', '--role', 'contractor', '--name', '鈴木 花子', '--reason', 'maintenance')
    mixed = site.cli('user', 'new', 'con-3', '--role', 'contractor', '--role', 'operator', '--reason', 'x')
    check('a contractor is nothing else', mixed.returncode == 6, mixed.stderr)
    token = site.json('token', 'new', 'tool', '--user', 'con-2', '--scope', 'read', '--scope', 'operate', '--days', '1', '--reason', 'x')['token']
    bearer = ('-H', 'Authorization: Bearer ' + token)
    status, body = site.http('https', '/api/v1/readings', *bearer)
    check('outside a permit his token reads nothing', status == '403' and 'no-permit' in body, (status, body))
    name = permit(site, subject='con-2', person='鈴木 花子')
    status, body = site.http('https', '/api/v1/readings', *bearer)
    check('within it, what it covers', status == '200', (status, body))
    status, body = site.http('https', '/api/v1/work', *bearer)
    check('he sees his own permits', status == '200' and [w['id'] for w in json.loads(body)] == [name], body)
    status, body = site.http('https', f'/api/v1/work/{name}/stop', '-H', 'Content-Type: application/json', '-d', '{}', *bearer, method='POST')
    check('he does not end his own supervision', status == '403', (status, body))
    site.cli('work', 'stop', name)
    check('over: nothing again', site.http('https', '/api/v1/readings', *bearer)[0] == '403')


def main():
    with Site() as site:
        site.start()
        site.cli('user', 'new', 'sato', '--role', 'operator', '--reason', 'shift leader')
        gateway = site.enrol('gw-1', role='device')
        gateway.sub_start('sk/v1/test/gw-1/cmd/#', '-V', 'mqttv5', '-q', '1', log='gw-1.log')
        other = site.enrol('gw-2', role='device')
        other.sub_start('sk/v1/test/gw-2/cmd/#', '-V', 'mqttv5', '-q', '1', log='gw-2.log')
        contractor = site.enrol('con-1', role='contractor')
        streams = site.path('streams.yaml')
        with open(streams, 'w') as f:
            f.write(f'streams:\n  - name: pump\n    pattern: {PUMP}\n    label: internal\n    recorded: true\n    fail: closed\n    command: true\n    safe: [stop]\n')
        site.cli('stream', 'apply', streams)
        until(lambda: site.json('device', 'show', 'gw-1'), 5)
        asking(site)
        acting(site, contractor)
        over_by_itself(site, contractor)
        person(site)
        check('the devices got what passed, nothing else', text_of(site.path('gw-1.log')).count('start') == 2 and not text_of(site.path('gw-2.log')).strip(),
              text_of(site.path('gw-1.log')))
        site.stop()
        site.start()
        check('all of it stands after a restart', [w['state'] for w in site.json('work', 'list')][-1] == 'refused' and len(site.json('work', 'list')) == 5)
        check('the record verifies', site.cli('ledger', 'verify').returncode == 0)
    finish()


main()
