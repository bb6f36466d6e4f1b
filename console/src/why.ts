// "Why?": the daemon's own tree of a judgement, read as foreign words; nothing is judged here.
import { type Both, bothOf, intOf, listOf, mapOf, textOf, wordOf } from './plain';
import { TIMEOUT_MS } from './post';

const RULINGS = ['allow', 'flag', 'hold', 'deny'] as const;
export type Ruling = (typeof RULINGS)[number];
export interface Step {
  step: string;
  result: string;
  level: number; // 0..2
  entry: number | null; // of the record
  text: Both;
}
export interface Why {
  subject: string;
  action: string;
  topic: string;
  ruling: Ruling;
  word: string;
  steps: Step[];
}
export const ACTIONS = ['command', 'publish', 'subscribe', 'receive', 'history', 'administer'] as const;

export function readWhy(x: unknown): Why {
  const d = mapOf(x);
  return {
    subject: textOf(d['subject']) || textOf(d['asked']),
    action: textOf(d['action']),
    topic: textOf(d['topic']),
    ruling: wordOf(d['ruling'], RULINGS, 'deny'),
    word: textOf(d['word']),
    steps: listOf(d['steps']).map(mapOf).map((s) => ({
      step: textOf(s['step']),
      result: textOf(s['result']),
      level: Math.min(2, Math.max(0, intOf(s['level']))),
      entry: typeof s['entry'] === 'number' ? intOf(s['entry']) : null,
      text: bothOf(s, 'text'),
    })),
  };
}

export type Asked = { hold: string } | { subject: string; action: string; topic: string; purpose: string };
export const whyPath = (asked: Asked): string =>
  `/api/v1/why?${new URLSearchParams(Object.entries(asked).filter(([, v]) => v !== '')).toString().replace(/\+/g, '%20')}`;

// null: no answer; 'gone': what was asked about is not there any more.
export async function askWhy(asked: Asked): Promise<Why | 'gone' | null> {
  try {
    const r = await fetch(whyPath(asked), { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (r.status === 404) return 'gone';
    return r.ok ? readWhy(await r.json()) : null;
  } catch {
    return null;
  }
}
