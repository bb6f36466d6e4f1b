// People sign in, in a real browser against a real site. Prints TAP.
// usage: node test/people.mjs BASE_URL ONE_TIME_URL ANOTHER_ONE_TIME_URL PERSON ANOTHER_PERSON SHOTS_DIR BIND_COMMAND
import { exec } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { textOf } from './page.mjs';
import { ARGS, check, EXECUTABLE, finish } from './tap.mjs';

const [base, once, second, person, other, shots, bind] = process.argv.slice(2);
if (!base || !once || !second || !person || !other || !shots || !bind) {
  process.stderr.write('usage: node test/people.mjs BASE_URL ONE_TIME_URL ANOTHER_ONE_TIME_URL PERSON ANOTHER_PERSON SHOTS_DIR\n');
  process.exit(2);
}
mkdirSync(shots, { recursive: true });

const PASSWORD = 'seven blue pipes of mizu';
const complaints = [];

async function open(browser, locale) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 900 }, locale });
  await context.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
  const page = await context.newPage();
  page.on('pageerror', (e) => complaints.push(String(e)));
  return { context, page };
}

const fill = async (page, user, password) => {
  await page.locator('.form input[autocomplete=username]').first().fill(user) /* the second asks for a challenge to carry */;
  await page.locator('.form input[autocomplete=current-password]').fill(password);
  await page.locator('.form button[type=submit]').first().click();
};

async function firstPassword(browser) {
  const { context, page } = await open(browser, 'ja-JP');
  await page.goto(once);
  await page.waitForSelector('#account[open]');
  check('a person\'s first link asks for a first password', (await textOf(page, '#account')).includes('最初のパスワード'), await textOf(page, '#account'));
  await page.locator('#account input[autocomplete=new-password]').fill('short');
  await page.locator('#password button').click();
  await page.waitForSelector('#password .banner-stale');
  check('a poor one is refused with what is wanted', (await textOf(page, '#password [role=alert]')).includes('12文字以上'));
  await page.locator('#account input[autocomplete=new-password]').fill(PASSWORD);
  await page.locator('#password button').click();
  await page.waitForSelector('#password .banner:not(.banner-stale)');
  check('a good one is saved', (await textOf(page, '#password [role=alert]')).includes('保存しました'));
  await page.screenshot({ path: join(shots, 'account-ja.png') });
  await page.locator('#account > p button').click();
  await page.waitForSelector('.sign-in');
  await page.reload();
  await page.waitForSelector('.sign-in');
  check('signed out, the page stays closed', (await page.locator('#layers').count()) === 0);
  await context.close();
}

async function byPassword(browser, locale, words) {
  const { context, page } = await open(browser, locale);
  await page.goto(base + '/');
  await page.waitForSelector('.sign-in');
  await page.screenshot({ path: join(shots, `people-sign-in-${locale.slice(0, 2)}.png`) });
  await fill(page, person, 'a wrong password');
  await page.waitForSelector('.banner-stale');
  check(`${locale}: a wrong password is told`, (await textOf(page, '[role=alert]')).includes(words.wrong), await textOf(page, '[role=alert]'));
  await page.screenshot({ path: join(shots, `people-wrong-${locale.slice(0, 2)}.png`) });
  await fill(page, person, PASSWORD);
  await page.waitForSelector('#layers');
  check(`${locale}: the password opens the page`, (await textOf(page, 'body')).includes(person));
  check(`${locale}: no policy violation`, (await page.evaluate(() => window.violations)).length === 0, await page.evaluate(() => window.violations));
  await context.close();
}

// A virtual authenticator over CDP: its key is made and used by Chromium itself.
async function authenticator(context, page) {
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  return { cdp, authenticatorId };
}

const answers = (page, path) => page.waitForResponse((r) => r.url().endsWith(path) && r.request().method() === 'POST');

// The role is bound to the passkey by two others' signatures (the command does both), then the page signs a draft.
async function signs(page) {
  const { stdout } = await promisify(exec)(bind);
  const draft = stdout.trim().split('\n').pop();
  await page.locator('#signing summary').click();
  await page.locator('#signing input[type=file]').setInputFiles(draft);
  await page.waitForSelector('#signing pre');
  check('a document is shown before it is signed', (await textOf(page, '#signing pre')).includes('"type": "declaration"'), await textOf(page, '#signing'));
  await page.locator('#sign').click();
  await page.waitForSelector('#signing .banner:not(.banner-stale)');
  await page.locator('#signing').screenshot({ path: join(shots, 'signing-ja.png') });
  await page.locator('#hand-in').click();
  const said = await page.waitForFunction(() => /反映/.test(document.querySelector('#signing [role=alert]')?.textContent ?? '') && document.querySelector('#signing [role=alert]').textContent);
  check('signed by passkey, the site takes it', String(await said.jsonValue()).startsWith('反映しました'), String(await said.jsonValue()));
}

async function byPasskey(browser) {
  const { context, page } = await open(browser, 'ja-JP');
  const { cdp, authenticatorId } = await authenticator(context, page);
  await page.goto(second);
  await page.waitForSelector('#layers');
  await page.waitForSelector('#account[open]');
  await page.locator('#passkey input').fill('自分のPC');
  await page.locator('#passkey button').click();
  await page.waitForSelector('#passkey .banner:not(.banner-stale)');
  check('a passkey is registered from a link', (await textOf(page, '#passkey')).includes('1 件'), await textOf(page, '#passkey'));
  await page.locator('#account').screenshot({ path: join(shots, 'account-passkey-ja.png') });
  await page.locator('#account > p button').click();
  await page.waitForSelector('#by-passkey');
  const sent = page.waitForRequest((r) => r.url().endsWith('/api/v1/session') && r.method() === 'POST');
  await page.locator('#by-passkey').click();
  await page.waitForSelector('#layers');
  check('it opens the page without a name', (await textOf(page, 'body')).includes(other));
  const body = (await sent).postDataJSON();
  const replay = (b) => page.evaluate(async (x) => (await fetch('/api/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(x) })).status, b);
  check('the same answer a second time is refused', (await replay(body)) === 401);
  await signs(page);
  await page.locator('#account summary').click();
  await page.locator('#account > p button').click();
  await page.waitForSelector('#by-passkey');
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
  check('the key stayed in the authenticator, for localhost', credentials.length === 1 && credentials[0].rpId === 'localhost', credentials.map((c) => c.rpId));
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await page.locator('#by-passkey').click();
  await page.waitForSelector('.banner-stale');
  check('a person who is not verified does not come in', (await textOf(page, '[role=alert]')).includes('パスキーでは入れませんでした'));
  await page.screenshot({ path: join(shots, 'passkey-refused-ja.png') });
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
  // A copy of the key whose counter does not rise.
  await cdp.send('WebAuthn.clearCredentials', { authenticatorId });
  await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credentials[0], signCount: 0 } });
  const answer = answers(page, '/api/v1/session');
  await page.locator('#by-passkey').click();
  check('a copy is told by its counter', (await answer).status() === 401);
  check('no policy violation by passkeys', (await page.evaluate(() => window.violations)).length === 0);
  await context.close();
}

const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS, headless: true });
try {
  await firstPassword(browser);
  await byPassword(browser, 'ja-JP', { wrong: '名前かパスワードが違います' });
  await byPassword(browser, 'en-US', { wrong: 'name or password is wrong' });
  await byPasskey(browser);
  check('no page error', complaints.length === 0, complaints);
} catch (e) {
  check('the test ran to its end', false, e?.stack ?? e);
} finally {
  await browser.close();
}
finish();
