#!/usr/bin/env python3
"""Emergency access (break-glass), from outside: two people to open it, seen by everybody while it is, in force on links that are up
within a second, everything done under it in the record, over by itself, looked at by a third afterwards."""
import json
import re
import time

from harness import FAKETIME, Site, check, finish, skip, until
from people_test import PASSWORD, open_link, post

REASON = 'the operators\' console is dead'


def person(site, who, role):
    link = re.search(r'http://localhost:\d+/start#[0-9a-f]{64}', site.cli('user', 'new', who, '--role', role, '--reason', 'scenario').stdout)[0]
    cookie = open_link(site, link)
    post(site, '/api/v1/me/password', {'password': PASSWORD}, '-H', cookie)
    return cookie


def step(site, cookie, path, **body):
    status, answer, _ = post(site, '/api/v1/emergency' + path, body, '-H', cookie)
    try:
        return status, json.loads(answer)
    except ValueError:
        return status, {}


def two_people(site, who, see, hear):
    base = f'sk/v1/{site.name}/dev-1'
    check('before: a viewer commands nothing', see.publish(base + '/cmd/pump', '{"do":"start"}')[0] == 0x87)
    check('longer than four hours: refused', step(site, who['hanako'], '', subject='watch-1', reason=REASON, minutes=241)[0] == 400)
    check('without a reason: refused', step(site, who['hanako'], '', subject='watch-1', reason='', minutes=30)[0] == 400)
    check('for a device: refused', step(site, who['hanako'], '', subject='dev-1', reason=REASON, minutes=30)[0] == 400)
    check('by an auditor: refused', step(site, who['kei'], '', subject='watch-1', reason=REASON, minutes=30)[0] == 403)
    status, asked = step(site, who['hanako'], '', subject='watch-1', reason=REASON, minutes=30)
    check('one asks', status == 200 and asked['id'] == 'BG-1' and asked['state'] == 'asked', asked)
    check('asked for is not open', see.publish(base + '/cmd/pump', '{"do":"start"}')[0] == 0x87)
    check('who asked does not open it', step(site, who['hanako'], '/BG-1/open')[0] == 409)
    check('nor does an auditor', step(site, who['kei'], '/BG-1/open')[0] == 403)
    status, opened = step(site, who['jiro'], '/BG-1/open')
    began = time.monotonic()
    check('another person opens it', status == 200 and opened['state'] == 'open' and opened['opened_by'] == 'jiro', opened)
    hear.messages.clear()
    sent = see.publish(base + '/cmd/pump', '{"do":"start"}')
    got = hear.receive(2, lambda m: m[0] == base + '/cmd/pump')
    check('it is in force on a link that is up, within a second', sent[0] == 0 and got and time.monotonic() - began < 1, sent)
    check('deny rows stand', see.subscribe(base + '/att/evidence') == 0x87)
    check('what is subscribed under it', see.subscribe(base + '/cmd/#') < 0x80)
    kept = until(lambda: [e for e in site.entries('command', 'command-delivered') if e['payload'].get('emergency') == 'BG-1'], 5)
    check('the command is in the record with the emergency it was under', kept)
    noted = until(lambda: [e for e in site.entries('audit') if e['payload'].get('reason') == 'emergency-subscribed' or e['payload'].get('what') == 'emergency-subscribed'], 8)
    check('and what was subscribed', noted)


def seen(site):
    r = site.cli('device', 'list')
    check('every command of the CLI says so', 'EMERGENCY ACCESS IS OPEN: BG-1' in r.stderr and 'watch-1' in r.stderr, r.stderr)
    status = site.json('status')
    check('the page and the status say so', [e['state'] for e in status['emergencies']] == ['open'] and status['emergencies'][0]['reason'] == REASON, status['emergencies'])
    why = site.json('why', 'watch-1', 'command', f'sk/v1/{site.name}/dev-1/cmd/pump')
    check('why names what allows it', any(s['step'] == 'tried' and s['result'] == 'pass' and s.get('grant') == 'default-41' for s in why['steps']), why['steps'])


