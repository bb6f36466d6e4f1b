// 関所（相互連携）: two systems, what passes between them by which flow, what is held and why, and what a person may do.
import { useState } from 'preact/hooks';
import { refuseLine, releaseLine, whyLine } from '../command';
import type { Held, Me, State, Status } from '../documents';
import { count, left } from '../format';
import type { Both } from '../plain';
import { type Change, type Flow, type Peer, releaseDraft } from '../peers';
import { post } from '../post';
import { lang, refreshNow, siteNow, toSign, w } from '../state';
import { Age, Empty, Line, Mark, Moment, n, Pair, said, Section, Tag } from './parts';
import { maySign } from './signing';

const FLOWS_SHOWN = 32;
const REFUSERS = ['operator', 'mission-owner', 'asset-owner', 'executive'];
const yen = (x: number): string => `${count(x, lang.value)} ${w.value.checkpoint.yen}`;
const list = (all: readonly Both[]): string => all.map(said).join(w.value.checkpoint.comma);
const markOf = (f: Flow): State => (!f.open ? 'over' : f.verdict === 'allow' ? 'within' : f.verdict === 'limit' ? 'near' : 'unknown');
const thousandth = (x: number): string => (x / 1000).toFixed(3);

function ChangeRow({ c }: { c: Change }) {
  const t = w.value.checkpoint;
  return (
    <li>
      {c.at !== null ? <Moment ms={c.at} /> : '—'} {said(c.state)} · {t.verdicts[c.verdict]}
      {c.stages.length ? `${t.open}${list(c.stages)}${t.close}` : ''} · {t.cause} {said(c.cause) || '—'}
    </li>
  );
}

function Why({ f }: { f: Flow }) {
  const t = w.value.checkpoint;
  return (
    <dl class="pairs">
      <Pair name={t.passing}>
        {t.passed} {n(f.passed)} · {t.refused} {n(f.refused)}
        {f.held ? ` · ${t.held} ${n(f.held)}` : ''}
        {f.waiting ? ` · ${t.waiting} ${n(f.waiting)}` : ''}
        {f.peerRefused ? ` · ${t.peerRefused} ${n(f.peerRefused)}` : ''}
      </Pair>
      <Pair name={t.stages}>{f.stages.length ? list(f.stages) : w.value.none}</Pair>
      {f.unproven.length ? <Pair name={t.unproven}>{list(f.unproven)}</Pair> : null}
      {f.lastRefusal ? (
        <Pair name={t.lastRefusal}>
          <code>{f.lastRefusal}</code> {f.lastRefusalAt ? <Age ms={f.lastRefusalAt} /> : null}
        </Pair>
      ) : null}
      <Pair name={t.figure}>
        {t.figureOf(yen(f.bareYen), yen(f.addedYen), yen(f.toleranceYen))}
      </Pair>
      <Pair name={t.assumed}>{t.assumedOf(thousandth(f.rateMille), thousandth(f.bypassMille))}</Pair>
      <Pair name={t.lattice}>{f.lattice ? t.latticeGood : t.latticeBad}</Pair>
      <Pair name={t.fallback}>{f.fallback === 'deny' ? t.fallbackDeny : t.fallbackStages}</Pair>
      <Pair name={t.label}>{f.label}</Pair>
      <Pair name={t.purpose}>{f.purpose}</Pair>
    </dl>
  );
}

function FlowRow({ f }: { f: Flow }) {
  const t = w.value.checkpoint;
  return (
    <li class={`flow flow-${f.open ? f.verdict || 'unknown' : 'deny'}`}>
      <div class="flow-head">
        <Mark state={markOf(f)} />
        <h4>{f.peer}/{f.id}</h4>
        <Tag kind={f.open && f.verdict === 'allow' ? 'plain' : 'flag'}>{f.open ? t.verdicts[f.verdict] : t.closed}</Tag>
        <span class="quiet">{said(f.state)}{f.command ? ` · ${t.command}` : ''}</span>
      </div>
      <p class="flow-way">
        <code>{f.local}</code> <span class="arrow">{f.out ? t.outward : t.inward}</span> <code>{f.remote}</code>
      </p>
      <p>{f.tightened ? t.tightened(said(f.cause)) : f.inFallback ? t.inFallback : t.asAgreed}</p>
      <details>
        <summary>{t.more}</summary>
        <Why f={f} />
        <h5>{t.changes}</h5>
        {f.changes.length ? <ul class="flow-changes">{f.changes.map((c, i) => <ChangeRow key={i} c={c} />)}</ul> : <p class="quiet">{t.noChanges}</p>}
      </details>
    </li>
  );
}

