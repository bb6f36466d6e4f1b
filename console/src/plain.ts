// Reading foreign JSON: nothing that arrives is trusted to have the shape we expect. Every reader answers with a value
// of its type, never throws, and bounds what it keeps.

export type Both = { ja: string; en: string };
export type Lang = keyof Both;
export type Json = Record<string, unknown>;

const TEXT_MAX = 2000;
const LIST_MAX = 20000;

// Control characters and those that reorder text (bidirectional controls) could make a line read as another.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function visible(text: string, max = TEXT_MAX): string {
  const shown = text.length > max ? text.slice(0, max) + '…' : text;
  return shown.replace(UNSEEN, '\ufffd');
}

export const isMap = (x: unknown): x is Json => typeof x === 'object' && x !== null && !Array.isArray(x);
export const mapOf = (x: unknown): Json => (isMap(x) ? x : {});
export const listOf = (x: unknown): unknown[] => (Array.isArray(x) ? x.slice(0, LIST_MAX) : []);
export const textOf = (x: unknown): string => (typeof x === 'string' ? visible(x) : '');
export const intOf = (x: unknown): number => (typeof x === 'number' && Number.isSafeInteger(x) ? x : 0);
export const countOf = (x: unknown): number => Math.max(0, intOf(x));
export const boolOf = (x: unknown): boolean => x === true;

export function bothOf(d: Json, key: string): Both {
  const ja = textOf(d[key + '_ja']);
  const en = textOf(d[key + '_en']);
  return { ja: ja || en, en: en || ja };
}

// RFC 3339 to milliseconds; null for "" (never, no end) and for anything else that is no time.
export function timeOf(x: unknown): number | null {
  if (typeof x !== 'string' || x === '') return null;
  const ms = Date.parse(x);
  return Number.isFinite(ms) ? ms : null;
}

export function wordOf<T extends string>(x: unknown, words: readonly T[], otherwise: T): T {
  return (words as readonly unknown[]).includes(x) ? (x as T) : otherwise;
}

// A table's own row for a foreign word, never an inherited member ("constructor").
export const rowOf = <T>(rows: Record<string, T>, word: string): T | undefined => (Object.hasOwn(rows, word) ? rows[word] : undefined);
