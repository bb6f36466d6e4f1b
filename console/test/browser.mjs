// The page in a real browser against a real site. Prints TAP.
// usage: node test/browser.mjs BASE_URL ONE_TIME_URL SHOTS_DIR [--attack COMMAND --fix COMMAND] [--link COMMAND --vendor COMMAND --operator ONE_TIME_URL]
//   --attack and --fix are shell commands: the page must show the limit, the held command and what is at stake without a
//   reload after the first, and be free of them after the second. --link and --vendor: another system is linked, then turns.
import { exec } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { checkpoint } from './checkpoint.mjs';
import { axeFound, language, textOf, until } from './page.mjs';
import { ARGS, check, EXECUTABLE, finish } from './tap.mjs';

const [base, once, shots, ...flags] = process.argv.slice(2);
if (!base || !once || !shots) {
  process.stderr.write('usage: node test/browser.mjs BASE_URL ONE_TIME_URL SHOTS_DIR [--attack COMMAND --fix COMMAND]\n');
  process.exit(2);
}
const flag = (name) => (flags.includes(name) ? flags[flags.indexOf(name) + 1] : undefined);
const run = promisify(exec);
mkdirSync(shots, { recursive: true });


const complaints = []; // console errors, page errors, policy violations, of every page
const foreign = []; // requests to anywhere but the site
// A refused sign-in is asked for on purpose; the browser reports its status as an error of its own.
const expected = /status of (401|404)|ERR_INTERNET_DISCONNECTED|ERR_FAILED/;

async function open(browser, options, cookies = []) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.addCookies(cookies);
  await context.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
  const page = await context.newPage();
  page.on('console', (m) => m.type() === 'error' && !expected.test(m.text()) && complaints.push(m.text()));
  page.on('pageerror', (e) => complaints.push(String(e)));
  page.on('request', (r) => !r.url().startsWith(base) && !/^(data|blob):/.test(r.url()) && foreign.push(r.url()));
  return { context, page };
}

async function axe(page, claim) {
  const found = await axeFound(page);
  const serious = found.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  check(`${claim}: axe finds nothing serious`, serious.length === 0, serious);
  for (const v of found.filter((x) => !serious.includes(x))) process.stdout.write(`# axe ${v.impact} ${v.id}: ${v.where.map((x, k) => `${x} ${v.why[k]}`).join(' | ').replace(/\s+/g, ' ').slice(0, 300)}\n`);
}


const SAID = {
  ja: { page: '全体状況', observe: '見守り', noLimits: '実施中の制限はありません', noStake: '確認された事案はありません', simulated: '模擬', real: '実機', of: (ok, all) => `${all} 件中 ${ok} 件 合格`, login: 'この機械で、次を実行します', used: '使用済み', held: '承認待ち保留' },
  en: { page: 'Overview', observe: 'Observe mode', noLimits: 'No limit is in force', noStake: 'No confirmed event', simulated: 'simulated', real: 'real', of: (ok, all) => `${ok} of ${all} ok`, login: 'On this machine, run', used: 'used already', held: 'held' },
};
const LANGS = ['ja', 'en'];

async function signIn(browser) {
  const stranger = await open(browser, { locale: 'ja-JP' });
  const response = await stranger.page.goto(base + '/');
  const policy = response.headers()['content-security-policy'] ?? '';
  check('the server sends the strict policy', /default-src 'none'/.test(policy) && /script-src 'self'/.test(policy) && !/unsafe/.test(policy), policy);
  await stranger.page.waitForSelector('.sign-in');
  const text = await textOf(stranger.page, 'body');
  check('a stranger is told in Japanese to run sekimori login', text.includes('sekimori login') && text.includes(SAID.ja.login), text);
  check('a stranger sees nothing of the site', !text.includes('水道局') && (await stranger.page.locator('table').count()) === 0, text);
  await axe(stranger.page, 'sign-in page');
  await stranger.page.screenshot({ path: join(shots, 'sign-in-ja.png') });

  const mine = await open(browser, { locale: 'ja-JP' });
  await mine.page.goto(once);
  await mine.page.waitForSelector('#layers');
  check('the one-time link opens the page', true);
  check('the token leaves the address bar', mine.page.url() === base + '/', mine.page.url());
  await stranger.page.goto(once);
  await stranger.page.waitForSelector('.sign-in');
  const used = await textOf(stranger.page, 'body');
  check('the link works once; a second use says so', used.includes(SAID.ja.used), used);
  check('its token leaves the address bar all the same', stranger.page.url() === base + '/', stranger.page.url());
  await stranger.context.close();
  return mine;
}

