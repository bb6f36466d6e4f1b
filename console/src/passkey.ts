// Passkeys: between the browser's buffers and the site's hexadecimal. Nothing is judged here.
import { post } from './post';

export const hexOf = (b: ArrayBuffer): string => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, '0')).join('');

export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(new ArrayBuffer(hex.length >> 1));
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return out;
}

// The browser offers passkeys only on a name it trusts.
export const passkeysHere = (): boolean => typeof PublicKeyCredential === 'function' && window.isSecureContext && location.hostname !== '127.0.0.1';

const textIn = (doc: unknown, key: string): string => {
  const v = (doc as Record<string, unknown> | null)?.[key];
  return typeof v === 'string' ? v : '';
};

// Status of the answer; 0 when the person or the browser ended it.
export async function enterByPasskey(): Promise<number> {
  const asked = await post('/api/v1/session/challenge', {});
  if (asked.status !== 200) return asked.status;
  const challenge = textIn(asked.doc, 'challenge');
  try {
    const got = (await navigator.credentials.get({
      publicKey: { challenge: bytesOf(challenge), rpId: textIn(asked.doc, 'rp'), userVerification: 'required', timeout: 120000 },
    })) as PublicKeyCredential | null;
    if (!got) return 0;
    const r = got.response as AuthenticatorAssertionResponse;
    const answer = { challenge, id: hexOf(got.rawId), data: hexOf(r.authenticatorData), client: hexOf(r.clientDataJSON), signature: hexOf(r.signature) };
    return (await post('/api/v1/session', answer)).status;
  } catch {
    return 0;
  }
}

export async function registerPasskey(label: string): Promise<number> {
  const asked = await post('/api/v1/me/passkeys/challenge', {});
  if (asked.status !== 200) return asked.status;
  const challenge = textIn(asked.doc, 'challenge');
  const known = (asked.doc as { exclude?: unknown } | null)?.exclude;
  try {
    const made = (await navigator.credentials.create({
      publicKey: {
        challenge: bytesOf(challenge),
        rp: { id: textIn(asked.doc, 'rp'), name: 'Sekimori' },
        user: { id: bytesOf(textIn(asked.doc, 'user')), name: textIn(asked.doc, 'name'), displayName: textIn(asked.doc, 'display') },
        pubKeyCredParams: [{ type: 'public-key', alg: -8 }, { type: 'public-key', alg: -7 }],
        excludeCredentials: (Array.isArray(known) ? known : []).map((id) => ({ type: 'public-key' as const, id: bytesOf(String(id)) })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        attestation: 'none',
        timeout: 120000,
      },
    })) as PublicKeyCredential | null;
    if (!made) return 0;
    const r = made.response as AuthenticatorAttestationResponse;
    return (await post('/api/v1/me/passkeys', { challenge, attestation: hexOf(r.attestationObject), client: hexOf(r.clientDataJSON), label })).status;
  } catch {
    return 0;
  }
}
