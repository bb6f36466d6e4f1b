"""Streams as declared, from outside: form, unit and range (0x99 names field, unit and range); each stream's way to fail;
what is never stopped."""
from harness import Site, check, finish, until

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
'''
BASE = 'sk/v1/test/gauge/'


def declare(site, text):
    path = site.path('streams.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return site.cli('stream', 'apply', path)


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


def main():
    with Site() as site:
        site.start()
        r = declare(site, STREAMS)
        check('the streams are declared', r.returncode == 0, r.stderr)
        wrong = declare(site, STREAMS.replace('max: 5.25', 'max: 5 m'))
        check('a mistake names file, line and what was expected', wrong.returncode == 78 and 'streams.yaml:7' in wrong.stderr and 'without its unit' in wrong.stderr, wrong.stderr)
        gauge, viewer = site.enrol('gauge', 'device').mqtt(), site.enrol('eyes', 'viewer').mqtt()
        viewer.subscribe('sk/v1/test/#')
        form(site, gauge, viewer)
        fails(gauge, viewer)
        counted(site, gauge)
        quarantined(site, viewer)
    finish()


if __name__ == '__main__':
    main()
