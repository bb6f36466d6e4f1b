import { expect, test } from 'vitest';
import { changeOf, type Hangs, hundredthOf, readCurve, readInsight, readTried, valueAt } from './insight';
import { routeOf } from './route';

const rate = { kind: 'rate', id: 'D1', low: 10_000_000, high: 1_000_000_000, now: 1_000_000_000 } as Hangs;
const control = { kind: 'control', id: 'C6', low: 0, high: 1000, now: 400 } as Hangs;

test('a slider goes from end to end, rates by ratio', () => {
  expect([valueAt(rate, 0), valueAt(rate, 50), valueAt(rate, 100)]).toEqual([10_000_000, 100_000_000, 1_000_000_000]);
  expect([valueAt(control, 0), valueAt(control, 40), valueAt(control, 140)]).toEqual([0, 400, 1000]);
  for (const h of [rate, control]) for (const at of [0, 1, 37, 99, 100]) expect(hundredthOf(h, valueAt(h, at))).toBe(at);
  expect(changeOf(control, 950)).toBe('control:C6:950');
});

test('whatever comes is read without throwing', () => {
  for (const x of [null, [], 'x', {}, { steps: 7, hangs_on: [null, { kind: 'constructor' }], options: { alone: {} } }]) {
    const i = readInsight(x);
    expect(i.answer).toBe('unknown');
    expect(readTried(x)).toBeNull();
    expect(readCurve(x).decision).toEqual([]);
  }
  expect(readInsight({ hangs_on: [{ kind: 'constructor' }] }).hangsOn[0]?.kind).toBe('');
});

test.each([
  ['', ''],
  ['#/', ''],
  ['#0123abcd', ''],
  ['#/mission/mizu', 'mission'],
  ['#/paper/decision/mizu', 'paper'],
  ['#/constructor', ''],
  ['#/mission/%E0%A4%A', 'mission'],
])('%s is page "%s"', (hash, page) => expect(routeOf(hash).page).toBe(page));
