// Live readings: what a payload says, the newest of each topic, a short history, grouped by device. Payloads come from
// devices and may be anything.
import { isMap, listOf, mapOf, textOf, timeOf, visible } from './plain';
import type { Device, Group } from './documents';

export const HISTORY = 60;
const TOPICS_MAX = 4096;
const PAYLOAD_SHOWN = 80;
// Events that only machines read: the head a witness keeps, the signature over a batch of readings.
const BETWEEN_MACHINES = new Set(['head', 'origin']);

export interface Value {
  shown: string; // as sent, to the digit; "" when there is no value
  number: number | null; // for the line; null when it is not a finite number
  unit: string;
  takenMs: number | null; // the device's own time
  simulated: boolean;
  formed: boolean; // false: not {"v","u","t"}; shown is the raw text
}

export interface Point {
  at: number;
  v: number;
}

export interface Series {
  topic: string;
  device: string;
  kind: string; // m readings, e events, a alarms, s state
  name: string;
  from: string;
  at: number; // when the site received it
  flagged: boolean;
  value: Value;
  notice: string; // of events and alarms
  history: Point[];
}

export interface Reading {
  topic: string;
  from: string;
  payload: string;
  flagged: boolean;
  at: number;
}

const DECIMAL = /^-?\d{1,15}(\.\d{1,9})?$/;
const SCALAR = /^[^\s].{0,39}$/u;

function scalar(v: unknown): { shown: string; number: number | null } | null {
  if (typeof v === 'number' && Number.isFinite(v)) return { shown: String(v), number: v };
  if (typeof v === 'boolean') return { shown: v ? '1' : '0', number: v ? 1 : 0 };
  if (typeof v !== 'string') return null;
  if (DECIMAL.test(v)) return { shown: v, number: Number(v) };
  return SCALAR.test(v) ? { shown: visible(v, 40), number: null } : null;
}

export function readPayload(payload: string): Value {
  const raw: Value = { shown: visible(payload, PAYLOAD_SHOWN), number: null, unit: '', takenMs: null, simulated: false, formed: false };
  let d: unknown;
  try {
    d = JSON.parse(payload);
  } catch {
    return raw;
  }
  if (!isMap(d)) return raw;
  const simulated = d['sim'] === true || d['simulated'] === true;
  const v = scalar(d['v']);
  if (!v) return { ...raw, simulated };
  const t = d['t'];
  return {
    ...v,
    unit: typeof d['u'] === 'string' ? visible(d['u'], 16) : '',
    takenMs: typeof t === 'number' && Number.isSafeInteger(t) && t > 0 ? t : null,
    simulated,
    formed: true,
  };
}

// An event or alarm as one line: its plain members but the time, else the raw text.
export function noticeOf(payload: string): string {
  let d: unknown;
  try {
    d = JSON.parse(payload);
  } catch {
    return visible(payload, PAYLOAD_SHOWN);
  }
  if (!isMap(d)) return visible(payload, PAYLOAD_SHOWN);
  const plain = Object.entries(d).filter(([k, v]) => k !== 't' && (typeof v === 'string' || typeof v === 'number' || typeof v === 'boolean'));
  return plain.length ? plain.slice(0, 6).map(([k, v]) => `${visible(k, 40)} ${visible(String(v), 60)}`).join(' · ') : visible(payload, PAYLOAD_SHOWN);
}

// sk/v1/<site>/<device>/<kind>/<name...>
export function readTopic(topic: string): { device: string; kind: string; name: string } {
  const parts = topic.split('/');
  if (parts.length < 6 || parts[0] !== 'sk' || parts[1] !== 'v1') return { device: '', kind: '', name: visible(topic, 120) };
  return { device: visible(parts[3] ?? '', 80), kind: parts[4] ?? '', name: visible(parts.slice(5).join('/'), 80) };
}

export function readReading(x: unknown): Reading | null {
  const d = mapOf(x);
  const topic = typeof d['topic'] === 'string' ? d['topic'] : '';
  const at = timeOf(d['at']);
  if (!topic || at === null) return null;
  return { topic, from: textOf(d['from']), payload: typeof d['payload'] === 'string' ? d['payload'] : '', flagged: d['flagged'] === true, at };
}

export const readReadings = (x: unknown): Reading[] => listOf(x).flatMap((r) => readReading(r) ?? []);

export class Readings {
  private series = new Map<string, Series>();

  // Older than what is known changes nothing: the list and the stream may cross.
  take(r: Reading): void {
    const before = this.series.get(r.topic);
    if (before && r.at <= before.at) {
      if (r.at === before.at && r.flagged !== before.flagged) before.flagged = r.flagged;
      return;
    }
    if (!before && this.series.size >= TOPICS_MAX) return;
    const value = readPayload(r.payload);
    // A new list each time: what was given out to be drawn never changes under the one who draws it.
    let history = before?.history ?? [];
    if (value.number !== null) history = [...history.slice(1 - HISTORY), { at: r.at, v: value.number }];
    const topic = readTopic(r.topic);
    const notice = topic.kind === 'm' ? '' : noticeOf(r.payload);
    this.series.set(r.topic, { topic: r.topic, ...topic, from: r.from, at: r.at, flagged: r.flagged, value, notice, history });
  }

