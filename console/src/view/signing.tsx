import { useEffect, useRef, useState } from 'preact/hooks';
import type { Me } from '../documents';
import { ownKeys, toSign, w } from '../state';
import { post } from '../post';
import { type Envelope, envelopeText, readEnvelope, signByPasskey } from '../signing';

const SIGNING = ['mission-owner', 'asset-owner', 'executive'];
export const maySign = (who: Me): boolean => who.passkeys > 0 && who.roles.some((r) => SIGNING.includes(r));

type Told = '' | 'unreadable' | 'notSigned' | 'signed' | 'handedIn' | 'refused';

// A document from a file: shown whole, signed by the passkey, saved for the others or handed in.
export function SigningSection({ who }: { who: Me }) {
  const t = w.value.signing;
  const [doc, setDoc] = useState<Envelope | null>(null);
  const [told, setTold] = useState<Told>('');
  const [detail, setDetail] = useState('');
  const box = useRef<HTMLDetailsElement>(null);
  const given = toSign.value;
  useEffect(() => { // another part of the page made a draft: shown here like one from a file
    if (!given) return;
    toSign.value = '';
    setDoc(readEnvelope(given));
    setTold('');
    setDetail('');
    if (!box.current) return;
    box.current.open = true;
    box.current.scrollIntoView();
    box.current.querySelector('summary')?.focus();
  }, [given]);
  const choose = async (file: File | undefined) => {
    const read = file ? readEnvelope(await file.text()) : null;
    setDoc(read);
    setDetail('');
    setTold(file && !read ? 'unreadable' : '');
  };
  const sign = async () => {
    const signed = doc ? await signByPasskey(doc, await ownKeys(who.who)) : null;
    setTold(signed ? 'signed' : 'notSigned');
    if (signed) setDoc(signed);
  };
  const save = () => {
    if (!doc) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([envelopeText(doc)], { type: 'application/json' }));
    link.download = `${doc.type}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const handIn = async () => {
    if (!doc) return;
    const { status, doc: answer } = await post(`/api/v1/documents/${doc.type}`, JSON.parse(envelopeText(doc)));
    const title = (answer as Record<string, unknown> | null)?.['title'];
    setDetail(status === 200 ? '' : String(title ?? status));
    setTold(status === 200 ? 'handedIn' : 'refused');
  };
  return (
    <details class="account" id="signing" ref={box}>
      <summary>{t.title}</summary>
      <p>{t.lead}</p>
      <label class="field">
        <span>{t.file}</span>
        <input type="file" accept=".json,application/json" onChange={(e) => void choose(e.currentTarget.files?.[0])} />
      </label>
      <div role="alert">{told ? <p class={told === 'signed' || told === 'handedIn' ? 'banner' : 'banner banner-stale'}>{t[told]} {detail}</p> : null}</div>
      {doc ? (
        <>
          <h3>{t.what(doc.type, String(doc.signatures.length))}</h3>
          <pre class="document" tabIndex={0}>{JSON.stringify(doc.shown, null, 2)}</pre>
          <p class="buttons">
            <button type="button" class="do" id="sign" onClick={() => void sign()}>{t.sign}</button>
            <button type="button" id="save" disabled={!doc.signatures.length} onClick={save}>{t.save}</button>
            <button type="button" id="hand-in" disabled={!doc.signatures.length} onClick={() => void handIn()}>{t.handIn}</button>
          </p>
        </>
      ) : null}
    </details>
  );
}