async function content(page, l) {
  const t = SAID[l];
  await language(page, l);
  const status = await (await page.request.get(base + '/api/v1/status')).json();
  const mission = await (await page.request.get(base + '/api/v1/mission')).json();
  const both = (d, key) => d[`${key}_${l}`];
  check(`${l}: the document says its language`, (await page.locator('html').getAttribute('lang')) === l);
  const head = await textOf(page, 'header');
  check(`${l}: header names site, page, state and time`, head.includes(both(status, 'title')) && head.includes(t.page) && head.toLowerCase().includes(both(status, 'state')) && /\d\d:\d\d:\d\d/.test(head), head);
  check(`${l}: the title too`, (await page.title()).includes(t.page) && (await page.title()).includes(both(status, 'title')));
  // The sentence may be recomputed at any moment: compare until page and site agree.
  const same = await until(async () => {
    const m = await (await page.request.get(base + '/api/v1/mission')).json();
    return (await textOf(page, '.sentence')).includes(both(m, 'sentence'));
  });
  check(`${l}: the mission's one sentence`, same, [await textOf(page, '.sentence'), both(mission, 'sentence')]);
  check(`${l}: the measured share beside it`, /\d+ ?%/.test(await textOf(page, '.basis')));
  const gates = await page.locator('.gate').allInnerTexts();
  check(`${l}: five layers, user to device`, gates.length === 5 && status.layers.every((x, i) => gates[i].toLowerCase().includes(both(x, 'name'))), gates);
  const agree = await until(async () => {
    const s = await (await page.request.get(base + '/api/v1/status')).json();
    const now = await page.locator('.gate').allInnerTexts();
    return s.layers.every((x, i) => x.ok + x.bad + x.unknown === 0 || now[i].includes(t.of(x.ok, x.ok + x.bad + x.unknown)));
  });
  check(`${l}: each layer counts n of m as the site does`, agree, gates);
  const hatched = await page.locator('.gate').evaluateAll((all) => all.map((g) => g.querySelectorAll('.bar-unknown').length));
  check(`${l}: unknown is drawn hatched exactly where there is some`, status.layers.every((x, i) => hatched[i] === (x.unknown ? 1 : 0)), hatched);
  const rows = await page.locator('.device').allInnerTexts();
  check(`${l}: every device has a card`, rows.length >= 1, rows.length);
  check(`${l}: simulated and real are told apart`, rows.some((r) => r.includes(t.simulated)) && rows.some((r) => r.includes('this-computer') && r.includes(t.real) && !r.includes(t.simulated)), rows);
  const lines = await page.locator('svg.spark').evaluateAll((all) => all.map((s) => Boolean(s.querySelector('title')?.textContent && s.querySelector('desc')?.textContent)));
  check(`${l}: lines have title and description`, lines.length > 0 && lines.every(Boolean), lines);
  const decision = await textOf(page, '#decision');
  check(`${l}: the decision, its signers and its end`, !status.decision || (decision.includes(status.decision.id) && status.decision.signers.every((s) => decision.includes(both(s, 'role')))), decision);
  check(`${l}: the record's entries and head`, /\d/.test(await textOf(page, '#record')) && (await textOf(page, '#record')).includes('sekimori ledger verify'));
  if (!status.limits.length) check(`${l}: no limit is said in words`, (await textOf(page, '#limits')).includes(t.noLimits));
  if (!status.at_stake) check(`${l}: nothing at stake is said in words`, (await textOf(page, '#stake')).includes(t.noStake));
  if (l === 'en') {
    const words = (await textOf(page, 'main')).replace(/○○[^\n]*/g, '');
    check('en: no Japanese is left on the page', !/[\u3040-\u30ff\u4e00-\u9fff]/.test(words), words.match(/.{0,20}[\u3040-\u30ff\u4e00-\u9fff].{0,20}/)?.[0]);
  }
}

const LOOKS = [
  ['light', 1280],
  ['dark', 1280],
  ['light', 375],
  ['dark', 375],
];

