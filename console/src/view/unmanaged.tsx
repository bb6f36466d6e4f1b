// 管理外機器: listed, seen though in no inventory, and what nobody can see on a wire.
import { type Alarm, readAlarms, readUnmanaged, type Unmanaged, unseeable } from '../watching';
import { ww } from '../watching-words';
import { Empty, Line, Moment, said, Section } from './parts';
import { useDoc } from './watching';

const SHOWN = 500;

function Table({ rows, label }: { rows: readonly Unmanaged[]; label: string }) {
  const h = ww.value.unmanaged.heads;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead><tr>{Object.values(h).map((x) => <th key={x} scope="col">{x}</th>)}</tr></thead>
        <tbody>
          {rows.slice(0, SHOWN).map((u) => (
            <tr key={u.id}>
              <th scope="row">{u.id}</th><td>{u.name || u.kind}</td><td>{u.place}</td><td>{u.connection || '—'}{u.address ? <> <code>{u.address}</code></> : null}</td>
              <td>{u.owner || '—'}</td><td>{u.gateway || '—'}</td><td>{u.function || '—'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Unknown({ rows }: { rows: readonly Alarm[] }) {
  return <ul>{rows.slice(0, SHOWN).map((a, i) => <li key={i}>{a.at !== null ? <Moment ms={a.at} /> : '—'} <code>{a.name}</code> {said(a.text)}</li>)}</ul>;
}

export function UnmanagedPage() {
  const t = ww.value.unmanaged;
  const listed = useDoc('/api/v1/unmanaged', readUnmanaged);
  const alarms = useDoc('/api/v1/alerts', readAlarms);
  const unknown = (alarms.value ?? []).filter((a) => a.what === 'unknown-host');
  const rows = listed.value ?? [];
  const unseen = rows.filter(unseeable), wired = rows.filter((u) => !unseeable(u));
  return (
    <Section id="unmanaged" title={t.title}>
      <p>{t.lead}</p>
      {listed.failed ? <p class="banner banner-stale">{ww.value.failed}</p> : null}
      <h3>{t.unknown}</h3>
      {unknown.length ? <Unknown rows={unknown} /> : <Empty text={t.unknownNone} />}
      <h3>{t.listed}</h3>
      {wired.length ? <Table rows={wired} label={t.listed} /> : <Empty text={t.listedNone} />}
      <Line label={t.match} text="sekimori watch inventory LEDGER.csv --interface IFACE" />
      <h3>{t.unseen}</h3>
      <p>{t.unseenLead}</p>
      {unseen.length ? <Table rows={unseen} label={t.unseen} /> : <Empty text={t.unseenNone} />}
    </Section>
  );
}
