// What a mission's figure is made of (docs/api-views.md, "insight"): readers, and what the mission page asks when it needs it.
import { signal } from '@preact/signals';
import { type Both, type Json, bothOf, boolOf, countOf, intOf, isMap, listOf, mapOf, textOf, timeOf, wordOf } from './plain';
import { STATES, type State } from './documents';
import { TIMEOUT_MS } from './post';

export interface Step {
  kind: string;
  id: string;
  name: Both;
  yen: number;
  money: Both; // of its size
  outagesPpb: number;
  wasMille: number;
  nowMille: number;
  now: Both;
}

export const INPUTS = ['control', 'rate', 'loss'] as const;
export interface Hangs {
  kind: (typeof INPUTS)[number] | '';
  kindWords: Both;
  id: string;
  name: Both;
  low: number;
  now: number;
  high: number;
  lowText: Both;
  nowText: Both;
  highText: Both;
  goodService: Both; // how often service stays below its minimum; '' where it does not move
  badService: Both;
  good: Both;
  bad: Both;
  author: string;
  source: string;
  reviewed: string;
}

export interface Option {
  id: string;
  name: Both;
  control: string;
  duty: boolean;
  cost: Both;
  saved: Both;
  rosi: number;
  left: Both;
  leftYen: number;
  outages: Both;
  hoursMille: number;
}

export interface ThreatRow {
  id: string;
  name: Both;
  rank: string;
  yen: number;
  money: Both;
  bypassPpb: number;
}

export interface FunctionRow {
  id: string;
  name: Both;
  households: number;
  expects: Both;
  expected: Both;
  decision: Both;
  hoursExpectedMille: number;
  hoursDecisionMille: number;
}

export interface Insight {
  id: string;
  whole: boolean;
  asOf: number | null;
  assessment: string;
  answer: 'yes' | 'limited' | 'decide' | 'unknown';
  answerWords: Both;
  answerText: Both;
  state: State;
  stateWords: Both;
  name: Both;
  sentence: Both;
  inherentYen: number;
  residualYen: number;
  toleranceYen: number;
  potentialYen: number;
  inherent: Both;
  residual: Both;
  tolerance: Both;
  potential: Both;
  expected: Both;
  outages: Both;
  rank: string;
  measuredMille: number;
  declaredMille: number;
  defaultMille: number;
  steps: Step[];
  moved: Step[] | null;
  movedSince: string;
  movedSinceAt: number | null;
  decided: Step[] | null;
  decision: string;
  decisionAt: number | null;
  hangsOn: Hangs[];
  options: Option[];
  best: string[] | null;
  bestCost: Both;
  reach: string[] | null;
  functions: FunctionRow[];
  threats: ThreatRow[];
}

function readStep(x: unknown): Step {
  const d = mapOf(x);
  return {
    kind: textOf(d['kind']),
    id: textOf(d['id']),
    name: bothOf(d, 'name'),
    yen: intOf(d['change_yen']),
    money: bothOf(d, 'change_text'),
    outagesPpb: intOf(d['change_outages_ppb']),
    wasMille: countOf(d['was_mille']),
    nowMille: countOf(d['now_mille']),
    now: bothOf(d, 'now_text'),
  };
}

function readHangs(x: unknown): Hangs {
  const d = mapOf(x);
  return {
    kind: wordOf(d['kind'], [...INPUTS, ''] as const, ''),
    kindWords: bothOf(d, 'kind'),
    id: textOf(d['id']),
    name: bothOf(d, 'name'),
    low: countOf(d['low']),
    now: countOf(d['now']),
    high: countOf(d['high']),
    lowText: bothOf(d, 'low_text'),
    nowText: bothOf(d, 'now_text'),
    highText: bothOf(d, 'high_text'),
    goodService: bothOf(d, 'good_outages_text'),
    badService: bothOf(d, 'bad_outages_text'),
    good: bothOf(d, 'good_text'),
    bad: bothOf(d, 'bad_text'),
    author: textOf(d['author']),
    source: textOf(d['source']),
    reviewed: textOf(d['reviewed']),
  };
}

function readOption(x: unknown): Option {
  const d = mapOf(x);
  return {
    id: textOf(d['id']),
    name: bothOf(d, 'name'),
    control: textOf(d['control']),
    duty: boolOf(d['duty']),
    cost: bothOf(d, 'cost_text'),
    saved: bothOf(d, 'saved_text'),
    rosi: intOf(d['rosi_percent']),
    left: bothOf(d, 'left_text'),
    leftYen: countOf(d['left_yen']),
    outages: bothOf(d, 'outages_text'),
    hoursMille: countOf(d['hours_mille']),
  };
}

function readThreat(x: unknown): ThreatRow {
  const d = mapOf(x);
  return { id: textOf(d['id']), name: bothOf(d, 'name'), rank: textOf(d['rank']), yen: countOf(d['decision_yen']), money: bothOf(d, 'decision_text'), bypassPpb: countOf(d['bypass_ppb']) };
}

function readFunction(x: unknown): FunctionRow {
  const d = mapOf(x);
  return {
    id: textOf(d['id']),
    name: bothOf(d, 'name'),
    households: countOf(d['households']),
    expects: bothOf(d, 'expects'),
    expected: bothOf(d, 'outage_expected'),
    decision: bothOf(d, 'outage_decision'),
    hoursExpectedMille: countOf(d['hours_expected_mille']),
    hoursDecisionMille: countOf(d['hours_decision_mille']),
  };
}

