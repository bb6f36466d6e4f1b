import { useState } from 'preact/hooks';
import { rowOf } from '../plain';
import { w } from '../state';
import { ACTIONS, askWhy, type Asked, type Why } from '../why';
import { Field, n, said, Tag } from './parts';

const MARKS: Record<string, string> = { pass: '●', deny: '■', hold: '■', flag: '▲', observed: '▲', no: '○' };

export function Tree({ why }: { why: Why }) {
  const t = w.value.why;
  return (
    <div class="why-tree">
      <p>
        <Tag kind={why.ruling === 'allow' ? 'plain' : 'strong'}>{t.rulings[why.ruling]}</Tag> {why.subject} · {rowOf(t.actions, why.action) ?? why.action} · <code>{why.topic}</code>
      </p>
      <ol class="plain-list">
        {why.steps.map((s, i) => (
          <li key={i} class={`why-step why-level-${s.level}${s.step === 'todo' || s.step === 'ask' ? ' why-do' : ''}`}>
            <span class="why-name">
              <span aria-hidden="true">{rowOf(MARKS, s.result) ?? '·'}</span> {rowOf(t.steps, s.step) ?? s.step}
              {rowOf(t.results, s.result) ? <span class="quiet"> {rowOf(t.results, s.result)}</span> : null}
            </span>
            <span>{said(s.text)}{s.entry !== null ? <span class="quiet"> {t.entry(n(s.entry))}</span> : null}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

type Shown = Why | 'gone' | 'failed' | null;

function Answer({ shown }: { shown: Shown }) {
  const t = w.value.why;
  if (shown === null) return null;
  return shown === 'gone' || shown === 'failed' ? <p class="banner banner-stale">{t[shown]}</p> : <Tree why={shown} />;
}

const asking = async (asked: Asked): Promise<Shown> => (await askWhy(asked)) ?? 'failed';

// On a held command: one button, the answer below it.
export function WhyHeld({ hold }: { hold: string }) {
  const t = w.value.why;
  const [shown, setShown] = useState<Shown>(null);
  return (
    <>
      <p class="buttons">
        <button type="button" class="why-held" aria-expanded={shown !== null} onClick={() => (shown ? setShown(null) : void asking({ hold }).then(setShown))}>
          {shown ? t.close : t.held}
        </button>
      </p>
      <div role="status"><Answer shown={shown} /></div>
    </>
  );
}

export function WhySection() {
  const t = w.value.why;
  const [subject, setSubject] = useState('');
  const [action, setAction] = useState<string>(ACTIONS[0]);
  const [topic, setTopic] = useState('');
  const [purpose, setPurpose] = useState('');
  const [shown, setShown] = useState<Shown>(null);
  const ask = (e: Event) => {
    e.preventDefault();
    void asking({ subject: subject.trim(), action, topic: topic.trim(), purpose: purpose.trim() }).then(setShown);
  };
  return (
    <details class="account" id="why">
      <summary>{t.title}</summary>
      <p>{t.lead}</p>
      <form onSubmit={ask}>
        <Field label={t.subject} value={subject} onValue={setSubject} autocomplete="off" />
        <label class="field">
          <span>{t.action}</span>
          <select value={action} onChange={(e) => setAction(e.currentTarget.value)}>
            {ACTIONS.map((a) => <option key={a} value={a}>{t.actions[a]}</option>)}
          </select>
        </label>
        <Field label={t.topic} value={topic} onValue={setTopic} autocomplete="off" />
        <Field label={t.purpose} value={purpose} onValue={setPurpose} autocomplete="off" />
        <p class="buttons"><button type="submit" class="do" disabled={!subject.trim() || !topic.trim()}>{t.ask}</button></p>
      </form>
      <div role="status"><Answer shown={shown} /></div>
    </details>
  );
}
