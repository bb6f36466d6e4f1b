import { type Decision, headOf, type Status } from '../documents';
import { short } from '../format';
import { w } from '../state';
import { Empty, Line, Mark, Moment, n, Pair, said, Section } from './parts';

const DECISION_MARK = { 'in-force': 'within', reopened: 'near', expired: 'over', superseded: 'unknown', 'sent-back': 'unknown', '': 'unknown' } as const;

export function DecisionSection({ d }: { d: Decision | null }) {
  const t = w.value.decision;
  if (!d) {
    return (
      <Section id="decision" title={t.title}>
        <Empty text={t.none} next={t.noneNext} />
      </Section>
    );
  }
  return (
    <Section id="decision" title={t.title}>
      <p class="decision-line"><Mark state={DECISION_MARK[d.state]} /> <strong>{d.id}</strong> {said(d.stateWords)}</p>
      <p>{said(d.text)}</p>
      {d.causes.length ? (
        <>
          <h3>{t.reopened}</h3>
          <ul>{d.causes.map((c) => <li key={c.en}>{said(c)}</li>)}</ul>
        </>
      ) : null}
      <dl class="pairs">
        <Pair name={t.signers}>
          {d.signers.length ? (
            <ul class="plain-list">
              {d.signers.map((x) => <li key={x.keyId}>{said(x.role)} <span class="quiet">{t.key} <code title={x.keyId}>{short(x.keyId)}</code></span></li>)}
            </ul>
          ) : w.value.none}
        </Pair>
        <Pair name={t.at}>{d.at !== null ? <Moment ms={d.at} /> : '—'}</Pair>
        <Pair name={t.expires}>{d.expires !== null ? <Moment ms={d.expires} /> : t.noEnd}</Pair>
        {d.rank ? <Pair name={t.rank}>{d.rank}</Pair> : null}
      </dl>
    </Section>
  );
}

export function RecordSection({ s }: { s: Status }) {
  const t = w.value.record;
  const r = s.record;
  const head = headOf(r.head);
  const healthy = r.health === 'ok';
  return (
    <Section id="record" title={t.title}>
      <dl class="pairs">
        <Pair name={t.entries}><span class="number">{t.entriesOf(n(r.size))}</span></Pair>
        <Pair name={t.health}><Mark state={healthy ? 'within' : 'over'} /> {healthy ? t.healthy : t.unhealthy(r.health)}</Pair>
        <Pair name={t.head}>
          {head.size !== null ? <>{t.headOf(n(head.size))} <code title={head.root}>{short(head.root, 16)}</code></> : t.noHead}
        </Pair>
        <Pair name={t.root}><code title={r.root}>{short(r.root, 16)}</code></Pair>
        <Pair name={t.traffic}>
          {t.received} {n(s.traffic.received)} · {t.delivered} {n(s.traffic.delivered)} · {t.flagged} {n(s.traffic.flagged)} · {t.heldCount} {n(s.traffic.held)} · {t.denied} {n(s.traffic.denied)} · {t.yielded} {n(s.traffic.yielded)}
        </Pair>
      </dl>
      <Line label={t.verify} text="sekimori ledger verify" />
    </Section>
  );
}
