// The two inputs with a slider each, and the loss curve: worked out by the site when asked, stored nowhere.
import { useEffect, useRef, useState } from 'preact/hooks';
import { hours } from '../format';
import { ask, changeOf, type Curve, type CurvePoint, type Hangs, hundredthOf, type Insight, readCurve, readTried, type Tried, valueAt } from '../insight';
import { mw } from '../mission-words';
import { lang, w } from '../state';
import { Mark, said } from './parts';
import { ends, yenShort, yenShortEn } from './insight';

const WAIT_MS = 150;

function valueText(h: Hangs, v: number): string {
  const ja = lang.value === 'ja';
  if (h.kind === 'control') return `${Math.floor(v / 10)} %`;
  if (h.kind === 'rate') return ja ? `年 ${(v / 1e9).toFixed(3)} 回` : `${(v / 1e9).toFixed(3)} a year`;
  return ja ? `${yenShort(v)}円` : `${yenShortEn(v)} yen`;
}

function Slider({ h, value, onValue }: { h: Hangs; value: number; onValue: (v: number) => void }) {
  const t = mw.value.hangs;
  return (
    <div class="slider">
      <label for={`try-${h.kind}-${h.id}`}><strong>{h.id} {said(h.name)}</strong> <span class="quiet">{said(h.kindWords)}</span></label>
      <p class="quiet">{ends(h)}</p>
      <div class="slider-row">
        <span class="small">{said(h.lowText)}</span>
        <input id={`try-${h.kind}-${h.id}`} type="range" min="0" max="100" value={hundredthOf(h, value)} aria-valuetext={valueText(h, value)}
          onInput={(e) => onValue(valueAt(h, Number(e.currentTarget.value)))} />
        <span class="small">{said(h.highText)}</span>
      </div>
      <p class="small">{t.now}: {said(h.nowText)}{value !== h.now ? <> → <strong>{valueText(h, value)}</strong></> : null}</p>
      {h.author ? <p class="quiet">{t.judged(h.author, h.source, h.reviewed)}</p> : null}
    </div>
  );
}

function Outcome({ title, x }: { title: string; x: Tried }) {
  const t = mw.value.hangs;
  return (
    <div class={`tried state-${x.state}`}>
      <h3>{title}</h3>
      <p class="sentence-small"><Mark state={x.state} /> {w.value.states[x.state]} · {t.used(`${Math.floor(x.usedMille / 10)} %`)}</p>
      <p>{said(x.sentence)}</p>
      <p class="small">{t.hours(hours(x.hoursMille))} · {said(x.money)}</p>
    </div>
  );
}

export function Trying({ x }: { x: Insight }) {
  const t = mw.value.hangs;
  const [values, setValues] = useState<number[]>(x.hangsOn.map((h) => h.now));
  const [got, setGot] = useState<{ asIs: Tried; tried: Tried } | null>(null);
  const [told, setTold] = useState<'' | 'trying' | 'failed'>('');
  const turn = useRef(0);
  const same = x.hangsOn.every((h, i) => values[i] === undefined || values[i] === h.now);
  useEffect(() => {
    if (same) return;
    const mine = ++turn.current;
    setTold('trying');
    const timer = window.setTimeout(async () => {
      const set = x.hangsOn.flatMap((h, i) => (values[i] === undefined || values[i] === h.now ? [] : [changeOf(h, values[i] ?? h.now)]));
      const answer = await ask(`/api/v1/missions/${encodeURIComponent(x.id)}/what-if?set=${encodeURIComponent(set.join(','))}`, readTried);
      if (mine !== turn.current) return;
      setTold(answer ? '' : 'failed');
      if (answer) setGot(answer);
    }, WAIT_MS);
    return () => window.clearTimeout(timer);
  }, [values.join(',')]);
  return (
    <>
      <p class="small">{t.lead}</p>
      <div class="two">
        {x.hangsOn.map((h, i) => (
          <Slider key={h.kind + h.id} h={h} value={values[i] ?? h.now} onValue={(v) => setValues(x.hangsOn.map((o, k) => (k === i ? v : values[k] ?? o.now)))} />
        ))}
      </div>
      <div class="outcome" role="status">
        {told ? <p class="small">{told === 'trying' ? t.trying : t.failed}</p> : null}
        {got && !same ? <div class="two"><Outcome title={t.asIs} x={got.asIs} /><Outcome title={t.tried} x={got.tried} /></div> : null}
      </div>
      {same ? null : <button type="button" onClick={() => setValues(x.hangsOn.map((h) => h.now))}>{t.reset}</button>}
    </>
  );
}

