// Papers to print: each one page's worth, in the site's words, with where its figures must not be used.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Case, complianceCsv, type Control, type Guideline, readCases, readControls, readGuidelines } from '../cases';
import { day, moment, short } from '../format';
import { ask, type Insight, insight, refreshInsight } from '../insight';
import { type Action, readImprovement } from '../improve';
import { iw } from '../improve-words';
import { mw } from '../mission-words';
import { groups, mission, siteNow, status, w } from '../state';
import { Answer, Misuse, Threats } from './insight';
import { ActionTable, Reviews } from './improve';
import { Sheet } from './sheet';
import { Mark, n, said } from './parts';
import { DecisionPaper } from './decision-paper';

export const PAPERS = ['decision', 'sheet', 'board', 'evidence', 'compliance', 'review'] as const;
export type PaperName = (typeof PAPERS)[number];

// What is on every paper: whose, of when, what of it is simulated.
export function Paper(p: { kind: string; title: string; children: ComponentChildren; figures?: boolean }) {
  const t = mw.value.paper;
  const x = insight.value;
  return (
    <article class={`paper paper-${p.kind}`} aria-labelledby="paper-title">
      <header class="paper-head">
        <p>{status.value ? said(status.value.title) : ''}</p>
        <p>{t.made(moment(siteNow.value, 0))}{x ? ` · ${mw.value.asOf(x.asOf === null ? '—' : moment(x.asOf, 0), x.assessment)}` : ''}</p>
      </header>
      <h2 id="paper-title">{p.title}</h2>
      {groups.value.some((g) => g.simulated) ? <p class="small">{t.simulated}</p> : null}
      {p.children}
      {p.figures === false ? null : <Misuse />}
    </article>
  );
}

// Asked once for this paper.
function useAsked<T>(path: string, read: (x: unknown) => T): T | null | undefined {
  const [got, setGot] = useState<T | null | undefined>(undefined);
  useEffect(() => {
    let mine = true;
    void ask(path, read).then((x) => mine && setGot(x));
    return () => {
      mine = false;
    };
  }, [path]);
  return got;
}

function Board({ x }: { x: Insight }) {
  const t = mw.value.board;
  const s = status.value;
  const d = s?.decision;
  const needed = [
    ...(x.answer === 'decide' ? [said(x.answerWords)] : []),
    ...(d ? d.causes.map((c) => `${d.id}: ${said(c)}`) : []),
    ...(s?.limits.filter((l) => l.enforced).map((l) => said(l.text)) ?? []),
  ];
  return (
    <Paper kind="board" title={t.title}>
      <p class="sentence"><Mark state={x.state} /> {said(x.sentence)}</p>
      <Answer x={x} />
      <h3>{t.needed}</h3>
      {needed.length ? <ul>{needed.map((q) => <li key={q}>{q}</li>)}</ul> : <p>{t.neededNone}</p>}
      {d && d.expires !== null ? <p class="small">{t.expires(d.id, day(d.expires))}</p> : null}
      <h3>{t.top}</h3>
      <Threats x={x} most={5} />
    </Paper>
  );
}

