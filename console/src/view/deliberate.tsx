// 起案 → 合議 → 決裁: a decision on its way, whole, as the paper it will be, with one button for whose turn it is.
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../insight';
import { dw } from '../deliberation-words';
import { challengeOf, compose, type Draft, handIn, readDrafts, type Seat, seatOf } from '../drafts';
import { moment } from '../format';
import { insight, refreshInsight } from '../insight';
import { me, mission, ownKeys, refreshNow, siteNow, status } from '../state';
import { envelopeText, type OwnKey } from '../signing';
import { Body } from './decision-paper';
import { n, said } from './parts';
import { Paper } from './papers';

// Who sits here, and the keys to sign with; undefined until it is known.
export function useSeat(): { keys: OwnKey[]; seat: Seat | null } | undefined {
  const [got, setGot] = useState<{ keys: OwnKey[]; seat: Seat | null } | undefined>(undefined);
  const who = me.value?.who ?? '';
  const keys = me.value?.passkeys ?? 0;
  useEffect(() => {
    let mine = true;
    const find = async () => {
      const own = keys ? await ownKeys(who) : [];
      const seat = await seatOf(own, siteNow.value);
      if (mine) setGot({ keys: own, seat });
    };
    void find().catch(() => mine && setGot({ keys: [], seat: null }));
    return () => {
      mine = false;
    };
  }, [who, keys]);
  return got;
}

// On the first page: what waits for whom; one click from there to the paper.
export function DraftsBanner() {
  const t = dw.value;
  const rows = status.value?.drafts ?? [];
  const roles = me.value?.roles ?? [];
  if (!rows.length) return null;
  return (
    <section class="drafts" id="drafts" aria-label={t.waiting}>
      {rows.map((d) => (
        <p key={d.id} class="banner">
          {roles.includes(d.next) ? <strong>{t.yours} </strong> : null}{said(d.text)}{' '}
          <a href={`/#/decide/${encodeURIComponent(d.id)}`}>{t.read}</a>
        </p>
      ))}
    </section>
  );
}

type Told = { good: boolean; text: () => string } | null; // said in the language of now

const answerOf = (why: string, good: string): string => (why === 'not-signed' ? dw.value.decide.notSigned : why ? dw.value.decide.refused + why : good);

function Other({ d, keys, role, tell }: { d: Draft; keys: OwnKey[]; role: string; tell: (t: Told) => void }) {
  const t = dw.value.decide;
  const [words, setWords] = useState('');
  const owner = role === 'mission-owner';
  const told = (why: string) => tell({ good: !why, text: () => answerOf(why, dw.value.decide.answered) });
  const answer = async (kind: 'draft' | 'opinion', wish: object) => {
    const made = await compose(kind === 'draft' ? 'compose' : 'opinion', wish);
    told(made.envelope ? await handIn(kind, made.envelope, keys) : made.why || '?');
    refreshNow();
  };
  const text = words.trim();
  return (
    <details class="account" id="other-answers">
      <summary>{t.more}</summary>
      {owner ? null : <p>{t.differLead}</p>}
      <label class="field">
        <span>{owner ? t.words : `${t.differWords}・${t.words}`}</span>
        <textarea rows={3} maxLength={130} value={words} onInput={(e) => setWords(e.currentTarget.value)} />
      </label>
      <p class="buttons">
        {role === 'asset-owner' ? <button type="button" id="differ" disabled={!text} onClick={() => void answer('draft', { draft: d.id, role, difference: text })}>{t.differ}</button> : null}
        {owner ? null : <button type="button" id="send-back" disabled={!text} onClick={() => void answer('opinion', { draft: d.id, answer: 'send-back', text })}>{t.back}</button>}
        {owner ? <button type="button" id="withdraw" disabled={!text} onClick={() => void answer('opinion', { draft: d.id, answer: 'withdraw', text })}>{t.withdraw}</button> : null}
      </p>
    </details>
  );
}

function saveDraft(d: Draft): void {
  if (!d.envelope) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([envelopeText(d.envelope)], { type: 'application/json' }));
  link.download = `${d.id}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function Act({ d, tell }: { d: Draft; tell: (t: Told) => void }) {
  const t = dw.value.decide;
  const here = useSeat();
  const [digest, setDigest] = useState('');
  const envelope = d.envelope;
  useEffect(() => {
    if (envelope) void challengeOf(envelope).then(setDigest);
  }, [d.paper.at, d.id]);
  if (!here) return null;
  const role = here.seat?.role ?? '';
  const sign = async () => {
    if (!envelope) return;
    const why = await handIn('draft', envelope, here.keys);
    tell({ good: !why, text: () => answerOf(why, role === 'executive' ? dw.value.decide.decided : dw.value.decide.signed) });
    refreshNow();
  };
  return (
    <div class="no-print">
      {digest ? <p class="small">{t.sameBytes}: <code id="digest">{digest}</code></p> : null}
      {here.seat?.deputy ? <p>{t.asDeputy}</p> : null}
      {role && role === d.next && !d.cause ? <p class="buttons"><button type="button" class="do" id="sign-draft" onClick={() => void sign()}>{t.signs[role] ?? ''}</button></p> : null}
      {role ? <Other d={d} keys={here.keys} role={role} tell={tell} /> : <p class="quiet">{t.notYours}</p>}
      <p class="buttons"><button type="button" id="save-draft" onClick={() => saveDraft(d)}>{t.save}</button></p>
    </div>
  );
}

export function DecidePage({ id }: { id: string }) {
  const t = dw.value.decide;
  const [all, setAll] = useState<Draft[] | null>(null);
  const [told, setTold] = useState<Told>(null);
  const stamp = JSON.stringify(status.value?.drafts ?? []) + (status.value?.decision?.id ?? '');
  const asOf = mission.value?.asOf ?? 0;
  useEffect(() => void ask('/api/v1/drafts', readDrafts).then((x) => x && setAll(x)), [id, stamp, asOf]);
  const d = all?.find((x) => x.id === id);
  const of = d?.mission ?? '';
  useEffect(() => {
    if (of) void refreshInsight(of);
  }, [of, asOf]);
  const x = insight.value?.id === of ? insight.value : null;
  const alert = <div role="alert" id="told">{told ? <p class={told.good ? 'banner' : 'banner banner-stale'}>{told.text()}</p> : null}</div>;
  if (!all) return <p role="status">…</p>;
  if (!d || !x) return <>{alert}{d ? null : <p class="empty">{t.none}</p>}</>;
  return (
    <>
      {alert}
      <p id="turn">
        <strong>{said(d.stateWords)}</strong> · {t.revision(n(d.revision))}
        {d.next ? ` · ${t.turn(said(d.nextWords))}` : ` · ${t.ended(said(d.ended.role), d.ended.at === null ? '' : moment(d.ended.at, siteNow.value))}: ${d.ended.text}`}
      </p>
      {d.cause ? <p class="banner banner-stale">{t.stale}<code>{d.cause}</code> {t.staleNext}</p> : null}
      <Paper kind="decision" title={t.title(d.id)}><Body c={d.paper} x={x} /></Paper>
      {d.next ? <Act key={d.paper.at ?? 0} d={d} tell={setTold} /> : null}
    </>
  );
}
