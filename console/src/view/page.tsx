import { useEffect } from 'preact/hooks';
import { me, mission, status, view, w } from '../state';
import { AccountSection } from './account';
import { Header } from './header';
import { LayersSection } from './layers';
import { LimitsSection } from './limits';
import { MissionSection, StakeSection } from './mission';
import { Hatch, said } from './parts';
import { ReadingsSection } from './readings';
import { DecisionSection, RecordSection } from './record';
import { SignedOutPage } from './sign-in';
import { maySign, SigningSection } from './signing';

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
        <AccountSection />
        {me.value && maySign(me.value) ? <SigningSection who={me.value} /> : null}
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
