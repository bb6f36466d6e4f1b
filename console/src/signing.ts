// Signing a document by passkey: the passkey answers the SHA-256 of exactly the bytes that a key file would sign (DSSE's
// pre-authentication encoding). What is shown is what is signed: the payload comes from the same bytes.
import { bytesOf, hexOf } from './passkey';

const PREFIX = 'application/vnd.sekimori.';
const SUFFIX = '+json';

export interface Envelope {
  type: string; // "decision"
  payloadType: string;
  payload: Uint8Array<ArrayBuffer>;
  shown: unknown;
  signatures: { keyid: string; sig: string }[];
}
export interface OwnKey {
  id: string;
  spki: string;
  rp: string;
}

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(text));
const base64Of = (b: Uint8Array): string => btoa(Array.from(b, (x) => String.fromCharCode(x)).join(''));
const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Array.from(atob(text), (c) => c.charCodeAt(0)));
const isMap = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);

// A draft (the payload itself) or an envelope that others signed already. null: neither.
export function readEnvelope(text: string): Envelope | null {
  try {
    const doc: unknown = JSON.parse(text);
    if (!isMap(doc)) return null;
    const drafted = !('payloadType' in doc);
    const payload = drafted ? utf8(text.trim()) : fromBase64(String(doc['payload']));
    const shown: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    if (!isMap(shown) || typeof shown['type'] !== 'string' || !/^[a-z]+$/.test(shown['type'])) return null;
    const payloadType = PREFIX + shown['type'] + SUFFIX;
    if (!drafted && doc['payloadType'] !== payloadType) return null;
    const list = drafted ? [] : doc['signatures'];
    if (!Array.isArray(list)) return null;
    const signatures = list.map((s: unknown) => (isMap(s) ? { keyid: String(s['keyid']), sig: String(s['sig']) } : { keyid: '', sig: '' }));
    return { type: shown['type'], payloadType, payload, shown, signatures };
  } catch {
    return null;
  }
}

export function encoding(e: Envelope): Uint8Array<ArrayBuffer> {
  const head = utf8(`DSSEv1 ${utf8(e.payloadType).length} ${e.payloadType} ${e.payload.length} `);
  const all = new Uint8Array(new ArrayBuffer(head.length + e.payload.length));
  all.set(head);
  all.set(e.payload, head.length);
  return all;
}

// As wire/webauthn.h: a mark, then three fields with their length in two bytes.
export function assertionBytes(parts: Uint8Array[]): Uint8Array {
  const out: number[] = [...utf8('WAN1')];
  for (const p of parts) out.push(p.length >> 8, p.length & 255, ...p);
  return new Uint8Array(out);
}

export const envelopeText = (e: Envelope): string =>
  JSON.stringify({ payload: base64Of(e.payload), payloadType: e.payloadType, signatures: e.signatures });

// null when the person or the browser ended it, or no key of this name is registered.
export async function signByPasskey(e: Envelope, keys: readonly OwnKey[]): Promise<Envelope | null> {
  const mine = keys.filter((k) => k.rp === location.hostname);
  if (!mine.length) return null;
  try {
    const challenge = await crypto.subtle.digest('SHA-256', encoding(e));
    const got = (await navigator.credentials.get({
      publicKey: {
        challenge, rpId: location.hostname, userVerification: 'required', timeout: 120000,
        allowCredentials: mine.map((k) => ({ type: 'public-key' as const, id: bytesOf(k.id) })),
      },
    })) as PublicKeyCredential | null;
    const used = got && mine.find((k) => k.id === hexOf(got.rawId));
    if (!used) return null;
    const r = got.response as AuthenticatorAssertionResponse;
    const parts = [r.authenticatorData, r.clientDataJSON, r.signature].map((b) => new Uint8Array(b));
    const keyid = hexOf(await crypto.subtle.digest('SHA-256', bytesOf(used.spki)));
    const others = e.signatures.filter((s) => s.keyid !== keyid);
    return { ...e, signatures: [...others, { keyid, sig: base64Of(assertionBytes(parts)) }] };
  } catch {
    return null;
  }
}
