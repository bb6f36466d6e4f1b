import { useEffect } from 'preact/hooks';
import type { AtStake, Mission, MissionFunction, Status } from '../documents';
import { hours, moment, shares } from '../format';
import { siteNow, w } from '../state';
import { insight, refreshInsight } from '../insight';
import { mw } from '../mission-words';
import { Answer } from './insight';
import { Bar, Empty, Mark, Moment, n, Pair, said, Section } from './parts';

function Basis({ m }: { m: Mission }) {
  const t = w.value.mission;
  const [measured = '', declared = '', assumed = ''] = shares([m.measuredMille, m.declaredMille, m.defaultMille]);
  return (
    <div class="basis">
      <p>
        <strong>{t.basis}</strong>
        {' — '}
        {t.basisText(measured, declared, assumed)}
      </p>
      <Bar
        parts={[
          { kind: 'measured', size: m.measuredMille },
          { kind: 'declared', size: m.declaredMille },
          { kind: 'unknown', size: m.defaultMille },
        ]}
      />
      <p class="legend" aria-hidden="true">
        <span class="key key-measured" /> {t.measured} <span class="key key-declared" /> {t.declared} <span class="key key-unknown" /> {t.assumed}
      </p>
    </div>
  );
}

function outage(minutes: number): string {
  const whole = minutes % 60 === 0;
  return w.value.stake.hoursOf(whole ? '' : String(minutes), String(minutes / 60));
}

function Functions({ rows }: { rows: readonly MissionFunction[] }) {
  const t = w.value.mission;
  if (!rows.length) return null;
  return (
    <>
      <h3>{t.functions}</h3>
      <dl class="pairs">
        {rows.map((f) => (
          <Pair key={f.id} name={said(f.name)}>
            {t.functionText(said(f.minimum), outage(f.outageMin))}
            {f.households ? <> · {t.households(n(f.households))}</> : null}
          </Pair>
        ))}
      </dl>
    </>
  );
}

// The answer and what it hangs on, asked again whenever the figures moved.
function InsightOf({ id, asOf }: { id: string; asOf: number }) {
  useEffect(() => void refreshInsight(id), [id, asOf]);
  const x = insight.value?.id === id ? insight.value : null;
  if (!x) return null;
  return (
    <>
      <Answer x={x} />
      <p><a href={`#/mission/${encodeURIComponent(id)}`}>{mw.value.open}</a></p>
    </>
  );
}

export function MissionSection({ s, m }: { s: Status; m: Mission | null }) {
  const t = w.value.mission;
  if (!m) {
    return (
      <Section id="mission" title={t.title}>
        <Empty text={t.none} next={t.noneNext} />
      </Section>
    );
  }
  return (
    <Section id="mission" title={t.title} note={m.asOf !== null ? <span class="quiet">{t.assessedAt(moment(m.asOf, siteNow.value))}</span> : null}>
      <p class="mission-name">
        {said(m.name)}
        {said(m.promise) && said(m.promise) !== said(m.name) ? <span class="quiet"> {said(m.promise)}</span> : null}
      </p>
      <p class="sentence">
        <Mark state={m.state} /> {said(m.sentence) || said(s.sentence) || t.notAssessed}
      </p>
      <InsightOf id={m.id} asOf={m.asOf ?? 0} />
      <div class="two">
        <Basis m={m} />
        <div>
          <Functions rows={m.functions} />
        </div>
      </div>
    </Section>
  );
}

export function StakeSection({ stake }: { stake: AtStake | null }) {
  const t = w.value.stake;
  if (!stake) {
    return (
      <Section id="stake" title={t.title}>
        <Empty text={t.none} />
      </Section>
    );
  }
  return (
    <Section id="stake" title={t.title}>
      <div class="stake">
        <div class="figures">
          <p class="figure">
            <span class="figure-label">{t.hoursLabel}</span>
            <span class="figure-number">{hours(stake.hoursMille)}</span> {t.hours}
          </p>
          <p class="figure">
            <span class="figure-label">{t.householdsLabel}</span>
            <span class="figure-number">{n(stake.households)}</span> {t.householdsUnit}
          </p>
        </div>
        <div>
          <p>{said(stake.text)}</p>
          {stake.functions.length ? (
            <dl class="pairs">
              {stake.functions.map((f) => (
                <Pair key={f.id} name={said(f.name)}>
                  {said(f.minimum)} · {t.functionRow(hours(f.hoursMille), n(f.households))}
                </Pair>
              ))}
            </dl>
          ) : null}
          {stake.assets.length ? (
            <>
              <h3>{t.compromised}</h3>
              <ul>
                {stake.assets.map((a) => (
                  <li key={a.id + a.control}>
                    {said(a.text)}
                    {a.since !== null ? <span class="quiet"> <Moment ms={a.since} /></span> : null}
                  </li>
                ))}
              </ul>
            </>
          ) : null}
        </div>
      </div>
    </Section>
  );
}
