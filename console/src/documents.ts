// The documents of docs/api-views.md as this page uses them. Readers only rename and bound; they judge nothing.
import { type Both, type Json, bothOf, boolOf, countOf, isMap, listOf, mapOf, textOf, timeOf, wordOf } from './plain';

export const STATES = ['within', 'near', 'over', 'unknown'] as const;
export type State = (typeof STATES)[number];
export const LAYERS = ['user', 'service', 'platform', 'network', 'device'] as const;
export type LayerName = (typeof LAYERS)[number];

export interface Layer {
  layer: LayerName;
  name: Both;
  ok: number;
  bad: number;
  unknown: number;
  asOf: number | null;
  oldest: number | null;
  state: 'ok' | 'bad' | 'unknown' | 'empty';
  cause: { control: string; name: Both; asset: string; detail: string; at: number | null; text: Both } | null;
}

export interface Limit {
  id: string;
  enforced: boolean;
  mode: 'flag' | 'hold' | 'safe' | 'deny' | '';
  condition: string;
  conditionId: string;
  name: Both;
  device: string;
  stream: string;
  decision: string;
  since: number | null;
  until: number | null;
  state: 'broken' | 'waiting' | 'good';
  goodSince: number | null;
  loosenAt: number | null;
  loosenBy: 'two' | 'auto';
  cause: { control: string; asset: string; result: string; method: string; detail: string; at: number | null } | null;
  text: Both;
  withholds: Both;
  weight: { text: Both; costsMore: boolean } | null; // risk avoided against service withheld
  next: Both;
}

export interface Held {
  id: string;
  from: string;
  to: string;
  topic: string;
  limit: string;
  decision: string;
  sha256: string;
  since: number | null;
  until: number | null;
}

export interface AtStake {
  hoursMille: number;
  households: number;
  text: Both;
  functions: { id: string; name: Both; minimum: Both; households: number; hoursMille: number }[];
  assets: { id: string; control: string; detail: string; since: number | null; text: Both }[];
}

export interface Decision {
  id: string;
  state: 'in-force' | 'reopened' | 'expired' | 'superseded' | 'sent-back' | '';
  stateWords: Both;
  rank: string;
  at: number | null;
  expires: number | null;
  signers: { role: Both; keyId: string }[];
  causes: Both[];
  text: Both;
}

export interface DraftLine {
  id: string;
  next: string; // the role whose signature comes next
  text: Both;
}

export interface Emergency {
  id: string;
  subject: string;
  state: string;
  reason: string;
  askedBy: string;
  openedBy: string;
  until: number | null;
  due: number | null;
}

export interface Status {
  site: string;
  title: Both;
  now: number | null;
  asOf: number | null;
  state: State;
  stateWords: Both;
  observe: boolean;
  observeWords: Both;
  sentence: Both;
  measuredMille: number;
  atStake: AtStake | null;
  layers: Layer[];
  limits: Limit[];
  held: Held[];
  emergencies: Emergency[];
  drafts: DraftLine[];
  lateActions: number; // corrective actions past their due date
  decision: Decision | null;
  wouldHave: { now: number; total: number; text: Both };
  unauthenticated: number;
  hasModel: boolean;
  traffic: { received: number; delivered: number; denied: number; held: number; flagged: number; yielded: number };
  record: { size: number; root: string; head: string; health: string };
}

export interface MissionFunction {
  id: string;
  name: Both;
  minimum: Both;
  outageMin: number;
  households: number;
}

export interface Mission {
  id: string;
  name: Both;
  promise: Both;
  state: State;
  stateWords: Both;
  asOf: number | null;
  sentence: Both;
  measuredMille: number;
  declaredMille: number;
  defaultMille: number;
  functions: MissionFunction[];
}

export interface Device {
  id: string;
  role: string;
  group: string;
  model: string;
  trust: string;
  trustJa: string;
  life: string;
  lifeJa: string;
  why: string;
  grade: string;
  appraisal: string;
  appraised: number | null;
}

export interface Group {
  id: string;
  name: Both;
  simulated: boolean;
}

export interface Me {
  who: string;
  site: string;
  title: Both;
  name: string;
  roles: string[];
  person: boolean; // registered; else the machine's own link
  fresh: boolean; // came by a one-time link: may set a first password
  password: boolean;
  passkeys: number;
  strong: boolean; // came by a link or a passkey: may add passkeys
}

const millis = (x: unknown): number => Math.min(1000, countOf(x));

