import { describe, expect, test } from 'vitest';
import { readPeers, releaseDraft } from './peers';
import { readEnvelope } from './signing';

describe('peers of any shape', () => {
  test.each([[undefined], [null], [{}], [[null]], [[{ flows: 7 }]], [[{ flows: [null], seen: ['x'], statement: 3 }]]])('%j is read, never as good news', (x) => {
    for (const p of readPeers(x)) {
      expect(p.up).toBe(false);
      expect(p.flows.some((f) => f.open || f.verdict !== '')).toBe(false);
    }
  });
});

test('a verdict we do not know is none', () => expect(readPeers([{ flows: [{ verdict: 'fine' }] }])[0]?.flows[0]?.verdict).toBe(''));

test('a statement that is not valid is not shown as valid', () => {
  const [p] = readPeers([{ statement: 'expired', statement_ja: '期限切れ', statement_within: false, statement_at: '2026-11-23T00:04:00.000Z' }]);
  expect(p?.statement).toMatchObject({ valid: false, within: false, result: { ja: '期限切れ', en: 'expired' } });
});

test('the draft of a release is what the signing part reads', () => {
  const e = readEnvelope(releaseDraft('mizu', 'H-7', 'ab'.repeat(32), new Date(0)));
  expect(e?.type).toBe('release');
  expect(e?.shown).toEqual({ at: '1970-01-01T00:00:00.000Z', hold: 'H-7', payload_sha256: 'ab'.repeat(32), site: 'mizu', type: 'release' });
});
