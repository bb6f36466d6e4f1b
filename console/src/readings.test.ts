import { describe, expect, test } from 'vitest';
import type { Device, Group } from './documents';
import { byDevice, csvCell, csvOf, HISTORY, lineOf, noticeOf, type Reading, Readings, readPayload, readReading, readTopic, tableOf } from './readings';

const reading = (device: string, name: string, payload: string, at = 1000, flagged = false, kind = 'm'): Reading => ({
  topic: `sk/v1/mizu/${device}/${kind}/${name}`,
  from: device,
  payload,
  flagged,
  at,
});
const device = (id: string, group: string, trust = 'attested'): Device => ({
  id, group, trust, role: 'device', model: '', trustJa: '', life: 'enrolled', lifeJa: '', why: '', grade: '', appraisal: '', appraised: null,
});
const GROUPS: Group[] = [
  { id: 'gateways', name: { ja: 'ゲートウェイ', en: 'Gateways' }, simulated: true },
  { id: 'computers', name: { ja: '計算機', en: 'Computers' }, simulated: false },
];
const store = (...rows: Reading[]): Readings => {
  const r = new Readings();
  for (const row of rows) r.take(row);
  return r;
};

describe('payloads', () => {
  test.each([
    ['{"t":5,"u":"m","v":"2.310"}', '2.310', 2.31, 'm'],
    ['{"t":5,"u":"s","v":350735}', '350735', 350735, 's'],
    ['{"v":-0.5}', '-0.5', -0.5, ''],
    ['{"v":true}', '1', 1, ''],
    ['{"v":"auto"}', 'auto', null, ''],
  ])('%s is a value', (payload, shown, number, unit) => expect(readPayload(payload)).toMatchObject({ shown, number, unit, formed: true }));

  test.each(['', 'null', '[]', '12', '"x"', '{', '{}', '{"v":null}', '{"v":{"v":1}}', '{"v":[1]}', '{"u":"m"}', '<b>x</b>', '{"v":""}', `{"v":"${'x'.repeat(41)}"}`])(
    '%j is shown raw and counts as no value',
    (payload) => expect(readPayload(payload)).toMatchObject({ number: null, formed: false }),
  );

  test('raw text is bounded and made visible', () => {
    expect(readPayload('x'.repeat(1000)).shown.length).toBe(81);
    expect(readPayload('a\u202eb').shown).toBe('a\ufffdb');
    expect(readPayload('{"v":1,"u":"' + 'u'.repeat(50) + '"}').unit.length).toBe(17);
  });

  test('a number a device cannot mean is no point', () => {
    expect(readPayload('{"v":1e999}')).toMatchObject({ number: null, formed: false });
    expect(readPayload('{"v":"1e9"}')).toMatchObject({ number: null, shown: '1e9' });
  });

  test('a simulator says so, however formed', () => {
    expect(readPayload('{"v":1,"sim":true}').simulated).toBe(true);
    expect(readPayload('{"agent":"0.1.0","simulated":true}').simulated).toBe(true);
    expect(readPayload('{"v":1,"sim":"true"}').simulated).toBe(false);
  });
});

test.each([
  ['{"anonymous":"refused","plain":"refused","t":5}', 'anonymous refused · plain refused'],
  ['{"level":2,"on":true,"deep":{"a":1}}', 'level 2 · on true'],
  ['{"t":5}', '{"t":5}'],
  ['pump\u202eone', 'pump\ufffdone'],
  ['[1]', '[1]'],
  ['', ''],
])('the event %j reads %j', (payload, want) => expect(noticeOf(payload)).toBe(want));

test('topics', () => {
  expect(readTopic('sk/v1/mizu/gw-02/m/level/upper')).toEqual({ device: 'gw-02', kind: 'm', name: 'level/upper' });
  expect(readTopic('else/where')).toEqual({ device: '', kind: '', name: 'else/where' });
});

test('a reading without topic or time is none', () => {
  expect(readReading({ topic: 'a', at: '' })).toBeNull();
  expect(readReading({ at: '2026-11-23T00:00:00.000Z' })).toBeNull();
  expect(readReading('x')).toBeNull();
  expect(readReading({ topic: 'a', at: '2026-11-23T00:00:00.000Z', flagged: 'yes' })).toMatchObject({ flagged: false, payload: '' });
});

describe('history', () => {
  test('the list and the stream may cross: an older reading changes nothing', () => {
    const r = store(reading('a', 'x', '{"v":2}', 2000), reading('a', 'x', '{"v":1}', 1000), reading('a', 'x', '{"v":2}', 2000));
    expect(r.all()).toHaveLength(1);
    expect(r.all()[0]).toMatchObject({ at: 2000, history: [{ at: 2000, v: 2 }] });
  });

  test('keeps the newest and no more', () => {
    const r = new Readings();
    for (let i = 1; i <= HISTORY + 5; i++) r.take(reading('a', 'x', `{"v":${i}}`, i));
    expect(r.all()[0]?.history).toHaveLength(HISTORY);
    expect(r.all()[0]?.history[0]?.v).toBe(6);
  });

  test('what was given out does not change', () => {
    const r = store(reading('a', 'x', '{"v":1}', 1000));
    const given = r.all()[0];
    r.take(reading('a', 'x', '{"v":2}', 2000));
    expect(given?.history).toEqual([{ at: 1000, v: 1 }]);
    expect(r.all()[0]?.history).not.toBe(given?.history);
  });

  test('topics are bounded', () => {
    const r = new Readings();
    for (let i = 0; i < 5000; i++) r.take(reading('a', `x${i}`, '{"v":1}', i + 1));
    expect(r.all()).toHaveLength(4096);
  });
});

