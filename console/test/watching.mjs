// The pages 警報, 作業申請 and 管理外機器 in a real browser against the demo, both languages; pictures of each. Prints TAP.
// usage: node test/watching.mjs BASE_URL ONE_TIME_URL SHOTS_DIR
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { axeLines, language, until as polled } from './page.mjs';
import { ARGS, check, EXECUTABLE, finish } from './tap.mjs';

const [base, once, shots] = process.argv.slice(2);
if (!base || !once || !shots) {
  process.stderr.write('usage: node test/watching.mjs BASE_URL ONE_TIME_URL SHOTS_DIR\n');
  process.exit(2);
}
mkdirSync(shots, { recursive: true });
const until = (what) => polled(what, 15000);
const LANGS = ['ja', 'en'];
const TITLES = { ja: { alarms: '警報', work: '作業申請', unmanaged: '管理外機器' }, en: { alarms: 'Alarms', work: 'Work permits', unmanaged: 'Unmanaged devices' } };

async function looks(page, name) {
  const found = await axeLines(page);
  check(`${name}: axe finds nothing`, found.length === 0, found);
  for (const width of [1280, 375]) {
    await page.setViewportSize({ width, height: 900 });
    check(`${name}: fits ${width} px`, await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth + 1));
    await page.screenshot({ path: join(shots, `${name.replace(/\s/g, '-')}-${width}.png`), fullPage: true });
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

const field = (page, within, k) => page.locator(`${within} input`).nth(k);

async function alarms(page) {
  await page.locator('.places a[href="/#alarms"]').click();
  await page.request.post(`${base}/api/v1/causes/any/test`, { data: {}, headers: { Origin: base } });
  const drill = page.locator('#alarms .cause', { hasText: '訓練' });
  check('alarms: a drill appears by itself, explained', await until(async () => (await drill.count()) === 1 && (await drill.innerText()).includes('警報の届き先')));
  await drill.locator('input').fill('確かめました');
  await drill.locator('button.ack').click();
  check('alarms: taken in hand with a reason', await until(async () => (await drill.innerText()).includes('対応者')), await drill.innerText());
  const r = await page.request.post(`${base}/api/v1/reactions`, { data: { device: 'gw-02', measure: 'hold', minutes: 5, reason: '訓練' }, headers: { Origin: base } });
  const id = (await r.json()).id;
  const card = page.locator(`#reaction-${id}`);
  check('alarms: a measure in force is shown, with whom, why and until when', await until(async () => (await card.innerText()).includes('gw-02')));
  await looks(page, 'alarms ja');
  await card.locator('input').fill('訓練の終わり');
  await card.locator('button.undo').click();
  check('alarms: undone on the page', await until(async () => (await card.count()) === 0));
}

async function work(page) {
  await page.locator('.places a[href="/#work"]').click();
  await page.locator('#work-ask summary').click();
  const given = ['contractor-1', '山田 太郎', '水機工業', 'sk/v1/mizu/gw-02/#', 'R8-77', 'hanako', 'ポンプ点検'];
  for (let i = 0; i < given.length; i++) await field(page, '#work-ask', i).fill(given[i]);
  await page.locator('#work-ask button.do').click();
  const answer = await until(async () => (await page.locator('#work-ask [role=status]').innerText()) || null);
  check('work: what cannot be asked for is refused in words', answer && (answer.includes('subject') || answer.includes('supervisor') || answer.includes('WP-')), answer);
}

async function main() {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'ja-JP' });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (e) => complaints.push(String(e)));
  await page.goto(once);
  await page.waitForSelector('#mission');
  await language(page, 'ja');
  await alarms(page);
  await work(page);
  for (const l of LANGS)
    for (const p of ['alarms', 'work', 'unmanaged']) {
      await language(page, l);
      await page.locator(`.places a[href="/#${p}"]`).click();
      check(`${p} ${l}: the title names it`, await until(async () => (await page.title()).includes(TITLES[l][p])), await page.title());
      check(`${p} ${l}: the page says what it is`, await until(async () => (await page.locator(`#${p} h2`).innerText()) === TITLES[l][p]));
      if (p !== 'alarms' || l === 'en') await looks(page, `${p} ${l}`);
    }
  check('nothing complained', complaints.length === 0, complaints);
  await browser.close();
  finish();
}

await main();
