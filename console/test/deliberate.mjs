// Three people and two deputies take decisions in a real browser against a real site, each with a virtual authenticator. Prints TAP.
// usage: node test/deliberate.mjs BASE_URL LINKS_JSON SHOTS_DIR SITE_FOLDER
import { exec } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { axeLines } from './page.mjs';
import { ARGS, check, EXECUTABLE, finish } from './tap.mjs';

const [base, linksText, shots, dir] = process.argv.slice(2);
if (!base || !linksText || !shots || !dir) {
  process.stderr.write('usage: node test/deliberate.mjs BASE_URL LINKS_JSON SHOTS_DIR SITE_FOLDER\n');
  process.exit(2);
}
mkdirSync(shots, { recursive: true });
const links = JSON.parse(linksText);
const complaints = [];
const sh = (line) => promisify(exec)(line);

async function axe(page, claim) {
  const found = await axeLines(page);
  check(`${claim}: axe finds nothing`, found.length === 0, found);
}

// In both languages: a picture, and axe; back to Japanese.
async function shown(page, name) {
  for (const l of ['en', 'ja']) {
    await page.locator(`.languages button[lang=${l}]`).click();
    await page.screenshot({ path: join(shots, `${name}-${l}.png`), fullPage: true });
    await axe(page, `${name} ${l}`);
  }
}

// A person of his own browser and his own authenticator, who came by a one-time link and registered a passkey.
async function person(browser, who) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 1000 }, locale: 'ja-JP' });
  const page = await context.newPage();
  page.on('pageerror', (e) => complaints.push(`${who}: ${e}`));
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await page.goto(links[who]);
  await page.waitForSelector('#account[open]');
  await page.locator('#passkey input').fill(who);
  await page.locator('#passkey button').click();
  await page.waitForSelector('#passkey .banner:not(.banner-stale)');
  return { who, page, handed: [] };
}

// To the first page; what is handed in from here on is kept, to be tried again by others.
async function home(p) {
  await p.page.goto(base + '/');
  await p.page.waitForSelector('#layers');
  p.page.removeAllListeners('request');
  p.page.on('request', (r) => /documents\/(draft|opinion)$/.test(r.url()) && p.handed.push(r.postDataJSON()));
}

