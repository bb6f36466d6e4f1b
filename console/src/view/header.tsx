import type { Status } from '../documents';
import { age, clock } from '../format';
import { iw } from '../improve-words';
import { mw, pageName } from '../mission-words';
import type { Lang } from '../plain';
import { route } from '../route';
import { connected, go, lang, me, mission, nowMs, PLACES, peers, place, receivedMs, setLanguage, siteNow, stale, status, w } from '../state';
import { Mark, n, said, Tag } from './parts';

const LANGUAGES: readonly [Lang, string][] = [
  ['ja', '日本語'],
  ['en', 'English'],
];

export function Languages() {
  return (
    <div class="languages" role="group" aria-label={w.value.language}>
      {LANGUAGES.map(([l, name]) => (
        <button key={l} type="button" lang={l} aria-pressed={lang.value === l} onClick={() => setLanguage(l)}>
          {name}
        </button>
      ))}
    </div>
  );
}

// "as of" is when the site last answered; once that is more than a few seconds ago, its age is said.
function AsOf({ s }: { s: Status }) {
  const at = s.now ?? receivedMs.value;
  const old = nowMs.value - receivedMs.value > 15000;
  const time = clock(at);
  return <span class="as-of">{old ? w.value.asOfOld(time, age(at, siteNow.value, lang.value)) : w.value.asOf(time)}</span>;
}

function Line({ s }: { s: Status }) {
  const t = w.value;
  return (
    <div class={stale.value ? 'state state-stale' : `state state-${s.state}`}>
      <p class="state-word">
        <Mark state={stale.value ? 'unknown' : s.state} />
        <span>
          <span class="unseen">{t.stateIs('')}</span>
          {stale.value ? t.lastKnown(t.states[s.state]) : t.states[s.state]}
        </span>
      </p>
      <p class="state-more">
        {s.limits.some((l) => l.enforced) ? <Tag kind="strong">{t.limitsBadge(n(s.limits.filter((l) => l.enforced).length))}</Tag> : null}
        {s.held.length ? <Tag kind="strong">{t.heldBadge(n(s.held.length))}</Tag> : null}
        <AsOf s={s} />
        <span class={connected.value ? 'link-up' : 'link-down'}>{connected.value ? t.live : t.reconnecting}</span>
      </p>
    </div>
  );
}

function Places() {
  const t = w.value;
  const id = mission.value?.id ?? '';
  const late = (status.value?.lateActions ?? 0) > 0;
  const tight = peers.value.some((p) => p.flows.some((f) => f.tightened && !f.open) || p.seen.length);
  return (
    <nav class="places" aria-label={t.placesLabel}>
      {PLACES.map((p) => (
        <a key={p} href={p === 'overview' ? '/' : `/#${p}`} aria-current={place.value === p && !route.value.page ? 'page' : undefined}
          onClick={(e) => { e.preventDefault(); go(p); }}>
          {t.places[p]}
          {p === 'checkpoint' && tight ? <> <span class="mark mark-over" aria-hidden="true">■</span></> : null}
        </a>
      ))}
      {id ? <a href={`/#/mission/${encodeURIComponent(id)}`} aria-current={route.value.page === 'mission' ? 'page' : undefined}>{mw.value.mission}</a> : null}
      {id ? <a href={`/#/paper/decision/${encodeURIComponent(id)}`} aria-current={route.value.page === 'paper' ? 'page' : undefined}>{mw.value.papers}</a> : null}
      <a href="/#/improve" aria-current={route.value.page === 'improve' ? 'page' : undefined}>{iw.value.page}{late ? <> <span class="mark mark-over" aria-hidden="true">■</span><span class="unseen"> {iw.value.late}</span></> : null}</a>
    </nav>
  );
}

export function Header() {
  const s = status.value;
  const t = w.value;
  const site = me.value;
  return (
    <header class="top">
      <div class="top-row">
        <div>
          <p class="product">
            {t.product} <span class="quiet">{s?.site ?? ''}</span>
          </p>
          <h1>
            {s ? <span class="site">{said(s.title)}</span> : null} <span class="page-name">{pageName.value}</span>
          </h1>
        </div>
        <div class="top-side">
          <Languages />
          {site?.who ? <p class="quiet who">{t.signedInAs(site.who)}</p> : null}
        </div>
      </div>
      {s ? <Places /> : null}
      {s ? <Line s={s} /> : null}
      <div role="status">{stale.value ? <p class="banner banner-stale">{t.stale}</p> : null}</div>
      {s?.observe ? (
        <p class="banner banner-observe">
          <strong>{t.observeMode}</strong> {said(s.observeWords)} {s.wouldHave.total ? said(s.wouldHave.text) : null}
        </p>
      ) : null}
    </header>
  );
}
