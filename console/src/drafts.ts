// Decisions on their way (docs/api-views.md, "drafts"): what the page reads, asks to have written, signs and hands in. The bytes that are
// signed come from the site as they are and are shown whole; nobody's signature but the one who sits here is made.
import { type Case, readCase } from './cases';
import { ask } from './insight';
import { hexOf } from './passkey';
import { type Both, bothOf, countOf, listOf, mapOf, textOf, timeOf } from './plain';
import { post, postText } from './post';
import { type Envelope, encoding, envelopeText, type OwnKey, readEnvelope, signByPasskey } from './signing';

export const ROLES = ['mission-owner', 'asset-owner', 'executive'] as const;
export type Role = (typeof ROLES)[number];

export interface Draft {
  id: string;
  mission: string;
  state: string;
  stateWords: Both;
  next: string;
  nextWords: Both;
  cause: string;
  revision: number;
  opened: number | null;
  ended: { role: Both; text: string; at: number | null };
  paper: Case; // as the papers show one
  envelope: Envelope | null;
}
export function readDraftOf(x: unknown): Draft {
  const d = mapOf(x);
  const e = mapOf(d['ended']);
  return {
    id: textOf(d['id']),
    mission: textOf(d['mission']),
    state: textOf(d['state']),
    stateWords: bothOf(d, 'state'),
    next: textOf(d['next']),
    nextWords: bothOf(d, 'next'),
    cause: textOf(d['cause']),
    revision: countOf(d['revision']),
    opened: timeOf(d['opened']),
    ended: { role: bothOf(e, 'role'), text: textOf(e['text']), at: timeOf(e['at']) },
    paper: { ...readCase(x), state: 'draft' },
    envelope: readEnvelope(JSON.stringify(d['envelope'] ?? null)),
  };
}
export const readDrafts = (x: unknown): Draft[] => listOf(x).map(readDraftOf);

// Who of the charter sits here, by the keys of this person's passkeys: a role's own holder, or a deputy within its dates.
export interface Seat {
  role: string;
  deputy: boolean;
}
export async function seatOf(keys: readonly OwnKey[], now: number): Promise<Seat | null> {
  const ids = await Promise.all(keys.filter((k) => k.spki).map(async (k) => hexOf(await crypto.subtle.digest('SHA-256', bytes(k.spki)))));
  const c = await ask('/api/v1/charter', mapOf);
  const own = listOf(c?.['roles']).map(mapOf).find((r) => ids.includes(textOf(r['key_id'])));
  if (own) return { role: textOf(own['role']), deputy: false };
  const stands = listOf(c?.['deputies']).map(mapOf).find((r) => ids.includes(textOf(r['key_id'])) && (timeOf(r['from']) ?? 0) <= now && now < (timeOf(r['until']) ?? 0));
  return stands ? { role: textOf(stands['role']), deputy: true } : null;
}
const bytes = (hex: string): Uint8Array<ArrayBuffer> => new Uint8Array(Array.from({ length: hex.length >> 1 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)));

// '' when it was taken; else why not: the site's own word, or 'not-signed'.
export async function handIn(kind: 'draft' | 'opinion', e: Envelope, keys: readonly OwnKey[]): Promise<string> {
  const signed = await signByPasskey({ ...e, signatures: [] }, keys);
  if (!signed) return 'not-signed';
  const { status, doc } = await post(`/api/v1/documents/${kind}`, JSON.parse(envelopeText(signed)));
  return status === 200 ? '' : textOf(mapOf(doc)['title']) || String(status);
}

export interface Composed {
  envelope: Envelope | null;
  why: string;
}
export async function compose(what: 'compose' | 'opinion', wish: object): Promise<Composed> {
  const { status, text } = await postText(`/api/v1/drafts/${what}`, wish);
  if (status === 200) return { envelope: readEnvelope(text), why: '' };
  try {
    return { envelope: null, why: textOf(mapOf(JSON.parse(text))['title']) || String(status) };
  } catch {
    return { envelope: null, why: String(status) };
  }
}

export interface Condition {
  id: string;
  name: Both;
  mode: string;
}
// Conditions of the model: what a decision may bind.
export function readConditions(x: unknown): Condition[] {
  return listOf(mapOf(x)['conditions']).map(mapOf).map((d) => {
    const name = mapOf(d['name']);
    const ja = textOf(name['ja']);
    const en = textOf(name['en']);
    return { id: textOf(d['id']), name: { ja: ja || en, en: en || ja }, mode: textOf(d['mode']) || 'hold' };
  });
}

// What the browser shows of the bytes to be signed: their SHA-256, the passkey's challenge.
export const challengeOf = async (e: Envelope): Promise<string> => hexOf(await crypto.subtle.digest('SHA-256', encoding(e)));
