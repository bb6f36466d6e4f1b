// 改善: corrective actions with owner and due date, what the site proposes as findings, and management reviews.
import { useEffect, useState } from 'preact/hooks';
import { day } from '../format';
import { type Action, type Improvement, type Proposed, readImprovement } from '../improve';
import { iw } from '../improve-words';
import { ask } from '../insight';
import { rowOf } from '../plain';
import { post } from '../post';
import { me, status } from '../state';
import { Mark, n, said, Section } from './parts';

// '' when it was taken, else the site's own word.
async function change(path: string, body: object): Promise<string> {
  const { status: code, doc } = await post(path, body);
  return code === 200 ? '' : String((doc as Record<string, unknown> | null)?.['title'] ?? code);
}

const inDays = (days: number): string => new Date(Date.now() + days * 86400000).toISOString();

export function ActionTable({ rows }: { rows: readonly Action[] }) {
  const t = iw.value;
  if (!rows.length) return <p class="empty">{t.none}</p>;
  return (
    <div class="sideways" tabIndex={0} role="group" aria-label={t.title}>
      <table>
        <thead><tr><th scope="col">{t.id}</th><th scope="col">{t.finding}</th><th scope="col">{t.owner}</th><th scope="col">{t.due}</th><th scope="col">{t.state}</th></tr></thead>
        <tbody>
          {rows.map((a) => (
            <tr key={a.id}>
              <th scope="row">{a.id}</th>
              <td>{a.finding} <span class="quiet">{said(a.source)}{a.ref ? ` ${a.ref}` : ''}</span>
                {a.did ? <><br />{t.did(a.did, a.doneBy)}</> : null}
                {a.judgement ? <><br />{t.effect(a.judgement, a.judgedBy)}{a.reopened ? ` · ${t.reopened(n(a.reopened))}` : ''}</> : null}
              </td>
              <td>{a.owner}</td>
              <td class="nowrap">{a.due === null ? '—' : day(a.due)}{a.late ? <><br /><Mark state="over" /> {t.late}</> : null}</td>
              <td>{said(a.stateWords)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Step({ a, go }: { a: Action; go: (path: string, body: object) => void }) {
  const t = iw.value;
  const [text, setText] = useState('');
  const to = (verb: string, body: object) => go(`/api/v1/improvement/${encodeURIComponent(a.id)}/${verb}`, { text: text.trim(), ...body });
  const said1 = Boolean(text.trim());
  return (
    <div class="step" id={`step-${a.id}`}>
      <label class="field"><span>{a.id} · {t.say}</span><input type="text" maxLength={100} value={text} onInput={(e) => setText(e.currentTarget.value)} /></label>
      <p class="buttons">
        {a.state === 'open' ? <button type="button" class="action-done" disabled={!said1} onClick={() => to('done', {})}>{t.done}</button> : null}
        {a.state === 'done' ? <button type="button" class="action-effective" disabled={!said1} onClick={() => to('judge', { effective: true })}>{t.effective}</button> : null}
        {a.state === 'done' ? <button type="button" class="action-not" disabled={!said1} onClick={() => to('judge', { effective: false, due: inDays(30) })}>{t.notEffective}</button> : null}
      </p>
    </div>
  );
}

interface Wish {
  finding: string;
  source: string;
  ref: string;
  owner: string;
  days: string;
}
const EMPTY: Wish = { finding: '', source: 'audit', ref: '', owner: '', days: '30' };

function Form({ wish, set, go }: { wish: Wish; set: (w: Wish) => void; go: (path: string, body: object) => void }) {
  const t = iw.value;
  const field = (key: keyof Wish, label: string, max: number) => (
    <label class="field"><span>{label}</span><input type="text" id={`action-${key}`} maxLength={max} value={wish[key]} onInput={(e) => set({ ...wish, [key]: e.currentTarget.value })} /></label>
  );
  const begin = (e: Event) => {
    e.preventDefault();
    const days = Number.parseInt(wish.days, 10) || 0;
    go('/api/v1/improvement', { finding: wish.finding.trim(), source: wish.source, owner: wish.owner.trim() || (me.value?.who ?? ''), due: inDays(days), ...(wish.ref ? { ref: wish.ref } : {}) });
  };
  return (
    <form id="action-form" onSubmit={begin}>
      {field('finding', t.finding, 100)}
      <label class="field"><span>{t.source}</span>
        <select value={wish.source} onChange={(e) => set({ ...wish, source: e.currentTarget.value })}>
          {Object.keys(t.sources).map((s) => <option key={s} value={s}>{rowOf(t.sources, s) ?? s}</option>)}
        </select>
      </label>
      {field('owner', t.owner, 60)}
      {field('days', t.days, 3)}
      <p class="buttons"><button type="submit" class="do" disabled={!wish.finding.trim()}>{t.begin}</button></p>
    </form>
  );
}

function ProposedList({ rows, take }: { rows: readonly Proposed[]; take: (p: Proposed) => void }) {
  const t = iw.value;
  if (!rows.length) return <p class="empty">{t.proposedNone}</p>;
  return (
    <>
      <p>{t.proposedLead}</p>
      <ul class="plain-list proposed">
        {rows.map((p) => <li key={p.ref}>{said(p.text)} <button type="button" onClick={() => take(p)}>{t.take(p.ref)}</button></li>)}
      </ul>
    </>
  );
}

function ReviewForm({ go }: { go: (path: string, body: object) => void }) {
  const t = iw.value;
  const [text, setText] = useState('');
  return (
    <form id="review-form" onSubmit={(e) => { e.preventDefault(); go('/api/v1/improvement/new/review', { text: text.trim() }); setText(''); }}>
      <label class="field"><span>{t.reviewText}</span><textarea rows={2} maxLength={100} value={text} onInput={(e) => setText(e.currentTarget.value)} /></label>
      <p class="buttons"><button type="submit" disabled={!text.trim()}>{t.review}</button></p>
    </form>
  );
}

export function Reviews({ all }: { all: Improvement }) {
  const t = iw.value;
  if (!all.reviews.length) return <p class="empty">{t.reviewsNone}</p>;
  return (
    <ul>
      {all.reviews.map((r) => <li key={r.id}><strong>{r.id}</strong> {r.at === null ? '' : day(r.at)} {r.text} <span class="quiet">({r.by}) {t.counts(n(r.open), n(r.late), n(r.effective))}</span></li>)}
    </ul>
  );
}

export function ImprovePage() {
  const t = iw.value;
  const [all, setAll] = useState<Improvement | null>(null);
  const [told, setTold] = useState('');
  const [wish, set] = useState<Wish>(EMPTY);
  const load = () => void ask('/api/v1/improvement', readImprovement).then((x) => x && setAll(x));
  const now = status.value?.now ?? 0;
  useEffect(load, [now]);
  const roles = me.value?.roles ?? [];
  const go = (path: string, body: object) => void change(path, body).then((why) => {
    setTold(why);
    if (!why) set(EMPTY);
    load();
  });
  const take = (p: Proposed) => {
    set({ ...EMPTY, finding: said(p.text).slice(0, 100), source: p.source, ref: p.ref });
    document.getElementById('action-owner')?.focus();
  };
  if (!all) return <p role="status">…</p>;
  return (
    <>
      <div role="alert">{told ? <p class="banner banner-stale">{t.failed}{told}</p> : null}</div>
      <Section id="actions" title={t.title}>
        <p>{t.lead}</p>
        <ActionTable rows={all.actions} />
        {all.actions.filter((a) => a.state !== 'effective').map((a) => <Step key={a.id + a.state} a={a} go={go} />)}
      </Section>
      <Section id="proposed" title={t.proposed}><ProposedList rows={all.proposed} take={take} /></Section>
      <Section id="begin" title={t.begin}><Form wish={wish} set={set} go={go} /></Section>
      <Section id="reviews" title={t.reviews}>
        <Reviews all={all} />
        {!me.value?.person || roles.includes('executive') ? <ReviewForm go={go} /> : null}
      </Section>
    </>
  );
}
