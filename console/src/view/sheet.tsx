// The A3 sheet: causes, the controls before them, the service, what limits the consequence, the consequence; on one page.
import { useEffect, useState } from 'preact/hooks';
import { type Control, type ModelParts, readAlternatives, readControls } from '../cases';
import { hours } from '../format';
import { ask, type Insight } from '../insight';
import { mw } from '../mission-words';
import { Mark, n, said } from './parts';
import { Paper } from './papers';
import { Waterfall } from './insight';
import { Options } from './options';

const CAUSES = 8;

function Causes({ x }: { x: Insight }) {
  const t = mw.value.sheet;
  const rows = [...x.threats].sort((a, b) => b.yen - a.yen);
  return (
    <div class="bow">
      <h3>{t.causes}</h3>
      <ul class="plain-list">{rows.slice(0, CAUSES).map((r) => <li key={r.id} class="bow-box">{r.id} {said(r.name)} <span class="quiet">{r.rank} · {said(r.money)}</span></li>)}</ul>
      {rows.length > CAUSES ? <p class="small">{t.more(n(rows.length - CAUSES))}</p> : null}
    </div>
  );
}

function Barriers({ controls }: { controls: readonly Control[] }) {
  const t = mw.value.sheet;
  const state = (c: Control) => (c.fail ? 'over' : c.assets === 0 || c.pass < c.assets ? 'unknown' : 'within');
  return (
    <div class="bow">
      <h3>{t.controls}</h3>
      <ul class="plain-list">{controls.map((c) => <li key={c.id} class={`bow-box barrier-${state(c)}`}><Mark state={state(c)} /> {c.id} {said(c.name)} <span class="quiet">{n(c.pass)} / {n(c.assets)}</span></li>)}</ul>
    </div>
  );
}

function Service({ x }: { x: Insight }) {
  return (
    <div class="bow bow-middle">
      <h3>{mw.value.sheet.service}</h3>
      <p class="bow-service"><Mark state={x.state} /> {said(x.name)}<br /><span class="small">{said(x.sentence)}</span></p>
    </div>
  );
}

function Fallbacks({ parts, x }: { parts: ModelParts; x: Insight }) {
  const t = mw.value.sheet;
  return (
    <div class="bow">
      <h3>{t.fallbacks}</h3>
      {x.functions.map((f) => (
        <div key={f.id}>
          <h4>{said(f.name)}</h4>
          <ul class="plain-list">
            {(parts.functions.find((p) => p.id === f.id)?.alternatives ?? []).map((a) => (
              <li key={a.name.en} class="bow-box">{said(a.name)} <span class="quiet">{t.hours(a.hours)} · {a.drilled ? t.drilled(a.drilled) : t.notDrilled}</span></li>
            ))}
          </ul>
        </div>
      ))}
    </div>
  );
}

function Consequences({ x }: { x: Insight }) {
  const t = mw.value.sheet;
  return (
    <div class="bow">
      <h3>{t.consequences}</h3>
      <ul class="plain-list">
        {x.functions.map((f) => (
          <li key={f.id} class="bow-box">
            <strong>{said(f.name)}</strong> {f.households ? t.households(n(f.households)) : ''}<br />
            <span class="small">{t.outage(said(f.expected), said(f.decision))} · {mw.value.hangs.hours(hours(f.hoursDecisionMille))}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function Sheet({ x }: { x: Insight }) {
  const t = mw.value.sheet;
  const [controls, setControls] = useState<Control[]>([]);
  const [parts, setParts] = useState<ModelParts>({ functions: [] });
  useEffect(() => {
    void ask('/api/v1/controls', readControls).then((c) => c && setControls(c));
    void ask('/api/v1/model', readAlternatives).then((p) => p && setParts(p));
  }, [x.asOf]);
  return (
    <Paper kind="sheet" title={`${t.title} — ${said(x.name)}`}>
      <div class="bowtie" role="group" aria-label={t.picture}>
        <Causes x={x} /><Barriers controls={controls} /><Service x={x} /><Fallbacks parts={parts} x={x} /><Consequences x={x} />
      </div>
      <div class="two">
        <div><h3>{mw.value.waterfall.title}</h3><Waterfall x={x} /></div>
        <div><h3>{mw.value.options.title}</h3><Options x={x} /></div>
      </div>
    </Paper>
  );
}
