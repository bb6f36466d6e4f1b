// Command lines to be typed by a person. Ids and topics come from devices: a line offered for copying must not run
// anything else in a shell, so every foreign word is quoted, and one that cannot be shown plainly is not offered.

const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;
const PRINTABLE = /^[\u0020-\u007e\u00a1-\u1fff\u3040-\ud7ff\uf900-\ufdff]*$/;

export function quoted(word: string): string | null {
  if (!PRINTABLE.test(word)) return null;
  // A leading dash would be read as a flag; no id or topic begins with one.
  if (word.startsWith('-')) return null;
  return word !== '' && SAFE.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}

export function commandLine(fixed: string, foreign: readonly string[], tail = ''): string | null {
  const words = foreign.map(quoted);
  if (words.some((w) => w === null)) return null;
  return [fixed, ...words, ...(tail ? [tail] : [])].join(' ');
}

const TWO_KEYS = '--key mission-owner.key --key asset-owner.key';

export const releaseLine = (hold: string, noun: 'limit' | 'flow' = 'limit') => commandLine(`sekimori ${noun} release`, [hold], TWO_KEYS);
export const refuseLine = (hold: string) => commandLine('sekimori flow refuse', [hold], '--reason ...');
export const loosenLine = (limit: string) => commandLine('sekimori limit loosen', [limit], TWO_KEYS);
export const whyLine = (who: string, topic: string) => {
  const subject = quoted(who);
  const about = quoted(topic);
  return subject === null || about === null ? null : `sekimori why ${subject} command ${about}`;
};
export const attestLine = (device: string) => commandLine('sekimori device attest', [device]);
export const showLine = (device: string) => commandLine('sekimori device show', [device]);
