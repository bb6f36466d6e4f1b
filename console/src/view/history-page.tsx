// The history of one stream: a period, its chart with gaps as gaps, the same as a table, each point with the entry that proves it, and files.
import { useEffect, useState } from 'preact/hooks';
import { day, grouped, moment } from '../format';
import { type Answer, type Asked, chartOf, csvOfPoints, type HistoryPoint, type Interval, linesOf, load, mean, type Period, PERIODS, POINTS_MOST } from '../history';
import { hw } from '../history-words';
import { readTopic } from '../readings';
import { rowOf } from '../plain';
import { allReadings, siteNow, w } from '../state';
import { n, Section, Tag } from './parts';

const WIDTH = 900;
const HEIGHT = 240;
const ROWS_MOST = 400;

const shown = (v: number): string => grouped(String(Math.round(v * 1000) / 1000));
const when = (ms: number): string => moment(ms, siteNow.value);

interface At { period: Period; toMs: number }

const askedOf = (topic: string, at: At): Asked => ({ topic, fromMs: at.toMs - at.period.ms, toMs: at.toMs - 1, every: at.period.every });

function Chart({ name, a, at }: { name: string; a: Answer; at: At }) {
  const t = hw.value;
  const c = chartOf(a.intervals, { width: WIDTH, height: HEIGHT, fromMs: at.toMs - at.period.ms, toMs: at.toMs, everyMs: at.period.everyMs });
  if (!c) return <p class="empty">{t.none}</p>;
  const total = a.intervals.reduce((sum, i) => sum + i.n, 0);
  const text = t.text(n(total), shown(c.min), shown(c.max), n(c.gaps.length));
  return (
    <>
      <svg class="history-chart" role="img" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-labelledby="history-t history-d">
        <title id="history-t">{t.picture(name)}</title>
        <desc id="history-d">{text}</desc>
        {c.gaps.map((g) => <rect key={g.fromMs} class="history-gap" x={g.x} y="0" width={Math.max(g.width, 1)} height={HEIGHT}><title>{t.gap(when(g.fromMs), when(g.toMs))}</title></rect>)}
        {c.runs.map((r, i) => r.only ? <circle key={i} class="spark-last" cx={r.only.x} cy={r.only.y} r="3" /> : <g key={i}><path class="history-band" d={r.band} /><path class="spark-line" d={r.line} /></g>)}
      </svg>
      <p class="quiet">{text}. {t.legend}</p>
    </>
  );
}

