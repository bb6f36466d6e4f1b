// The history of one stream: what the API says of a period by interval and point by point, the chart's lines (none over a gap), and
// what is saved. Pure but for load().
import { mapOf, listOf, isMap } from './plain';
import { csvCell } from './readings';
import { TIMEOUT_MS } from './post';

export const PERIODS = [
  { id: 'hour', ms: 3600000, every: '30s', everyMs: 30000 },
  { id: 'day', ms: 86400000, every: '10m', everyMs: 600000 },
  { id: 'week', ms: 7 * 86400000, every: '1h', everyMs: 3600000 },
  { id: 'month', ms: 30 * 86400000, every: '6h', everyMs: 21600000 },
  { id: 'year', ms: 365 * 86400000, every: '1d', everyMs: 86400000 },
] as const;
export type Period = (typeof PERIODS)[number];
export const POINTS_MOST = 200000; // of one file
const PIECES_MOST = 2000;

export interface Interval { ms: number; n: number; min: number; max: number; sum: number; first: number; last: number }
export interface HistoryPoint {
  index: number; // the entry of the record that proves it
  ms: number; // measured
  recordedMs: number;
  value: number | null;
  text: string;
  unit: string;
  flagged: boolean;
  reduced: boolean;
}

const num = (x: unknown): number => (typeof x === 'number' && Number.isFinite(x) ? x : 0);
const str = (x: unknown): string => (typeof x === 'string' ? x : '');

export function readIntervals(doc: unknown): Interval[] {
  return listOf(mapOf(doc)['intervals']).filter(isMap).map((d) => ({ ms: num(d['ms']), n: num(d['n']), min: num(d['min_milli']), max: num(d['max_milli']),
    sum: Number(str(d['sum_milli'])) || 0, first: num(d['first']), last: num(d['last']) })).filter((i) => i.n > 0);
}

export function readPoints(doc: unknown): HistoryPoint[] {
  return listOf(mapOf(doc)['points']).filter(isMap).map((d) => ({ index: num(d['index']), ms: num(d['ms']), recordedMs: num(d['recorded_ms']),
    value: typeof d['milli'] === 'number' ? d['milli'] / 1000 : null, text: str(d['text']), unit: str(d['unit']), flagged: d['flagged'] === true,
    reduced: d['reduced'] === true }));
}

// Pieces of one interval are added up.
export function merge(into: Map<number, Interval>, more: readonly Interval[]): void {
  for (const i of more) {
    const b = into.get(i.ms);
    into.set(i.ms, b ? { ms: i.ms, n: b.n + i.n, min: Math.min(b.min, i.min), max: Math.max(b.max, i.max), sum: b.sum + i.sum,
      first: Math.min(b.first, i.first), last: Math.max(b.last, i.last) } : i);
  }
}

export const mean = (i: Interval): number => i.sum / i.n / 1000;

// Intervals that follow one another without an empty one between them.
export function runs(all: readonly Interval[], everyMs: number): Interval[][] {
  const out: Interval[][] = [];
  for (const i of all) {
    const run = out[out.length - 1];
    const before = run?.[run.length - 1];
    if (run && before && i.ms - before.ms <= everyMs) run.push(i);
    else out.push([i]);
  }
  return out;
}

export interface Chart {
  runs: { band: string; line: string; only: { x: number; y: number } | null }[];
  gaps: { x: number; width: number; fromMs: number; toMs: number }[]; // longer than an interval
  min: number;
  max: number;
}

export interface Box { width: number; height: number; fromMs: number; toMs: number; everyMs: number }

