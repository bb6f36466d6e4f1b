import { describe, expect, test } from 'vitest';
import { readEnvelope } from './signing';
import { permitDraft, readAlarms, readCauses, readProposal, readReactions, readUnmanaged, readWorks, unseeable } from './watching';
import { watchingWords } from './watching-words';

describe('anything that arrives is read, never thrown at', () => {
  test.each([[undefined], [null], [7], ['x'], [{}], [[null]], [[{ steps: 7, measures: 'x' }]], [{ reactions: [null], measures: [3], touched: {}, safe: [{}] }]])('%j', (x) => {
    expect(readCauses(x).every((c) => !c.open)).toBe(true);
    expect(readReactions(x).every((r) => !r.inForce)).toBe(true);
    expect(readProposal(x).measures.every((m) => !m.possible)).toBe(true);
    expect(readAlarms(x).length + readWorks(x).length + readUnmanaged(x).length).toBeGreaterThanOrEqual(0);
  });
});

test('what a stranger chose is made visible', () => {
  expect(readAlarms([{ name: 'a\u202eb\u001b' }])[0]?.name).toBe('a\ufffdb\ufffd');
});

test('a cause that somebody has in hand is not open', () => {
  expect(readCauses([{ state_en: 'in hand', state_ja: '対応中', by: 'sato' }])[0]).toMatchObject({ open: false, by: 'sato' });
  expect(readCauses([{ state_en: 'open', state_ja: '未対応' }])[0]?.open).toBe(true);
});

test('the draft of an approval repeats the request as it is, and the signing part reads it', () => {
  const asked = { id: 'WP-1', subject: 'con-1', person: '山田 太郎', company: '', stream: 'sk/v1/w/gw-02/#', number: 'R8', supervisor: 'sato', purpose: 'p',
    from: '2026-01-01T00:00:00.000Z', until: '2026-01-01T02:00:00.000Z', request_sha256: 'ab'.repeat(32) };
  const [w] = readWorks([{ ...asked, state: 'requested' }]);
  expect(w).toBeDefined();
  if (!w) return;
  const e = readEnvelope(permitDraft('mizu', w, new Date(0)));
  expect(e?.type).toBe('permit');
  expect(e?.shown).toEqual({ at: '1970-01-01T00:00:00.000Z', ...asked, site: 'mizu', type: 'permit' });
});

test.each([['RS-485 シリアル', '', true], ['無線（LoRa）', '10.0.0.1', true], ['Ethernet', '10.0.0.1', false], ['Ethernet', '', true]])('%s at "%s" is seen by nobody: %s', (connection, address, want) => {
  expect(readUnmanaged([{ connection, address }]).map(unseeable)).toEqual([want]);
});

test('both languages have words, none is empty', () => {
  const flat = (x: unknown): string[] => (typeof x === 'string' ? [x] : typeof x === 'object' && x !== null ? Object.values(x).flatMap(flat) : []);
  const [ja, en] = [flat(watchingWords.ja), flat(watchingWords.en)];
  expect(ja.length).toBe(en.length);
  expect([...ja, ...en].every((x) => x.trim() !== '')).toBe(true);
});
