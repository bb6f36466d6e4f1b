import { useState } from 'preact/hooks';
import type { State } from '../documents';
import { clock, grouped, humane, unitSign } from '../format';
import { rowOf } from '../plain';
import { hw } from '../history-words';
import { byDevice, csvOf, type DeviceGroup, type Series, tableOf } from '../readings';
import { allReadings, devices, groups, lang, readingsVersion, w } from '../state';
import { Age, Empty, Mark, n, said, Section, Tag } from './parts';
import { Spark } from './spark';

const DEVICES_SHOWN = 12;
const TRUST_MARKS: Record<string, State> = { attested: 'within', unattested: 'unknown', degraded: 'unknown', quarantined: 'over', revoked: 'over' };

const nameOf = (s: Series): string => rowOf(w.value.names, s.name) ?? s.name;
const plainly = (name: string): string => name.toLowerCase().replace(/[-_ ]/g, '');
const idOf = (s: Series): string => `s-${Array.from(s.topic, (c) => (/[a-z0-9]/i.test(c) ? c : c.codePointAt(0)?.toString(36) ?? '')).join('')}`;

function Value({ s }: { s: Series }) {
  const v = s.value;
  const t = w.value.readings;
  if (!v.formed) {
    return <><Tag kind="plain">{t.malformed}</Tag> <code class="raw">{v.shown || t.empty}</code></>;
  }
  const means = v.number === null ? undefined : rowOf(w.value.meanings, s.name)?.[v.number];
  if (means) return <span class="number">{means}</span>;
  const large = v.number === null ? null : humane(v.number, v.unit, w.value.duration);
  if (large) return <span class="number" title={`${v.shown} ${v.unit}`}>{large}</span>;
  return <><span class="number">{v.number === null ? v.shown : grouped(v.shown)}</span>{unitSign(v.unit) ? <span class="unit"> {unitSign(v.unit)}</span> : null}</>;
}

function Row({ s }: { s: Series }) {
  const t = w.value.readings;
  return (
    <tr class={s.flagged ? 'flagged' : ''}>
      <th scope="row">
        {nameOf(s)}
        {plainly(nameOf(s)) !== plainly(s.name) ? <code class="raw-name">{s.name}</code> : null}
      </th>
      <td class="value"><Value s={s} /></td>
      <td class="age"><Age ms={s.at} /></td>
      <td class="note">{s.flagged ? <Tag kind="flag">▲ {t.flagged}</Tag> : null}</td>
      <td class="trend">
        <Spark id={idOf(s)} name={nameOf(s)} points={s.history} />
        {s.value.number === null ? null : <> <a class="small" href={`#/history/${encodeURIComponent(s.topic)}`} aria-label={`${hw.value.open}: ${nameOf(s)}, ${s.device}`}>{hw.value.open}</a></>}
      </td>
    </tr>
  );
}

