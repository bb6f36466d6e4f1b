// What is rendered for hostile and for empty documents, in both languages; the browser test sees the rest.
import { render } from 'preact-render-to-string';
import { beforeEach, describe, expect, test } from 'vitest';
import { readLimit, readMission, readStatus } from '../documents';
import type { Lang } from '../plain';
import { lang, nowMs } from '../state';
import { words } from '../words';
import { LayersSection } from './layers';
import { LimitsSection } from './limits';
import { MissionSection, StakeSection } from './mission';
import { DecisionSection, RecordSection } from './record';
import { ReadingsSection } from './readings';
import { Spark } from './spark';

const EVIL = '<img src=x onerror=alert(1)>"\'&';
const LANGS: Lang[] = ['ja', 'en'];
const layer = (name: string, more: object) => ({ layer: name, name_ja: name, name_en: name, ok: 0, bad: 0, unknown: 0, as_of: '', state: 'empty', ...more });

beforeEach(() => {
  nowMs.value = Date.parse('2026-11-23T00:05:00.000Z');
});

describe.each(LANGS)('in %s', (l) => {
  beforeEach(() => {
    lang.value = l;
  });

  test('nothing known: every section says so in words', () => {
    const s = readStatus({});
    const t = words[l];
    expect(render(<MissionSection s={s} m={null} />)).toContain(t.mission.none);
    expect(render(<StakeSection stake={null} />)).toContain(t.stake.none);
    expect(render(<LayersSection s={s} />)).toContain(t.layers.none);
    expect(render(<LimitsSection s={s} m={null} />)).toContain(t.limits.none);
    expect(render(<ReadingsSection />)).toContain(t.readings.none);
    expect(render(<DecisionSection d={null} />)).toContain(t.decision.none);
    expect(render(<RecordSection s={s} />)).toContain(t.record.noHead);
  });

  test('unknown is a state of its own: hatched, counted, never OK', () => {
    const s = readStatus({ layers: [layer('device', { ok: 3, unknown: 2, state: 'unknown', as_of: '2026-11-23T00:04:00.000Z' })] });
    const html = render(<LayersSection s={s} />);
    expect(html).toContain('bar-unknown');
    expect(html).toContain('mark-unknown');
    expect(html).toContain(words[l].layers.count('3', '5'));
    expect(html).toContain(words[l].layers.states.unknown);
  });

  test('a limit reads what, why, do, evidence; its held command names the line to type', () => {
    const s = readStatus({
      limits: [{ id: 'L-1', enforced: true, mode: 'hold', device: 'gw-02', text_ja: '文', text_en: 'text', state: 'broken', cause: { control: 'C8b', asset: 'gw-02', result: 'fail', method: 'quote', detail: 'firmware-mismatch', at: '2026-11-23T00:04:00.000Z' } }],
      held: [{ id: 'H-1', from: 'operator-1', to: 'gw-02', topic: 'sk/v1/mizu/gw-02/cmd/pump', limit: 'L-1', decision: 'D-1', since: '2026-11-23T00:04:00.000Z', until: '2026-11-23T00:14:00.000Z' }],
    });
    const html = render(<LimitsSection s={s} m={readMission({ name_ja: '水', name_en: 'water' })} />);
    const t = words[l].limits;
    const order = [t.what, t.whyItMatters, t.todo, t.evidence].map((h) => html.indexOf(`<h4>${h}</h4>`));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
    expect(html).toContain('sekimori limit release H-1 --key mission-owner.key --key asset-owner.key');
    expect(html).toContain('sekimori why operator-1 command sk/v1/mizu/gw-02/cmd/pump');
    expect(html).toContain('firmware-mismatch');
    expect(html).toContain(words[l].held.left('9:00'));
    expect(html).toContain(t.methods['quote']);
  });

  test('ended by two people when the condition is good again', () => {
    const html = render(<LimitsSection s={{ ...readStatus({}), limits: [readLimit({ id: 'L-2', enforced: true, state: 'good', loosen_by: 'two' })] }} m={null} />);
    expect(html).toContain('sekimori limit loosen L-2 --key');
  });

  test('hostile words stay words', () => {
    const held = { id: EVIL, from: EVIL, to: EVIL, topic: EVIL, limit: EVIL, decision: EVIL, payload_sha256: EVIL, since: EVIL, until: EVIL };
    const s = readStatus({
      limits: [{ id: EVIL, text_ja: EVIL, text_en: EVIL, condition: EVIL, device: EVIL, stream: EVIL, cause: { detail: EVIL, asset: EVIL, control: EVIL, method: EVIL, result: EVIL } }],
      held: [held],
      decision: { id: EVIL, text_ja: EVIL, signers: [{ role_ja: EVIL, key_id: EVIL }] },
      layers: [layer('user', { bad: 1, state: 'bad', cause: { text_ja: EVIL, text_en: EVIL } })],
      at_stake: { text_ja: EVIL, assets: [{ id: EVIL, text_ja: EVIL }] },
      ledger: { head: `${EVIL}\n5\n${EVIL}`, root: EVIL, health: EVIL },
    });
    const m = readMission({ name_ja: EVIL, sentence_ja: EVIL, functions: [{ name_ja: EVIL, minimum_ja: EVIL }] });
    const html = render(
      <>
        <MissionSection s={s} m={m} />
        <StakeSection stake={s.atStake} />
        <LayersSection s={s} />
        <LimitsSection s={s} m={m} />
        <DecisionSection d={s.decision} />
        <RecordSection s={s} />
        <Spark id="x" name={EVIL} points={[{ at: 0, v: 1 }, { at: 1, v: 2 }]} />
      </>,
    );
    expect(html).not.toContain('<img');
    expect(html).toContain('&lt;img');
  });

  test('methods and words named like an object\'s own members are only words', () => {
    const html = render(<LimitsSection s={readStatus({ limits: [{ id: 'L-1', cause: { control: 'C', asset: 'a', result: 'constructor', method: 'toString' } }] })} m={null} />);
    expect(html).toContain('constructor');
    expect(html).not.toContain('native code');
  });
});

test('nothing is styled inline: the policy would refuse it', () => {
  const s = readStatus({ layers: [layer('user', { ok: 1, state: 'ok' })] });
  expect(render(<LayersSection s={s} />)).not.toMatch(/ style=/);
});
