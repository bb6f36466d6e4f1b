// Options beside one another: service lost first, then risk left, then money.
import { hours } from '../format';
import type { Insight } from '../insight';
import { mw } from '../mission-words';
import { said } from './parts';

function Sets({ x }: { x: Insight }) {
  const t = mw.value.options;
  const name = (id: string) => said(x.options.find((o) => o.id === id)?.name ?? { ja: id, en: id });
  return (
    <ul class="small">
      {x.best ? <li>{t.best}: {x.best.length ? <strong>{x.best.map(name).join(', ')} ({said(x.bestCost)})</strong> : t.nothing}</li> : null}
      {x.reach ? <li>{t.reach}: {x.reach.length ? <strong>{x.reach.map(name).join(', ')}</strong> : t.within}</li> : null}
    </ul>
  );
}

export function Options({ x }: { x: Insight }) {
  const t = mw.value.options;
  const first = x.functions[0];
  if (!x.options.length) return <p>{t.none}</p>;
  return (
    <>
      <div class="sideways" tabIndex={0} role="group" aria-label={t.title}>
        <table class="options">
          <thead>
            <tr>
              <th scope="col">{t.option}</th><th scope="col">{t.outages}</th><th scope="col">{t.hours}</th><th scope="col">{t.left}</th><th scope="col">{t.cost}</th><th scope="col">{t.rosi}</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">{t.asIs}</th>
              <td>{said(x.outages)}</td>
              <td class="number">{first ? t.hoursOf(hours(first.hoursDecisionMille)) : '—'}</td>
              <td class="number">{said(x.residual)}</td><td class="number">0</td><td>—</td>
            </tr>
            {x.options.map((o) => (
              <tr key={o.id}>
                <th scope="row">{said(o.name)} <span class="quiet">{o.control}{o.duty ? ` · ${t.duty}` : ''}</span></th>
                <td>{said(o.outages)}</td>
                <td class="number">{t.hoursOf(hours(o.hoursMille))}</td>
                <td class="number">{said(o.left)}</td>
                <td class="number">{said(o.cost)}</td>
                <td class="number">{o.rosi > 0 ? '+' : o.rosi < 0 ? '−' : ''}{Math.abs(o.rosi)} %</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Sets x={x} />
      <p class="quiet">{t.note}</p>
    </>
  );
}