function Points({ asked, from }: { asked: Asked; from: number }) {
  const t = hw.value;
  const [list, setList] = useState<HistoryPoint[] | null>(null);
  const [failed, setFailed] = useState(false);
  const key = `${asked.topic} ${asked.fromMs} ${asked.toMs}`;
  useEffect(() => {
    let gone = false;
    load(asked, 1000).then((a) => gone || setList(a.points), () => gone || setFailed(true));
    return () => void (gone = true);
  }, [key]);
  if (failed) return <p role="status">{t.failed}</p>;
  if (!list) return <p role="status">{t.loading}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t.pointsOf(when(from))}>
      <table class="twin" id="history-points">
        <caption>{t.pointsOf(when(from))}{list.length >= 1000 ? ` ${t.more}` : ''}</caption>
        <thead><tr><th scope="col">{t.time}</th><th scope="col">{t.value}</th><th scope="col">{t.recorded}</th><th scope="col">{t.mark}</th><th scope="col">{t.entry}</th></tr></thead>
        <tbody>
          {list.map((p) => (
            <tr key={p.index}>
              <th scope="row">{new Date(p.ms).toISOString()}</th>
              <td>{p.value === null ? p.text : shown(p.value)} {p.unit}</td>
              <td>{new Date(p.recordedMs).toISOString()}</td>
              <td>{p.flagged ? <Tag kind="flag">▲ {t.flagged}</Tag> : null}{p.reduced ? <Tag kind="plain">{t.reduced}</Tag> : null}</td>
              <td>{p.index} <a href={`/api/v1/ledger/proofs/${p.index}`} aria-label={`${t.prove} ${p.index}`}>{t.prove}</a></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Table({ a, topic, at }: { a: Answer; topic: string; at: At }) {
  const t = hw.value;
  const [open, setOpen] = useState<number | null>(null);
  const rows: Interval[] = [...a.intervals].reverse().slice(0, ROWS_MOST);
  return (
    <>
      {open !== null ? <Points key={open} from={open} asked={{ topic, fromMs: open, toMs: open + at.period.everyMs - 1, every: '' }} /> : null}
      <div class="scroll" tabIndex={0} role="region" aria-label={t.table}>
        <table class="twin" id="history-intervals">
          <caption>{t.table}</caption>
          <thead><tr><th scope="col">{t.from}</th><th scope="col">{t.count}</th><th scope="col">{t.min}</th><th scope="col">{t.mean}</th><th scope="col">{t.max}</th><th scope="col">{t.points}</th></tr></thead>
          <tbody>
            {rows.map((i) => (
              <tr key={i.ms}>
                <th scope="row">{when(i.ms)}</th>
                <td>{n(i.n)}</td><td>{shown(i.min / 1000)}</td><td>{shown(mean(i))}</td><td>{shown(i.max / 1000)}</td>
                <td><button type="button" aria-expanded={open === i.ms} aria-label={`${t.show} ${when(i.ms)}`} onClick={() => setOpen(open === i.ms ? null : i.ms)}>{t.show}</button></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function saveAs(name: string, type: string, parts: string[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const a = document.createElement('a');
  a.href = url;
  a.download = name.replace(/[^A-Za-z0-9._-]/g, '_');
  a.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function Files({ topic, at }: { topic: string; at: At }) {
  const t = hw.value;
  const [bom, setBom] = useState(true);
  const [word, setWord] = useState('');
  const save = async (csv: boolean): Promise<void> => {
    setWord(t.saving);
    try {
      const a = await load({ ...askedOf(topic, at), every: '' });
      const name = `${topic}_${day(at.toMs - 1)}`;
      if (csv) saveAs(`${name}.csv`, 'text/csv', [bom ? '\ufeff' : '', csvOfPoints(topic, a.points)]);
      else saveAs(`${name}.ndjson`, 'application/x-ndjson', [linesOf(topic, a.points)]);
      setWord(a.cut ? t.cut(n(POINTS_MOST)) : '');
    } catch {
      setWord(t.failed);
    }
  };
  return (
    <p class="device-actions">
      <span>{t.save}:</span>
      <button type="button" id="history-csv" onClick={() => void save(true)}>{t.csv}</button>
      <button type="button" id="history-ndjson" onClick={() => void save(false)}>{t.lines}</button>
      <label><input type="checkbox" checked={bom} onChange={(e) => setBom(e.currentTarget.checked)} /> {t.bom}</label>
      <span role="status">{word}</span>
    </p>
  );
}

function Choice({ topic, at, set }: { topic: string; at: At; set: (at: At) => void }) {
  const t = hw.value;
  const topics = [...new Set([topic, ...allReadings().map((s) => s.topic)])].sort();
  const step = (by: number): void => set({ ...at, toMs: Math.min(at.toMs + by * at.period.ms, Date.now()) });
  return (
    <p class="device-actions">
      <label>{t.topic} <select id="history-topic" value={topic} onChange={(e) => (location.hash = `#/history/${encodeURIComponent(e.currentTarget.value)}`)}>
        {topics.map((x) => <option key={x} value={x}>{x}</option>)}
      </select></label>
      <label>{t.period} <select id="history-period" value={at.period.id} onChange={(e) => set({ period: PERIODS.find((p) => p.id === e.currentTarget.value) ?? at.period, toMs: at.toMs })}>
        {PERIODS.map((p) => <option key={p.id} value={p.id}>{t.periods[p.id]}</option>)}
      </select></label>
      <button type="button" onClick={() => step(-1)}>{t.earlier}</button>
      <button type="button" onClick={() => step(1)}>{t.later}</button>
      <button type="button" onClick={() => set({ ...at, toMs: Date.now() })}>{t.newest}</button>
    </p>
  );
}

export function HistoryPage({ topic }: { topic: string }) {
  const t = hw.value;
  const [at, setAt] = useState<At>(() => ({ period: PERIODS[0], toMs: Date.now() }));
  const [got, setGot] = useState<{ a: Answer; at: At; topic: string } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let gone = false;
    setFailed(false);
    load(askedOf(topic, at)).then((a) => gone || setGot({ a, at, topic }), () => gone || setFailed(true));
    return () => void (gone = true);
  }, [topic, at.period.id, at.toMs]);
  const parts = readTopic(topic);
  const name = rowOf(w.value.names, parts.name) ?? parts.name;
  const title = parts.device ? `${parts.device} · ${name}` : name;
  const ready = got && got.topic === topic ? got : null;
  return (
    <Section id="history" title={`${t.page}: ${title}`} note={<a href="#/">{t.back}</a>}>
      <Choice topic={topic} at={at} set={setAt} />
      <p class="quiet">{t.range(when(at.toMs - at.period.ms), when(at.toMs), t.everies[at.period.every] ?? '')}</p>
      {failed ? <p role="status">{t.failed}</p> : null}
      {!ready && !failed ? <p role="status">{t.loading}</p> : null}
      {ready ? (
        <>
          <Chart name={title} a={ready.a} at={ready.at} />
          {ready.a.givenUp ? <p class="banner">{t.givenUp(n(ready.a.givenUp))}</p> : null}
          <Files topic={topic} at={ready.at} />
          {ready.a.intervals.length ? <Table key={`${topic} ${ready.at.toMs} ${ready.at.period.id}`} a={ready.a} topic={topic} at={ready.at} /> : null}
        </>
      ) : null}
    </Section>
  );
}
