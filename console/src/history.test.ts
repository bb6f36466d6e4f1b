import { describe, expect, it } from 'vitest';
import { chartOf, csvOfPoints, type HistoryPoint, type Interval, linesOf, merge, pathOf, readIntervals, readPoints, runs } from './history';

const at = (ms: number, v: number): Interval => ({ ms, n: 2, min: v - 10, max: v + 10, sum: 2 * v, first: ms, last: ms + 1 });
const point: HistoryPoint = { index: 7, ms: 0, recordedMs: 5, value: 1.5, text: '', unit: 'm', flagged: true, reduced: false };

describe('history', () => {
  it('adds up the pieces of an interval', () => {
    const m = new Map<number, Interval>();
    merge(m, [at(0, 100)]);
    merge(m, [at(0, 300), at(60, 1)]);
    expect(m.get(0)).toEqual({ ms: 0, n: 4, min: 90, max: 310, sum: 800, first: 0, last: 1 });
    expect(m.size).toBe(2);
  });
  it('breaks the line where nothing was recorded', () => {
    const all = [at(0, 1), at(60, 2), at(240, 3), at(300, 4), at(600, 5)];
    expect(runs(all, 60).map((r) => r.length)).toEqual([2, 2, 1]);
    const c = chartOf(all, { width: 660, height: 100, fromMs: 0, toMs: 660, everyMs: 60 });
    expect(c?.gaps.map((g) => [g.fromMs, g.toMs])).toEqual([[120, 240], [360, 600]]);
    expect(chartOf([at(600, 1)], { width: 1, height: 1, fromMs: 0, toMs: 1200, everyMs: 60 })?.gaps.map((g) => [g.fromMs, g.toMs])).toEqual([[0, 600], [660, 1200]]);
    expect(c?.runs.filter((r) => r.only).length).toBe(1);
    expect(c?.runs[0]?.line).toMatch(/^M30\.0 [\d.]+L90\.0 [\d.]+$/);
    expect(chartOf([], { width: 1, height: 1, fromMs: 0, toMs: 1, everyMs: 1 })).toBeNull();
  });
  it('draws one value in the middle', () => {
    const c = chartOf([{ ...at(0, 1), min: 1, max: 1 }], { width: 10, height: 100, fromMs: 0, toMs: 60, everyMs: 60 });
    expect(c?.runs[0]?.only).toEqual({ x: 5, y: 50 });
  });
  it('reads what the site says, whatever it is', () => {
    expect(readIntervals({ intervals: [{ ms: 1, n: 0 }, { ms: 2, n: 1, sum_milli: '5' }, 3] })).toHaveLength(1);
    expect(readIntervals(null)).toEqual([]);
    expect(readPoints({ points: [{ index: 3, milli: -1500 }, { text: 'x' }] }).map((p) => [p.value, p.text])).toEqual([[-1.5, ''], [null, 'x']]);
  });
  it('saves points so that no spreadsheet runs them', () => {
    expect(csvOfPoints('a/b', [point, { ...point, value: null, text: '=1+1' }])).toContain(`"'=1+1"`);
    expect(JSON.parse(linesOf('a/b', [point]))).toMatchObject({ time: '1970-01-01T00:00:00.000Z', value: 1.5, entry: 7, flagged: true });
  });
  it('asks for days as they are here', () => {
    expect(pathOf({ topic: 'a b/+', fromMs: 0, toMs: 1000, every: '1d' }, 5, 540)).toBe(
      '/api/v1/history?topic=a%20b%2F%2B&from=1970-01-01T00%3A00%3A00.000Z&to=1970-01-01T00%3A00%3A01.000Z&every=1d&zone=540&after=5');
  });
});
