import { useState } from 'preact/hooks';
import { passkeysHere } from '../passkey';
import { commandLine } from '../command';
import { carriedChallenge, signedOut, signIn, signInByAnswer, signInByPasskey, w } from '../state';
import { Languages } from './header';
import { Field, Line } from './parts';

function SignInForm() {
  const t = w.value.signIn;
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [asking, setAsking] = useState(false);
  const submit = async (e: Event) => {
    e.preventDefault();
    setAsking(true);
    await signIn(user.trim(), password);
    setPassword('');
    setAsking(false);
  };
  return (
    <form class="form" onSubmit={submit}>
      <Field label={t.user} value={user} onValue={setUser} autocomplete="username" />
      <Field label={t.password} value={password} onValue={setPassword} type="password" autocomplete="current-password" />
      <button type="submit" class="do" disabled={asking || !user || !password}>{t.enter}</button>
    </form>
  );
}

function Carried() {
  const t = w.value.signIn;
  const [user, setUser] = useState('');
  const [asked, setAsked] = useState<{ site: string; challenge: string } | null>(null);
  const ask = (e: Event) => {
    e.preventDefault();
    void carriedChallenge().then((c) => {
      setAsked(c);
      if (!c) signedOut.value = 'unreachable';
    });
  };
  const name = user.trim();
  return (
    <details class="account" id="carried">
      <summary>{t.carried}</summary>
      <p>{t.carriedLead}</p>
      <form class="form" onSubmit={ask}>
        <Field label={t.user} value={user} onValue={setUser} autocomplete="username" />
        <button type="submit" disabled={!name}>{t.carriedAsk}</button>
      </form>
      {asked && name ? (
        <>
          <Line label={t.carriedLine} text={commandLine('sekimori login answer', [asked.challenge, '--site', asked.site, '--user', name], '--key KEY --out answer.json')} />
          <label class="field">
            <span>{t.carriedFile}</span>
            <input type="file" accept=".json,application/json" onChange={(e) => void e.currentTarget.files?.[0]?.text().then(signInByAnswer)} />
          </label>
        </>
      ) : null}
    </details>
  );
}

export function SignedOutPage() {
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
        {passkeysHere() ? (
          <p>
            <button type="button" class="do" id="by-passkey" onClick={() => void signInByPasskey()}>{t.byPasskey}</button>
          </p>
        ) : null}
        <SignInForm />
        <Carried />
        <h2>{t.byLink}</h2>
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
