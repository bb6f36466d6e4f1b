// 作業申請: asked for, approved by a signature, begun and ended by the supervisor.
import { useState } from 'preact/hooks';
import { clock } from '../format';
import { post } from '../post';
import { me, siteNow, status, toSign } from '../state';
import { permitDraft, readWorks, type Work } from '../watching';
import { ww } from '../watching-words';
import { titleOf } from './alarms';
import { Empty, Field, Line, Moment, n, Pair, said, Section, Tag } from './parts';
import { maySign } from './signing';
import { useDoc } from './watching';

const FIELDS = ['subject', 'person', 'company', 'stream', 'number', 'supervisor', 'purpose'] as const;
const APPROVERS = ['mission-owner', 'asset-owner'];

function Ask({ onChange }: { onChange: () => void }) {
  const t = ww.value.work;
  const [given, setGiven] = useState<Record<string, string>>({});
  const [minutes, setMinutes] = useState('120');
  const [told, setTold] = useState('');
  const ask = async (ev: Event) => {
    ev.preventDefault();
    const until = new Date(siteNow.value + (Number.parseInt(minutes, 10) || 0) * 60000).toISOString();
    const body = Object.fromEntries(FIELDS.map((f) => [f, (given[f] ?? '').trim()]));
    const { status: code, doc } = await post('/api/v1/work', { ...body, until });
    setTold(code === 200 ? t.asked(String((doc as Record<string, unknown>)['id'] ?? '')) : ww.value.refused + titleOf(doc, code));
    if (code === 200) onChange();
  };
  return (
    <details class="account" id="work-ask">
      <summary>{t.ask}</summary>
      <form onSubmit={(e) => void ask(e)}>
        {FIELDS.map((f) => <Field key={f} label={t.fields[f] ?? f} value={given[f] ?? ''} onValue={(v) => setGiven({ ...given, [f]: v })} autocomplete="off" />)}
        <Field label={t.minutes} value={minutes} onValue={setMinutes} autocomplete="off" />
        <p class="buttons"><button type="submit" class="do">{t.ask}</button></p>
      </form>
      <div role="status">{told ? <p class="banner">{told}</p> : null}</div>
    </details>
  );
}

function Steps({ w, onChange }: { w: Work; onChange: () => void }) {
  const t = ww.value.work;
  const [reason, setReason] = useState('');
  const [told, setTold] = useState('');
  const step = async (verb: string) => {
    const { status: code, doc } = await post(`/api/v1/work/${encodeURIComponent(w.id)}/${verb}`, reason.trim() ? { reason: reason.trim() } : {});
    setTold(code === 200 ? '' : ww.value.refused + titleOf(doc, code));
    if (code === 200) onChange();
  };
  const open = w.state === 'requested' || w.state === 'approved';
  return (
    <>
      {open || w.state === 'started' ? <Field label={ww.value.reason} value={reason} onValue={setReason} autocomplete="off" /> : null}
      <p class="buttons">
        {w.state === 'approved' ? <button type="button" class="work-start" onClick={() => void step('start')}>{t.start}</button> : null}
        {w.state === 'started' ? <button type="button" class="work-stop" onClick={() => void step('stop')}>{t.stop}</button> : null}
        {open ? <button type="button" class="work-refuse" disabled={!reason.trim()} onClick={() => void step('refuse')}>{t.refuse}</button> : null}
      </p>
      <div role="status">{told ? <p class="banner">{told}</p> : null}</div>
    </>
  );
}

function Card({ w, onChange }: { w: Work; onChange: () => void }) {
  const t = ww.value.work;
  const who = me.value;
  const sign = () => { toSign.value = permitDraft(status.value?.site ?? '', w, new Date(siteNow.value)); };
  return (
    <li class="cause" id={`work-${w.id}`}>
      <div class="tags"><Tag kind="id">{w.id}</Tag><Tag kind={w.state === 'started' ? 'strong' : 'plain'}>{said(w.said)}</Tag><span>{w.number}</span></div>
      <h3>{w.person}{w.company ? ` (${w.company})` : ''} — {w.subject}</h3>
      <dl class="pairs">
        <Pair name={t.purpose}>{w.purpose}</Pair>
        <Pair name={t.stream}><code>{w.stream}</code></Pair>
        <Pair name={t.window}>{w.from !== null ? <Moment ms={w.from} /> : '—'} – {w.until !== null ? clock(w.until) : '—'}</Pair>
        <Pair name={t.supervisor}>{w.supervisor}</Pair>
        <Pair name={t.requester}>{w.requester}</Pair>
      </dl>
      {w.unusual ? <p>{t.unusual(n(w.unusual))}</p> : null}
      {w.state === 'requested' ? <Line label={t.approveLine} text={`sekimori work approve ${w.id} --key KEY`} /> : null}
      {w.state === 'requested' && who && maySign(who) && who.roles.some((r) => APPROVERS.includes(r)) ? <p class="buttons"><button type="button" class="do" onClick={sign}>{t.sign}</button></p> : null}
      <Steps w={w} onChange={onChange} />
      <details>
        <summary>{t.steps}</summary>
        <ul>{w.steps.map((s, i) => <li key={i}>{s.at !== null ? <Moment ms={s.at} /> : '—'} {said(s.said)} · {s.by}{s.why ? `: ${s.why}` : ''}</li>)}</ul>
      </details>
    </li>
  );
}

export function WorkPage() {
  const t = ww.value.work;
  const works = useDoc('/api/v1/work', readWorks);
  return (
    <Section id="work" title={t.title}>
      <p>{t.lead}</p>
      <Ask onChange={works.again} />
      {works.failed ? <p class="banner banner-stale">{ww.value.failed}</p> : null}
      {works.value === null ? <p role="status">{ww.value.loading}</p> : works.value.length === 0 ? <Empty text={t.none} /> : null}
      <ul class="plain-list">{(works.value ?? []).slice(0, 200).map((w) => <Card key={w.id} w={w} onChange={works.again} />)}</ul>
    </Section>
  );
}