const stepsOf = (x: unknown): Step[] | null => (Array.isArray(x) ? listOf(x).map(readStep) : null);
const idsOf = (x: unknown): string[] | null => (Array.isArray(x) ? listOf(x).map(textOf) : null);

function money(d: Json) {
  return {
    inherentYen: countOf(d['inherent_yen']),
    residualYen: countOf(d['residual_yen']),
    toleranceYen: countOf(d['tolerance_yen']),
    potentialYen: countOf(d['potential_yen']),
    inherent: bothOf(d, 'inherent_text'),
    residual: bothOf(d, 'residual_text'),
    tolerance: bothOf(d, 'tolerance_text'),
    potential: bothOf(d, 'potential_text'),
    expected: bothOf(d, 'expected_text'),
    outages: bothOf(d, 'outages_text'),
  };
}

export function readInsight(x: unknown): Insight {
  const d = mapOf(x);
  const o = mapOf(d['options']);
  return {
    id: textOf(d['id']),
    whole: boolOf(d['whole']),
    asOf: timeOf(d['as_of']),
    assessment: textOf(d['assessment']),
    answer: wordOf(d['answer'], ['yes', 'limited', 'decide', 'unknown'] as const, 'unknown'),
    answerWords: bothOf(d, 'answer'),
    answerText: bothOf(d, 'answer_text'),
    state: wordOf(d['state'], STATES, 'unknown'),
    stateWords: bothOf(d, 'state'),
    name: bothOf(d, 'name'),
    sentence: bothOf(d, 'sentence'),
    ...money(d),
    rank: textOf(d['rank']),
    measuredMille: countOf(d['measured_mille']),
    declaredMille: countOf(d['declared_mille']),
    defaultMille: countOf(d['default_mille']),
    steps: stepsOf(d['steps']) ?? [],
    moved: stepsOf(d['moved']),
    movedSince: textOf(d['moved_since']),
    movedSinceAt: timeOf(d['moved_since_at']),
    decided: stepsOf(d['decided']),
    decision: textOf(d['decision']),
    decisionAt: timeOf(d['decision_at']),
    hangsOn: listOf(d['hangs_on']).map(readHangs),
    options: listOf(o['alone']).map(readOption),
    best: idsOf(o['net']),
    bestCost: bothOf(o, 'net_cost_text'),
    reach: idsOf(o['reach']),
    functions: listOf(d['functions']).map(readFunction),
    threats: listOf(d['threats']).map(readThreat),
  };
}

export interface Tried {
  sentence: Both;
  money: Both;
  outages: Both;
  hoursMille: number;
  usedMille: number;
  state: State;
}
export function readTried(x: unknown): { asIs: Tried; tried: Tried } | null {
  const d = mapOf(x);
  const one = (y: unknown): Tried | null => {
    if (!isMap(y)) return null;
    return {
      sentence: bothOf(y, 'sentence'),
      money: bothOf(y, 'money'),
      outages: bothOf(y, 'outages'),
      hoursMille: countOf(y['hours_mille']),
      usedMille: countOf(y['used_mille']),
      state: wordOf(y['state'], STATES, 'unknown'),
    };
  };
  const [asIs, tried] = [one(d['as_is']), one(d['tried'])];
  return asIs && tried ? { asIs, tried } : null;
}

export interface CurvePoint {
  yen: number;
  overPpm: number;
}
export interface Curve {
  expected: CurvePoint[];
  decision: CurvePoint[];
  toleranceYen: number;
  text: Both;
}
export function readCurve(x: unknown): Curve {
  const d = mapOf(x);
  const line = (y: unknown) => listOf(y).map(mapOf).map((p) => ({ yen: countOf(p['yen']), overPpm: Math.min(1000000, countOf(p['over_ppm'])) }));
  return { expected: line(d['expected']), decision: line(d['decision']), toleranceYen: countOf(d['tolerance_yen']), text: bothOf(d, 'text') };
}

// A slider's hundredth to the value it stands for: shares evenly, rates and losses by ratio (their ends are far apart).
export function valueAt(h: Hangs, hundredth: number): number {
  const t = Math.min(100, Math.max(0, hundredth)) / 100;
  if (h.kind === 'control' || h.low <= 0) return Math.round(h.low + (h.high - h.low) * t);
  return Math.round(h.low * Math.pow(h.high / h.low, t));
}
export function hundredthOf(h: Hangs, value: number): number {
  if (h.high <= h.low) return 0;
  const t = h.kind === 'control' || h.low <= 0 ? (value - h.low) / (h.high - h.low) : Math.log(value / h.low) / Math.log(h.high / h.low);
  return Math.round(Math.min(1, Math.max(0, t)) * 100);
}
export const changeOf = (h: Hangs, value: number): string => `${h.kind}:${h.id}:${value}`;

export async function ask<T>(path: string, read: (x: unknown) => T): Promise<T | null> {
  try {
    const r = await fetch(path, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return r.ok ? read(await r.json()) : null;
  } catch {
    return null;
  }
}

export const insight = signal<Insight | null>(null);
export async function refreshInsight(mission: string): Promise<void> {
  const got = await ask(`/api/v1/missions/${encodeURIComponent(mission)}/insight`, readInsight);
  if (got) insight.value = got;
}
