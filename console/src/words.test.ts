import { expect, test } from 'vitest';
import { languageOf, words } from './words';

type Row = [string, unknown];

function rows(x: unknown, path = ''): Row[] {
  if (typeof x !== 'object' || x === null) return [[path, x]];
  return Object.entries(x).flatMap(([k, v]) => rows(v, path ? `${path}.${k}` : k));
}

const ja = rows(words.ja);
const en = rows(words.en);

test('both languages have the same words, and none is empty', () => {
  expect(en.map((r) => r[0]).sort()).toEqual(ja.map((r) => r[0]).sort());
  for (const [path, v] of [...ja, ...en]) if (typeof v === 'string') expect(v.trim(), path).not.toBe('');
});

test('every sentence with a blank says what fills it, in both languages', () => {
  const other = new Map(en);
  for (const [path, v] of ja) {
    if (typeof v !== 'function') continue;
    const f = other.get(path);
    const marks = Array.from({ length: 5 }, (_, i) => `<${i}>`);
    const used = (say: unknown) => marks.filter((m) => (say as (...a: string[]) => string)(...marks).includes(m)).slice(0, v.length);
    expect(used(v), path).toEqual(used(f));
  }
});

test('Japanese is written in Japanese, English in English', () => {
  const same = ja.filter(([path, v]) => typeof v === 'string' && v.length > 1 && v === new Map(en).get(path) && v !== '—');
  expect(same.map((r) => r[0])).toEqual([]);
  for (const [path, v] of en) if (typeof v === 'string') expect(v, path).not.toMatch(/[\u3040-\u30ff\u4e00-\u9fff]/);
});

test.each([
  [['ja'], 'ja'],
  [['ja-JP', 'en'], 'ja'],
  [['fr', 'ja'], 'ja'],
  [['en-US', 'ja'], 'en'],
  [['fr'], 'en'],
  [[], 'en'],
  [['jam'], 'en'],
])('the browser asks for %j and gets %s', (wanted, want) => expect(languageOf(wanted)).toBe(want));
