// What a mission's figure is made of, as pictures with a table beside each: no judgement of its own, only drawing.
import { useState } from 'preact/hooks';
import { moment } from '../format';
import type { Hangs, Insight, Step } from '../insight';
import { mw } from '../mission-words';
import { siteNow } from '../state';
import { Mark, n, said } from './parts';

const share = (mille: number): string => `${Math.floor(mille / 10)} %`;
export const sized = (s: Step): string => `${s.yen < 0 ? '−' : '+'}${said(s.money)}`;
const perYear = (ppb: number): string => `${ppb < 0 ? '−' : '+'}${(Math.abs(ppb) / 1e9).toFixed(2)}`;

export const yenShort = (yen: number): string => (yen >= 1e8 ? `${(yen / 1e8).toFixed(1)}億` : `${Math.round(yen / 1e4)}万`);
export const yenShortEn = (yen: number): string => `${(yen / 1e6).toFixed(yen >= 1e7 ? 0 : 1)} M`;

export function Answer({ x }: { x: Insight }) {
  return (
    <div class={`answer answer-${x.answer}`}>
      <p class="answer-question">{mw.value.question}</p>
      <p class="answer-words"><Mark state={x.state} /> {said(x.answerText)}</p>
      <Hanging x={x} />
    </div>
  );
}

// Service first, money beside it.
export function ends(h: Hangs): string {
  const t = mw.value.hangs;
  const both = (service: string, money: string) => (service ? `${service}${t.beside(money)}` : money);
  return t.ends(both(said(h.goodService), said(h.good)), both(said(h.badService), said(h.bad)));
}

