import { useState } from 'preact/hooks';
import type { Emergency } from '../documents';
import { clock } from '../format';
import { post } from '../post';
import { rowOf } from '../plain';
import { me, siteNow, status, w } from '../state';
import { Field } from './parts';

// What the daemon refused, in its own words; '' when it was taken.
async function take(path: string, body: object): Promise<string> {
  const { status: code, doc } = await post(path, body);
  return code === 200 ? '' : String((doc as Record<string, unknown> | null)?.['title'] ?? code);
}

function Step({ e, verb, label, reason }: { e: Emergency; verb: string; label: string; reason: string }) {
  const [told, setTold] = useState('');
  return (
    <>
      <button type="button" class={`emergency-${verb}`} onClick={() => void take(`/api/v1/emergency/${encodeURIComponent(e.id)}/${verb}`, reason ? { reason } : {}).then(setTold)}>{label}</button>
      <span role="alert">{told ? ` ${w.value.emergency.refused}${told}` : ''}</span>
    </>
  );
}

function Card({ e }: { e: Emergency }) {
  const t = w.value.emergency;
  const [found, setFound] = useState('');
  const parts = [e.askedBy, ...(e.openedBy ? [e.openedBy] : [])].join(' → ');
  return (
    <div class={`banner ${e.state === 'open' ? 'banner-emergency' : 'banner-stale'}`}>
      <p>
        <strong>{e.state === 'open' ? '■ ' : ''}{rowOf(t.states, e.state) ?? e.state}</strong> {e.id} · {e.subject}
        {e.until !== null && e.state === 'open' ? ` · ${t.until(clock(e.until))}` : ''}
        {e.due !== null ? ` · ${t.due(clock(e.due))}${e.due < siteNow.value ? ` ${t.late}` : ''}` : ''}
      </p>
      <p>{e.reason} <span class="quiet">({parts})</span></p>
      {e.state === 'ended' ? <Field label={t.found} value={found} onValue={setFound} autocomplete="off" /> : null}
      <p class="buttons">
        {e.state === 'asked' ? <Step e={e} verb="open" label={t.open} reason="" /> : null}
        {e.state === 'asked' || e.state === 'open' ? <Step e={e} verb="end" label={t.end} reason="" /> : null}
        {e.state === 'ended' && found.trim() ? <Step e={e} verb="review" label={t.review} reason={found.trim()} /> : null}
      </p>
    </div>
  );
}

export function EmergencyBanner() {
  const rows = status.value?.emergencies ?? [];
  return rows.length ? <section class="emergencies" aria-label={w.value.emergency.title}>{rows.map((e) => <Card key={e.id} e={e} />)}</section> : null;
}

export function EmergencySection() {
  const t = w.value.emergency;
  const [subject, setSubject] = useState('');
  const [reason, setReason] = useState('');
  const [minutes, setMinutes] = useState('60');
  const [told, setTold] = useState('');
  const ask = (ev: Event) => {
    ev.preventDefault();
    const body = { reason: reason.trim(), minutes: Number.parseInt(minutes, 10) || 0, ...(subject.trim() ? { subject: subject.trim() } : {}) };
    void take('/api/v1/emergency', body).then((said) => setTold(said ? t.refused + said : t.asked));
  };
  return (
    <details class="account" id="emergency">
      <summary>{t.title}</summary>
      <p>{t.lead}</p>
      <form onSubmit={ask}>
        <Field label={t.subject(me.value?.who ?? '')} value={subject} onValue={setSubject} autocomplete="off" />
        <Field label={t.reason} value={reason} onValue={setReason} autocomplete="off" />
        <Field label={t.minutes} value={minutes} onValue={setMinutes} autocomplete="off" />
        <p class="buttons"><button type="submit" class="do" disabled={!reason.trim()}>{t.ask}</button></p>
      </form>
      <div role="status">{told ? <p class="banner">{told}</p> : null}</div>
    </details>
  );
}
