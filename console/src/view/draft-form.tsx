// The mission owner drafts a decision from the mission's own page: what is chosen, what is bound, until when, and why.
import { useEffect, useState } from 'preact/hooks';
import { type Case, readCase } from '../cases';
import { dw } from '../deliberation-words';
import { compose, type Condition, handIn, readConditions } from '../drafts';
import { hours } from '../format';
import { ask, type Insight } from '../insight';
import { mw } from '../mission-words';
import { lang, refreshNow } from '../state';
import type { Envelope } from '../signing';
import { readDraft } from '../cases';
import { Body } from './decision-paper';
import { said } from './parts';
import { Paper } from './papers';
import { useSeat } from './deliberate';

const DAY_MS = 86400000;
const DAYS: Record<string, number> = { R5: 7, R4: 30, R3: 90, R2: 180, R1: 365 };
const FALLBACKS = ['flag', 'hold', 'safe', 'deny'] as const;

// "2026-11-28T15:30" as the field wants it, in this machine's time.
const localOf = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 19);

interface Wish {
  choose: string;
  bound: string[];
  accept: string;
  until: string;
  fallback: string;
  reason: string;
}

function Choice({ x, wish, set }: { x: Insight; wish: Wish; set: (w: Wish) => void }) {
  const t = dw.value.draft;
  const first = x.functions[0];
  const rows = [
    { id: 'as-is', name: t.asIs, lost: said(x.outages), hoursMille: first?.hoursDecisionMille ?? 0, left: said(x.residual) },
    ...x.options.map((o) => ({ id: o.id, name: said(o.name), lost: said(o.outages), hoursMille: o.hoursMille, left: said(o.left) })),
  ];
  return (
    <fieldset>
      <legend>{t.choose}</legend>
      {rows.map((r) => (
        <label key={r.id} class="choice">
          <input type="radio" name="choose" value={r.id} checked={wish.choose === r.id} onChange={() => set({ ...wish, choose: r.id })} />
          <span><strong>{r.name}</strong> — {t.lost}: {r.lost}（{mw.value.options.hoursOf(hours(r.hoursMille))}） · {t.left}: {r.left}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Bound({ all, wish, set }: { all: readonly Condition[]; wish: Wish; set: (w: Wish) => void }) {
  const u = mw.value.ukagai;
  const turn = (id: string, on: boolean) => set({ ...wish, bound: on ? [...wish.bound, id] : wish.bound.filter((b) => b !== id) });
  return (
    <fieldset>
      <legend>{dw.value.draft.conditions}</legend>
      {all.map((c) => (
        <label key={c.id} class="choice">
          <input type="checkbox" name="bound" value={c.id} checked={wish.bound.includes(c.id)} onChange={(e) => turn(c.id, e.currentTarget.checked)} />
          <span>{said(c.name)} <span class="quiet">{u.modes[c.mode] ?? c.mode}</span></span>
        </label>
      ))}
    </fieldset>
  );
}

function Terms({ wish, set }: { wish: Wish; set: (w: Wish) => void }) {
  const t = dw.value.draft;
  const u = mw.value.ukagai;
  return (
    <>
      <label class="field"><span>{t.accept}</span>
        <select value={wish.accept} onChange={(e) => set({ ...wish, accept: e.currentTarget.value })}>
          {['accept', 'conditions'].map((a) => <option key={a} value={a}>{u.accept[a] ?? a}</option>)}
        </select>
      </label>
      <label class="field"><span>{t.until}</span>
        <input type="datetime-local" id="draft-until" step="1" value={wish.until} onInput={(e) => set({ ...wish, until: e.currentTarget.value })} />
      </label>
      <label class="field"><span>{t.fallback}</span>
        <select value={wish.fallback} onChange={(e) => set({ ...wish, fallback: e.currentTarget.value })}>
          {FALLBACKS.map((m) => <option key={m} value={m}>{u.modes[m] ?? m}</option>)}
        </select>
      </label>
      <label class="field"><span>{t.reason}</span>
        <textarea rows={2} id="draft-reason" maxLength={60} value={wish.reason} onInput={(e) => set({ ...wish, reason: e.currentTarget.value })} />
      </label>
    </>
  );
}

// What is asked of the site; the reason stands in the language it was written in.
const wished = (x: Insight, all: readonly Condition[], wish: Wish) => ({
  mission: x.id, accept: wish.accept, fallback: wish.fallback, [`reason_${lang.value}`]: wish.reason.trim(),
  ...(x.options.length ? { choose: wish.choose } : {}), ...(wish.until ? { expires: new Date(wish.until).toISOString() } : {}),
  enforce: wish.bound, observe: all.map((c) => c.id).filter((c) => !wish.bound.includes(c)),
});

function Form({ x, all, bound, onDraft }: { x: Insight; all: readonly Condition[]; bound: string[]; onDraft: (e: Envelope, c: Case) => void }) {
  const t = dw.value.draft;
  const [wish, set] = useState<Wish>({ choose: 'as-is', bound, accept: 'accept', until: localOf(Date.now() + (DAYS[x.rank] ?? 7) * DAY_MS), fallback: 'hold', reason: '' });
  const [why, setWhy] = useState('');
  const look = async (e: Event) => {
    e.preventDefault();
    const made = await compose('compose', wished(x, all, wish));
    const c = made.envelope ? readDraft(made.envelope.shown, []) : null;
    setWhy(c ? '' : made.why || '?');
    if (made.envelope && c) onDraft(made.envelope, named(c, all));
  };
  return (
    <form id="draft-form" onSubmit={(e) => void look(e)}>
      <Choice x={x} wish={wish} set={set} />
      <Bound all={all} wish={wish} set={set} />
      <Terms wish={wish} set={set} />
      <p class="buttons"><button type="submit" class="do" id="look" disabled={!wish.reason.trim()}>{t.look}</button></p>
      <div role="alert">{why ? <p class="banner banner-stale">{t.failed}{why}</p> : null}</div>
    </form>
  );
}

const named = (c: Case, all: readonly Condition[]): Case => ({ ...c, rules: c.rules.map((r) => ({ ...r, name: all.find((k) => k.id === r.condition)?.name ?? r.name })) });

async function given(): Promise<{ all: Condition[]; bound: string[] }> {
  const all = (await ask('/api/v1/model', readConditions)) ?? [];
  const cases = (await ask('/api/v1/decisions', (v) => (Array.isArray(v) ? v.map(readCase) : []))) ?? [];
  const now = cases.find((c) => c.state === 'in-force' || c.state === 'reopened' || c.state === 'expired');
  return { all, bound: now ? now.rules.filter((r) => r.enforced).map((r) => r.condition) : [] };
}

export function DraftSection({ x }: { x: Insight }) {
  const t = dw.value.draft;
  const here = useSeat();
  const [base, setBase] = useState<{ all: Condition[]; bound: string[] } | null>(null);
  const [made, setMade] = useState<{ envelope: Envelope; paper: Case } | null>(null);
  const [told, setTold] = useState('');
  const [good, setGood] = useState(false);
  useEffect(() => void given().then(setBase), [x.id]);
  if (!here || !base) return null;
  if (here.seat?.role !== 'mission-owner') return <p class="quiet">{t.notYours}</p>;
  const sign = async () => {
    if (!made) return;
    const why = await handIn('draft', made.envelope, here.keys);
    setGood(!why);
    setTold(why === 'not-signed' ? dw.value.decide.notSigned : why ? t.failed + why : t.done(made.paper.id));
    if (!why) setMade(null);
    refreshNow();
  };
  return (
    <>
      <p>{t.lead}</p>
      <div role="alert" id="drafted">{told ? <p class={good ? 'banner' : 'banner banner-stale'}>{told}</p> : null}</div>
      {made ? (
        <>
          <p class="buttons">
            <button type="button" class="do" id="sign-draft" onClick={() => void sign()}>{t.sign}</button>
            <button type="button" id="again" onClick={() => setMade(null)}>{t.again}</button>
          </p>
          <Paper kind="decision" figures={false} title={dw.value.decide.title(made.paper.id)}><Body c={made.paper} x={x} /></Paper>
        </>
      ) : <Form x={x} all={base.all} bound={base.bound} onDraft={(envelope, paper) => setMade({ envelope, paper })} />}
    </>
  );
}