// The two inputs in words, each with both its ends.
function Hanging({ x }: { x: Insight }) {
  if (!x.hangsOn.length) return null;
  return (
    <>
      <p class="answer-hangs">{mw.value.hangsShort}</p>
      <ol class="hangs-short">
        {x.hangsOn.map((h) => (
          <li key={h.kind + h.id}>
            <strong>{h.id} {said(h.name)}</strong> <span class="quiet">{said(h.kindWords)} · {mw.value.hangs.now} {said(h.nowText)} · {ends(h)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

interface Bar {
  key: string;
  label: string;
  from: number;
  to: number;
  kind: 'whole' | 'down' | 'up';
}

function barsOf(x: Insight, steps: readonly Step[]): Bar[] {
  const t = mw.value.waterfall;
  let at = x.inherentYen;
  const bars: Bar[] = [{ key: 'inherent', label: t.inherent, from: 0, to: at, kind: 'whole' }];
  for (const s of steps) {
    if (!s.yen) continue;
    bars.push({ key: s.kind + s.id, label: `${s.id} ${said(s.name)}`, from: at, to: at + s.yen, kind: s.yen < 0 ? 'down' : 'up' });
    at += s.yen;
  }
  bars.push({ key: 'residual', label: t.residual, from: 0, to: x.residualYen, kind: 'whole' });
  return bars;
}

const WIDTH = 720;
const LABEL = 330;
const ROW = 26;

// As much as the room beside the bars holds: a Japanese letter is about twice as wide as a Latin one.
function fitted(label: string): string {
  let room = 44;
  for (const [i, c] of [...label].entries()) {
    room -= c.charCodeAt(0) > 0x2e80 ? 2 : 1.15;
    if (room < 0) return `${[...label].slice(0, i - 1).join('')}…`;
  }
  return label;
}

function Picture({ x, bars }: { x: Insight; bars: readonly Bar[] }) {
  const t = mw.value.waterfall;
  const most = Math.max(1, x.toleranceYen, ...bars.map((b) => Math.max(b.from, b.to)));
  const at = (yen: number) => LABEL + (Math.max(0, yen) / most) * (WIDTH - LABEL - 8);
  const height = bars.length * ROW + 26;
  return (
    <svg class="waterfall" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-labelledby="waterfall-title waterfall-text">
      <title id="waterfall-title">{t.picture}</title>
      <desc id="waterfall-text">{`${t.inherent} ${said(x.inherent)}, ${t.residual} ${said(x.residual)}, ${t.tolerance} ${said(x.tolerance)}`}</desc>
      {bars.map((b, i) => {
        const [low, high] = [Math.min(b.from, b.to), Math.max(b.from, b.to)];
        return (
          <g key={b.key}>
            <text x={LABEL - 8} y={i * ROW + 17} text-anchor="end" class="chart-text">{fitted(b.label)}</text>
            <rect class={`fall fall-${b.kind}`} x={at(low)} y={i * ROW + 4} width={Math.max(1.5, at(high) - at(low))} height={ROW - 8} />
          </g>
        );
      })}
      <line class="tolerance-line" x1={at(x.toleranceYen)} x2={at(x.toleranceYen)} y1="0" y2={height - 22} />
      <text class="chart-text tolerance-text" x={at(x.toleranceYen)} y={height - 6} text-anchor="middle">{t.tolerance}</text>
    </svg>
  );
}

export function Waterfall({ x }: { x: Insight }) {
  const t = mw.value.waterfall;
  const bars = barsOf(x, x.steps);
  return (
    <>
      <p class="small">{t.lead}</p>
      <p class="small">{t.inherent} <strong>{said(x.inherent)}</strong> → {t.residual} <strong>{said(x.residual)}</strong> · {t.tolerance} {said(x.tolerance)}</p>
      <Picture x={x} bars={bars} />
      <details>
        <summary>{t.table}</summary>
        <div class="sideways" tabIndex={0} role="group" aria-label={t.table}>
          <table>
            <thead><tr><th scope="col">{t.item}</th><th scope="col">{t.service}</th><th scope="col">{t.change}</th><th scope="col">{t.evidence}</th></tr></thead>
            <tbody>
              <tr><th scope="row">{t.inherent}</th><td /><td class="number">{said(x.inherent)}</td><td /></tr>
              {x.steps.map((s) => (
                <tr key={s.kind + s.id}>
                  <th scope="row">{s.id} {said(s.name)}</th>
                  <td class="number">{perYear(s.outagesPpb)}</td>
                  <td class="number">{sized(s)}</td>
                  <td>{said(s.now)}</td>
                </tr>
              ))}
              <tr><th scope="row">{t.residual}</th><td /><td class="number">{said(x.residual)}</td><td /></tr>
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

export function Threats({ x, most }: { x: Insight; most?: number }) {
  const t = mw.value.waterfall;
  const rows = [...x.threats].sort((a, b) => b.yen - a.yen).slice(0, most ?? x.threats.length);
  const all = Math.max(1, ...rows.map((r) => r.yen));
  return (
    <div class="sideways" tabIndex={0} role="group" aria-label={t.threats}>
      <table>
        <thead><tr><th scope="col">{t.threat}</th><th scope="col">{t.rank}</th><th scope="col">{t.open}</th><th scope="col" colSpan={2}>{t.left}</th></tr></thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.id}>
              <th scope="row">{r.id} {said(r.name)}</th>
              <td>{r.rank}</td>
              <td class="number">{Math.round(r.bypassPpb / 1e7)} %</td>
              <td class="number">{said(r.money)}</td>
              <td class="inbar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="fall fall-whole" x="0" y="0" width={(r.yen / all) * 100} height="10" /></svg></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Steps({ title, rows }: { title: string; rows: readonly Step[] }) {
  const t = mw.value.moved;
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, 5);
  return (
    <>
      <h3>{title}</h3>
      {rows.length ? (
        <ul class="moved">
          {shown.map((s) => (
            <li key={s.kind + s.id} class={s.yen > 0 || s.outagesPpb > 0 ? 'worse' : 'better'}>
              <strong>{s.id} {said(s.name)}</strong> {s.yen ? sized(s) : `${perYear(s.outagesPpb)} ${mw.value.moved.perYear}`}
              <span class="quiet">
                {s.kind === 'control' ? <> {t.was(share(s.wasMille), share(s.nowMille))} · {said(s.now)}</> : null}
              </span>
            </li>
          ))}
        </ul>
      ) : <p>{t.none}</p>}
      {rows.length > shown.length ? <button type="button" onClick={() => setAll(true)}>{mw.value.sheet.more(n(rows.length - shown.length))}</button> : null}
    </>
  );
}

export function Moved({ x }: { x: Insight }) {
  const t = mw.value.moved;
  const when = (ms: number | null) => (ms === null ? '' : moment(ms, siteNow.value));
  if (!x.decided && !x.moved) return <p>{t.unknown}</p>;
  return (
    <div class="two">
      {x.decided ? <div><Steps title={t.decided(x.decision, when(x.decisionAt))} rows={x.decided} /></div> : null}
      {x.moved ? <div><Steps title={t.since(x.movedSince, when(x.movedSinceAt))} rows={x.moved} /></div> : null}
    </div>
  );
}

export function Misuse() {
  const t = mw.value.misuse;
  return (
    <aside class="misuse" aria-labelledby="misuse-title">
      <h2 id="misuse-title">{t.title}</h2>
      <ul>{t.rows.map((r) => <li key={r}>{r}</li>)}</ul>
    </aside>
  );
}
