// People sign in, in a real browser against a real site. Prints TAP.
// usage: node test/people.mjs BASE_URL ONE_TIME_URL_OF_A_PERSON PERSON SHOTS_DIR
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [base, once, person, shots] = process.argv.slice(2);
if (!base || !once || !person || !shots) {
  process.stderr.write('usage: node test/people.mjs BASE_URL ONE_TIME_URL_OF_A_PERSON PERSON SHOTS_DIR\n');
  process.exit(2);
}
mkdirSync(shots, { recursive: true });

let count = 0;
let failed = 0;
function check(claim, good, detail = '') {
  count++;
  if (!good) failed++;
  const more = good || detail === '' ? '' : ` # ${String(typeof detail === 'string' ? detail : JSON.stringify(detail)).replace(/\s+/g, ' ').slice(0, 600)}`;
  process.stdout.write(`${good ? 'ok' : 'not ok'} ${count} - ${claim}${more}\n`);
}

const EXECUTABLE = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
  '--no-first-run', '--no-pings', '--disable-dev-shm-usage'];
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

const textOf = (page, selector) => page.locator(selector).innerText();
const fill = async (page, user, password) => {
  await page.locator('.form input[autocomplete=username]').fill(user);
  await page.locator('.form input[autocomplete=current-password]').fill(password);
  await page.locator('.form button[type=submit]').click();
};

async function firstPassword(browser) {
  const { context, page } = await open(browser, 'ja-JP');
  await page.goto(once);
  await page.waitForSelector('#account[open]');
  check('a person\'s first link asks for a first password', (await textOf(page, '#account')).includes('最初のパスワード'), await textOf(page, '#account'));
  await page.locator('#account input[autocomplete=new-password]').fill('short');
  await page.locator('#account .form button').click();
  await page.waitForSelector('#account .banner-stale');
  check('a poor one is refused with what is wanted', (await textOf(page, '#account [role=alert]')).includes('12文字以上'));
  await page.locator('#account input[autocomplete=new-password]').fill(PASSWORD);
  await page.locator('#account .form button').click();
  await page.waitForSelector('#account .banner:not(.banner-stale)');
  check('a good one is saved', (await textOf(page, '#account [role=alert]')).includes('保存しました'));
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

const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS, headless: true });
try {
  await firstPassword(browser);
  await byPassword(browser, 'ja-JP', { wrong: '名前かパスワードが違います' });
  await byPassword(browser, 'en-US', { wrong: 'name or password is wrong' });
  check('no page error', complaints.length === 0, complaints);
} catch (e) {
  check('the test ran to its end', false, e?.stack ?? e);
} finally {
  await browser.close();
}
process.stdout.write(`1..${count}\n`);
process.exitCode = failed || !count ? 1 : 0;
