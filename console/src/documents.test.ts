import { describe, expect, test } from 'vitest';
import { headOf, readDevices, readGroups, readLimit, readMe, readMission, readStatus } from './documents';

const foreign: unknown[] = [undefined, null, 0, 'x', [], [null], {}, { layers: [null, 1, { layer: 'cellar' }], limits: [7], held: ['x'], at_stake: [], ledger: 1, decision: { signers: 3 } }];

describe('documents of any shape', () => {
  test.each(foreign.map((f) => [f]))('%j is read, never as good news', (f) => {
    const s = readStatus(f);
    expect(s.state).toBe('unknown');
    expect(s.layers).toEqual([]);
    expect(s.atStake).toBeNull();
    expect(readMission(f).state).toBe('unknown');
    expect(() => [readDevices(f), readGroups(f), readLimit(f), readMe(f)]).not.toThrow();
  });
});

test('a state we do not know is unknown, a layer state too', () => {
  expect(readStatus({ state: 'fine' }).state).toBe('unknown');
  expect(readStatus({ layers: [{ layer: 'device', state: 'fine' }] }).layers[0]?.state).toBe('unknown');
});

test('a limit we cannot read is broken, not good', () => expect(readLimit({}).state).toBe('broken'));

test('the mission share is bounded', () => expect(readMission({ measured_mille: 5000 }).measuredMille).toBe(1000));

test("a group's names are read in either form", () => {
  const [a, b] = readGroups({ groups: [{ id: 'a', name: { ja: '甲', en: 'A' }, simulated: true }, { id: 'b', name_ja: '乙', name_en: 'B' }] });
  expect(a).toEqual({ id: 'a', name: { ja: '甲', en: 'A' }, simulated: true });
  expect(b).toEqual({ id: 'b', name: { ja: '乙', en: 'B' }, simulated: false });
});

test('a signed head', () => {
  expect(headOf('mizu\n1204\nqRk=\n\n\u2014 mizu abc=\n')).toEqual({ size: 1204, root: 'qRk=', signed: true });
  expect(headOf('')).toEqual({ size: null, root: '', signed: false });
  expect(headOf('mizu\nmany\n').size).toBeNull();
});
