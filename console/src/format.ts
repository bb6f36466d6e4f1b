// Numbers and times as people read them. No judgement, no state.
import { type Lang, rowOf } from './plain';

const LOCALE = { ja: 'ja-JP', en: 'en-GB' } as const;

export const pad2 = (n: number): string => String(n).padStart(2, '0');

// hh:mm:ss in the reader's own time zone.
export function clock(ms: number): string {
  const d = new Date(ms);
  return `${pad2(d.getHours())}:${pad2(d.getMinutes())}:${pad2(d.getSeconds())}`;
}

export const day = (ms: number): string => {
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad2(d.getMonth() + 1)}-${pad2(d.getDate())}`;
};

// The time alone when it is today, else with its date: an old time must not read as a recent one.
export function moment(ms: number, nowMs: number): string {
  return day(ms) === day(nowMs) ? clock(ms) : `${day(ms)} ${clock(ms)}`;
}

export const count = (n: number, lang: Lang): string => new Intl.NumberFormat(LOCALE[lang]).format(n);

// Parts of a whole, the last taking what rounding leaves: their sum is 100, and no part is overstated but the last.
export function shares(mille: readonly number[]): string[] {
  const floors = mille.slice(0, -1).map((x) => Math.floor(x / 10));
  const rest = 100 - floors.reduce((sum, x) => sum + x, 0);
  return [...floors, rest].map((x) => `${x} %`);
}

// 6500 -> "6.5": hours, at most one decimal, cut (never promise more than there is).
export function hours(mille: number): string {
  const tenths = Math.floor(mille / 100);
  return tenths % 10 === 0 ? String(tenths / 10) : (tenths / 10).toFixed(1);
}

const UNITS: readonly [number, Intl.RelativeTimeFormatUnit][] = [
  [86400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

const relative = {
  ja: new Intl.RelativeTimeFormat('ja-JP', { numeric: 'always' }),
  en: new Intl.RelativeTimeFormat('en-GB', { numeric: 'always', style: 'short' }),
} as const;

// "3 秒前" / "3 sec. ago", "in 9 min"; whole units, cut toward zero.
export function age(ms: number, nowMs: number, lang: Lang): string {
  const s = Math.trunc((ms - nowMs) / 1000);
  for (const [size, unit] of UNITS) {
    if (Math.abs(s) >= size || size === 1) return relative[lang].format(Math.trunc(s / size) || (ms > nowMs ? 0 : -0), unit);
  }
  return '';
}

// m:ss left until then, "0:00" when over.
export function left(untilMs: number, nowMs: number): string {
  const s = Math.max(0, Math.floor((untilMs - nowMs) / 1000));
  return `${Math.floor(s / 60)}:${pad2(s % 60)}`;
}

const UNIT_SIGNS: Record<string, string> = { packages: '', degC: '°C', 'm3/h': 'm³/h', m3: 'm³', 'm3/s': 'm³/s', 'l/s': 'L/s' };
export const unitSign = (u: string): string => rowOf(UNIT_SIGNS, u) ?? u;
export const short = (hash: string, n = 12): string => (hash.length > n ? hash.slice(0, n) + '…' : hash);

// Digits grouped; the decimals exactly as they were sent. Four digits stay together (years, counts read better).
export function grouped(decimal: string): string {
  const m = /^(-?)(\d+)(\.\d+)?$/.exec(decimal);
  if (!m) return decimal;
  const whole = m[2] ?? '';
  return (m[1] ? '\u2212' : '') + (whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, ',') : whole) + (m[3] ?? '');
}

// Seconds and kernel kilobytes grow past reading: from two minutes and a megabyte on they are said in larger units.
export function humane(v: number, unit: string, words: { d: string; h: string; m: string }): string | null {
  if (unit === 's' && v >= 120) {
    const m = Math.floor(v / 60);
    const [d, h, rest] = [Math.floor(m / 1440), Math.floor(m / 60) % 24, m % 60];
    return d ? `${d}${words.d} ${h}${words.h}` : h ? `${h}${words.h} ${rest}${words.m}` : `${rest}${words.m}`;
  }
  if (unit === 'kB' && v >= 1048576) return `${(v / 1048576).toFixed(1)} GiB`;
  if (unit === 'kB' && v >= 1024) return `${(v / 1024).toFixed(0)} MiB`;
  return null;
}
