import { useState } from 'preact/hooks';
import { passkeysHere } from '../passkey';
import { signedOut, signIn, signInByPasskey, w } from '../state';
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
