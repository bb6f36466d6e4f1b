// What is limited and held: what, why it matters, what to do, on what evidence; in that order, always.
import { attestLine, loosenLine, releaseLine, showLine, whyLine } from '../command';
import type { Held, Limit, Mission, Status } from '../documents';
import { clock, left, short } from '../format';
import { rowOf } from '../plain';
import { siteNow, w } from '../state';
import { Empty, Line, Moment, n, Pair, said, Section, Tag } from './parts';
import { WhyHeld } from './why';

const LIMITS_SHOWN = 20;
const HELD_SHOWN = 20;

function Evidence({ l }: { l: Limit }) {
  const t = w.value.limits;
  const c = l.cause;
  return (
    <dl class="pairs">
      {c ? (
        <>
          <Pair name={t.check}>
            {c.control} · {c.asset}
            {c.at !== null ? <> · <Moment ms={c.at} /></> : null}
          </Pair>
          <Pair name={t.result}>
            {rowOf(t.results, c.result) ?? c.result}
            {c.detail ? <> · {c.detail}</> : null}
          </Pair>
          {c.method ? <Pair name={t.method}>{rowOf(t.methods, c.method) ?? c.method}</Pair> : null}
        </>
      ) : null}
      <Pair name={t.condition}>
        {said(l.name)} <code>{l.condition}</code>
      </Pair>
      <Pair name={t.decision}>{l.decision || t.noDecision}</Pair>
      <Pair name={t.stream}>
        <code>{l.stream}</code>
      </Pair>
      <Pair name={t.since}>{l.since !== null ? <Moment ms={l.since} /> : '—'}</Pair>
      <Pair name={t.until}>
        {l.loosenAt !== null ? t.loosenAt(clock(l.loosenAt)) : l.until !== null ? <Moment ms={l.until} /> : t.untilDecided}
      </Pair>
    </dl>
  );
}

function Todo({ l, held }: { l: Limit; held: readonly Held[] }) {
  const t = w.value.limits;
  const mine = held.find((h) => h.limit === l.id);
  return (
    <>
      <p>{said(l.next)}</p>
      {l.enforced && l.state === 'good' && l.loosenBy === 'two' ? <Line label={t.loosen} text={loosenLine(l.id)} /> : null}
      {mine ? <Line label={w.value.held.release} text={releaseLine(mine.id)} /> : null}
      {mine ? <Line label={t.why} text={whyLine(mine.from, mine.topic)} /> : null}
      {!mine && l.device ? <Line label={w.value.details} text={showLine(l.device)} /> : null}
      {l.device && l.state === 'broken' ? <Line label={t.attest} text={attestLine(l.device)} /> : null}
    </>
  );
}

function LimitCard({ l, s, m }: { l: Limit; s: Status; m: Mission | null }) {
  const t = w.value.limits;
  return (
    <article class={`limit ${l.enforced ? 'limit-enforced' : 'limit-observed'}`} aria-labelledby={`limit-${l.id}`}>
      <p class="tags">
        <Tag kind="id">{l.id}</Tag>
        <Tag kind={l.enforced ? 'strong' : 'plain'}>{l.enforced ? t.enforced : t.observed}</Tag>
        <Tag kind="plain">{t.modes[l.mode]}</Tag>
        <Tag kind="plain">{t.states[l.state]}</Tag>
      </p>
      <h3 id={`limit-${l.id}`}>{said(l.text) || l.condition}</h3>
      <div class="steps">
        <div>
          <h4>{t.what}</h4>
          <p>{said(l.withholds)}</p>
          {l.weight ? <p class={l.weight.costsMore ? 'weight weight-over' : 'weight'}>{said(l.weight.text)}</p> : null}
        </div>
        <div>
          <h4>{t.whyItMatters}</h4>
          <p>{m ? t.mission(said(m.name), said(m.promise) === said(m.name) ? '' : said(m.promise)) : t.noMission}</p>
          {s.atStake ? <p>{said(s.atStake.text)}</p> : null}
        </div>
        <div>
          <h4>{t.todo}</h4>
          <Todo l={l} held={s.held} />
        </div>
        <div>
          <h4>{t.evidence}</h4>
          <Evidence l={l} />
        </div>
      </div>
    </article>
  );
}

function Until({ ms }: { ms: number }) {
  const t = w.value.held;
  const over = ms <= siteNow.value;
  return <>{clock(ms)} · <strong>{over ? t.over : t.left(left(ms, siteNow.value))}</strong></>;
}

function HeldCard({ h }: { h: Held }) {
  const t = w.value.held;
  return (
    <li class="held">
      <dl class="pairs pairs-wide">
        <Pair name={t.hold}><strong>{h.id}</strong></Pair>
        <Pair name={t.from}>{h.from}</Pair>
        <Pair name={t.to}>{h.to}</Pair>
        <Pair name={t.topic}><code>{h.topic}</code></Pair>
        <Pair name={t.since}>{h.since !== null ? <Moment ms={h.since} /> : '—'}</Pair>
        <Pair name={t.until}>{h.until !== null ? <Until ms={h.until} /> : '—'}</Pair>
        <Pair name={t.limit}>{h.limit}{h.decision ? <> · {t.decision} {h.decision}</> : null}</Pair>
        <Pair name={t.payload}><code title={h.sha256}>{short(h.sha256, 16)}</code></Pair>
      </dl>
      <Line label={t.release} text={releaseLine(h.id)} />
      <Line label={w.value.limits.why} text={whyLine(h.from, h.topic)} />
      <WhyHeld hold={h.id} />
    </li>
  );
}

function HeldList({ held }: { held: readonly Held[] }) {
  const t = w.value.held;
  return (
    <div id="held">
      <h3>{t.title}</h3>
      {held.length ? (
        <>
          <p class="quiet">{t.releaseNote}</p>
          <ul class="plain-list">
            {held.slice(0, HELD_SHOWN).map((h) => <HeldCard key={h.id} h={h} />)}
          </ul>
          {held.length > HELD_SHOWN ? <p>{w.value.limits.more(n(held.length - HELD_SHOWN))}</p> : null}
        </>
      ) : (
        <Empty text={t.none} />
      )}
    </div>
  );
}

function Cards({ rows, s, m }: { rows: readonly Limit[]; s: Status; m: Mission | null }) {
  return (
    <>
      {rows.slice(0, LIMITS_SHOWN).map((l) => <LimitCard key={l.id} l={l} s={s} m={m} />)}
      {rows.length > LIMITS_SHOWN ? <p>{w.value.limits.more(n(rows.length - LIMITS_SHOWN))}</p> : null}
    </>
  );
}

export function LimitsSection({ s, m }: { s: Status; m: Mission | null }) {
  const t = w.value.limits;
  const enforced = s.limits.filter((l) => l.enforced);
  const observed = s.limits.filter((l) => !l.enforced);
  return (
    <Section id="limits" title={t.title}>
      {enforced.length ? <Cards rows={enforced} s={s} m={m} /> : <Empty text={t.none} />}
      {enforced.length || s.held.length ? <HeldList held={s.held} /> : null}
      {observed.length ? (
        <details class="limits-observed">
          <summary>{t.observedOnly(n(observed.length))}</summary>
          <Cards rows={observed} s={s} m={m} />
        </details>
      ) : null}
      {s.unauthenticated ? <p class="quiet">{w.value.unauthenticated(n(s.unauthenticated))}</p> : null}
    </Section>
  );
}
