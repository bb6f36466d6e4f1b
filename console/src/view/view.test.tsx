// What is rendered for hostile and for empty documents, in both languages; the browser test sees the rest.
import { render } from 'preact-render-to-string';
import { beforeEach, describe, expect, test } from 'vitest';
import { readLimit, readMe, readMission, readStatus } from '../documents';
import { readPeers } from '../peers';
import type { Lang } from '../plain';
import { lang, nowMs, status } from '../state';
import { words } from '../words';
import { AgreementPaper } from './agreement-paper';
import { CheckpointPage } from './checkpoint';
import { LayersSection } from './layers';
import { LimitsSection } from './limits';
import { MissionSection, StakeSection } from './mission';
import { DecisionSection, RecordSection } from './record';
import { ReadingsSection } from './readings';
import { EmergencyBanner, EmergencySection } from './emergency';
import { Spark } from './spark';
import { Tree, WhySection } from './why';
import { readWhy } from '../why';

const EVIL = '<img src=x onerror=alert(1)>"\'&';
const LANGS: Lang[] = ['ja', 'en'];
const layer = (name: string, more: object) => ({ layer: name, name_ja: name, name_en: name, ok: 0, bad: 0, unknown: 0, as_of: '', state: 'empty', ...more });

beforeEach(() => {
  nowMs.value = Date.parse('2026-11-23T00:05:00.000Z');
});

const FLOW = {
  flow: 'pump-help', peer: 'cloud', direction: 'in', command: true, local: 'sk/v1/mizu/gw-02/cmd/pump', remote: 'out/pump', state: 'live', state_ja: '稼働中',
  verdict: 'limit', open: true, tightened: true, cause: 'flood', cause_ja: '過大な頻度', stages: [{ stage: 'hold', stage_ja: '承認待ち保留' }], passed: 3, refused: 20000,
  added_yen: 183844, added_bare_yen: 1699113, tolerance_yen: 1500000, changes: [{ at: '2026-11-23T00:04:00.000Z', state: 'live', state_ja: '稼働中', verdict: 'limit', cause: 'flood', cause_ja: '過大な頻度' }],
};
const PEER = { peer: 'cloud', name_ja: '監視', name_en: 'Watch', link: 'up', seen: [{ sight: 'flood', sight_ja: '過大な頻度' }], flows: [FLOW] };

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

  test('the checkpoint: nothing, then a flow that was tightened, and what is held of it', () => {
    const t = words[l].checkpoint;
    const none = render(<CheckpointPage s={readStatus({})} peers={[]} who={null} />);
    expect(none).toContain(t.none);
    expect(none).toContain(t.queueNone);
    const s = readStatus({ held: [{ id: 'H-7', from: 'peer-cloud', to: 'gw-02', topic: FLOW.local }, { id: 'H-8', from: 'operator-1', to: 'gw-02', topic: 'x' }] });
    const html = render(<CheckpointPage s={s} peers={readPeers([PEER])} who={readMe({ roles: ['operator'], person: true })} />);
    expect(html).toContain(t.verdicts.limit);
    expect(html).toContain(t.tightened(l === 'ja' ? '過大な頻度' : 'flood'));
    expect(html).toContain(l === 'ja' ? '承認待ち保留' : 'hold');
    expect(html).toContain('sekimori flow release H-7 --key mission-owner.key --key asset-owner.key');
    expect(html).toContain('class="refuse-do"');
    expect(html).not.toContain('H-8');
    const auditor = render(<CheckpointPage s={s} peers={readPeers([PEER])} who={readMe({ roles: ['auditor'], person: true })} />);
    expect(auditor).not.toContain('class="refuse-do"');
    expect(auditor).toContain('sekimori flow refuse H-7 --reason ...');
  });

  test('an agreement to print: parties, flows, duties, signatures; one that is not there is said in words', () => {
    const s = readStatus({ site: 'mizu', title_ja: '水道局', title_en: 'Waterworks' });
    const t = words[l].agreement;
    const peer = { ...PEER, terms: 'equal', statement: 'valid', statement_ja: '有効', statement_at: '2026-11-23T00:04:00.000Z', key_code: '1a2b-3c4d', contact: EVIL, flows: [{ ...FLOW, per_minute: 6, bytes: 256 }] };
    const html = render(<AgreementPaper id="cloud" peers={readPeers([peer])} s={s} />);
    for (const x of [t.parties, t.flows, t.duties, t.signatures, t.quota('6', '256'), t.fromTo('cloud', 'mizu'), '1a2b-3c4d', 'out/pump']) expect(html).toContain(x);
    expect(html).not.toContain('<img');
    expect(render(<AgreementPaper id="nobody" peers={readPeers([peer])} s={s} />)).toContain(t.unknown('nobody'));
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

  test('emergency access stands above everything, with whose turn it is', () => {
    status.value = readStatus({ emergencies: [{ id: 'BG-1', subject: EVIL, state: 'open', reason: EVIL, asked_by: 'hanako', opened_by: 'jiro', until: '2026-11-23T01:00:00.000Z' },
      { id: 'BG-2', subject: 'b', state: 'asked', asked_by: 'a' }, { id: 'BG-3', subject: 'c', state: 'ended', review_due: '2026-11-22T00:00:00.000Z' }] });
    const html = render(<EmergencyBanner />);
    const t = words[l].emergency;
    for (const word of [t.states['open'], t.states['asked'], t.states['ended'], t.open, t.end, t.found, t.late, 'hanako → jiro']) expect(html).toContain(word);
    expect(html).not.toContain('<img');
    status.value = null;
    expect(render(<EmergencyBanner />)).toBe('');
    expect(render(<EmergencySection />)).toContain(t.lead);
  });

  test('a tree says each step, its entry, what to do and whom to ask', () => {
    const step = (name: string, more: object) => ({ step: name, result: 'no', level: 0, text_ja: `${name}文`, text_en: `${name} text`, ...more });
    const html = render(<Tree why={readWhy({ subject: EVIL, action: 'command', topic: EVIL, ruling: 'hold', steps: [step('grant', { result: 'pass', entry: 4711 }), step('tried', { level: 1 }), step('constructor', { level: 2 }), step('todo', {}), step('ask', { text_ja: EVIL, text_en: EVIL })] })} />);
    const t = words[l].why;
    expect(html).toContain(t.rulings.hold);
    expect(html).toContain(t.entry('4,711'));
    expect(html).toContain('why-level-2');
    expect(html).toContain(t.steps['todo']);
    expect(html).not.toContain('<img');
    expect(render(<WhySection />)).toContain(t.lead);
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