def acts_as_operator(site, who):
    path = '/api/v1/devices/dev-1/quarantine'
    check('before: an owner quarantines nothing', post(site, path, {'reason': 'x'}, '-H', who['saburo'])[0] == 403)
    step(site, who['hanako'], '', subject='saburo', reason=REASON, minutes=30)
    r = site.cli('emergency', 'open', 'BG-2')
    check('root on the machine is a second person as well', r.returncode == 0 and 'open' in r.stdout, r.stderr)
    check('during it a person acts as an operator', post(site, path, {'reason': 'valve stuck'}, '-H', who['saburo'])[0] == 200)
    acted = [e['payload'] for e in site.entries('audit') if e['payload'].get('by') == 'saburo']
    check('each request is recorded, and what it did under which emergency', any(p['what'] == 'emergency-action' and path in p['reason'] for p in acted)
          and any(p['what'] == 'quarantine' and p.get('emergency') == 'BG-2' for p in acted), acted)
    site.cli('device', 'release', 'dev-1', '--reason', 'scenario')


def over(site, who, see):
    base = f'sk/v1/{site.name}/dev-1'
    site.stop()
    site.start()
    check('a restart keeps it', [e['state'] for e in site.json('status')['emergencies']] == ['open', 'open'])
    check('root ends it', site.cli('emergency', 'end', 'BG-1').returncode == 0 and site.cli('emergency', 'end', 'BG-2').returncode == 0)
    again = see()
    check('and nothing more passes', again.publish(base + '/cmd/pump', '{"do":"start"}')[0] == 0x87)
    r = site.cli('status')
    check('its review is an open item, with a due date', 'to be reviewed' in r.stdout and 'EMERGENCY ACCESS IS OPEN' not in r.stderr, r.stdout)


def reviewed(site, who):
    for name in ('jiro', 'saburo'):
        link = re.search(r'http://localhost:\d+/start#[0-9a-f]{64}', site.cli('user', 'link', name).stdout)[0]
        who[name] = open_link(site, link)
    who['kei'] = open_link(site, re.search(r'http://localhost:\d+/start#[0-9a-f]{64}', site.cli('user', 'link', 'kei').stdout)[0])
    check('who opened it does not review it', step(site, who['jiro'], '/BG-1/review', reason='fine')[0] == 409)
    check('who acted under it does not review it', step(site, who['saburo'], '/BG-2/review', reason='fine')[0] == 409)
    check('a finding is needed', step(site, who['kei'], '/BG-1/review', reason='')[0] == 400)
    check('a third does', step(site, who['kei'], '/BG-1/review', reason='one pump started by hand')[0] == 200)
    left = site.json('status')['emergencies']
    check('the open item is gone, the other one stays', [e['id'] for e in left] == ['BG-2'], left)
    entries = [e['payload'] for e in site.entries('emergency') if e['payload']['id'] == 'BG-1']
    check('all of it is in the record', [(e['what'], e['by']) for e in entries] == [('ask', 'hanako'), ('open', 'jiro'), ('end', 'root'), ('review', 'kei')], entries)


def by_itself(site):
    if not FAKETIME:
        skip('an emergency access ends by itself', 'libfaketime is not installed')
        return
    site.cli('emergency', 'request', 'watch-1', '--reason', REASON, '--minutes', '5')
    link = re.search(r'http://localhost:\d+/start#[0-9a-f]{64}', site.cli('user', 'link', 'jiro').stdout)[0]
    check('root asks, a person opens', step(site, open_link(site, link), '/BG-3/open')[0] == 200)
    site.stop()
    site.start(days=0.01)
    ended = until(lambda: [e['payload'] for e in site.entries('emergency') if e['payload']['id'] == 'BG-3' and e['payload']['what'] == 'end'], 10)
    check('an emergency access ends by itself', ended and ended[0]['by'] == 'sekimori' and ended[0]['why'] == 'time-over', ended)


def main():
    with Site() as site:
        site.start()
        device, viewer = site.enrol('dev-1', 'device'), site.enrol('watch-1', 'viewer')
        who = {name: person(site, name, role) for name, role in (('hanako', 'operator'), ('jiro', 'mission-owner'), ('saburo', 'executive'), ('kei', 'auditor'))}
        hear, see = device.mqtt(), viewer.mqtt()
        hear.subscribe(f'sk/v1/{site.name}/dev-1/cmd/#')
        two_people(site, who, see, hear)
        seen(site)
        acts_as_operator(site, who)
        over(site, who, viewer.mqtt)
        reviewed(site, who)
        by_itself(site)
    finish()


if __name__ == '__main__':
    main()