describe('grouping', () => {
  test('trouble first, then what was flagged, then by name; a silent device is listed too', () => {
    const r = store(reading('b', 'x', '{"v":1}'), reading('a', 'x', '{"v":1}'), reading('f', 'x', '{"v":1}', 1000, true));
    const devices = [device('a', 'computers'), device('b', 'computers'), device('silent', 'gateways'), device('q', 'gateways', 'quarantined'), device('f', 'computers')];
    expect(byDevice(r.all(), devices, GROUPS).map((g) => g.id)).toEqual(['q', 'f', 'a', 'b', 'silent']);
  });

  test('people are not devices', () => {
    expect(byDevice([], [{ ...device('operator-1', ''), role: 'operator' }], GROUPS)).toEqual([]);
  });

  test('simulated by the model or by the device itself; real only where the model knows the group', () => {
    const r = store(reading('s', 'x', '{"v":1,"sim":true}'), reading('t', 'agent', '{"simulated":true}', 1, false, 's'), reading('u', 'x', '{"v":1}'));
    const devices = [device('m', 'gateways'), device('c', 'computers'), device('s', 'computers'), device('t', 'computers')];
    const by = Object.fromEntries(byDevice(r.all(), devices, GROUPS).map((g) => [g.id, g.realness]));
    expect(by).toEqual({ m: 'simulated', c: 'real', s: 'simulated', t: 'simulated', u: 'unstated' });
  });

  test('state messages are no readings; events and alarms are notices', () => {
    const r = store(reading('a', 'agent', '{"v":1}', 1, false, 's'), reading('a', 'low', '{"v":1}', 1, false, 'a'), reading('a', 'x', '{"v":1}'),
      reading('a', 'gap', '{"v":1}', 1, false, 'e'), reading('a', 'head', 'mizu', 1, false, 'e'), reading('a', 'origin', 'x', 1, false, 'e'));
    const g = byDevice(r.all(), [], [])[0];
    expect(g?.readings.map((s) => s.name)).toEqual(['x']);
    expect(g?.notices.map((s) => s.name).sort()).toEqual(['gap', 'low']);
  });

  test('five hundred devices are grouped at once', () => {
    const r = new Readings();
    const devices = Array.from({ length: 500 }, (_, i) => device(`gw-${i}`, 'gateways', i === 321 ? 'quarantined' : 'attested'));
    for (const d of devices) for (const name of ['level', 'flow']) r.take(reading(d.id, name, '{"v":1}'));
    const all = byDevice(r.all(), devices, GROUPS);
    expect(all).toHaveLength(500);
    expect(all[0]?.id).toBe('gw-321');
  });
});

describe('lines', () => {
  test('one point is no line', () => expect(lineOf([{ at: 1, v: 1 }], 120, 28)).toBeNull());
  test('a flat line lies in the middle', () => expect(lineOf([{ at: 0, v: 5 }, { at: 10, v: 5 }], 120, 28)?.path).toBe('M2.0 14.0L118.0 14.0'));
  test('more is higher', () => expect(lineOf([{ at: 0, v: 0 }, { at: 10, v: 9 }], 120, 28)).toMatchObject({ path: 'M2.0 26.0L118.0 2.0', min: 0, max: 9 }));
  test('points of one instant make no NaN', () => expect(lineOf([{ at: 3, v: 0 }, { at: 3, v: 1 }], 120, 28)?.path).not.toContain('NaN'));
});

test('the table twin holds every point of the lines', () => {
  const r = store(reading('a', 'x', '{"v":1}', 1000), reading('a', 'y', '{"v":7}', 1400), reading('a', 'x', '{"v":2}', 2000));
  const g = byDevice(r.all(), [], [])[0];
  expect(tableOf(g?.readings ?? [])).toEqual([
    { at: 2000, cells: ['2', null] },
    { at: 1000, cells: ['1', '7'] },
  ]);
});

test('a spreadsheet runs no cell', () => {
  expect(csvCell('=cmd|x')).toBe(`"'=cmd|x"`);
  expect(csvCell('-1.5')).toBe('"-1.5"');
  expect(csvCell('-1+2')).toBe(`"'-1+2"`);
  expect(csvCell('a"b')).toBe('"a""b"');
  const r = store(reading('=a', 'x', '{"v":1,"u":"m"}', 0 + 1));
  expect(csvOf(r.all())).toBe('"device","reading","unit","at","value"\r\n"\'=a","x","m","1970-01-01T00:00:00.001Z","1"\r\n');
});
