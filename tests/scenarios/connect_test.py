#!/usr/bin/env python3
"""The connection checklist: whoever enrols where it is asked for is held until it is answered by name, measured and signed; a held
device's readings and alarms pass, safe directions reach it; a held contractor does nothing."""
import json

from harness import Site, check, finish, text_of, until

PUMP = 'sk/v1/test/gw-2/cmd/pump'


def pub(who, topic, text='1'):
    r = who.pub(topic, text, '-V', 'mqttv5', '-q', '1', '-d')
    return r.stdout + r.stderr


def show(site, who):
    return site.json('connect', 'show', who)


def answer(site, who, item, word='yes', *more):
    return site.cli('connect', 'answer', who, item, word, '--person', 'sato', *more)


def wanted(site, who):
    return [i['item'] for i in show(site, who)['items'] if not i['measured']]


def device(site, operator):
    r = site.cli('connect', 'ask', 'device', 'on')
    check('asked of devices from now on', r.returncode == 0 and site.json('connect', 'list')['asked'] == ['device'], r)
    check('who was online before goes on', 'Not authorized' not in pub(site.first, 'sk/v1/test/gw-1/m/level') and site.json('connect', 'list')['lists'] == [])
    gw = site.enrol('gw-2', role='device')
    gw.sub_start('sk/v1/test/gw-2/cmd/#', '-V', 'mqttv5', '-q', '1', log='gw-2.log')
    check('whoever enrols now is held', show(site, 'gw-2')['held'])
    check('the safe direction reaches it', until(lambda: pub(operator, PUMP, '{"do":"stop"}') and 'stop' in text_of(site.path('gw-2.log'))))
    said = pub(operator, PUMP, '{"do":"start"}')
    check('another command does not', 'Not authorized' in said and 'start' not in text_of(site.path('gw-2.log')), said)
    why = site.cli('why', 'op-1', 'command', PUMP, '--payload', '{"do":"start"}').stdout
    check('why says what is open', 'checklist' in why and 'connect' in why, why)
    check('its readings pass', 'Not authorized' not in pub(gw, 'sk/v1/test/gw-2/m/level'))
    check('its alarms pass', 'Not authorized' not in pub(gw, 'sk/v1/test/gw-2/a/low'))
    r = site.cli('connect', 'sign', 'gw-2', '--key', site.key('asset-owner'))
    check('unanswered, it is not signed', r.returncode != 0 and show(site, 'gw-2')['held'], r)
    measured = {i['item']: i['answer'] for i in show(site, 'gw-2')['items'] if i['measured']}
    check('what is measured is measured', measured == {'own-key': 'yes', 'known-place': 'no', 'declared-data': 'yes'}, measured)
    check('nobody answers what is measured', answer(site, 'gw-2', 'known-place').returncode == 6)
    check('an answer has a name', site.cli('connect', 'answer', 'gw-2', 'updates', 'yes').returncode == 2)
    for item in wanted(site, 'gw-2'):
        answer(site, 'gw-2', item)
    r = site.cli('connect', 'sign', 'gw-2', '--key', site.key('asset-owner'))
    check('a measured failure is not signed away', r.returncode == 6 and 'known-place' in r.stderr and show(site, 'gw-2')['held'], r)
    gw = site.enrol('gw-3', role='device', group='pumps')
    site.cli('stream', 'apply', site.streams)
    for item in wanted(site, 'gw-3'):
        answer(site, 'gw-3', item)
    draft = site.path('draft.json')
    site.cli('connect', 'sign', 'gw-3', '--out', draft)
    answer(site, 'gw-3', 'guarded', 'no', '--note', 'the door is broken')
    site.cli('work', 'sign', draft, '--key', site.key('asset-owner'))
    r = site.cli('work', 'apply', draft)
    check('a signature on other answers lets nobody in', r.returncode == 3 and 'other-answers' in r.stderr, r)
    r = site.cli('connect', 'sign', 'gw-3', '--key', site.key('asset-owner'))
    check('a "no" is not signed away', r.returncode == 6 and 'guarded' in r.stderr, r)
    answer(site, 'gw-3', 'guarded')
    r = site.cli('connect', 'sign', 'gw-3', '--key', site.key('executive'))
    check('not every key signs it', r.returncode == 3, r)
    r = site.cli('connect', 'sign', 'gw-3', '--key', site.key('asset-owner'))
    check('answered, measured, signed: online', r.returncode == 0 and not show(site, 'gw-3')['held'], r)
    gw.sub_start('sk/v1/test/gw-3/cmd/#', '-V', 'mqttv5', '-q', '1', log='gw-3.log')
    check('and commands reach it', until(lambda: pub(operator, 'sk/v1/test/gw-3/cmd/pump', '{"do":"start"}') and 'start' in text_of(site.path('gw-3.log'))))
    steps = [e['payload']['what'] for e in site.entries('checklist') if e['payload'].get('subject') == 'gw-3']
    check('every step is in the record', steps[0] == 'begin' and steps[-1] == 'sign' and steps.count('answer') > 5, steps)


def contractor(site):
    site.cli('user', 'new', 'sato', '--role', 'operator', '--reason', 'shift leader')
    site.cli('connect', 'ask', 'contractor', 'on')
    con = site.enrol('con-1', role='contractor')
    asked = site.cli('-o', 'json', 'work', 'request', '--subject', 'con-1', '--person', '山田 太郎', '--stream', 'sk/v1/test/gw-1/#', '--number', 'R8-1', '--supervisor', 'sato',
                     '--purpose', 'pump check', '--minutes', '60')
    name = json.loads(asked.stdout)['id']
    site.cli('work', 'approve', name, '--key', site.key('asset-owner'))
    site.cli('work', 'start', name)
    said = pub(con, 'sk/v1/test/gw-1/cmd/pump', '{"do":"start"}')
    check('with a permit and without his checklist a contractor does nothing', 'Not authorized' in said, said)
    for item in wanted(site, 'con-1'):
        answer(site, 'con-1', item)
    r = site.cli('connect', 'sign', 'con-1', '--key', site.key('mission-owner'))
    check('his is signed as well', r.returncode == 0 and not show(site, 'con-1')['held'], r)
    said = pub(con, 'sk/v1/test/gw-1/cmd/pump', '{"do":"start"}')
    check('and he works within his permit', 'Not authorized' not in said, said)


def main():
    with Site() as site:
        site.start()
        site.first = site.enrol('gw-1', role='device')
        operator = site.enrol('op-1', role='operator')
        site.streams = site.path('streams.yaml')
        with open(site.streams, 'w') as f:
            f.write('streams:\n  - name: pump\n    pattern: sk/v1/test/+/cmd/pump\n    label: internal\n    recorded: true\n    fail: closed\n    command: true\n    safe: [stop]\n')
        site.cli('stream', 'apply', site.streams)
        device(site, operator)
        contractor(site)
        before = site.json('connect', 'list')
        site.stop()
        site.start()
        check('all of it stands after a restart, signatures verified again', site.json('connect', 'list') == before)
        check('the record verifies', site.cli('ledger', 'verify').returncode == 0)
    finish()


main()