async function looks(page, name) {
  for (const l of LANGS) {
    for (const [scheme, width] of LOOKS) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: width < 500 ? 812 : 900 });
      await language(page, l);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(`${name} ${l} ${scheme} ${width} px: no sideways scrolling`, wide <= 0, wide);
      await axe(page, `${name} ${l} ${scheme} ${width} px`);
      await page.screenshot({ path: join(shots, `${name}-${l}-${scheme}-${width}.png`), fullPage: true });
    }
  }
  await page.setViewportSize({ width: 320, height: 640 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(`${name}: reflows at 320 px`, wide <= 0, wide);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
}

async function measures(page) {
  const small = await page.evaluate(() => {
    const out = [];
    for (const e of document.querySelectorAll('#page *')) {
      const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
      if (own && !e.closest('.unseen') && parseFloat(getComputedStyle(e).fontSize) < 14) out.push(e.className || e.tagName);
    }
    return out;
  });
  check('no type below 14 px', small.length === 0, small);
  const low = await page.locator('button').evaluateAll((all) => all.filter((b) => b.getBoundingClientRect().height < 44).map((b) => b.textContent));
  check('no button lower than 44 px', low.length === 0, low);
  await page.emulateMedia({ reducedMotion: 'reduce', forcedColors: 'active' });
  check('forced colours: the words of every state remain', /\S/.test(await textOf(page, '.state-word')));
  await page.screenshot({ path: join(shots, 'forced-colors.png'), fullPage: true });
  await page.emulateMedia({ reducedMotion: 'no-preference', forcedColors: 'none', media: 'print' });
  await page.screenshot({ path: join(shots, 'print.png'), fullPage: true });
  await page.emulateMedia({ media: 'screen' });
}

async function keyboard(page) {
  await page.reload();
  await page.waitForSelector('#layers');
  await page.keyboard.press('Tab');
  check('keyboard: the first stop skips to the content', (await page.evaluate(() => document.activeElement?.className)) === 'skip');
  await page.keyboard.press('Enter');
  check('keyboard: and does', (await page.evaluate(() => document.activeElement?.id)) === 'content');
  await page.locator('.languages button[lang=ja]').focus();
  await page.keyboard.press('Enter');
  check('keyboard: language by Enter', (await page.locator('html').getAttribute('lang')) === 'ja');
  await page.locator('.device-actions button[aria-expanded]').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('table.twin');
  const cells = await page.locator('table.twin tbody tr').count();
  check('keyboard: the table twin opens and holds the points', cells > 0, cells);
  await axe(page, 'table twin open');
  await page.keyboard.press('Enter');
  check('keyboard: and closes', (await page.locator('table.twin').count()) === 0);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.device-actions button').nth(1).click()]);
  check('CSV is saved', /\.csv$/.test(download.suggestedFilename()), download.suggestedFilename());
}

async function live(page) {
  await language(page, 'en');
  const points = () => page.locator('svg.spark desc').evaluateAll((all) => all.reduce((sum, d) => sum + Number(/^(\d+) points/.exec(d.textContent)?.[1] ?? 0), 0));
  const before = await points();
  check('live: lines grow without a reload', await until(async () => (await points()) > before, 15000), before);
}

async function lostLine(page, context) {
  await context.setOffline(true);
  const seen = await until(async () => (await page.locator('.link-down').count()) > 0, 15000);
  check('lost line: it says it is reconnecting', seen);
  const old = await until(async () => /[（(].*\d+.*[)）]/.test(await textOf(page, '.as-of')), 30000);
  check('lost line: "as of" grows old in words', old, await textOf(page, '.as-of'));
  check('lost line: the last known state stays on screen', (await page.locator('.gate').count()) === 5);
  const warned = await until(async () => (await page.locator('.banner-stale').count()) > 0, 30000);
  check('lost line: a banner says that what is shown is old', warned);
  const word = await textOf(page, '.state-word');
  check('lost line: an old state is drawn as unknown, never as OK', /未確認|Unknown/.test(word) && (await page.locator('.state-word .mark-unknown').count()) === 1, word);
  await page.screenshot({ path: join(shots, 'lost-line.png') });
  await context.setOffline(false);
  const back = await until(async () => (await page.locator('.link-up').count()) > 0 && (await page.locator('.banner-stale').count()) === 0, 20000);
  check('lost line: it comes back by itself', back);
}

async function attacked(page, attack, fix) {
  await page.evaluate(() => (window.sameDocument = true));
  await run(attack, { timeout: 120000 });
  const shown = await until(async () => (await page.locator('.limit-enforced').count()) > 0 && (await page.locator('.held').count()) > 0, 5000);
  check('attack: limit and held command appear without a reload', shown && (await page.evaluate(() => window.sameDocument === true)));
  for (const l of LANGS) {
    await language(page, l);
    const status = await (await page.request.get(base + '/api/v1/status')).json();
    const limit = await textOf(page, '.limit-enforced >> nth=0');
    const held = await textOf(page, '.held >> nth=0');
    const heads = await page.locator('.limit-enforced').first().locator('h4').allInnerTexts();
    check(`attack ${l}: what, why it matters, do this, evidence`, heads.length === 4 && limit.includes(status.limits[0][`text_${l}`]) && limit.includes(status.limits[0].cause.detail), limit);
    const h = status.held[0];
    check(`attack ${l}: hold id, who, to, until and the command to type`, [h.id, h.from, h.to, h.topic, `sekimori limit release ${h.id} --key`, `sekimori why ${h.from} command ${h.topic}`].every((x) => held.includes(x)) && /\d:\d\d/.test(held), held);
    await page.locator('.held .why-held').first().click();
    const tree = (await until(async () => ((await page.locator('.held .why-tree').count()) > 0 ? textOf(page, '.held .why-tree >> nth=0') : ''), 5000)) || '';
    const why = await (await page.request.get(base + '/api/v1/why?hold=' + h.id)).json();
    check(`attack ${l}: "why was it held?" shows every step of the judgement, with what to do and whom to ask`, why.steps.length > 8 && why.steps.every((x) => tree.includes(x[`text_${l}`])) && ['tried', 'limit', 'decision', 'evidence', 'todo', 'ask'].every((x) => why.steps.some((y) => y.step === x)) && why.steps.some((x) => x.entry > 0), tree);
    await page.locator('.held .why-held').first().click();
    const head = await textOf(page, 'header');
    check(`attack ${l}: the header counts limits and held commands`, head.includes(SAID[l].held), head);
    const stake = await textOf(page, '#stake');
    check(`attack ${l}: at stake in hours and households`, status.at_stake && stake.includes(status.at_stake[`text_${l}`]) && /\d/.test(await textOf(page, '.figure-number >> nth=0')), stake);
    const first = await textOf(page, '.device >> nth=0');
    check(`attack ${l}: the device in trouble comes first`, first.includes(status.limits[0].device || h.to), first);
  }
  check('attack: its readings go on, flagged', await until(async () => (await page.locator('tr.flagged').count()) > 0, 5000));
  await looks(page, 'attack');
  await run(fix, { timeout: 120000 });
  const gone = await until(async () => (await page.locator('.limit-enforced').count()) === 0 && (await page.locator('.held').count()) === 0, 15000);
  check('fix: limit and hold are gone without a reload', gone && (await page.evaluate(() => window.sameDocument === true)));
  const live = await until(async () => (await page.locator('tr:not(.flagged) svg.spark').count()) > 0 && !(await page.locator('tr.flagged').allInnerTexts()).some((x) => /level|水位/i.test(x)), 15000);
  check('fix: what it measures now is not flagged', live, await page.locator('tr.flagged').allInnerTexts());
  const stake = await page.locator('.stake').count();
  check('fix: nothing is at stake', stake === 0, stake);
}

const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS, headless: true });
try {
  const { context, page } = await signIn(browser);
  check('ja is the default of a Japanese browser', (await page.locator('html').getAttribute('lang')) === 'ja');
  const english = await open(browser, { locale: 'en-US' }, await context.cookies());
  await english.page.goto(base + '/');
  await english.page.waitForSelector('#layers');
  check('en is the default of an English browser', (await english.page.locator('html').getAttribute('lang')) === 'en');
  await english.context.close();
  await until(async () => (await page.locator('svg.spark').count()) > 0, 15000);
  for (const l of LANGS) await content(page, l);
  await live(page);
  await looks(page, 'normal');
  await measures(page);
  await keyboard(page);
  if (flag('--attack')) await attacked(page, flag('--attack'), flag('--fix'));
  if (flag('--link')) await checkpoint(page, { base, shots, operator: flag('--operator'), open: () => open(browser, { locale: 'ja-JP' }), link: flag('--link'), attack: flag('--vendor'), run, until, language, textOf, looks });
  await lostLine(page, context);
  check('no policy violation', (await page.evaluate(() => window.violations)).length === 0, await page.evaluate(() => window.violations));
  check('no console error', complaints.length === 0, complaints);
  check('nothing was asked of any other host', foreign.length === 0, foreign);
} catch (e) {
  check('the test ran to its end', false, e?.stack ?? e);
} finally {
  await browser.close();
}
finish();
