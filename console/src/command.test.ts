import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { attestLine, loosenLine, quoted, releaseLine, showLine, whyLine } from './command';

test('plain words stay plain', () => {
  expect(releaseLine('H-1')).toBe('sekimori limit release H-1 --key mission-owner.key --key asset-owner.key');
  expect(loosenLine('L-2')).toBe('sekimori limit loosen L-2 --key mission-owner.key --key asset-owner.key');
  expect(whyLine('operator-1', 'sk/v1/mizu/gw-02/cmd/pump-1')).toBe('sekimori why operator-1 command sk/v1/mizu/gw-02/cmd/pump-1');
  expect(attestLine('gw-02')).toBe('sekimori device attest gw-02');
  expect(showLine('ポンプ 1')).toBe("sekimori device show 'ポンプ 1'");
});

test.each(['a; touch /tmp/x', '$(id)', '`id`', "it's", "'; id; '", 'a|b', 'a&b', '*', '~', '#c', '!x', '\\', '"', '', 'a b', '水/位'])(
  'a shell gives %j back as one word',
  (word) => {
    const line = quoted(word);
    expect(line).not.toBeNull();
    expect(execFileSync('sh', ['-c', `printf '[%s]' ${line}`], { encoding: 'utf8' })).toBe(`[${word}]`);
  },
);

test.each(['a\nb', 'a\u001b[2J', 'gw\u202e10', '\ufffd', '--key', '-x', '\u200b'])('%j is not offered', (word) => {
  expect(quoted(word)).toBeNull();
  expect(releaseLine(word)).toBeNull();
  expect(whyLine('a', word)).toBeNull();
  expect(whyLine(word, 'a')).toBeNull();
});