function readLayer(x: unknown): Layer | null {
  const d = mapOf(x);
  const layer = LAYERS.find((l) => l === d['layer']);
  if (!layer) return null;
  const c = d['cause'];
  return {
    layer,
    name: bothOf(d, 'name'),
    ok: countOf(d['ok']),
    bad: countOf(d['bad']),
    unknown: countOf(d['unknown']),
    asOf: timeOf(d['as_of']),
    oldest: timeOf(d['oldest']),
    state: wordOf(d['state'], ['ok', 'bad', 'unknown', 'empty'] as const, 'unknown'),
    cause: isMap(c)
      ? {
          control: textOf(c['control']),
          name: bothOf(c, 'name'),
          asset: textOf(c['asset']),
          detail: textOf(c['detail']),
          at: timeOf(c['at']),
          text: bothOf(c, 'text'),
        }
      : null,
  };
}

export function readLimit(x: unknown): Limit {
  const d = mapOf(x);
  const c = d['cause'];
  return {
    id: textOf(d['id']),
    enforced: boolOf(d['enforced']),
    mode: wordOf(d['mode'], ['flag', 'hold', 'safe', 'deny', ''] as const, ''),
    condition: textOf(d['condition']),
    conditionId: textOf(d['condition_id']),
    name: bothOf(d, 'name'),
    device: textOf(d['device']),
    stream: textOf(d['stream']),
    decision: textOf(d['decision']),
    since: timeOf(d['since']),
    until: timeOf(d['until']),
    state: wordOf(d['state'], ['broken', 'waiting', 'good'] as const, 'broken'),
    goodSince: timeOf(d['good_since']),
    loosenAt: timeOf(d['loosen_at']),
    loosenBy: wordOf(d['loosen_by'], ['two', 'auto'] as const, 'two'),
    cause: isMap(c)
      ? {
          control: textOf(c['control']),
          asset: textOf(c['asset']),
          result: textOf(c['result']),
          method: textOf(c['method']),
          detail: textOf(c['detail']),
          at: timeOf(c['at']),
        }
      : null,
    text: bothOf(d, 'text'),
    withholds: bothOf(d, 'withholds'),
    weight: isMap(d['weight']) ? { text: bothOf(mapOf(d['weight']), 'text'), costsMore: boolOf(mapOf(d['weight'])['costs_more']) } : null,
    next: bothOf(d, 'next'),
  };
}

function readHeld(x: unknown): Held {
  const d = mapOf(x);
  return {
    id: textOf(d['id']),
    from: textOf(d['from']),
    to: textOf(d['to']),
    topic: textOf(d['topic']),
    limit: textOf(d['limit']),
    decision: textOf(d['decision']),
    sha256: textOf(d['payload_sha256']),
    since: timeOf(d['since']),
    until: timeOf(d['until']),
  };
}

function readStake(x: unknown): AtStake | null {
  if (!isMap(x)) return null;
  return {
    hoursMille: countOf(x['hours_mille']),
    households: countOf(x['households']),
    text: bothOf(x, 'text'),
    functions: listOf(x['functions']).map(mapOf).map((f) => ({
      id: textOf(f['id']),
      name: bothOf(f, 'name'),
      minimum: bothOf(f, 'minimum'),
      households: countOf(f['households']),
      hoursMille: countOf(f['hours_mille']),
    })),
    assets: listOf(x['assets']).map(mapOf).map((a) => ({
      id: textOf(a['id']),
      control: textOf(a['control']),
      detail: textOf(a['detail']),
      since: timeOf(a['since']),
      text: bothOf(a, 'text'),
    })),
  };
}

function readDecision(x: unknown): Decision | null {
  if (!isMap(x)) return null;
  return {
    id: textOf(x['id']),
    state: wordOf(x['state'], ['in-force', 'reopened', 'expired', 'superseded', 'sent-back', ''] as const, ''),
    stateWords: bothOf(x, 'state'),
    rank: textOf(x['rank']),
    at: timeOf(x['at']),
    expires: timeOf(x['expires']),
    signers: listOf(x['signers']).map(mapOf).map((s) => ({ role: bothOf(s, 'role'), keyId: textOf(s['key_id']) })),
    causes: listOf(x['causes']).map(mapOf).map((c) => bothOf(c, 'text')),
    text: bothOf(x, 'text'),
  };
}