function Evidence() {
  const t = mw.value.evidence;
  const rows = useAsked<Control[]>('/api/v1/controls', readControls);
  const s = status.value;
  if (!rows) return <p role="status">{rows === null ? mw.value.compliance.failed : mw.value.loading}</p>;
  return (
    <Paper kind="evidence" title={t.title}>
      <p class="small">{t.lead}</p>
      <table>
        <thead><tr><th scope="col">{t.control}</th><th scope="col">{t.layer}</th><th scope="col">{t.counts}</th><th scope="col">{t.result}</th><th scope="col">{t.failing}</th><th scope="col">{t.oldest}</th></tr></thead>
        <tbody>
          {rows.map((c) => (
            <tr key={c.id}>
              <th scope="row">{c.id} {said(c.name)}</th>
              <td>{said(c.layerWords)}</td>
              <td class="number">{n(c.pass)} / {n(c.assets)}</td>
              <td>{said(c.text)}</td>
              <td>{c.failing.slice(0, 4).map((f) => `${f.asset} (${f.detail})`).join(', ') || '—'}</td>
              <td>{c.oldest !== null ? moment(c.oldest, siteNow.value) : t.never}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {s ? <p class="small">{t.record}: {t.recordText(n(s.record.size), short(s.record.root, 24))} · {t.verify}</p> : null}
    </Paper>
  );
}

const STATE_MARK: Record<string, 'within' | 'near' | 'over' | 'unknown'> = { measured: 'within', declared: 'near', stale: 'near', failing: 'over', record: 'unknown', unknown: 'unknown' };

function saveCsv(all: readonly Guideline[]): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(['\ufeff' + complianceCsv(all, said)], { type: 'text/csv' }));
  link.download = 'compliance.csv';
  link.click();
  URL.revokeObjectURL(link.href);
}

function Compliance() {
  const t = mw.value.compliance;
  const all = useAsked<Guideline[]>('/api/v1/compliance', readGuidelines);
  if (!all) return <p role="status">{all === null ? t.failed : mw.value.loading}</p>;
  const share = (mille: number) => `${Math.floor(mille / 10)} %`;
  return (
    <Paper kind="compliance" title={t.title} figures={false}>
      <p class="small"><strong>{t.lead}</strong></p>
      <p><button type="button" onClick={() => saveCsv(all)}>{t.csv}</button></p>
      {all.map((g) => (
        <section key={g.id} aria-labelledby={`g-${g.id}`}>
          <h3 id={`g-${g.id}`}>{said(g.title)}</h3>
          <table>
            <thead><tr><th scope="col">{t.item}</th><th scope="col">{t.state}</th><th scope="col">{t.share}</th><th scope="col">{t.controls}</th></tr></thead>
            <tbody>
              {g.items.map((i) => (
                <tr key={i.id}>
                  <th scope="row">{i.id} {said(i.title)} <span class="quiet">{i.confirmed ? t.confirmed : t.unconfirmed}</span></th>
                  <td class="nowrap"><Mark state={STATE_MARK[i.state] ?? 'unknown'} /> {Object.hasOwn(t.states, i.state) ? t.states[i.state] : i.state}</td>
                  <td class="number">{i.controls.length ? `${share(i.measuredMille)} / ${share(i.declaredMille)}` : '—'}</td>
                  <td>{i.controls.join(' ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </Paper>
  );
}

// 経営層による見直し: what the executive body looks at, and room for what it says.
function ReviewPaper({ x, cases }: { x: Insight; cases: readonly Case[] }) {
  const t = iw.value;
  const all = useAsked('/api/v1/improvement', readImprovement);
  if (!all) return <p role="status">{all === null ? t.read : mw.value.loading}</p>;
  const own = cases.filter((c) => c.mission === x.id && c.state !== 'superseded');
  const count = (keep: (a: Action) => boolean) => n(all.actions.filter(keep).length);
  return (
    <Paper kind="review" title={t.paperTitle}>
      <h3>{t.mission}</h3>
      <p class="sentence"><Mark state={x.state} /> {said(x.sentence)}</p>
      <h3>{t.decisions}</h3>
      {own.length ? <ul>{own.map((c) => <li key={c.id}>{c.id} {said(c.stateWords)}{c.expires === null ? '' : ` — ${day(c.expires)}`}</li>)}</ul> : <p>{t.decisionsNone}</p>}
      <h3>{t.title}</h3>
      <p><strong>{t.counts(count((a) => a.state !== 'effective'), count((a) => a.late), count((a) => a.state === 'effective'))}</strong></p>
      <ActionTable rows={all.actions} />
      <h3>{t.proposed}</h3>
      {all.proposed.length ? <ul>{all.proposed.map((p) => <li key={p.ref}>{said(p.text)}</li>)}</ul> : <p>{t.proposedNone}</p>}
      <h3>{t.reviews}</h3>
      <Reviews all={all} />
      <h3>{t.signed}</h3>
      <table class="signatures"><tbody><tr><th scope="row">{mw.value.ukagai.date}</th><td>{t.blank}</td></tr><tr><th scope="row">{t.reviewText}</th><td>{t.blank}</td></tr></tbody></table>
    </Paper>
  );
}

function Chosen({ name, x }: { name: PaperName; x: Insight }) {
  const cases = useAsked('/api/v1/decisions', readCases);
  if (name === 'decision') return <DecisionPaper x={x} cases={cases ?? []} />;
  if (name === 'sheet') return <Sheet x={x} />;
  if (name === 'board') return <Board x={x} />;
  if (name === 'review') return <ReviewPaper x={x} cases={cases ?? []} />;
  return name === 'evidence' ? <Evidence /> : <Compliance />;
}

export function PapersPage({ name, id }: { name: string; id: string }) {
  const t = mw.value.paper;
  const asOf = mission.value?.asOf ?? 0;
  useEffect(() => void refreshInsight(id), [id, asOf]);
  const x = insight.value?.id === id ? insight.value : null;
  const shown = PAPERS.find((p) => p === name) ?? 'decision';
  return (
    <>
      <nav class="papers" aria-label={t.list}>
        {PAPERS.map((p) => <a key={p} href={`/#/paper/${p}/${encodeURIComponent(id)}`} aria-current={p === shown ? 'page' : undefined}>{p === 'review' ? iw.value.paper : t[p]}</a>)}
        <button type="button" onClick={() => window.print()}>{mw.value.print}</button>
      </nav>
      {x ? <Chosen name={shown} x={x} /> : <p role="status">{mission.value ? w.value.loading : mw.value.notYet}</p>}
    </>
  );
}
