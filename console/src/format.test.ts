import { expect, test } from 'vitest';
import { age, clock, count, grouped, hours, humane, left, moment, shares, short, unitSign } from './format';

const NOON = new Date(2026, 10, 23, 12, 0, 0).getTime();

test.each([
  [[519, 250, 231], ['51 %', '25 %', '24 %']],
  [[1000, 0, 0], ['100 %', '0 %', '0 %']],
  [[0, 0, 1000], ['0 %', '0 %', '100 %']],
  [[999, 0, 1], ['99 %', '0 %', '1 %']],
])('%j thousandths read %j: cut, the rest to what is least certain', (mille, want) => expect(shares(mille)).toEqual(want));

test.each([
  [6500, '6.5'],
  [6000, '6'],
  [6599, '6.5'],
  [0, '0'],
  [50, '0'],
])('%i thousandths of an hour read %s: cut, never rounded up', (mille, want) => expect(hours(mille)).toBe(want));

test.each([
  [0, '0秒前', '0 sec ago'],
  [-3_000, '3秒前', '3 sec ago'],
  [-59_999, '59秒前', '59 sec ago'],
  [-60_000, '1分前', '1 min ago'],
  [-2 * 3_600_000, '2時間前', '2 hr ago'],
  [-49 * 3_600_000, '2日前', '2 days ago'],
])('%i ms from now', (delta, ja, en) => {
  const plain = (s: string) => s.replace(/[ \u00a0]/g, ' ').replace(/\. /, ' ');
  expect(plain(age(NOON + delta, NOON, 'ja')).replace(/ /g, '')).toBe(ja);
  expect(plain(age(NOON + delta, NOON, 'en'))).toBe(en);
});

test('a time of another day carries its date', () => {
  expect(moment(NOON, NOON)).toBe('12:00:00');
  expect(moment(NOON - 86_400_000, NOON)).toBe('2026-11-22 12:00:00');
  expect(clock(NOON)).toBe('12:00:00');
});

test.each([
  ['0', '0'],
  ['2.310', '2.310'],
  ['1400', '1400'],
  ['-0.5', '\u22120.5'],
  ['1234567.890', '1,234,567.890'],
  ['abc', 'abc'],
  ['1e9', '1e9'],
])('%s is shown as %s: decimals as sent', (given, want) => expect(grouped(given)).toBe(want));

test('what is left of a hold', () => {
  expect(left(NOON + 599_999, NOON)).toBe('9:59');
  expect(left(NOON - 1, NOON)).toBe('0:00');
});

test('counts, units and hashes', () => {
  expect(count(41000, 'ja')).toBe('41,000');
  expect(count(41000, 'en')).toBe('41,000');
  expect(unitSign('m3/h')).toBe('m³/h');
  expect(unitSign('furlong')).toBe('furlong');
  expect(short('0123456789abcdef')).toBe('0123456789ab…');
});

test.each([
  [119, 's', null],
  [120, 's', '2m'],
  [4724, 's', '1h 18m'],
  [350735, 's', '4d 1h'],
  [24125460, 'kB', '23.0 GiB'],
  [2048, 'kB', '2 MiB'],
  [7, 'kB', null],
  [9999, 'm', null],
])('%d %s in larger units', (v, unit, want) => expect(humane(v, unit, { d: 'd', h: 'h', m: 'm' })).toBe(want));