function Release({ h, s, who }: { h: Held; s: Status; who: Me | null }) {
  const t = w.value.checkpoint;
  const [reason, setReason] = useState('');
  const [told, setTold] = useState('');
  const may = who !== null && who.roles.some((r) => REFUSERS.includes(r));
  const refuse = async () => {
    const { status, doc } = await post(`/api/v1/holds/${encodeURIComponent(h.id)}/refuse`, { reason });
    setTold(status === 200 ? t.refusedNow : `${t.notRefused} ${String((doc as Record<string, unknown> | null)?.['title'] ?? status)}`);
    if (status === 200) refreshNow();
  };
  return (
    <li class="held" id={`hold-${h.id}`}>
      <div class="tags">
        <Tag kind="id">{h.id}</Tag>
        <span>{h.from} → {h.to}</span>
        {h.until !== null ? <Tag kind="flag">{w.value.held.left(left(h.until, siteNow.value))}</Tag> : null}
      </div>
      <dl class="pairs">
        <Pair name={w.value.held.topic}><code>{h.topic}</code></Pair>
        <Pair name={w.value.held.since}>{h.since !== null ? <Moment ms={h.since} /> : '—'}</Pair>
        <Pair name={w.value.held.payload}><code>{h.sha256}</code></Pair>
      </dl>
      <Line label={w.value.held.release} text={releaseLine(h.id, 'flow')} />
      <Line label={w.value.limits.why} text={whyLine(h.from, h.topic)} />
      {who && maySign(who) ? (
        <p class="buttons">
          <button type="button" class="do" onClick={() => { toSign.value = releaseDraft(s.site, h.id, h.sha256, new Date(siteNow.value)); }}>{t.releaseHere}</button>
        </p>
      ) : null}
      {may ? (
        <div class="refuse">
          <label class="field">
            <span>{t.reason}</span>
            <input type="text" value={reason} autocomplete="off" onInput={(e) => setReason(e.currentTarget.value)} />
          </label>
          <button type="button" class="refuse-do" disabled={!reason.trim()} onClick={() => void refuse()}>{t.refuse}</button>
        </div>
      ) : (
        <Line label={t.refuse} text={refuseLine(h.id)} />
      )}
      <p role="status">{told}</p>
    </li>
  );
}

function Queue({ s, who }: { s: Status; who: Me | null }) {
  const t = w.value.checkpoint;
  const held = s.held.filter((h) => h.from.startsWith('peer-'));
  return (
    <Section id="queue" title={t.queue}>
      {held.length ? (
        <>
          <p class="quiet">{w.value.held.releaseNote}</p>
          <ul class="plain-list">{held.map((h) => <Release key={h.id} h={h} s={s} who={who} />)}</ul>
        </>
      ) : (
        <Empty text={t.queueNone} />
      )}
    </Section>
  );
}

function Statement({ p }: { p: Peer }) {
  const t = w.value.checkpoint;
  const x = p.statement;
  if (!x) return <Pair name={t.statement}>{t.statementNone}</Pair>;
  return (
    <>
      <Pair name={t.statement}>
        {said(x.result)}
        {x.at !== null ? <> · {x.within ? t.within : t.notWithin} · <Age ms={x.at} /></> : null}
        {x.until !== null ? <> · {t.until} <Moment ms={x.until} /></> : null}
      </Pair>
      <Pair name={t.code}><code>{x.code}</code></Pair>
    </>
  );
}

function PeerCard({ p, s }: { p: Peer; s: Status }) {
  const t = w.value.checkpoint;
  return (
    <section class="peer" id={`peer-${p.id}`} aria-labelledby={`peer-${p.id}-title`}>
      <h3 class="unseen" id={`peer-${p.id}-title`}>{said(s.title)} ⇄ {said(p.name)}</h3>
      <div class="two-systems">
        <div class="system">
          <p class="quiet">{t.ours}</p>
          <p class="system-name">{said(s.title)}</p>
          <p class="quiet">{s.site}</p>
        </div>
        <p class={p.up ? 'between' : 'between between-down'}>
          <Mark state={p.up ? (p.seen.length ? 'over' : 'within') : 'unknown'} />
          <span>{p.up ? t.up : t.down(p.downWhy)}</span>
        </p>
        <div class="system">
          <p class="quiet">{t.theirs}</p>
          <p class="system-name">{said(p.name)}</p>
          <p class="quiet">{p.id} · {p.inbound ? t.inbound : `${p.host}:${p.port}`} · {p.transport}</p>
        </div>
      </div>
      <dl class="pairs pairs-wide">
        <Pair name={t.agreed}>
          {p.signedAt !== null ? <Moment ms={p.signedAt} /> : '—'}
          {p.until !== null ? <> · {t.until} <Moment ms={p.until} /></> : null}
        </Pair>
        <Statement p={p} />
        {p.terms ? <Pair name={t.terms}>{t.termsOf[p.terms]}</Pair> : null}
        {p.terms ? <Pair name={t.witness}>{t.witnessOf(n(p.theirRecord), n(p.ourRecord))}</Pair> : null}
        <Pair name={t.seen}>{p.seen.length ? <strong>{list(p.seen)}</strong> : t.seenNone}</Pair>
        <Pair name={t.boundary}>{p.boundary}</Pair>
        <Pair name={t.contact}>{p.contact}</Pair>
      </dl>
      <p><a href={`/#/paper/agreement/${encodeURIComponent(p.id)}`}>{w.value.agreement.open}</a></p>
      <ul class="plain-list flows">{p.flows.slice(0, FLOWS_SHOWN).map((f) => <FlowRow key={f.id} f={f} />)}</ul>
    </section>
  );
}

export function CheckpointPage({ s, peers, who }: { s: Status; peers: readonly Peer[]; who: Me | null }) {
  const t = w.value.checkpoint;
  return (
    <>
      <Section id="checkpoint" title={t.title}>
        <p>{t.lead}</p>
        {peers.length ? peers.map((p) => <PeerCard key={p.id} p={p} s={s} />) : <Empty text={t.none} next={t.noneNext} />}
      </Section>
      <Queue s={s} who={who} />
    </>
  );
}
