import type { Layer, Status, State } from '../documents';
import { age, moment } from '../format';
import { lang, siteNow, w } from '../state';
import { Bar, Empty, Mark, n, said, Section } from './parts';

export const LAYER_STATES: Record<Layer['state'], State | null> = { ok: 'within', bad: 'over', unknown: 'unknown', empty: null };

function Counts({ l }: { l: Layer }) {
  const t = w.value.layers;
  return (
    <ul class="counts">
      {([['ok', 'within', l.ok], ['bad', 'over', l.bad], ['unknown', 'unknown', l.unknown]] as const).map(([key, mark, size]) => (
        <li key={key} class={size ? '' : 'quiet'}>
          <span><Mark state={mark} /> {t[key]}</span> <strong>{n(size)}</strong>
        </li>
      ))}
    </ul>
  );
}

function Gate({ l }: { l: Layer }) {
  const t = w.value.layers;
  const all = l.ok + l.bad + l.unknown;
  const state = LAYER_STATES[l.state];
  return (
    <li class={`gate gate-${l.state}`}>
      <h3>{said(l.name) || l.layer}</h3>
      <p class="gate-state">
        {state ? <Mark state={state} /> : null} {t.states[l.state]}
      </p>
      <Bar parts={[{ kind: 'ok', size: l.ok }, { kind: 'bad', size: l.bad }, { kind: 'unknown', size: l.unknown }]} />
      {all ? <Counts l={l} /> : null}
      {all ? (
        <p class="gate-of">
          {t.count(n(l.ok), n(all))}
          <span class="quiet">{' · '}{l.asOf !== null ? w.value.asOf(moment(l.asOf, siteNow.value)) : t.never}</span>
        </p>
      ) : null}
      {all && l.oldest !== null ? <p class="gate-of quiet">{t.oldest(age(l.oldest, siteNow.value, lang.value))}</p> : null}
      {l.cause ? (
        <p class="gate-cause">
          <strong>{t.cause}</strong> {said(l.cause.text) || [l.cause.control, l.cause.asset, l.cause.detail].filter(Boolean).join(' ')}
        </p>
      ) : null}
    </li>
  );
}

export function LayersSection({ s }: { s: Status }) {
  const t = w.value.layers;
  return (
    <Section id="layers" title={t.title} note={<span class="quiet">{t.lead}</span>}>
      {s.layers.length ? (
        <ol class="gates">
          {s.layers.map((l) => (
            <Gate key={l.layer} l={l} />
          ))}
        </ol>
      ) : (
        <Empty text={t.none} />
      )}
    </Section>
  );
}