export function readStatus(x: unknown): Status {
  const d = mapOf(x);
  const would = mapOf(d['would_have']);
  const traffic = mapOf(d['traffic']);
  const record = mapOf(d['ledger']);
  return {
    site: textOf(d['site']),
    title: bothOf(d, 'title'),
    now: timeOf(d['now']),
    asOf: timeOf(d['as_of']),
    state: wordOf(d['state'], STATES, 'unknown'),
    stateWords: bothOf(d, 'state'),
    observe: boolOf(d['observe']),
    observeWords: bothOf(d, 'observe'),
    sentence: bothOf(d, 'sentence'),
    measuredMille: millis(d['measured_mille']),
    atStake: readStake(d['at_stake']),
    layers: listOf(d['layers']).flatMap((l) => readLayer(l) ?? []),
    limits: listOf(d['limits']).map(readLimit),
    held: listOf(d['held']).map(readHeld),
    lateActions: countOf(mapOf(d['actions'])['late']),
    drafts: listOf(d['drafts']).map(mapOf).map((e) => ({ id: textOf(e['id']), next: textOf(e['next']), text: bothOf(e, 'text') })),
    emergencies: listOf(d['emergencies']).map(mapOf).map((e) => ({
      id: textOf(e['id']),
      subject: textOf(e['subject']),
      state: textOf(e['state']),
      reason: textOf(e['reason']),
      askedBy: textOf(e['asked_by']),
      openedBy: textOf(e['opened_by']),
      until: timeOf(e['until']),
      due: timeOf(e['review_due']),
    })),
    decision: readDecision(d['decision']),
    wouldHave: { now: countOf(would['limits_now']), total: countOf(would['limits_total']), text: bothOf(would, 'text') },
    unauthenticated: countOf(d['unauthenticated']),
    hasModel: isMap(d['model']),
    traffic: {
      received: countOf(traffic['received']),
      delivered: countOf(traffic['delivered']),
      denied: countOf(traffic['denied']),
      held: countOf(traffic['held']),
      flagged: countOf(traffic['flagged']),
      yielded: countOf(traffic['yielded']),
    },
    record: {
      size: countOf(record['size']),
      root: textOf(record['root']),
      head: typeof record['head'] === 'string' ? record['head'].slice(0, 2000) : '',
      health: textOf(record['health']),
    },
  };
}

export function readMission(x: unknown): Mission {
  const d = mapOf(x);
  return {
    id: textOf(d['id']),
    name: bothOf(d, 'name'),
    promise: bothOf(d, 'promise'),
    state: wordOf(d['state'], STATES, 'unknown'),
    stateWords: bothOf(d, 'state'),
    asOf: timeOf(d['as_of']),
    sentence: bothOf(d, 'sentence'),
    measuredMille: millis(d['measured_mille']),
    declaredMille: millis(d['declared_mille']),
    defaultMille: millis(d['default_mille']),
    functions: listOf(d['functions']).map(mapOf).map((f) => ({
      id: textOf(f['id']),
      name: bothOf(f, 'name'),
      minimum: bothOf(f, 'minimum'),
      outageMin: countOf(f['outage_tolerable_min']),
      households: countOf(f['households']),
    })),
  };
}

export function readDevices(x: unknown): Device[] {
  return listOf(x).map(mapOf).map((d) => ({
    id: textOf(d['id']),
    role: textOf(d['role']),
    group: textOf(d['group']),
    model: textOf(d['model']),
    trust: textOf(d['trust']),
    trustJa: textOf(d['trust_ja']),
    life: textOf(d['life']),
    lifeJa: textOf(d['life_ja']),
    why: textOf(d['why']),
    grade: textOf(d['grade']),
    appraisal: textOf(d['appraisal']),
    appraised: timeOf(d['appraised']),
  }));
}

// Names in the model document are {ja, en} or {name_ja, name_en}; either is read.
function nameOf(d: Json): Both {
  const n = d['name'];
  if (!isMap(n)) {
    const flat = bothOf(d, 'name');
    return flat.ja ? flat : { ja: textOf(n), en: textOf(n) };
  }
  const ja = textOf(n['ja']);
  const en = textOf(n['en']);
  return { ja: ja || en, en: en || ja };
}

export function readGroups(x: unknown): Group[] {
  return listOf(mapOf(x)['groups']).map(mapOf).map((g) => ({
    id: textOf(g['id']),
    name: nameOf(g),
    simulated: boolOf(g['simulated']),
  }));
}

export function readMe(x: unknown): Me {
  const d = mapOf(x);
  return {
    who: textOf(d['who']), site: textOf(d['site']), title: bothOf(d, 'title'), name: textOf(d['name']),
    roles: listOf(d['roles']).map(textOf), person: boolOf(d['person']), fresh: boolOf(d['fresh']), password: boolOf(d['password']),
    passkeys: countOf(d['passkeys']), strong: boolOf(d['strong']),
  };
}

// The signed head is a note: origin, size, root hash, blank line, signatures. Only a first line's worth is shown.
export function headOf(note: string): { size: number | null; root: string; signed: boolean } {
  const lines = note.split('\n');
  const size = /^[0-9]{1,15}$/.test(lines[1] ?? '') ? Number(lines[1]) : null;
  return { size, root: textOf(lines[2]), signed: lines.some((l) => l.startsWith('\u2014 ')) };
}