function save(g: DeviceGroup): void {
  const url = URL.createObjectURL(new Blob(['\ufeff', csvOf(g.readings)], { type: 'text/csv' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = `${g.id.replace(/[^A-Za-z0-9._-]/g, '_')}.csv`;
  a.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function Twin({ g }: { g: DeviceGroup }) {
  const t = w.value.readings;
  const rows = tableOf(g.readings);
  if (!rows.length) return <p class="quiet">{t.twinEmpty}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t.twinCaption(g.id)}>
      <table class="twin">
        <caption>{t.twinCaption(g.id)}</caption>
        <thead>
          <tr>
            <th scope="col">{t.time}</th>
            {g.readings.map((s) => <th key={s.topic} scope="col">{nameOf(s)}{s.value.unit ? ` (${unitSign(s.value.unit)})` : ''}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.at}>
              <th scope="row">{clock(r.at)}</th>
              {r.cells.map((c, i) => <td key={g.readings[i]?.topic}>{c === null ? '' : grouped(c)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Tags({ g, mixed }: { g: DeviceGroup; mixed: boolean }) {
  const t = w.value.readings;
  const d = g.device;
  const mark = d ? (rowOf(TRUST_MARKS, d.trust) ?? 'unknown') : 'unknown';
  const sound = mark !== 'over';
  return (
    <p class="tags">
      {g.realness === 'simulated' ? <Tag kind="simulated">{w.value.simulated}</Tag> : null}
      {g.realness === 'real' && mixed ? <Tag kind="real">{w.value.real}</Tag> : null}
      {d ? <Tag kind={sound ? 'plain' : 'flag'}><Mark state={mark} /> {t.trust}: {rowOf(t.trusts, d.trust) ?? (lang.value === 'ja' ? d.trustJa : d.trust)}</Tag> : <Tag kind="flag">{t.unregistered}</Tag>}
      {d && d.life !== 'enrolled' ? <Tag kind="plain">{lang.value === 'ja' ? d.lifeJa : d.life}</Tag> : null}
      {d?.why && !sound ? <span class="quiet">{t.whyOf(d.why)}</span> : null}
    </p>
  );
}

function DeviceCard({ g, mixed }: { g: DeviceGroup; mixed: boolean }) {
  const t = w.value.readings;
  const [open, setOpen] = useState(false);
  const trend = g.readings.some((s) => s.history.length > 0);
  return (
    <li class={`device ${g.flagged ? 'device-flagged' : ''}`} data-device={g.id}>
      <div class="device-head">
        <h3>{g.id}</h3>
        <span class="quiet">{g.group ? said(g.group.name) : t.ungrouped}</span>
      </div>
      <Tags g={g} mixed={mixed} />
      {g.readings.length ? (
        <table class="readings">
          <caption class="unseen">{t.title}: {g.id}</caption>
          <thead>
            <tr>
              <th scope="col">{t.name}</th>
              <th scope="col" class="value">{t.value}</th>
              <th scope="col" class="age">{t.age}</th>
              <th scope="col" class="note">{t.note}</th>
              <th scope="col" class="trend">{t.trend}</th>
            </tr>
          </thead>
          <tbody>{g.readings.map((s) => <Row key={s.topic} s={s} />)}</tbody>
        </table>
      ) : (
        <p class="quiet">{t.noneHere}</p>
      )}
      {g.notices.length ? (
        <>
          <h4>{t.notices}</h4>
          <ul>{g.notices.slice(0, 5).map((s) => <li key={s.topic}>{s.name}: {s.notice || t.empty} <span class="quiet"><Age ms={s.at} /></span></li>)}</ul>
        </>
      ) : null}
      {trend ? (
        <p class="device-actions">
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? t.twinClose : t.twinOpen}</button>
          <button type="button" onClick={() => save(g)}>{t.csv}</button>
        </p>
      ) : null}
      {open ? <Twin g={g} /> : null}
    </li>
  );
}

export function ReadingsSection() {
  const t = w.value.readings;
  const [shown, setShown] = useState(DEVICES_SHOWN);
  readingsVersion.value; // shown again when readings changed
  const all = byDevice(allReadings(), devices.value, groups.value);
  const mixed = all.some((g) => g.realness === 'simulated');
  const real = all.some((g) => g.realness === 'real');
  return (
    <Section id="readings" title={t.title} note={all.length ? <span class="quiet">{t.devices(n(all.length))}</span> : null}>
      {mixed ? (
        <p class="banner banner-simulated">
          <strong>{w.value.simulated}</strong> {w.value.simulatedNote} {real ? w.value.realNote : null}
        </p>
      ) : null}
      {all.length ? (
        <ul class="devices">{all.slice(0, shown).map((g) => <DeviceCard key={g.id} g={g} mixed={mixed} />)}</ul>
      ) : (
        <Empty text={t.none} next={t.noneNext} />
      )}
      {all.length > shown ? (
        <p><button type="button" onClick={() => setShown(shown + 4 * DEVICES_SHOWN)}>{t.more(n(all.length - shown))}</button></p>
      ) : null}
    </Section>
  );
}
