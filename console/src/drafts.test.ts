import { expect, test } from 'vitest';
import { readConditions, readDrafts } from './drafts';

test('a draft is read with the very bytes it carries, whatever else arrives', () => {
  const payload = btoa('{"id":"D-1","type":"decision"}');
  const envelope = { payload, payloadType: 'application/vnd.sekimori.decision+json', signatures: [] };
  const [d, empty] = readDrafts([{ id: 'D-1', state: 'draft', next: 'executive', revision: 2, cause: '', envelope }, null]);
  expect([d?.id, d?.next, d?.revision, d?.paper.state]).toEqual(['D-1', 'executive', 2, 'draft']);
  expect(new TextDecoder().decode(d?.envelope?.payload)).toBe('{"id":"D-1","type":"decision"}');
  expect([empty?.id, empty?.envelope]).toEqual(['', null]);
  expect(readDrafts('none')).toEqual([]);
});

test('a condition without a mode holds; one language stands for both', () => {
  expect(readConditions({ conditions: [{ id: 'attested', name: { ja: '承認済み' } }] })).toEqual([{ id: 'attested', name: { ja: '承認済み', en: '承認済み' }, mode: 'hold' }]);
});