const drafts = async (p) => (await p.page.request.get(`${base}/api/v1/drafts`)).json();
const decisions = async (p) => (await p.page.request.get(`${base}/api/v1/decisions`)).json();
const give = (p, body, kind = 'draft') => p.page.evaluate(async ([x, k]) => {
  const r = await fetch(`/api/v1/documents/${k}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(x) });
  return { status: r.status, title: (await r.json()).title ?? '' };
}, [body, kind]);
const told = async (p, selector = '#told') => (await p.page.waitForSelector(`${selector} .banner`)).innerText();

// From the first page: read, then sign. The clicks are counted.
async function signs(p, id) {
  await home(p);
  let clicks = 0;
  const click = async (selector) => {
    clicks++;
    await p.page.locator(selector).click();
  };
  await p.page.waitForSelector(`#drafts a[href$="${id}"]`);
  await click(`#drafts a[href$="${id}"]`);
  await p.page.waitForSelector('#sign-draft');
  await p.page.waitForSelector('#digest');
  return { clicks: () => clicks, click };
}

async function throughAll(p, id, claim) {
  const s = await signs(p, id);
  await s.click('#sign-draft');
  const said = await told(p);
  check(claim, /署名しました|決裁されました/.test(said), said);
  return s.clicks();
}

// All three keys are passkeys' from now on; the last change is signed on the page itself by one whose key is one already.
async function rotation(people) {
  await sh(`sh ${join(dir, 'bind.sh')}`);
  const { page } = people.kenji;
  await page.goto(base + '/');
  await page.waitForSelector('#signing');
  await page.locator('#signing summary').click();
  await page.locator('#signing input[type=file]').setInputFiles(join(dir, 'last.json'));
  await page.waitForSelector('#signing pre');
  await page.locator('#sign').click();
  await page.waitForSelector('#signing .banner:not(.banner-stale)');
  await page.locator('#hand-in').click();
  await page.waitForFunction(() => /反映しました/.test(document.querySelector('#signing [role=alert]')?.textContent ?? ''));
  const charter = await (await page.request.get(`${base}/api/v1/charter`)).json();
  check('all three keys are changed on one day, the last by a passkey on the page', charter.roles.every((r) => r.passkey), charter.roles);
  const [d] = await drafts(people.kenji);
  check('the draft stays; the signature of a key that is no more does not count', d.id === 'D-1' && d.next === 'mission-owner' && d.signers.length === 0, d);
}

async function begunWithAKeyFile(people) {
  await throughAll(people.sachiko, 'D-1', 'the new mission owner signs what was begun with the old key');
  await throughAll(people.kenji, 'D-1', 'the asset owner agrees');
  const clicks = await throughAll(people.reiko, 'D-1', 'the executive decides');
  check('in at most three clicks from the first page', clicks <= 3, clicks);
  const one = (await decisions(people.reiko)).find((d) => d.id === 'D-1');
  check('with the third signature it is in force, and no draft any more', one?.state === 'in-force' && (await drafts(people.reiko)).length === 0, one?.state);
}

async function fillsForm(p, reason) {
  await home(p);
  await p.page.goto(`${base}/#/mission/mizu`);
  await p.page.waitForSelector('#draft-form');
  await p.page.locator('#draft-form input[name=choose]').nth(1).check();
  if (!(await p.page.locator('#draft-form input[name=bound]:checked').count())) await p.page.locator('#draft-form input[name=bound]').first().check();
  await p.page.locator('#draft-reason').fill(reason);
  await p.page.locator('#look').click();
}

async function onThePage(people) {
  const { sachiko, kenji, reiko } = people;
  await fillsForm(sachiko, '監視の強化まで、残るリスクを受け入れる');
  await sachiko.page.waitForSelector('#sign-draft');
  const paper = await sachiko.page.locator('.paper').innerText();
  check('the draft is shown whole before it is signed: reason, options, risk', paper.includes('監視の強化まで') && paper.includes('残存リスク') && paper.includes('◎'), paper.slice(0, 200));
  await shown(sachiko.page, 'draft');
  await sachiko.page.locator('#sign-draft').click();
  check('signed by passkey it is drafted', (await told(sachiko, '#drafted')).includes('D-2 を起案しました'));

  await signs(kenji, 'D-2');
  await kenji.page.locator('#other-answers summary').click();
  await kenji.page.locator('#other-answers textarea').fill('網羅率の実測が足りません');
  await shown(kenji.page, 'deliberation');
  await kenji.page.locator('#differ').click();
  check('the asset owner differs, with words', /記録しました/.test(await told(kenji)));
  const d = (await drafts(kenji)).find((x) => x.id === 'D-2');
  check('the words are in the bytes to be signed, and the mission owner signs them next', d.revision === 2 && d.next === 'mission-owner' && d.differences[0].text === '網羅率の実測が足りません', d);
  const before = sachiko.handed.at(-1);
  const again = await give(sachiko, before);
  check('N36 the words before them are a replay', again.status === 409 && again.title.startsWith('replayed'), again);
  await throughAll(sachiko, 'D-2', 'the mission owner signs the text with the difference');

  const wrongTurn = await give(reiko, { ...before, signatures: before.signatures });
  check('nobody hands in another\'s old signature', wrongTurn.status === 409 || wrongTurn.status === 403, wrongTurn);
  const s = await signs(reiko, 'D-2');
  check('the executive reads what differs', (await reiko.page.locator('.paper').innerText()).includes('網羅率の実測が足りません'));
  await shown(reiko.page, 'decide');
  const ready = (await drafts(reiko)).find((x) => x.id === 'D-2').envelope;
  const theirs = kenji.handed.at(-1);
  const asAnother = { ...theirs, payload: ready.payload, signatures: [{ ...theirs.signatures[0], keyid: (await (await reiko.page.request.get(`${base}/api/v1/charter`)).json()).roles[2].key_id }] };
  const forged = await give(reiko, asAnother);
  check('N36 another\'s answer under the executive\'s name is forged: refused by name', forged.status === 403 && forged.title.startsWith('bad-signature'), forged);
  await s.click('#sign-draft');
  check('and decides', (await told(reiko)).includes('決裁されました'));
  check('in at most three clicks', s.clicks() <= 3, s.clicks());
  const replay = await give(reiko, reiko.handed.at(-1));
  check('N36 the signed decision a second time: refused by name', replay.status === 409 && replay.title.startsWith('replayed'), replay);
}

// What the site answered is changed on its way to the page, as somebody between them would: the person signs it, the site refuses it.
async function altered(people, name, change, want) {
  const p = people.sachiko;
  await p.page.route('**/api/v1/drafts/compose', async (route) => {
    const r = await route.fetch();
    const d = await r.json();
    change(d);
    const sorted = (x) => (x && typeof x === 'object' && !Array.isArray(x) ? Object.fromEntries(Object.keys(x).sort().map((k) => [k, sorted(x[k])])) : Array.isArray(x) ? x.map(sorted) : x);
    await route.fulfill({ response: r, body: JSON.stringify(sorted(d)) });
  });
  await fillsForm(p, '試験');
  await p.page.waitForSelector('#sign-draft');
  await p.page.locator('#sign-draft').click();
  const said = await told(p, '#drafted');
  check(`${name}: refused by name, on the page`, said.includes(want), said);
  await p.page.unroute('**/api/v1/drafts/compose');
}

async function refusals(people) {
  await altered(people, 'N36 other figures than the assessment\'s', (d) => { d.assessment.decision_yen += 1; }, 'other-snapshot');
  await altered(people, 'N36 a decision that is over already', (d) => { d.at = '2026-01-01T00:00:00.000Z'; d.expires = '2026-01-02T00:00:00.000Z'; }, 'expired');
  await altered(people, 'a rank better than the assessment\'s', (d) => { d.rank = 'R1'; }, 'rank-too-low');
}

// Named by the asset owner and the executive, both on the page.
async function namesDeputies(people) {
  await sh(`sh ${join(dir, 'deputies.sh')}`);
  for (const who of ['jiro', 'taro']) {
    let text = readFileSync(join(dir, `dp-${who}.json`), 'utf8');
    for (const by of ['kenji', 'reiko']) {
      const { page } = people[by];
      await page.goto(base + '/');
      await page.waitForSelector('#signing');
      await page.locator('#signing summary').click();
      await page.locator('#signing input[type=file]').setInputFiles({ name: 'd.json', mimeType: 'application/json', buffer: Buffer.from(text) });
      await page.waitForSelector('#signing pre');
      await page.locator('#sign').click();
      await page.waitForSelector('#signing .banner:not(.banner-stale)');
      const saved = page.waitForEvent('download');
      await page.locator('#save').click();
      text = readFileSync(await (await saved).path(), 'utf8');
    }
    const r = await give(people.reiko, JSON.parse(text), 'deputy');
    check(`two of the three name ${who} a deputy, by passkeys`, r.status === 200, r);
  }
}

async function deputies(people) {
  await namesDeputies(people);
  const { taro, jiro, reiko } = people;
  await fillsForm(taro, '代理による起案');
  await taro.page.waitForSelector('#sign-draft');
  await taro.page.locator('#sign-draft').click();
  const said = await told(taro, '#drafted');
  check('a deputy beyond his rank is refused by name', said.includes('above-deputy-rank'), said);
  await fillsForm(jiro, '代理による起案');
  await jiro.page.waitForSelector('#sign-draft');
  await jiro.page.locator('#sign-draft').click();
  check('a deputy within his rank drafts', (await told(jiro, '#drafted')).includes('起案しました'));
  const d = (await drafts(jiro)).find((x) => x.next === 'asset-owner');
  check('and is named as one', d?.signers.length === 1 && d.signers[0].deputy, d?.signers);
  await signs(people.kenji, d.id);
  await home(reiko);
  await shown(reiko.page, 'first-page-draft');
  await reiko.page.goto(`${base}/#/decide/${d.id}`);
  await reiko.page.waitForSelector('#other-answers');
  check('the executive has no button before the others have signed', (await reiko.page.locator('#sign-draft').count()) === 0);
  await reiko.page.locator('#other-answers summary').click();
  await reiko.page.locator('#other-answers textarea').fill('期限を短くしてください');
  await reiko.page.locator('#send-back').click();
  check('but sends it back, with words', /記録しました/.test(await told(reiko)));
  await reiko.page.waitForFunction(() => /差し戻し/.test(document.querySelector('#turn')?.textContent ?? ''));
  await shown(reiko.page, 'sent-back');
  await fillsForm(people.sachiko, '期限を短くした起案');
  await people.sachiko.page.waitForSelector('#sign-draft');
  await people.sachiko.page.locator('#sign-draft').click();
  check('drafted anew under another number', /D-4 を起案しました/.test(await told(people.sachiko, '#drafted')));
}

// 是正処置: a finding the site proposes, an owner, what was done, another's judgement of it, and the management review with its paper.
async function improves(people) {
  const { kenji, sachiko, reiko } = people;
  const open = async (p) => {
    await home(p);
    await p.page.goto(`${base}/#/improve`);
    await p.page.waitForSelector('#action-form');
  };
  await open(kenji);
  await kenji.page.locator('.proposed button').first().click();
  const finding = await kenji.page.locator('#action-finding').inputValue();
  check('what evidence shows is proposed as a finding', finding.length > 0, finding);
  await kenji.page.locator('#action-form button[type=submit]').click();
  await kenji.page.waitForSelector('#step-CA-1');
  await kenji.page.locator('#step-CA-1 input').fill('設定を直した');
  await kenji.page.locator('#step-CA-1 .action-done').click();
  await kenji.page.waitForSelector('#step-CA-1 .action-effective');
  await kenji.page.locator('#step-CA-1 input').fill('効いた');
  await kenji.page.locator('#step-CA-1 .action-effective').click();
  const refused = await kenji.page.waitForFunction(() => document.querySelector('[role=alert] .banner-stale')?.textContent);
  check('who did it does not judge it', String(await refused.jsonValue()).includes('who did it does not judge it'));
  await open(sachiko);
  await sachiko.page.locator('#step-CA-1 input').fill('再確認で不合格なし');
  await sachiko.page.locator('#step-CA-1 .action-effective').click();
  await sachiko.page.waitForFunction(() => /効果を確認/.test(document.querySelector('#actions table')?.textContent ?? ''));
  check('only executives record a review', (await sachiko.page.locator('#review-form').count()) === 0);
  await open(reiko);
  await reiko.page.locator('#review-form textarea').fill('監視を来期の予算に入れる');
  await reiko.page.locator('#review-form button').click();
  await reiko.page.waitForFunction(() => /MR-1/.test(document.querySelector('#reviews')?.textContent ?? ''));
  await shown(reiko.page, 'improve');
  await reiko.page.goto(`${base}/#/paper/review/mizu`);
  await reiko.page.waitForSelector('.paper-review');
  const paper = await reiko.page.locator('.paper-review').innerText();
  check('the paper of the review: mission, decisions, actions, what was said', ['CA-1', 'MR-1', 'D-2', '再確認で不合格なし', '監視を来期の予算に入れる'].every((x) => paper.includes(x)), paper.slice(0, 400));
  await shown(reiko.page, 'paper-review');
}

const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS, headless: true });
try {
  const people = {};
  for (const who of Object.keys(links)) people[who] = await person(browser, who);
  await rotation(people);
  await begunWithAKeyFile(people);
  await onThePage(people);
  await refusals(people);
  await deputies(people);
  await improves(people);
  check('no page error', complaints.length === 0, complaints);
} catch (e) {
  check('the test ran to its end', false, e?.stack ?? e);
} finally {
  await browser.close();
}
finish();
