import { useEffect } from 'preact/hooks';
import { me, mission, signedOut, status, view, w } from '../state';
import { Header, Languages } from './header';
import { LayersSection } from './layers';
import { LimitsSection } from './limits';
import { MissionSection, StakeSection } from './mission';
import { Hatch, Line, said } from './parts';
import { ReadingsSection } from './readings';
import { DecisionSection, RecordSection } from './record';

function SignedOutPage() {
  const t = w.value.signIn;
  const why = signedOut.value;
  return (
    <div class="narrow">
      <header class="top-row">
        <p class="product">{w.value.product}</p>
        <Languages />
      </header>
      <main>
        <h1>{t.title}</h1>
        <div role="alert">{why ? <p class="banner banner-stale">{t[why]}</p> : null}</div>
        <p>{t.why}</p>
        <ol class="sign-in">
          <li>
            <Line label={t.step1} text="sekimori login" />
          </li>
          <li>{t.step2}</li>
        </ol>
      </main>
    </div>
  );
}

export function Page() {
  const t = w.value;
  const title = status.value ?? me.value;
  const site = title ? said(title.title) : '';
  useEffect(() => {
    document.title = site ? `${t.page} — ${site}` : `${t.page} — ${t.product}`;
  }, [site, t]);
  if (view.value === 'signed-out') return <SignedOutPage />;
  const s = status.value;
  if (view.value === 'opening' || !s) {
    return (
      <main class="narrow">
        <h1>{t.page}</h1>
        <p role="status">{t.signIn.opening}</p>
      </main>
    );
  }
  return (
    <>
      <a class="skip" href="#content">{t.skip}</a>
      <Hatch />
      <Header />
      <main id="content" tabIndex={-1}>
        <MissionSection s={s} m={mission.value} />
        <StakeSection stake={s.atStake} />
        <LayersSection s={s} />
        <LimitsSection s={s} m={mission.value} />
        <ReadingsSection />
        <div class="two">
          <DecisionSection d={s.decision} />
          <RecordSection s={s} />
        </div>
      </main>
    </>
  );
}