  all(): Series[] {
    return [...this.series.values()];
  }
}

export type Realness = 'simulated' | 'real' | 'unstated';

export interface DeviceGroup {
  id: string;
  device: Device | null;
  group: Group | null;
  realness: Realness;
  readings: Series[]; // kind m
  notices: Series[]; // kinds e and a
  flagged: boolean;
}

const SOUND = ['attested', 'unattested'];
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

// Simulated when the model's group or the device itself says so. "Real" is said only beside something simulated, and only
// when the model knows the device's group: silence is no statement.
function realnessOf(series: readonly Series[], group: Group | null): Realness {
  if (group?.simulated || series.some((s) => s.value.simulated)) return 'simulated';
  return group ? 'real' : 'unstated';
}

function weight(g: DeviceGroup): number {
  if (g.device && !SOUND.includes(g.device.trust)) return 0;
  if (g.flagged) return 1;
  return g.readings.length ? 2 : 3;
}

// Every device that is registered or was heard; those in trouble first, then by name.
export function byDevice(all: readonly Series[], devices: readonly Device[], groups: readonly Group[]): DeviceGroup[] {
  const rows = new Map<string, Series[]>();
  for (const d of devices) if (d.role === 'device' || d.role === '') rows.set(d.id, []);
  for (const s of all) {
    const id = s.device || '?';
    const list = rows.get(id);
    if (list) list.push(s);
    else rows.set(id, [s]);
  }
  const known = new Map(devices.map((d) => [d.id, d]));
  const named = new Map(groups.map((g) => [g.id, g]));
  const out = [...rows].map(([id, series]): DeviceGroup => {
    const device = known.get(id) ?? null;
    const group = (device && named.get(device.group)) ?? null;
    const sorted = [...series].sort((a, b) => byText(a.name, b.name));
    return {
      id,
      device,
      group,
      realness: realnessOf(series, group),
      readings: sorted.filter((s) => s.kind === 'm'),
      notices: sorted.filter((s) => s.kind === 'a' || (s.kind === 'e' && !BETWEEN_MACHINES.has(s.name))).sort((a, b) => b.at - a.at),
      flagged: series.some((s) => s.flagged),
    };
  });
  return out.sort((a, b) => weight(a) - weight(b) || byText(a.id, b.id));
}

export interface Line {
  path: string;
  min: number;
  max: number;
  last: { x: number; y: number };
}

// The line's points in a width x height box: time across, value up; a flat line lies in the middle.
export function lineOf(points: readonly Point[], width: number, height: number, margin = 2): Line | null {
  const first = points[0];
  const final = points[points.length - 1];
  if (!first || !final || points.length < 2) return null;
  let min = first.v;
  let max = first.v;
  for (const p of points) {
    min = Math.min(min, p.v);
    max = Math.max(max, p.v);
  }
  const span = final.at - first.at || 1;
  const x = (p: Point): number => margin + ((p.at - first.at) / span) * (width - 2 * margin);
  const y = (p: Point): number => (max === min ? height / 2 : height - margin - ((p.v - min) / (max - min)) * (height - 2 * margin));
  const path = points.map((p, i) => `${i ? 'L' : 'M'}${x(p).toFixed(1)} ${y(p).toFixed(1)}`).join('');
  return { path, min, max, last: { x: x(final), y: y(final) } };
}

// The table twin: one row a second, newest first, one column a reading.
export function tableOf(readings: readonly Series[]): { at: number; cells: (string | null)[] }[] {
  const rows = new Map<number, (string | null)[]>();
  readings.forEach((s, i) => {
    for (const p of s.history) {
      const at = Math.floor(p.at / 1000) * 1000;
      let cells = rows.get(at);
      if (!cells) rows.set(at, (cells = readings.map(() => null)));
      cells[i] = String(p.v);
    }
  });
  return [...rows].sort((a, b) => b[0] - a[0]).slice(0, 2 * HISTORY).map(([at, cells]) => ({ at, cells }));
}

// One cell of CSV; a text that a spreadsheet would run as a formula is disarmed.
export function csvCell(text: string): string {
  const armed = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text);
  return `"${(armed ? "'" : '') + text.replace(/"/g, '""')}"`;
}

export function csvOf(readings: readonly Series[]): string {
  const rows = ['"device","reading","unit","at","value"'];
  for (const s of readings)
    for (const p of s.history)
      rows.push([s.device, s.name, s.value.unit, new Date(p.at).toISOString(), String(p.v)].map(csvCell).join(','));
  return rows.join('\r\n') + '\r\n';
}
