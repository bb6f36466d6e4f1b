// Alarms, their causes, work permits and devices that Sekimori does not manage, as the API shows them. Readers only rename and bound.
import { type Both, boolOf, bothOf, countOf, intOf, listOf, mapOf, textOf, timeOf } from './plain';

export interface Cause {
  cause: string;
  what: string;
  device: string;
  group: string;
  level: string;
  state: Both;
  open: boolean;
  by: string;
  count: number;
  first: number | null;
  last: number | null;
  text: Both;
  dead: number;
}

export interface Alarm {
  at: number | null;
  since: number | null;
  device: string;
  group: string;
  what: string;
  name: string;
  norm: string;
  value: string;
  text: Both;
}

export interface Measure {
  measure: string;
  name: Both;
  possible: boolean;
  stops: Both;
}

export interface Proposal {
  device: string;
  measures: Measure[];
  touched: { mission: Both; name: Both; percent: number }[];
  goesOn: Both;
  safe: string[];
}

export interface Reaction {
  id: string;
  device: string;
  name: Both;
  by: string;
  why: string;
  rule: string;
  until: number | null;
  inForce: boolean;
}

export interface Work {
  id: string;
  state: string;
  said: Both;
  subject: string;
  person: string;
  company: string;
  stream: string;
  number: string;
  supervisor: string;
  purpose: string;
  requester: string;
  from: number | null;
  until: number | null;
  unusual: number;
  request: Record<string, string>; // exactly as asked for: what an approval is a signature on
  steps: { said: Both; by: string; why: string; at: number | null }[];
}

export interface Unmanaged {
  id: string;
  name: string;
  address: string;
  place: string;
  kind: string;
  connection: string;
  owner: string;
  gateway: string;
  function: string;
  grade: string;
}

export const readCauses = (x: unknown): Cause[] =>
  listOf(x).map(mapOf).map((d) => ({
    cause: textOf(d['cause']), what: textOf(d['what']), device: textOf(d['device']), group: textOf(d['group']), level: textOf(d['level']),
    state: bothOf(d, 'state'), open: d['state_en'] === 'open', by: textOf(d['by']), count: countOf(d['count']), first: timeOf(d['first']), last: timeOf(d['last']),
    text: bothOf(d, 'text'), dead: countOf(d['dead']),
  }));

export const readAlarms = (x: unknown): Alarm[] =>
  listOf(x).map(mapOf).map((d) => ({
    at: timeOf(d['at']), since: timeOf(d['since']), device: textOf(d['device']), group: textOf(d['group']), what: textOf(d['what']), name: textOf(d['name']),
    norm: textOf(d['norm']), value: textOf(d['value']), text: bothOf(d, 'text'),
  }));

export function readProposal(x: unknown): Proposal {
  const d = mapOf(x);
  return {
    device: textOf(d['device']),
    measures: listOf(d['measures']).map(mapOf).map((m) => ({ measure: textOf(m['measure']), name: bothOf(m, 'measure'), possible: boolOf(m['possible']), stops: bothOf(m, 'stops') })),
    touched: listOf(d['touched']).map(mapOf).map((t) => ({ mission: bothOf(t, 'mission'), name: bothOf(t, 'name'), percent: intOf(t['effect_mille']) / 10 })),
    goesOn: bothOf(d, 'goes_on'),
    safe: listOf(d['safe']).map(textOf),
  };
}

export const readReactions = (x: unknown): Reaction[] =>
  listOf(mapOf(x)['reactions']).map(mapOf).map((d) => ({
    id: textOf(d['id']), device: textOf(d['device']), name: bothOf(d, 'measure'), by: textOf(d['by']), why: textOf(d['why']), rule: textOf(d['rule']),
    until: timeOf(d['until']), inForce: boolOf(d['in_force']),
  }));

const REQUEST = ['id', 'subject', 'person', 'company', 'stream', 'number', 'supervisor', 'purpose', 'from', 'until', 'request_sha256'];

// A request's members are signed byte for byte: taken as they are.
const asAsked = (d: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(REQUEST.map((key) => [key, typeof d[key] === 'string' ? (d[key] as string) : '']));

export const readWorks = (x: unknown): Work[] =>
  listOf(x).map(mapOf).map((d) => ({
    id: textOf(d['id']), state: textOf(d['state']), said: bothOf(d, 'state'), subject: textOf(d['subject']), person: textOf(d['person']), company: textOf(d['company']),
    stream: textOf(d['stream']), number: textOf(d['number']), supervisor: textOf(d['supervisor']), purpose: textOf(d['purpose']), requester: textOf(d['requester']),
    from: timeOf(d['from']), until: timeOf(d['until']), unusual: countOf(d['unusual']), request: asAsked(d),
    steps: listOf(d['steps']).map(mapOf).map((s) => ({ said: bothOf(s, 'state'), by: textOf(s['by']), why: textOf(s['why']), at: timeOf(s['at']) })),
  }));

export const readUnmanaged = (x: unknown): Unmanaged[] =>
  listOf(x).map(mapOf).map((d) => ({
    id: textOf(d['id']), name: textOf(d['name']), address: textOf(d['address']), place: textOf(d['place']), kind: textOf(d['kind']), connection: textOf(d['connection']),
    owner: textOf(d['owner']), gateway: textOf(d['gateway']), function: textOf(d['function']), grade: textOf(d['grade']),
  }));

// What no mirror port ever hears: not an IP network, or no address.
export const unseeable = (u: Unmanaged): boolean => !u.address || /serial|rs-?(232|422|485)|radio|lora|zigbee|シリアル|無線|接点|アナログ/i.test(u.connection);

// The approval's draft, for the signing part: the canonical form the daemon compares member by member.
export function permitDraft(site: string, w: Work, now: Date): string {
  return JSON.stringify({ at: now.toISOString(), ...w.request, site, type: 'permit' });
}
