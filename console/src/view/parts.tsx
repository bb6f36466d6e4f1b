// Small parts used everywhere: state marks, times that grow old, bars, tags, lines to copy.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { State } from '../documents';
import { age, clock, count, moment } from '../format';
import type { Both } from '../plain';
import { lang, siteNow, w } from '../state';

export const said = (b: Both): string => b[lang.value];
export const n = (x: number): string => count(x, lang.value);

const SHAPES: Record<State, string> = { within: '●', near: '▲', over: '■', unknown: '?' };

export function Mark({ state }: { state: State }) {
  return (
    <span class={`mark mark-${state}`} aria-hidden="true">
      {SHAPES[state]}
    </span>
  );
}

export function Section(p: { id: string; title: string; children: ComponentChildren; note?: ComponentChildren }) {
  return (
    <section id={p.id} aria-labelledby={`${p.id}-title`}>
      <div class="section-head">
        <h2 id={`${p.id}-title`}>{p.title}</h2>
        {p.note}
      </div>
      {p.children}
    </section>
  );
}

export interface FieldOf {
  label: string;
  value: string;
  onValue: (v: string) => void;
  type?: 'text' | 'password';
  autocomplete: string;
}
export function Field(p: FieldOf) {
  return (
    <label class="field">
      <span>{p.label}</span>
      <input type={p.type ?? 'text'} value={p.value} autocomplete={p.autocomplete} autocapitalize="none" spellcheck={false}
        onInput={(e) => p.onValue(e.currentTarget.value)} />
    </label>
  );
}

export const Empty = ({ text, next }: { text: string; next?: string }) => (
  <p class="empty">
    {text}
    {next ? <span class="quiet"> {next}</span> : null}
  </p>
);

export const Tag = ({ kind, children }: { kind: string; children: ComponentChildren }) => <span class={`tag tag-${kind}`}>{children}</span>;

// One text node each: only it changes when the clock ticks.
export function Age({ ms }: { ms: number }) {
  return <>{age(Math.min(ms, siteNow.value), siteNow.value, lang.value)}</>;
}

export const Clock = ({ ms }: { ms: number }) => <time dateTime={new Date(ms).toISOString()}>{clock(ms)}</time>;

export const Moment = ({ ms }: { ms: number }) => <time dateTime={new Date(ms).toISOString()}>{moment(ms, siteNow.value)}</time>;

export function Pair({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="pair">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export interface Part {
  kind: string;
  size: number;
}

// Parts of a whole as one bar. Its words stand beside it, so it is hidden from assistive technology.
export function Bar({ parts }: { parts: readonly Part[] }) {
  const all = parts.reduce((sum, p) => sum + p.size, 0);
  let x = 0;
  return (
    <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      {all === 0 ? <rect class="bar-none" x="0.2" y="0.5" width="99.6" height="9" /> : null}
      {parts.map((p) => {
        const width = all ? (p.size / all) * 100 : 0;
        const from = x;
        x += width;
        return width ? <rect key={p.kind} class={`bar-${p.kind}`} x={from} y="0" width={width} height="10" /> : null;
      })}
    </svg>
  );
}

// The hatch that means "unknown" wherever it is drawn.
export const Hatch = () => (
  <svg class="hidden-defs" width="0" height="0" aria-hidden="true" focusable="false">
    <defs>
      <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45) scale(0.5)">
        <rect width="6" height="6" class="hatch-ground" />
        <rect width="2.4" height="6" class="hatch-line" />
      </pattern>
    </defs>
  </svg>
);

export function Line({ text, label }: { text: string | null; label: string }) {
  const [done, setDone] = useState(false);
  if (text === null) return <p class="quiet">{w.value.held.unsafe}</p>;
  const copy = () => {
    void navigator.clipboard?.writeText(text).then(
      () => {
        setDone(true);
        window.setTimeout(() => setDone(false), 2000);
      },
      () => setDone(false),
    );
  };
  return (
    <div class="line">
      <span class="line-label">{label}</span>
      <div class="line-row">
        <code>{text.split(' ').map((word, i) => <>{i ? ' ' : ''}<span class="word">{word}</span></>)}</code>
        <button type="button" class="copy" onClick={copy} aria-label={`${w.value.copy}: ${text}`}>
          {done ? w.value.copied : w.value.copy}
        </button>
        <span class="unseen" role="status">{done ? w.value.copied : ''}</span>
      </div>
    </div>
  );
}
