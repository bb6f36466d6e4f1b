// 伺い: what is to be decided on one A4 page. Drafted, deliberated, decided; views that differ stand as they were said; the residual
// risk is attached. Made of a case in the record, or of the very bytes of a draft that is going round.
import { useEffect, useState } from 'preact/hooks';
import { type Case, type Charter, readCharter, readDraft } from '../cases';
import { day, hours, moment, short } from '../format';
import { ask, type Insight } from '../insight';
import { mw } from '../mission-words';
import { lang, mission, siteNow, w } from '../state';
import { readEnvelope } from '../signing';
import { rowOf } from '../plain';
import { Mark, n, said } from './parts';
import { Paper } from './papers';

const ROLES = ['mission-owner', 'asset-owner', 'executive'] as const;

async function draftOf(file: File): Promise<Case | null> {
  const e = readEnvelope(await file.text());
  const roles = (await ask<Charter[]>('/api/v1/charter', readCharter)) ?? [];
  if (!e) return null;
  const signers = e.signatures.flatMap((s) => {
    const who = roles.find((r) => r.keyId === s.keyid);
    return who ? [{ role: who.role, keyId: s.keyid, deputy: false }] : [];
  });
  return readDraft(e.shown, signers);
}

function ServiceTable() {
  const t = mw.value.ukagai;
  const m = mission.value;
  if (!m) return null;
  return (
    <table>
      <thead><tr><th scope="col">{t.functionName}</th><th scope="col">{t.minimum}</th><th scope="col">{t.tolerable}</th></tr></thead>
      <tbody>
        {m.functions.map((f) => (
          <tr key={f.id}><th scope="row">{said(f.name)}</th><td>{said(f.minimum)}{f.households ? ` · ${w.value.mission.households(n(f.households))}` : ''}</td><td>{w.value.stake.hoursOf(f.outageMin % 60 ? String(f.outageMin) : '', String(f.outageMin / 60))}</td></tr>
        ))}
      </tbody>
    </table>
  );
}

function Attached({ x }: { x: Insight }) {
  const t = mw.value;
  const share = (mille: number) => `${Math.floor(mille / 10)} %`;
  return (
    <>
      <p><Mark state={x.state} /> <strong>{said(x.sentence)}</strong></p>
      <p class="small">
        {t.waterfall.inherent} {said(x.inherent)} → {t.waterfall.residual} <strong>{said(x.residual)}</strong> · {t.waterfall.tolerance} {said(x.tolerance)} · {w.value.mission.basisText(share(x.measuredMille), share(x.declaredMille), share(x.defaultMille))}
      </p>
      <p class="small">{t.hangsShort}: {x.hangsOn.map((h) => `${h.id} ${said(h.name)}`).join(' / ')}</p>
    </>
  );
}

