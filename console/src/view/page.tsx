import { useEffect } from 'preact/hooks';
import type { Status } from '../documents';
import { pageName } from '../mission-words';
import { route } from '../route';
import { me, mission, peers, place, status, view, w } from '../state';
import { AccountSection } from './account';
import { AlarmsPage } from './alarms';
import { AgreementPaper } from './agreement-paper';
import { CheckpointPage } from './checkpoint';
import { DecidePage, DraftsBanner } from './deliberate';
import { EmergencyBanner, EmergencySection } from './emergency';
import { Header } from './header';
import { HistoryPage } from './history-page';
import { ImprovePage } from './improve';
import { LayersSection } from './layers';
import { LimitsSection } from './limits';
import { MissionSection, StakeSection } from './mission';
import { MissionPage } from './mission-page';
import { PapersPage } from './papers';
import { Hatch, said } from './parts';
import { ReadingsSection } from './readings';
import { DecisionSection, RecordSection } from './record';
import { SignedOutPage } from './sign-in';
import { maySign, SigningSection } from './signing';
import { UnmanagedPage } from './unmanaged';
import { WhySection } from './why';
import { WorkPage } from './work';

export function Page() {
  const t = w.value;
  const title = status.value ?? me.value;
  const site = title ? said(title.title) : '';
  const name = pageName.value;
  useEffect(() => {
    document.title = site ? `${name} — ${site}` : `${name} — ${t.product}`;
  }, [site, name, t]);
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
      <EmergencyBanner />
      <main id="content" tabIndex={-1}>
        <Shown s={s} />
      </main>
    </>
  );
}

function Shown({ s }: { s: Status }) {
  const r = route.value;
  if (r.page === 'mission') return <MissionPage id={r.id} />;
  if (r.page === 'improve') return <ImprovePage />;
  if (r.page === 'decide') return <DecidePage key={r.id} id={r.id} />;
  if (r.page === 'history') return <HistoryPage topic={r.id} />;
  if (r.page === 'paper' && r.name === 'agreement') return <AgreementPaper id={r.id} peers={peers.value} s={s} />;
  if (r.page === 'paper') return <PapersPage name={r.name} id={r.id} />;
  return (
    <>
      <DraftsBanner />
      <AccountSection />
      <EmergencySection />
      {me.value && maySign(me.value) ? <SigningSection who={me.value} /> : null}
      <PlaceShown s={s} />
    </>
  );
}

function PlaceShown({ s }: { s: Status }) {
  switch (place.value) {
    case 'checkpoint': return <CheckpointPage s={s} peers={peers.value} who={me.value} />;
    case 'alarms': return <AlarmsPage />;
    case 'work': return <WorkPage />;
    case 'unmanaged': return <UnmanagedPage />;
    default: return <Overview s={s} />;
  }
}

function Overview({ s }: { s: Status }) {
  return (
    <>
      <MissionSection s={s} m={mission.value} />
      <StakeSection stake={s.atStake} />
      <LayersSection s={s} />
      <LimitsSection s={s} m={mission.value} />
      <WhySection />
      <ReadingsSection />
      <div class="two">
        <DecisionSection d={s.decision} />
        <RecordSection s={s} />
      </div>
    </>
  );
}
