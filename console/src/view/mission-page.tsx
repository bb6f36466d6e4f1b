// One mission on one page: the answer, where the risk comes from, what moved, what it hangs on, what could be done.
import { useEffect } from 'preact/hooks';
import { moment } from '../format';
import { type Insight, insight, refreshInsight } from '../insight';
import { mw } from '../mission-words';
import { dw } from '../deliberation-words';
import { me, mission, siteNow } from '../state';
import { DraftSection } from './draft-form';
import { Answer, Misuse, Moved, Threats, Waterfall } from './insight';
import { Options } from './options';
import { Mark, said, Section } from './parts';
import { CurveOnDemand, Trying } from './try';

// Per service, what was asked for beside what is achieved; the approved wording of it is public.
function Expected({ x }: { x: Insight }) {
  const t = mw.value.expects;
  return (
    <>
      <div class="sideways" tabIndex={0} role="group" aria-label={t.title}>
        <table>
          <thead><tr><th scope="col">{t.service}</th><th scope="col">{t.expects}</th><th scope="col">{t.achieved}</th></tr></thead>
          <tbody>
            {x.functions.map((f) => <tr key={f.id}><th scope="row">{said(f.name)}</th><td>{said(f.expects) || '—'}</td><td>{said(f.expected)} – {said(f.decision)}</td></tr>)}
          </tbody>
        </table>
      </div>
      <p><a href="/public">{t.open}</a></p>
    </>
  );
}

export function MissionPage({ id }: { id: string }) {
  const t = mw.value;
  const asOf = mission.value?.asOf ?? 0;
  useEffect(() => void refreshInsight(id), [id, asOf]);
  const x = insight.value?.id === id ? insight.value : null;
  if (!x) return <p role="status">{mission.value ? t.loading : t.notYet}</p>;
  return (
    <>
      <Section id="answer" title={said(x.name) || t.mission} note={<span class="quiet">{x.asOf !== null ? t.asOf(moment(x.asOf, siteNow.value), x.assessment) : ''}</span>}>
        <p class="sentence"><Mark state={x.state} /> {said(x.sentence) || said(x.stateWords)}</p>
        <Answer x={x} />
      </Section>
      {x.whole ? (
        <>
          <Section id="waterfall" title={t.waterfall.title}>
            <Waterfall x={x} />
            <h3>{t.waterfall.threats}</h3>
            <Threats x={x} />
          </Section>
          <Section id="moved" title={t.moved.title}><Moved x={x} /></Section>
          <Section id="hangs" title={t.hangs.title}><Trying key={x.id + x.hangsOn.map((h) => h.id + h.now).join()} x={x} /></Section>
          <Section id="options" title={t.options.title}><Options x={x} /></Section>
          <Section id="expects" title={t.expects.title}><Expected x={x} /></Section>
          <Section id="curve" title={t.curve.title}><CurveOnDemand id={x.id} /></Section>
        </>
      ) : <p class="empty">{t.tooLarge}</p>}
      {me.value?.person ? <Section id="draft-decision" title={dw.value.draft.title}><DraftSection key={x.id} x={x} /></Section> : null}
      <Misuse />
    </>
  );
}