function Weighed({ c }: { c: Case }) {
  const t = mw.value.options;
  if (!c.options.length) return <p>{t.none}</p>;
  return (
    <table>
      <thead><tr><th scope="col">{t.option}</th><th scope="col">{t.outages}</th><th scope="col">{t.hours}</th><th scope="col">{t.left}</th><th scope="col">{t.cost}</th></tr></thead>
      <tbody>
        {c.options.map((o) => (
          <tr key={o.id} class={o.id === c.chosen ? 'chosen' : undefined}>
            <th scope="row">{o.id === c.chosen ? '◎ ' : ''}{said(o.name)}{o.id === c.chosen ? <span class="unseen"> ({mw.value.ukagai.chosen})</span> : null}</th>
            <td>{said(o.outages)}</td><td class="number">{t.hoursOf(hours(o.hoursMille))}</td><td class="number">{said(o.left)}</td><td class="number">{said(o.cost)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Asked({ c }: { c: Case }) {
  const t = mw.value.ukagai;
  const word = (rows: Record<string, string>, key: string) => rowOf(rows, key) ?? key;
  return (
    <>
      <p><strong>{t.askText(word(t.accept, c.accept), c.expires === null ? '—' : day(c.expires))}</strong></p>
      <p class="small">{t.reason}: {said(c.reason)} · {t.rank} {c.rank} · {t.fallbackMode}: {word(t.modes, c.fallback)}</p>
      {c.rules.length ? (
        <table>
          <thead><tr><th scope="col">{t.condition}</th><th scope="col">{t.limit}</th></tr></thead>
          <tbody>
            {c.rules.map((r) => <tr key={r.condition}><th scope="row">{said(r.name)}</th><td>{word(t.modes, r.mode)} ({r.enforced ? t.enforced : t.observed})</td></tr>)}
          </tbody>
        </table>
      ) : null}
    </>
  );
}

function Signatures({ c }: { c: Case }) {
  const t = mw.value.ukagai;
  const roleName = (r: string) => rowOf(w.value.account.roles, r) ?? r;
  return (
    <table class="signatures">
      <thead><tr><th scope="col">{t.step}</th><th scope="col">{t.role}</th><th scope="col">{t.signed}</th><th scope="col">{t.date}</th></tr></thead>
      <tbody>
        {ROLES.map((r) => {
          const s = c.signers.find((x) => x.role === r);
          return (
            <tr key={r}>
              <td>{t.steps[r]}</td><th scope="row">{roleName(r)}</th>
              <td>{s ? <><code>{short(s.keyId, 16)}</code>{s.deputy ? ` (${t.deputy})` : ''}</> : t.unsigned}</td>
              <td>{s && c.at !== null && c.state !== 'draft' ? day(c.at) : '　　　'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function Body({ c, x }: { c: Case; x: Insight }) {
  const t = mw.value.ukagai;
  const roleName = (r: string) => rowOf(w.value.account.roles, r) ?? r;
  return (
    <>
      <p class="subject"><strong>{t.subject(said(x.name))}</strong></p>
      <p class="small">{t.number(c.id)} {c.state === 'draft' ? t.draft : said(c.stateWords)} · {mw.value.asOf(c.at === null ? '—' : moment(c.at, siteNow.value), c.assessment)} <code>{short(c.assessmentHash, 16)}</code></p>
      <h3>{t.background}</h3><p>{t.backgroundText}</p>
      <h3>{t.service}</h3><ServiceTable />
      <h3>{t.risk}</h3><Attached x={x} />
      <h3>{t.options}</h3><Weighed c={c} />
      <h3>{t.ask}</h3><Asked c={c} />
      <h3>{t.differences}</h3>
      {c.differences.length ? <ul>{c.differences.map((d) => <li key={d.role + d.text}>{roleName(d.role)}: {d.text}</li>)}</ul> : <p>{t.noDifferences}</p>}
      <h3>{t.signatures}</h3><Signatures c={c} />
    </>
  );
}

export function DecisionPaper({ x, cases }: { x: Insight; cases: readonly Case[] }) {
  const t = mw.value.ukagai;
  const [draft, setDraft] = useState<Case | null>(null);
  const [bad, setBad] = useState(false);
  const own = cases.filter((c) => c.mission === x.id);
  const c = draft ?? own.find((o) => o.state !== 'superseded') ?? own[0];
  useEffect(() => setBad(false), [lang.value]);
  const choose = async (file: File | undefined) => {
    const got = file ? await draftOf(file) : null;
    setDraft(got);
    setBad(Boolean(file && !got));
  };
  return (
    <>
      <label class="field no-print">
        <span>{t.openFile}</span>
        <input type="file" id="draft" accept=".json,application/json" onChange={(e) => void choose(e.currentTarget.files?.[0])} />
        <span class="quiet">{t.fileNote}</span>
      </label>
      <div role="alert" class="no-print">{bad ? <p class="banner banner-stale">{t.fileBad}</p> : null}</div>
      <Paper kind="decision" title={t.title}>{c ? <Body c={c} x={x} /> : <p class="empty">{t.none}</p>}</Paper>
    </>
  );
}
