import { describe, expect, test } from 'vitest';
import { boolOf, bothOf, countOf, intOf, listOf, mapOf, textOf, timeOf, visible, wordOf } from './plain';

describe('foreign JSON', () => {
  const foreign: unknown[] = [undefined, null, true, 0, -1, 1.5, NaN, Infinity, '', 'x', [], [1], {}, { a: 1 }, () => 1];

  test('every reader answers with a value of its type for anything', () => {
    for (const x of foreign) {
      expect(typeof textOf(x)).toBe('string');
      expect(Number.isSafeInteger(intOf(x))).toBe(true);
      expect(countOf(x)).toBeGreaterThanOrEqual(0);
      expect(typeof boolOf(x)).toBe('boolean');
      expect(Array.isArray(listOf(x))).toBe(true);
      expect(typeof mapOf(x)).toBe('object');
      expect(timeOf(x) === null || Number.isFinite(timeOf(x))).toBe(true);
      expect(['a', 'b']).toContain(wordOf(x, ['a', 'b'] as const, 'b'));
    }
  });

  test('true is the only true', () => expect(['true', 1, {}].map(boolOf)).toEqual([false, false, false]));

  test.each([
    ['a line break', 'a\nb', 'a\ufffdb'],
    ['an escape', '\u001b[31mred', '\ufffd[31mred'],
    ['a right-to-left override', 'gw\u202e10-wg', 'gw\ufffd10-wg'],
    ['an isolate', 'a\u2066b\u2069', 'a\ufffdb\ufffd'],
    ['a zero-width space', 'gw\u200b-01', 'gw\ufffd-01'],
  ])('%s is made visible', (_, given, want) => expect(visible(given)).toBe(want));

  test('text is bounded', () => expect(visible('x'.repeat(5000)).length).toBe(2001));

  test('one language stands in for a missing other', () => {
    expect(bothOf({ a_ja: '水' }, 'a')).toEqual({ ja: '水', en: '水' });
    expect(bothOf({ a_en: 'water' }, 'a')).toEqual({ ja: 'water', en: 'water' });
    expect(bothOf({}, 'a')).toEqual({ ja: '', en: '' });
  });

  test('"" is never, not the epoch', () => {
    expect(timeOf('')).toBeNull();
    expect(timeOf('1970-01-01T00:00:00.000Z')).toBe(0);
    expect(timeOf('yesterday')).toBeNull();
  });
});
