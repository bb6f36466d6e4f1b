import { expect, test } from 'vitest';
import { missionWords } from './mission-words';

type Row = [string, unknown];
const rows = (x: unknown, path = ''): Row[] =>
  typeof x !== 'object' || x === null ? [[path, x]] : Object.entries(x).flatMap(([k, v]) => rows(v, path ? `${path}.${k}` : k));
const ja = rows(missionWords.ja);
const en = rows(missionWords.en);

test('both languages have the same words, none empty, each in its own script', () => {
  expect(en.map((r) => r[0]).sort()).toEqual(ja.map((r) => r[0]).sort());
  for (const [path, v] of [...ja, ...en]) if (typeof v === 'string') expect(v.trim(), path).not.toBe('');
  for (const [path, v] of en) if (typeof v === 'string') expect(v, path).not.toMatch(/[\u3040-\u30ff\u4e00-\u9fff]/);
});

test('every blank is filled in both languages, in any order', () => {
  const other = new Map(en);
  for (const [path, v] of ja) {
    if (typeof v !== 'function') continue;
    const marks = Array.from({ length: v.length }, (_, i) => `<${i}>`);
    const used = (say: unknown) => marks.filter((m) => (say as (...a: string[]) => string)(...marks).includes(m));
    expect(used(v), path).toEqual(marks);
    expect(used(other.get(path)), path).toEqual(marks);
  }
});
