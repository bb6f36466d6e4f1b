"""Streams as declared, from outside: form, unit and range (0x99 names field, unit and range); each stream's way to fail;
what is never stopped."""
import os

from harness import BIN, Site, check, finish, run, until

STREAMS = '''streams:
  - name: level
    pattern: sk/v1/test/+/m/level
    recorded: true
    fail: closed
    fields:
      - { name: v, unit: m, unit_in: u, min: 0, max: 5.25 }
      - { name: t, type: integer, optional: true }
  - name: chlorine
    pattern: sk/v1/test/+/m/chlorine
    recorded: true
    fail: hold-last
    fields: [{ unit: mg/L, min: 0, max: 2 }]
  - name: pressure
    pattern: sk/v1/test/+/m/pressure
    recorded: true
    fail: pass-flag
    fields: [{ unit: kPa, min: 0, max: 1000 }]
  - name: valve
    pattern: sk/v1/test/+/cmd/valve
    recorded: true
    command: true
    safe: [close]
    people: 2
    interlock:
      - { topic: sk/v1/test/gauge/m/level, field: v, unit: m, below: 4.5, within_s: 600, do: [open] }
'''
BASE = 'sk/v1/test/gauge/'


def declare(site, text):
    path = site.path('streams.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return site.cli('stream', 'apply', path)


def japanese(site, *argv):
    return run(os.path.join(BIN, 'sekimori'), '--state', site.state, '--lang', 'ja', *argv)


def carries(message, name, value):
    pair = b''.join(len(t).to_bytes(2, 'big') + t.encode() for t in (name, value))
    return b'\x26' + pair in message[2]


def last_of(viewer, topic, payload):
    return viewer.receive(3, lambda m: m[0] == BASE + topic and m[1] == payload)


def form(site, gauge, viewer):
    good = '{"t":1,"u":"m","v":"4.2"}'
    check('a good reading passes', gauge.publish(BASE + 'm/level', good) == (0, '') and last_of(viewer, 'm/level', good))
    for payload, says in (('{"u":"m","v":"7.2"}', 'schema-range: v: 7.2 m, expected 0 m to 5.25 m'), ('{"u":"m","v":-0.1}', 'schema-range: v: -0.1 m'),
                          ('{"v":1}', 'schema-unit: v: without a unit, expected the unit m in u'), ('{"u":"ft","v":1}', 'schema-unit: v: another unit'),
                          ('{"u":"m"}', 'schema-missing: v: missing'), ('{"u":"m","v":"high"}', 'schema-type: v: not a number'),
                          ('{"u":"m","v":1,"x":1}', 'schema-other'), ('4.2', 'schema-form'), ('', 'schema-form')):
        reason, text = gauge.publish(BASE + 'm/level', payload)
        check(f'closed: {payload or "nothing"} is refused with 0x99 and why', reason == 0x99 and text.startswith(says), (hex(reason), text))
    check('and reaches nobody', not any(m[0].endswith('level') and m[1] != good for m in viewer.messages), viewer.messages)
    plain = site.enrol('gauge-3', 'device').mqtt(version=4)
    check('MQTT 3.1.1 has no word for it: acknowledged, not delivered', plain.publish('sk/v1/test/gauge-3/m/level', '9')[0] == 0
          and viewer.receive(0.3, lambda m: 'gauge-3' in m[0]) is None)


def fails(gauge, viewer):
    check('pass-flag: the wrong value goes on, marked', gauge.publish(BASE + 'm/pressure', '9999')[0] == 0
          and carries(last_of(viewer, 'm/pressure', '9999'), 'sk-flag', 'schema-range'))
    check('hold-last with nothing to hold: refused', gauge.publish(BASE + 'm/chlorine', '40')[0] == 0x99)
    check('hold-last: a good one', gauge.publish(BASE + 'm/chlorine', '0.4')[0] == 0 and last_of(viewer, 'm/chlorine', '0.4'))
    reason, text = gauge.publish(BASE + 'm/chlorine', '40')
    check('hold-last: its sender is told', reason == 0x99 and '40 mg/L, expected 0 mg/L to 2 mg/L' in text, text)
    m = viewer.receive(2, lambda m: m[0] == BASE + 'm/chlorine' and b'stale' in m[2])
    check('hold-last: readers keep the last good value, marked stale, with its time and entry', m and m[1] == '0.4' and carries(m, 'sk-flag', 'stale')
          and b'sk-stale-since' in m[2] and b'sk-source' in m[2], m)
    check('an alarm is never stopped', gauge.publish(BASE + 'a/low', 'anything') == (0, '') and last_of(viewer, 'a/low', 'anything'))


def counted(site, gauge):
    check('each kind is counted by sender', until(lambda: site.refusals('publish-refused') and site.refusals('publish-flagged')
          and site.refusals('publish-kept-back') and site.refusals('form-broken'), 5), site.entries('audit'))
    rows = [e['payload'] for e in site.entries('audit', 'refused') if e['payload']['reason'] == 'publish-refused']
    check('with what it was', any('schema-range v: 7.2 m' in r['detail'] for r in rows), rows)
    check('the fact stands: C13 of its device', until(lambda: fact(site) == 'fail', 5), site.entries('evidence'))
    for topic, payload in (('m/level', '{"u":"m","v":1}'), ('m/pressure', '1'), ('m/chlorine', '1')):
        gauge.publish(BASE + topic, payload)
    check('and is lifted when all of it is good again', until(lambda: fact(site) == 'pass', 5), site.entries('evidence'))


def fact(site):
    rows = [e['payload'] for e in site.entries('evidence') if e['payload'].get('control') == 'C13' and e['payload'].get('asset') == 'gauge']
    return rows[-1]['result'] if rows else None


def quarantined(site, viewer):
    gauge = site.enrol('gauge-2', 'device').mqtt()
    own = 'sk/v1/test/gauge-2/'
    gauge.publish(own + 'm/chlorine', '1.5')
    site.cli('device', 'quarantine', 'gauge-2', '--reason', 'test')
    reason, text = gauge.publish(own + 'm/level', '{"u":"m","v":1}')
    check('ordered into quarantine, closed: refused with why', reason == 0x87 and text.startswith('quarantined; sekimori why gauge-2'), (reason, text))
    check('pass-flag: marked', gauge.publish(own + 'm/pressure', '5')[0] == 0 and carries(viewer.receive(2, lambda m: m[1] == '5'), 'sk-flag', 'quarantined'))
    check('hold-last: its sender is told, the good value stands', gauge.publish(own + 'm/chlorine', '1.9')[0] == 0x87
          and viewer.receive(2, lambda m: m[1] == '1.5' and carries(m, 'sk-flag', 'stale')))
    check('its alarm goes on', gauge.publish(own + 'a/low', 'x')[0] == 0 and viewer.receive(2, lambda m: m[0] == own + 'a/low'))


def commands(site, gauge):
    actor, boss = site.enrol('actor', 'device').mqtt(), site.enrol('boss', 'operator').mqtt()
    actor.subscribe('sk/v1/test/actor/cmd/#')
    topic = 'sk/v1/test/actor/cmd/valve'

    def arrives(order, within=1):
        return actor.receive(within, lambda m: m[0] == topic and m[1] == order) is not None
    gauge.publish(BASE + 'm/level', '{"u":"m","v":4.9}')
    reason, text = boss.publish(topic, '{"do":"open"}')
    check('interlock: refused with what was seen and what is wanted', reason == 0x87
          and 'interlock: v of sk/v1/test/gauge/m/level is 4.9 m, must be below 4.5 m' in text, (hex(reason), text))
    check('interlock: the safe direction passes at once', boss.publish(topic, '{"do":"close"}')[0] == 0 and arrives('{"do":"close"}'))
    why = site.cli('why', 'boss', 'command', topic, '--payload', '{"do":"open"}')
    check('why shows the interlock', 'interlock' in why.stdout and '4.9 m' in why.stdout, why.stdout)
    ja = japanese(site, 'why', 'boss', 'command', topic, '--payload', '{"do":"open"}')
    check('in Japanese too', 'インターロック' in ja.stdout, ja.stdout)
    gauge.publish(BASE + 'm/level', '{"u":"m","v":4.1}')
    reason, text = boss.publish(topic, '{"do":"open"}')
    check('two people: held, not delivered', reason == 0x83 and 'two-person' in text and not arrives('{"do":"open"}'), (hex(reason), text))
    held = site.json('command', 'list')
    check('command list shows it', len(held) == 1 and held[0]['why'] == 'two-person' and held[0]['from'] == 'boss', held)
    hold = held[0]['id']
    check('said in both languages', 'second person' in site.cli('command', 'list').stdout and '二人目' in japanese(site, 'command', 'list').stdout)
    r = site.cli('command', 'approve', hold, '--dry-run')
    check('a dry run says what would be judged, and sends nothing', r.returncode == 0 and 'allow' in r.stdout and not arrives('{"do":"open"}')
          and len(site.json('command', 'list')) == 1, r.stdout + r.stderr)
    check('a reason is asked for', site.cli('command', 'approve', hold).returncode == 2)
    second_person(site, boss, topic, hold, arrives)


def second_person(site, boss, topic, hold, arrives):
    r = site.cli('command', 'approve', hold, '--reason', 'checked at the basin')
    check('the second person lets it go, once', r.returncode == 0 and arrives('{"do":"open"}'), r.stderr)
    check('not twice', site.cli('command', 'approve', hold, '--reason', 'again').returncode == 5)
    word = site.entries('audit', 'command-approved')[-1]['payload']
    release = site.entries('release')[-1]['payload']
    check('both are in the record', word['sender'] == 'boss' and word['by'] and word['reason'] == 'checked at the basin' and release['from'] == 'boss'
          and release['by'] == word['by'], (word, release))
    check('whose tool boss is was not said: it says that names were compared', 'names alone' in r.stdout and word['compared'] == 'names'
          and word['sender_person'] == '', (r.stdout, word))
    boss.publish(topic, '{"do":"open"}')
    hold = site.json('command', 'list')[0]['id']
    check('refused by a person: gone for good', site.cli('command', 'refuse', hold, '--reason', 'not today').returncode == 0
          and not site.json('command', 'list') and not arrives('{"do":"open"}'))
    check('an unknown one', site.cli('command', 'refuse', 'H-99', '--dry-run').returncode == 5)
    persons(site, topic, arrives)


def persons(site, topic, arrives):
    """One person with two credentials, a tool and a token, is one person."""
    for who in ('hanako', 'jiro'):
        site.cli('user', 'new', who, '--role', 'operator', '--reason', 'control room')
    token = {who: site.json('token', 'new', 'of-' + who, '--user', who, '--scope', 'operate', '--days', '1', '--reason', 'test')['token'] for who in ('hanako', 'jiro')}
    check('nobody: an error that says what to do', 'SK-1431' in site.cli('invite', 'new', 'desk', '--role', 'operator', '--person', 'hanakko').stderr)
    check('and in Japanese', '利用者の一覧にいない' in japanese(site, 'invite', 'new', 'desk', '--role', 'operator', '--person', 'hanakko').stderr)
    desk = site.enrol('desk', 'operator', person='hanako').mqtt()
    check('device show and user show say whose tool it is', site.json('device', 'show', 'desk')['person'] == 'hanako'
          and site.json('user', 'show', 'hanako')['tools'] == ['desk'] and 'desk' in site.cli('user', 'show', 'hanako').stdout)
    check('and why does, in both languages', 'a tool of hanako' in site.cli('why', 'desk', 'command', topic, '--payload', '{"do":"open"}').stdout
          and 'hanako の道具' in japanese(site, 'why', 'desk', 'command', topic, '--payload', '{"do":"open"}').stdout)
    check('it stays hers', site.cli('invite', 'new', 'desk', '--role', 'operator', '--person', 'jiro').returncode == 6)
    check('her command is held', desk.publish(topic, '{"do":"open"}')[0] == 0x83)
    hold = site.json('command', 'list')[0]['id']

    def approves(who):
        return site.http('https', f'/api/v1/holds/{hold}/approve', '-H', 'Authorization: Bearer ' + token[who], '-d', '{"reason":"seen"}', method='POST')
    status, body = approves('hanako')
    check('she cannot approve it by her token', status == '403' and 'SK-1430' in body and not arrives('{"do":"open"}'), (status, body))
    row = until(lambda: site.entries('audit', 'approval-refused'), 10)
    check('that is in the record', row and row[-1]['payload']['by'] == 'hanako' and row[-1]['payload']['sender_person'] == 'hanako'
          and row[-1]['payload']['reason'] == 'same-person', row)
    status, body = approves('jiro')
    check('another person can', status == '200' and '"compared":"persons"' in body and arrives('{"do":"open"}', 10), (status, body))
    site.enrol('desk', 'operator')
    check('enrolled again by an invite that says nobody, it is still hers', site.json('device', 'show', 'desk')['person'] == 'hanako')


def harmless(site):
    rows = {r['by']: r for r in site.json('report', 'blocked')}
    check('report blocked: held, let go, unsent are counted', rows['two-person']['blocked'] == 3 and rows['two-person']['let_go'] == 2
          and rows['two-person']['unsent'] == 1, rows)
    check('what broke an interlock and a form too', rows['interlock']['blocked'] == 1 and rows['schema-range']['blocked'] >= 1, rows)
    refused = [e for e in site.entries('command', 'command-refused') if e['payload']['verdict'] == 'interlock'][0]['index']
    check('a finding wants a reason', site.cli('command', 'harmless', str(refused)).returncode == 2)
    check('a dry run counts nothing', site.cli('command', 'harmless', str(refused), '--dry-run').returncode == 0
          and {r['by']: r for r in site.json('report', 'blocked')}['interlock']['found_harmless'] == 0)
    for _ in range(2):
        r = site.cli('command', 'harmless', str(refused), '--reason', 'the gauge was being cleaned')
        check('found harmless', r.returncode == 0, r.stderr)
    rows = {r['by']: r for r in site.json('report', 'blocked')}
    check('counted once, with its authority', rows['interlock']['found_harmless'] == 1 and rows['interlock']['harmless'] == 1
          and 'declaration' in rows['interlock']['authority'], rows)
    check('nothing that was not blocked', site.cli('command', 'harmless', '0', '--reason', 'x').returncode == 5)
    check('and nothing that is not there', site.cli('command', 'harmless', '99999999', '--reason', 'x').returncode == 5)
    check('in Japanese', 'データ種別の宣言' in japanese(site, 'report', 'blocked').stdout, japanese(site, 'report', 'blocked').stdout)


def restarted(site):
    """kill -9 of core: the last good value is found again in the record."""
    site.linked['gauge-4'] = site.enrol('gauge-4', 'device')
    gauge = site.linked['gauge-4'].mqtt()
    gauge.publish('sk/v1/test/gauge-4/m/chlorine', '0.7')
    os.kill(site.pid_of('core'), 9)
    check('core is killed and back', until(site.ready, 20))
    link = lambda who: until(lambda: again(site, who), 20)
    gauge, viewer = link('gauge-4'), link('eyes')
    viewer.subscribe('sk/v1/test/gauge-4/#')
    check('hold-last after a restart: refused', gauge.publish('sk/v1/test/gauge-4/m/chlorine', '40')[0] == 0x99)
    m = viewer.receive(10, lambda m: m[0].endswith('gauge-4/m/chlorine'))
    check('and its readers get the last good value of before', m and m[1] == '0.7' and carries(m, 'sk-flag', 'stale') and b'sk-source' in m[2], m)


def again(site, who):
    try:
        return site.linked[who].mqtt()
    except (OSError, ConnectionError, AssertionError):
        return None


def main():
    with Site() as site:
        site.start()
        r = declare(site, STREAMS)
        check('the streams are declared', r.returncode == 0, r.stderr)
        wrong = declare(site, STREAMS.replace('max: 5.25', 'max: 5 m'))
        check('a mistake names file, line and what was expected', wrong.returncode == 78 and 'streams.yaml:7' in wrong.stderr and 'without its unit' in wrong.stderr, wrong.stderr)
        site.linked = {'eyes': site.enrol('eyes', 'viewer')}
        gauge, viewer = site.enrol('gauge', 'device').mqtt(), site.linked['eyes'].mqtt()
        viewer.subscribe('sk/v1/test/#')
        form(site, gauge, viewer)
        fails(gauge, viewer)
        counted(site, gauge)
        commands(site, gauge)
        harmless(site)
        quarantined(site, viewer)
        restarted(site)
    finish()


if __name__ == '__main__':
    main()
