// Peers and flows as GET /api/v1/peers shows them. Readers only rename and bound; a verdict we do not know passes nothing.
import { type Both, boolOf, bothOf, countOf, intOf, listOf, mapOf, textOf, timeOf, wordOf } from './plain';

export const VERDICTS = ['allow', 'limit', 'deny', ''] as const;
export type Verdict = (typeof VERDICTS)[number];

// A word that has a Japanese twin beside it: {"stage", "stage_ja"}.
const twin = (d: Record<string, unknown>, key: string): Both => {
  const en = textOf(d[key]);
  return { ja: textOf(d[`${key}_ja`]) || en, en };
};
const words = (x: unknown, key: string): Both[] => listOf(x).map((s) => twin(mapOf(s), key));

export interface Change {
  at: number | null;
  state: Both;
  verdict: Verdict;
  stages: Both[];
  cause: Both;
}

export interface Flow {
  id: string;
  peer: string;
  out: boolean;
  command: boolean;
  local: string;
  remote: string;
  label: string;
  purpose: string;
  state: Both;
  open: boolean;
  verdict: Verdict;
  tightened: boolean;
  inFallback: boolean;
  fallback: string;
  lattice: boolean;
  stages: Both[];
  offered: Both[];
  unproven: Both[];
  cause: Both;
  why: string;
  lastRefusal: string;
  lastRefusalAt: number;
  passed: number;
  refused: number;
  held: number;
  waiting: number;
  peerRefused: number;
  addedYen: number;
  bareYen: number;
  toleranceYen: number;
  perMinute: number;
  bytesMax: number;
  rateMille: number;
  bypassMille: number;
  changes: Change[];
}

export interface Peer {
  id: string;
  name: Both;
  host: string;
  port: number;
  transport: string;
  up: boolean;
  downWhy: string;
  contact: string;
  boundary: string;
  retention: string;
  agreement: string;
  signedAt: number | null;
  until: number | null;
  seen: Both[];
  unlisted: number;
  statement: { result: Both; valid: boolean; within: boolean; site: string; at: number | null; until: number | null; code: string } | null;
  inbound: boolean;
  terms: 'equal' | 'differ' | 'awaited' | ''; // '': a peer that does not run Sekimori
  theirRecord: number; // entries of their record we hold a proved head of; of ours, as they last said
  ourRecord: number;
  flows: Flow[];
}

function readFlow(x: unknown): Flow {
  const d = mapOf(x);
  return {
    id: textOf(d['flow']),
    peer: textOf(d['peer']),
    out: d['direction'] === 'out',
    command: boolOf(d['command']),
    local: textOf(d['local']),
    remote: textOf(d['remote']),
    label: textOf(d['label']),
    purpose: textOf(d['purpose']),
    state: twin(d, 'state'),
    open: boolOf(d['open']),
    verdict: wordOf(d['verdict'], VERDICTS, ''),
    tightened: boolOf(d['tightened']),
    inFallback: boolOf(d['in_fallback']),
    fallback: textOf(d['fallback']),
    lattice: boolOf(d['lattice']),
    stages: words(d['stages'], 'stage'),
    offered: words(d['offered'], 'stage'),
    unproven: words(d['unproven'], 'stage'),
    cause: twin(d, 'cause'),
    why: textOf(d['why']),
    lastRefusal: textOf(d['last_refusal']),
    lastRefusalAt: countOf(d['last_refusal_at']),
    passed: countOf(d['passed']),
    refused: countOf(d['refused']),
    held: countOf(d['held']),
    waiting: countOf(d['waiting']),
    peerRefused: countOf(d['peer_refused']),
    addedYen: intOf(d['added_yen']),
    bareYen: intOf(d['added_bare_yen']),
    toleranceYen: intOf(d['tolerance_yen']),
    perMinute: countOf(d['per_minute']),
    bytesMax: countOf(d['bytes']),
    rateMille: Math.round(countOf(d['rate_used_ppb']) / 1000000),
    bypassMille: Math.round(countOf(d['bypass_ppb']) / 1000000),
    changes: listOf(d['changes']).map(mapOf).map((c) => ({
      at: timeOf(c['at']),
      state: twin(c, 'state'),
      verdict: wordOf(c['verdict'], VERDICTS, ''),
      stages: words(c['stages'], 'stage'),
      cause: twin(c, 'cause'),
    })),
  };
}

function readStatement(d: Record<string, unknown>): Peer['statement'] {
  if (!textOf(d['statement'])) return null;
  return {
    result: twin(d, 'statement'),
    valid: d['statement'] === 'valid',
    within: boolOf(d['statement_within']),
    site: textOf(d['statement_site']),
    at: timeOf(d['statement_at']),
    until: timeOf(d['statement_until']),
    code: textOf(d['key_code']),
  };
}

export function readPeers(x: unknown): Peer[] {
  return listOf(x).map(mapOf).map((d) => ({
    id: textOf(d['peer']),
    name: bothOf(d, 'name'),
    host: textOf(d['host']),
    port: countOf(d['port']),
    transport: textOf(d['transport']),
    up: d['link'] === 'up',
    downWhy: textOf(d['link_why']),
    contact: textOf(d['contact']),
    boundary: textOf(d['boundary']),
    retention: textOf(d['retention']),
    agreement: textOf(d['agreement']),
    signedAt: timeOf(d['signed_at']),
    until: timeOf(d['until']),
    seen: words(d['seen'], 'sight'),
    unlisted: countOf(d['unlisted']),
    statement: readStatement(d),
    inbound: boolOf(d['inbound']),
    terms: wordOf(d['terms'], ['equal', 'differ', 'awaited', ''] as const, ''),
    theirRecord: countOf(d['their_record']),
    ourRecord: countOf(d['our_record_seen']),
    flows: listOf(d['flows']).map(readFlow),
  }));
}

// The draft two people sign to send one held command once, as `sekimori flow release --out` makes it.
export function releaseDraft(site: string, hold: string, payloadSha256: string, now: Date): string {
  return JSON.stringify({ at: now.toISOString(), hold, payload_sha256: payloadSha256, site, type: 'release' });
}