const W = 640;
const H = 240;
const LEFT = 56;
const BOTTOM = 34;

function Lines({ c }: { c: Curve }) {
  const t = mw.value.curve;
  const all = [...c.expected, ...c.decision];
  const last = Math.max(1, ...c.decision.map((p) => p.yen));
  const most = Math.max(1, ...all.map((p) => p.overPpm));
  const px = (yen: number) => LEFT + (Math.min(yen, last) / last) * (W - LEFT - 10);
  const py = (ppm: number) => 8 + (1 - ppm / most) * (H - BOTTOM - 8);
  const path = (line: readonly CurvePoint[]) => line.map((p, i) => `${i ? 'L' : 'M'}${px(p.yen).toFixed(1)} ${py(p.overPpm).toFixed(1)}`).join(' ');
  const money = (yen: number) => (lang.value === 'ja' ? `${yenShort(yen)}円` : `${yenShortEn(yen)} yen`);
  return (
    <svg class="curve" viewBox={`0 0 ${W} ${H}`} role="img" aria-labelledby="curve-title curve-text">
      <title id="curve-title">{t.picture}</title>
      <desc id="curve-text">{`${t.expected}, ${t.decision}, ${t.tolerance} ${money(c.toleranceYen)}`}</desc>
      {[0, 0.5, 1].map((f) => <text key={f} class="chart-text" x={LEFT - 6} y={py(most * f) + 4} text-anchor="end">{(most * f / 10000).toFixed(most < 100000 ? 1 : 0)} %</text>)}
      {[0, 0.5, 1].map((f) => <text key={f} class="chart-text" x={px(last * f)} y={H - 14} text-anchor={f === 1 ? 'end' : f ? 'middle' : 'start'}>{money(last * f)}</text>)}
      <line class="axis" x1={LEFT} x2={W - 10} y1={H - BOTTOM} y2={H - BOTTOM} />
      <path class="line-expected" d={path(c.expected)} />
      <path class="line-decision" d={path(c.decision)} />
      <line class="tolerance-line" x1={px(c.toleranceYen)} x2={px(c.toleranceYen)} y1="4" y2={H - BOTTOM} />
    </svg>
  );
}

export function CurveOnDemand({ id }: { id: string }) {
  const t = mw.value.curve;
  const [c, setCurve] = useState<Curve | null>(null);
  const [failed, setFailed] = useState(false);
  const show = async () => {
    const got = await ask(`/api/v1/missions/${encodeURIComponent(id)}/curve`, readCurve);
    setCurve(got);
    setFailed(!got);
  };
  if (!c) return <p><button type="button" id="show-curve" onClick={() => void show()}>{t.show}</button> <span role="status">{failed ? mw.value.hangs.failed : ''}</span></p>;
  return (
    <>
      <Lines c={c} />
      <p class="legend"><span class="key key-expected" aria-hidden="true" /> {t.expected} <span class="key key-decision" aria-hidden="true" /> {t.decision} <span class="key key-tolerance" aria-hidden="true" /> {t.tolerance}</p>
      <p class="quiet">{said(c.text)}</p>
      <details>
        <summary>{mw.value.waterfall.table}</summary>
        <table>
          <thead><tr><th scope="col">{t.yen}</th><th scope="col">{t.chance} ({t.expected})</th><th scope="col">{t.chance} ({t.decision})</th></tr></thead>
          <tbody>
            {c.decision.filter((_, i) => i % 4 === 0).map((p, i) => (
              <tr key={p.yen}><th scope="row" class="number">{lang.value === 'ja' ? `${yenShort(p.yen)}円` : `${yenShortEn(p.yen)} yen`}</th><td class="number">{((c.expected[i * 4]?.overPpm ?? 0) / 10000).toFixed(1)} %</td><td class="number">{(p.overPpm / 10000).toFixed(1)} %</td></tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}
