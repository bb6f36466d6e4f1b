// 警報: by cause, each explained; taken in hand with a reason; what could be done, shown before it is done; what is in force, undone.
import { useState } from 'preact/hooks';
import { post } from '../post';
import { me } from '../state';
import { type Alarm, type Cause, type Proposal, type Reaction, readAlarms, readCauses, readProposal, readReactions } from '../watching';
import { ww } from '../watching-words';
import { rowOf } from '../plain';
import { clock } from '../format';
import type { State } from '../documents';
import { Empty, Field, Mark, Moment, n, Pair, said, Section, Tag } from './parts';
import { useDoc } from './watching';

const SHOWN = 100;
const ALARMS_SHOWN = 8;
const MARKS: Record<string, State> = { low: 'within', medium: 'near', high: 'over', critical: 'over' };
const mayOperate = () => me.value !== null && me.value.roles.includes('operator');
export const titleOf = (doc: unknown, code: number): string => {
  const d = doc !== null && typeof doc === 'object' ? (doc as Record<string, unknown>) : {};
  return [d['title'], d['detail']].filter((x) => typeof x === 'string' && x).join(' — ') || String(code);
};

function Details({ rows }: { rows: readonly Alarm[] }) {
  const t = ww.value.alarms;
  return (
    <details>
      <summary>{t.details}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={t.details}>
        <table>
          <thead><tr><th scope="col">{t.when}</th><th scope="col">{t.what}</th><th scope="col">{t.norm}</th><th scope="col">{t.value}</th><th scope="col">{t.since}</th></tr></thead>
          <tbody>
            {rows.slice(0, ALARMS_SHOWN).map((a, i) => (
              <tr key={i}>
                <td>{a.at !== null ? <Moment ms={a.at} /> : '—'}</td>
                <td>{said(a.text)}</td>
                <td>{a.norm || '—'}</td>
                <td>{a.value || a.name || '—'}</td>
                <td>{a.since !== null ? <Moment ms={a.since} /> : '—'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Take({ p, cause, onDone }: { p: Proposal; cause: string; onDone: () => void }) {
  const t = ww.value.alarms;
  const [reason, setReason] = useState('');
  const [minutes, setMinutes] = useState('60');
  const [told, setTold] = useState('');
  const take = async (measure: string) => {
    const { status, doc } = await post('/api/v1/reactions', { device: p.device, measure, minutes: Number.parseInt(minutes, 10) || 0, reason: reason.trim(), cause });
    setTold(status === 200 ? t.taken(String((doc as Record<string, unknown>)['id'] ?? '')) : ww.value.refused + titleOf(doc, status));
    if (status === 200) onDone();
  };
  return (
    <div class="proposal">
      <p>{p.touched.length ? p.touched.map((x, i) => <span key={i}>{i ? '、' : `${t.mission}: `}{said(x.mission)} / {said(x.name)} ({x.percent} %)</span>) : t.noMission}</p>
      <p>{said(p.goesOn)}{p.safe.length ? <> {t.safe}: <code>{p.safe.join(', ')}</code></> : null}</p>
      <Field label={ww.value.reason} value={reason} onValue={setReason} autocomplete="off" />
      <Field label={t.minutes} value={minutes} onValue={setMinutes} autocomplete="off" />
      <ul class="plain-list">
        {p.measures.map((m) => (
          <li key={m.measure} class={`measure measure-${m.measure}`}>
            <strong>{said(m.name)}</strong> {said(m.stops)} {m.possible ? null : <Tag kind="flag">{t.impossible}</Tag>}
            <p class="buttons"><button type="button" disabled={!m.possible || !reason.trim() || !mayOperate()} onClick={() => void take(m.measure)} aria-label={`${t.take}: ${said(m.name)}`}>{t.take}</button></p>
          </li>
        ))}
      </ul>
      <div role="status">{told ? <p class="banner">{told}</p> : null}</div>
    </div>
  );
}

function CauseCard({ c, rows, onChange }: { c: Cause; rows: readonly Alarm[]; onChange: () => void }) {
  const t = ww.value.alarms;
  const [reason, setReason] = useState('');
  const [told, setTold] = useState('');
  const [proposal, setProposal] = useState<Proposal | null>(null);
  const ack = async () => {
    const { status, doc } = await post(`/api/v1/causes/${encodeURIComponent(c.cause)}/ack`, { reason: reason.trim() });
    setTold(status === 200 ? t.acked : ww.value.refused + titleOf(doc, status));
    if (status === 200) onChange();
  };
  const propose = async () => {
    try {
      const r = await fetch(`/api/v1/reactions/${encodeURIComponent(c.device)}`, { headers: { Accept: 'application/json' } });
      if (!r.ok) throw new Error(String(r.status));
      setProposal(readProposal(await r.json()));
      setTold('');
    } catch (e) {
      setTold(ww.value.refused + String(e instanceof Error ? e.message : e));
    }
  };
  return (
    <li class="cause" id={`cause-${c.cause}`}>
      <div class="tags">
        <Mark state={MARKS[c.level] ?? 'unknown'} />
        <Tag kind={c.open ? 'strong' : 'plain'}>{said(c.state)}</Tag>
        <Tag kind="id">{rowOf(t.levels, c.level) ?? c.level}</Tag>
        <span>{t.times(n(c.count))}</span>
        {c.by ? <span class="quiet">{t.hand(c.by)}</span> : null}
        {c.dead ? <Tag kind="flag">{t.dead(n(c.dead))}</Tag> : null}
      </div>
      <h3>{said(c.text)}</h3>
      <dl class="pairs">
        {c.device ? <Pair name={t.device}>{c.device}</Pair> : null}
        {c.group ? <Pair name={t.group}>{c.group}</Pair> : null}
        <Pair name={t.since}>{c.first !== null ? <Moment ms={c.first} /> : '—'}</Pair>
        <Pair name={t.last}>{c.last !== null ? <Moment ms={c.last} /> : '—'}</Pair>
      </dl>
      {rows.length ? <Details rows={rows} /> : null}
      {c.open && mayOperate() ? (
        <div class="refuse">
          <Field label={ww.value.reason} value={reason} onValue={setReason} autocomplete="off" />
          <button type="button" class="ack" disabled={!reason.trim()} onClick={() => void ack()}>{t.ack}</button>
        </div>
      ) : null}
      {c.device ? <p class="buttons"><button type="button" class="propose" onClick={() => void propose()}>{t.propose}</button></p> : null}
      {proposal ? <Take p={proposal} cause={c.what} onDone={onChange} /> : null}
      <div role="status">{told ? <p class="banner">{told}</p> : null}</div>
    </li>
  );
}

function Running({ r, onChange }: { r: Reaction; onChange: () => void }) {
  const t = ww.value.alarms;
  const [reason, setReason] = useState('');
  const [told, setTold] = useState('');
  const undo = async () => {
    const { status, doc } = await post(`/api/v1/reactions/${encodeURIComponent(r.id)}/undo`, { reason: reason.trim() });
    setTold(status === 200 ? t.undone : ww.value.refused + titleOf(doc, status));
    if (status === 200) onChange();
  };
  return (
    <li class="cause" id={`reaction-${r.id}`}>
      <div class="tags"><Tag kind="id">{r.id}</Tag><strong>{r.device}</strong><span>{said(r.name)}</span>{r.until !== null ? <Tag kind="flag">{t.until(clock(r.until))}</Tag> : null}</div>
      <p>{r.why} <span class="quiet">({r.rule ? `${t.rule(r.rule)}, ` : ''}{r.by})</span></p>
      {mayOperate() ? (
        <div class="refuse">
          <Field label={ww.value.reason} value={reason} onValue={setReason} autocomplete="off" />
          <button type="button" class="undo" disabled={!reason.trim()} onClick={() => void undo()}>{t.undo}</button>
        </div>
      ) : null}
      <div role="status">{told ? <p class="banner">{told}</p> : null}</div>
    </li>
  );
}

export function AlarmsPage() {
  const t = ww.value.alarms;
  const causes = useDoc('/api/v1/causes', readCauses);
  const alarms = useDoc('/api/v1/alerts', readAlarms);
  const reactions = useDoc('/api/v1/reactions', readReactions);
  const changed = () => {
    causes.again();
    reactions.again();
  };
  const running = (reactions.value ?? []).filter((r) => r.inForce);
  return (
    <>
      <Section id="alarms" title={t.title}>
        <p>{t.lead}</p>
        {causes.failed ? <p class="banner banner-stale">{ww.value.failed}</p> : null}
        {causes.value === null ? <p role="status">{ww.value.loading}</p> : causes.value.length === 0 ? <Empty text={t.none} /> : null}
        <ul class="plain-list">
          {(causes.value ?? []).slice(0, SHOWN).map((c) => (
            <CauseCard key={c.cause} c={c} onChange={changed} rows={(alarms.value ?? []).filter((a) => a.what === c.what && a.device === c.device)} />
          ))}
        </ul>
      </Section>
      <Section id="reactions" title={t.running}>
        {running.length ? <ul class="plain-list">{running.map((r) => <Running key={r.id} r={r} onChange={changed} />)}</ul> : <Empty text={t.noneRunning} />}
      </Section>
    </>
  );
}
