import { expect, test } from 'vitest';
import { readWhy, whyPath } from './why';

test('a tree is read as it is', () => {
  const w = readWhy({ subject: 'op', action: 'command', topic: 't', ruling: 'hold', word: 'limit', steps: [{ step: 'limit', result: 'hold', level: 1, entry: 12, text_ja: '文', text_en: 'text' }] });
  expect(w).toEqual({ subject: 'op', action: 'command', topic: 't', ruling: 'hold', word: 'limit', steps: [{ step: 'limit', result: 'hold', level: 1, entry: 12, text: { ja: '文', en: 'text' } }] });
});

test('what is none is a refusal without steps, and no level leaves the tree', () => {
  expect(readWhy(null)).toMatchObject({ ruling: 'deny', steps: [] });
  expect(readWhy({ ruling: 'constructor', steps: [{ level: 99 }, { level: -4 }, 7] }).steps.map((s) => s.level)).toEqual([2, 0, 0]);
});

test('foreign words stay one parameter', () => {
  expect(whyPath({ hold: 'H-1&hold=H-2' })).toBe('/api/v1/why?hold=H-1%26hold%3DH-2');
  expect(whyPath({ subject: 'a b', action: 'history', topic: 'x/+/#', purpose: '' })).toBe('/api/v1/why?subject=a%20b&action=history&topic=x%2F%2B%2F%23');
});
