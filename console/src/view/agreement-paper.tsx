// 相互連携協定書: one agreement with another system to print and sign, in the order of an interconnection security agreement (NIST SP
// 800-47r1): parties, what passes and why, who answers for what, safeguards, what happens when they fail, duration, signatures.
import { useEffect } from 'preact/hooks';
import type { Status } from '../documents';
import { day, moment } from '../format';
import type { Flow, Peer } from '../peers';
import { siteNow, w } from '../state';
import { n, Pair, said } from './parts';

function FlowRow({ f, ours, theirs }: { f: Flow; ours: string; theirs: string }) {
  const t = w.value.agreement;
  return (
    <tr>
      <th scope="row">{f.id}{f.command ? ` (${w.value.checkpoint.command})` : ''}</th>
      <td>{f.out ? t.fromTo(ours, theirs) : t.fromTo(theirs, ours)}</td>
      <td><code>{f.remote}</code></td>
      <td>{f.purpose}</td>
      <td>{f.label}</td>
      <td>{t.quota(n(f.perMinute), n(f.bytesMax))}</td>
      <td>{f.offered.map(said).join(w.value.checkpoint.comma)}</td>
      <td>{f.fallback === 'deny' ? w.value.checkpoint.fallbackDeny : w.value.checkpoint.fallbackStages}</td>
    </tr>
  );
}

function Flows({ p, s }: { p: Peer; s: Status }) {
  const t = w.value.agreement;
  return (
    <table>
      <thead>
        <tr>{t.columns.split('|').map((c) => <th key={c} scope="col">{c}</th>)}</tr>
      </thead>
      <tbody>{p.flows.map((f) => <FlowRow key={f.id} f={f} ours={s.site} theirs={p.id} />)}</tbody>
    </table>
  );
}

function Signatures({ p, s }: { p: Peer; s: Status }) {
  const t = w.value.agreement;
  const at = p.signedAt !== null ? moment(p.signedAt, 0) : '—';
  return (
    <dl class="pairs">
      <Pair name={said(s.title)}>{t.ourSigned(at)} <code>{p.agreement}</code></Pair>
      <Pair name={said(p.name)}>
        {p.terms === '' ? t.plain : p.terms === 'equal' && p.statement?.at ? t.theirSigned(moment(p.statement.at, 0), p.statement.code) : w.value.checkpoint.termsOf[p.terms]}
      </Pair>
    </dl>
  );
}

export function AgreementPaper({ id, peers, s }: { id: string; peers: readonly Peer[]; s: Status }) {
  const t = w.value.agreement;
  const p = peers.find((x) => x.id === id);
  const name = p ? said(p.name) : id;
  useEffect(() => {
    document.title = `${t.title} — ${name}`;
  }, [t, name]);
  if (!p) return <p role="status">{t.unknown(id)}</p>;
  return (
    <>
      <nav class="papers" aria-label={w.value.checkpoint.title}>
        <a href="/#checkpoint">{w.value.checkpoint.title}</a>
        <button type="button" onClick={() => window.print()}>{t.print}</button>
      </nav>
      <article class="paper paper-agreement" aria-labelledby="paper-title">
        <header class="paper-head">
          <p>{said(s.title)}</p>
          <p>{t.printed(moment(siteNow.value, 0))}</p>
        </header>
        <h2 id="paper-title">{t.title}</h2>
        <p>{t.lead(said(s.title), said(p.name))}</p>
        <h3>{t.parties}</h3>
        <dl class="pairs">
          <Pair name={w.value.checkpoint.ours}>{said(s.title)} ({s.site})</Pair>
          <Pair name={w.value.checkpoint.theirs}>{said(p.name)} ({p.id}) · {t.contact} {p.contact}</Pair>
          <Pair name={t.link}>{p.inbound ? w.value.checkpoint.inbound : `${p.host}:${p.port}`} · {p.transport}</Pair>
        </dl>
        <h3>{t.flows}</h3>
        <p class="small">{t.flowsLead}</p>
        <Flows p={p} s={s} />
        <h3>{t.duties}</h3>
        <dl class="pairs">
          <Pair name={w.value.checkpoint.boundary}>{p.boundary}</Pair>
          <Pair name={t.retention}>{p.retention}</Pair>
          <Pair name={t.failure}>{t.failureText}</Pair>
          <Pair name={t.duration}>{p.until !== null ? t.durationOf(day(p.until)) : '—'}</Pair>
        </dl>
        <h3>{t.signatures}</h3>
        <Signatures p={p} s={s} />
        <p class="small">{t.verify}</p>
      </article>
    </>
  );
}
