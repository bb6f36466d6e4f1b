import { useState } from 'preact/hooks';
import type { Me } from '../documents';
import { passkeysHere } from '../passkey';
import { addPasskey, me, setPassword, signOut, w } from '../state';
import { Field, n } from './parts';

function PasswordForm({ fresh }: { fresh: boolean }) {
  const t = w.value.account;
  const [now, setNow] = useState('');
  const [next, setNext] = useState('');
  const [told, setTold] = useState<'' | 'saved' | 'poor' | 'other' | 'failed'>('');
  const [asking, setAsking] = useState(false);
  const submit = async (e: Event) => {
    e.preventDefault();
    setAsking(true);
    const wrong = await setPassword(next, now);
    setTold(wrong || 'saved');
    setNow('');
    setNext('');
    setAsking(false);
  };
  return (
    <form class="form" id="password" onSubmit={submit}>
      <div role="alert">{told ? <p class={told === 'saved' ? 'banner' : 'banner banner-stale'}>{t[told]}</p> : null}</div>
      <input class="unseen" type="text" autocomplete="username" value={me.value?.who ?? ''} readOnly tabIndex={-1} aria-hidden="true" />
      {fresh ? null : <Field label={t.now} value={now} onValue={setNow} type="password" autocomplete="current-password" />}
      <Field label={t.password} value={next} onValue={setNext} type="password" autocomplete="new-password" />
      <button type="submit" class="do" disabled={asking || !next}>{t.save}</button>
    </form>
  );
}

function PasskeyForm({ who }: { who: Me }) {
  const t = w.value.account;
  const [label, setLabel] = useState('');
  const [told, setTold] = useState<'' | 'added' | 'notAdded'>('');
  const submit = async (e: Event) => {
    e.preventDefault();
    const good = await addPasskey(label);
    setTold(good ? 'added' : 'notAdded');
    if (good) setLabel('');
  };
  return (
    <form class="form" id="passkey" onSubmit={submit}>
      <p>{t.passkeys(n(who.passkeys))}</p>
      <div role="alert">{told ? <p class={told === 'added' ? 'banner' : 'banner banner-stale'}>{t[told]}</p> : null}</div>
      {who.strong && passkeysHere() ? (
        <>
          <Field label={t.label} value={label} onValue={setLabel} autocomplete="off" />
          <button type="submit" class="do">{t.addPasskey}</button>
        </>
      ) : <p class="quiet">{t.weak}</p>}
    </form>
  );
}

// Only a person has one: whoever came by the machine's own link has nothing to set here.
export function AccountSection() {
  const who = me.value;
  return who?.person ? <Account who={who} /> : null;
}

function Account({ who }: { who: Me }) {
  const t = w.value.account;
  const [open] = useState(who.fresh && !who.password);
  return (
    <details class="account" id="account" open={open}>
      <summary>{t.title}</summary>
      <p>
        {who.name} <span class="quiet">{t.rolesOf(who.roles.map((r) => t.roles[r] ?? r).join('・'))}</span>
      </p>
      {who.fresh && !who.password ? <p>{t.first}</p> : null}
      <PasskeyForm who={who} />
      <PasswordForm fresh={who.fresh} />
      <p>
        <button type="button" class="do" onClick={() => void signOut()}>{t.end}</button>
      </p>
    </details>
  );
}