// Minimum to maximum as a band, the mean as a line; whatever stands alone is a dot. Nothing is drawn where nothing was recorded.
export function chartOf(all: readonly Interval[], b: Box): Chart | null {
  if (!all.length) return null;
  const min = Math.min(...all.map((i) => i.min)) / 1000;
  const max = Math.max(...all.map((i) => i.max)) / 1000;
  const x = (ms: number): number => ((ms - b.fromMs) / (b.toMs - b.fromMs)) * b.width;
  const mid = (i: Interval): number => x(i.ms + b.everyMs / 2);
  const y = (v: number): number => (max === min ? b.height / 2 : b.height - 4 - ((v - min) / (max - min)) * (b.height - 8));
  const f = (v: number): string => v.toFixed(1);
  const parts = runs(all, b.everyMs);
  const drawn = parts.map((run) => {
    const first = run[0] as Interval;
    const top = run.map((i, k) => `${k ? 'L' : 'M'}${f(mid(i))} ${f(y(i.max / 1000))}`).join('');
    const bottom = [...run].reverse().map((i) => `L${f(mid(i))} ${f(y(i.min / 1000))}`).join('');
    return { band: run.length > 1 ? `${top}${bottom}Z` : '', line: run.length > 1 ? run.map((i, k) => `${k ? 'L' : 'M'}${f(mid(i))} ${f(y(mean(i)))}`).join('') : '',
      only: run.length === 1 ? { x: mid(first), y: y(mean(first)) } : null };
  });
  const empty: (readonly [number, number])[] = parts.slice(1).map((run, k) => {
    const before = parts[k] as Interval[];
    const fromMs = (before[before.length - 1] as Interval).ms + b.everyMs;
    const toMs = (run[0] as Interval).ms;
    return [fromMs, toMs] as const;
  });
  const ahead = (all[0] as Interval).ms;
  const behind = (all[all.length - 1] as Interval).ms + b.everyMs;
  if (ahead - b.fromMs > b.everyMs) empty.unshift([b.fromMs, ahead]);
  if (b.toMs - behind > b.everyMs) empty.push([behind, b.toMs]);
  const gaps = empty.map(([fromMs, toMs]) => ({ x: x(fromMs), width: x(toMs) - x(fromMs), fromMs, toMs }));
  return { runs: drawn, gaps, min, max };
}

export function csvOfPoints(topic: string, points: readonly HistoryPoint[]): string {
  const rows = ['"time","topic","value","unit","flagged","entry"'];
  for (const p of points)
    rows.push([new Date(p.ms).toISOString(), topic, p.value === null ? p.text : String(p.value), p.unit, p.flagged ? 'flagged' : '', String(p.index)].map(csvCell).join(','));
  return rows.join('\r\n') + '\r\n';
}

export function linesOf(topic: string, points: readonly HistoryPoint[]): string {
  return points.map((p) => JSON.stringify({ time: new Date(p.ms).toISOString(), recorded: new Date(p.recordedMs).toISOString(), topic, value: p.value ?? p.text,
    unit: p.unit, flagged: p.flagged, entry: p.index }) + '\n').join('');
}

export interface Asked { topic: string; fromMs: number; toMs: number; every: string } // every '': point by point

export function pathOf(a: Asked, after: number | null, eastMinutes: number): string {
  const q = new URLSearchParams({ topic: a.topic, from: new Date(a.fromMs).toISOString(), to: new Date(a.toMs).toISOString() });
  if (a.every) {
    q.set('every', a.every);
    q.set('zone', String(eastMinutes));
  }
  if (after !== null) q.set('after', String(after));
  return `/api/v1/history?${q.toString().replace(/\+/g, '%20')}`;
}

export interface Answer { intervals: Interval[]; points: HistoryPoint[]; givenUp: number; cut: boolean }

// All pieces. Throws where there is no answer; cut: more than one file should hold.
export async function load(a: Asked, most = POINTS_MOST): Promise<Answer> {
  const whole = new Map<number, Interval>();
  const points: HistoryPoint[] = [];
  const east = -new Date(a.toMs).getTimezoneOffset();
  let after: number | null = null;
  let givenUp = 0;
  for (let piece = 0; piece < PIECES_MOST; piece++) {
    const r = await fetch(pathOf(a, after, east), { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!r.ok) throw new Error(String(r.status));
    const d = mapOf(await r.json());
    merge(whole, readIntervals(d));
    points.push(...readPoints(d));
    givenUp += num(d['unreadable']);
    after = num(d['next']);
    if (d['more'] !== true || points.length >= most) return { intervals: [...whole.values()].sort((x, y) => x.ms - y.ms), points: points.slice(0, most), givenUp, cut: d['more'] === true };
  }
  return { intervals: [...whole.values()].sort((x, y) => x.ms - y.ms), points, givenUp, cut: true };
}
