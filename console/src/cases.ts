// Decisions as papers show them, controls with their evidence, and guidelines against it (docs/api-views.md).
import { type Both, bothOf, boolOf, countOf, listOf, mapOf, textOf, timeOf } from './plain';

export interface CaseOption {
  id: string;
  name: Both;
  cost: Both;
  left: Both;
  outages: Both;
  hoursMille: number;
}
export interface Case {
  id: string;
  mission: string;
  state: string;
  stateWords: Both;
  accept: string;
  rank: string;
  at: number | null;
  expires: number | null;
  reason: Both;
  fallback: string;
  assessment: string;
  assessmentHash: string;
  rules: { name: Both; condition: string; mode: string; enforced: boolean }[];
  options: CaseOption[];
  chosen: string;
  differences: { role: string; text: string }[];
  signers: { role: string; keyId: string; deputy: boolean }[];
}

const both = (x: unknown): Both => {
  const d = mapOf(x);
  return { ja: textOf(d['ja']), en: textOf(d['en']) };
};

// A case in the record: the view has finished words.
export function readCase(x: unknown): Case {
  const d = mapOf(x);
  const s = mapOf(d['assessment']);
  return {
    id: textOf(d['id']),
    mission: textOf(d['mission']),
    state: textOf(d['state']),
    stateWords: bothOf(d, 'state'),
    accept: textOf(d['accept']),
    rank: textOf(d['rank']),
    at: timeOf(d['at']),
    expires: timeOf(d['expires']),
    reason: bothOf(d, 'reason'),
    fallback: textOf(d['fallback']),
    assessment: textOf(s['id']),
    assessmentHash: textOf(s['hash']),
    rules: listOf(d['enforce']).map(mapOf).map((r) => ({ name: bothOf(r, 'name'), condition: textOf(r['condition']), mode: textOf(r['mode']), enforced: boolOf(r['enforced']) })),
    options: listOf(d['options']).map(mapOf).map((o) => ({
      id: textOf(o['id']), name: bothOf(o, 'name'), cost: bothOf(o, 'cost_text'), left: bothOf(o, 'left_text'), outages: bothOf(o, 'outages_text'), hoursMille: countOf(o['hours_mille']),
    })),
    chosen: textOf(d['chosen']),
    differences: listOf(d['differences']).map(mapOf).map((o) => ({ role: textOf(o['role']), text: textOf(o['text']) })),
    signers: listOf(d['signers']).map(mapOf).map((o) => ({ role: textOf(o['role']), keyId: textOf(o['key_id']), deputy: boolOf(o['deputy']) })),
  };
}

const yen = (v: number): Both => ({ ja: `年${new Intl.NumberFormat('ja-JP').format(v)}円`, en: `${new Intl.NumberFormat('en-GB').format(v)} yen a year` });
const rate = (ppb: number): Both => {
  const years = ppb > 0 ? Math.round(1e9 / ppb) : 0;
  return years ? { ja: `約${years}年に1度`, en: `about once in ${years} years` } : { ja: '—', en: '—' };
};

// A draft that goes round as a file: the signed bytes alone, so that what is read is what is signed.
export function readDraft(x: unknown, signers: Case['signers']): Case | null {
  const d = mapOf(x);
  if (d['type'] !== 'decision') return null;
  const c = readCase(d);
  return {
    ...c,
    state: 'draft',
    reason: both(d['reason']),
    rules: c.rules.map((r) => ({ ...r, name: { ja: r.condition, en: r.condition } })),
    options: listOf(d['options']).map(mapOf).map((o) => ({
      id: textOf(o['id']), name: both(o['name']), cost: yen(countOf(o['cost_yen'])), left: yen(countOf(o['left_yen'])), outages: rate(countOf(o['outages_ppb'])), hoursMille: countOf(o['hours_mille']),
    })),
    signers,
  };
}

export function readCases(x: unknown): Case[] {
  return listOf(x).map(readCase);
}

export interface Charter {
  keyId: string;
  role: string;
}
export function readCharter(x: unknown): Charter[] {
  const d = mapOf(x);
  return listOf(d['roles'] ?? d['signers']).map(mapOf).map((r) => ({ role: textOf(r['role']), keyId: textOf(r['key_id']) }));
}

export interface Control {
  id: string;
  name: Both;
  layerWords: Both;
  assets: number;
  pass: number;
  fail: number;
  text: Both;
  oldest: number | null;
  failing: { asset: string; detail: string }[];
}
export function readControls(x: unknown): Control[] {
  return listOf(x).map(mapOf).map((d) => ({
    id: textOf(d['id']),
    name: bothOf(d, 'name'),
    layerWords: bothOf(d, 'layer'),
    assets: countOf(d['assets']),
    pass: countOf(d['pass']),
    fail: countOf(d['fail']),
    text: bothOf(d, 'text'),
    oldest: timeOf(d['oldest']),
    failing: listOf(d['failing']).map(mapOf).map((f) => ({ asset: textOf(f['asset']), detail: textOf(f['detail']) })),
  }));
}

export interface Item {
  id: string;
  title: Both;
  confirmed: boolean;
  state: string;
  measuredMille: number;
  declaredMille: number;
  controls: string[];
}
export interface Guideline {
  id: string;
  title: Both;
  items: Item[];
}
export function readGuidelines(x: unknown): Guideline[] {
  return listOf(x).map(mapOf).map((g) => ({
    id: textOf(g['id']),
    title: bothOf(g, 'title'),
    items: listOf(g['items']).map(mapOf).map((d) => ({
      id: textOf(d['id']), title: bothOf(d, 'title'), confirmed: boolOf(d['confirmed']), state: textOf(d['state']),
      measuredMille: countOf(d['measured_mille']), declaredMille: countOf(d['declared_mille']), controls: listOf(d['controls']).map(textOf),
    })),
  }));
}

// One row an item, as "sekimori report compliance -o csv" has them; never a formula in somebody's spreadsheet.
export function complianceCsv(all: readonly Guideline[], say: (b: Both) => string): string {
  const field = (s: string) => `"${(/^[=+\-@\t\r]/.test(s) ? "'" : '') + s.replaceAll('"', '""')}"`;
  const rows = all.flatMap((g) => g.items.map((i) => [g.id, i.id, say(i.title), String(i.confirmed), i.state, String(i.measuredMille), String(i.declaredMille), i.controls.join(' ')]));
  return [['guideline', 'item', 'title', 'mapping_confirmed', 'state', 'measured_mille', 'declared_mille', 'controls'], ...rows].map((r) => r.map(field).join(',')).join('\r\n') + '\r\n';
}

export interface ModelParts {
  functions: { id: string; alternatives: { name: Both; hours: string; drilled: string }[] }[];
}
// The model as signed: what stands in for what, with hours and the last drill.
export function readAlternatives(x: unknown): ModelParts {
  const d = mapOf(x);
  const all = new Map(listOf(d['alternatives']).map(mapOf).map((a) => [textOf(a['id']), { name: both(a['name']), hours: textOf(a['hours']).replace(/h$/, ''), drilled: textOf(a['drilled']) }]));
  return {
    functions: listOf(d['functions']).map(mapOf).map((f) => {
      const ids = new Set([...listOf(f['alternatives']).map(textOf), ...listOf(f['depends']).map(mapOf).map((e) => textOf(e['by']))]);
      return { id: textOf(f['id']), alternatives: [...ids].flatMap((id) => all.get(id) ?? []) };
    }),
  };
}
