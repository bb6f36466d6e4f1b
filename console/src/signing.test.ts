import { describe, expect, it } from 'vitest';
import { assertionBytes, encoding, envelopeText, readEnvelope } from './signing';

const draft = '{"at":"2026-11-23T00:10:00.000Z","reason":"試験","type":"loosen"}';

describe('envelopes', () => {
  it('reads a draft as its own bytes', () => {
    const e = readEnvelope(draft + '\n');
    expect(e?.type).toBe('loosen');
    expect(new TextDecoder().decode(e?.payload)).toBe(draft);
    expect(e?.payloadType).toBe('application/vnd.sekimori.loosen+json');
  });
  it('encodes by bytes, not by letters', () => {
    const e = readEnvelope(draft);
    const text = e ? new TextDecoder().decode(encoding(e)) : '';
    expect(text).toBe(`DSSEv1 36 application/vnd.sekimori.loosen+json ${new TextEncoder().encode(draft).length} ${draft}`);
  });
  it('comes back from what it wrote, with the others\' signatures', () => {
    const e = readEnvelope(draft);
    if (!e) throw new Error('no envelope');
    const again = readEnvelope(envelopeText({ ...e, signatures: [{ keyid: 'aa', sig: 'bb' }] }));
    expect(again?.signatures).toEqual([{ keyid: 'aa', sig: 'bb' }]);
    expect(again?.payload).toEqual(e.payload);
  });
  it('refuses what says one thing and is another', () => {
    const e = readEnvelope(draft);
    const other = e ? envelopeText(e).replace('loosen+json', 'decision+json') : '';
    expect(readEnvelope(other)).toBeNull();
    for (const bad of ['', '[]', 'null', '{"type":1}', '{"type":"a/b"}', '{"payloadType":"x","payload":"%%%"}']) expect(readEnvelope(bad)).toBeNull();
  });
  it('counts the parts of an answer', () => {
    expect([...assertionBytes([new Uint8Array([1]), new Uint8Array([]), new Uint8Array([2, 3])])]).toEqual([87, 65, 78, 49, 0, 1, 1, 0, 0, 0, 2, 2, 3]);
  });
});
