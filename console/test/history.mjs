// The history page in a real browser against a real site: chart, points with their proofs, files; in both languages. Prints TAP.
// usage: node test/history.mjs BASE_URL ONE_TIME_URL SHOTS_DIR TOPIC|first [PERIOD GAPS]
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { axeLines, until as polled } from './page.mjs';
import { ARGS, check, EXECUTABLE, finish } from './tap.mjs';

let topic;
const [base, once, shots, wanted, period = 'hour', gaps = ''] = process.argv.slice(2);
if (!wanted) {
  process.stderr.write('usage: node test/history.mjs BASE_URL ONE_TIME_URL SHOTS_DIR TOPIC|first [PERIOD GAPS]\n');
  process.exit(2);
}
mkdirSync(shots, { recursive: true });
const until = (what) => polled(what, 20000);
const complaints = [];

async function looks(page, name) {
  for (const l of ['ja', 'en']) {
    await page.locator(`.languages button[lang=${l}]`).click();
    const found = await axeLines(page);
    check(`${name} ${l}: axe finds nothing`, found.length === 0, found);
    for (const width of [1280, 375]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      check(`${name} ${l} ${width} px: fits`, wide <= 1, wide);
      await page.screenshot({ path: join(shots, `${name}-${l}-${width}.png`), fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  }
}

async function saved(page, button) {
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  return readFileSync(await file.path(), 'utf8');
}

async function run(page) {
  await page.goto(once);
  check('the overview opens', await until(() => page.locator('#readings').count()));
  const link = page.locator(wanted === 'first' ? 'a[href^="#/history/"]' : `a[href="#/history/${encodeURIComponent(wanted)}"]`).first();
  check('a reading leads to its history', await until(() => link.count()));
  topic = decodeURIComponent((await link.getAttribute('href')).slice('#/history/'.length));
  await link.click();
  await until(() => page.locator('#history-period').count());
  await page.locator('#history-period').selectOption(period);
  check('a chart is drawn', await until(() => page.locator('svg.history-chart circle, svg.history-chart path').count()));
  if (gaps) check(`${gaps} gaps are hatched`, await until(async () => (await page.locator('.history-gap').count()) === Number(gaps)), await page.locator('.history-gap').count());
  check('the same stands in a table', await until(() => page.locator('#history-intervals tbody tr').count()));
  await page.locator('#history-intervals tbody tr button').first().click();
  const proof = page.locator('#history-points a').first();
  check('an interval opens point by point', await until(() => proof.count()));
  const answer = await page.request.get(base + (await proof.getAttribute('href')));
  check('each point leads to its proof', answer.status() === 200 && JSON.stringify(await answer.json()).length > 100, answer.status());
  await looks(page, 'history');
  const csv = await saved(page, '#history-csv');
  check('CSV with a byte order mark', csv.startsWith('\ufeff"time","topic"') && csv.split('\r\n').length > 2, csv.slice(0, 80));
  await page.getByRole('checkbox').uncheck();
  check('and without', (await saved(page, '#history-csv')).startsWith('"time"'));
  const lines = (await saved(page, '#history-ndjson')).trim().split('\n').map((x) => JSON.parse(x));
  check('NDJSON, an object a line', lines.length > 0 && lines.every((x) => x.topic === topic && Number.isInteger(x.entry)), lines[0]);
  await page.getByRole('button', { name: 'Earlier' }).click();
  await page.locator('#history-period').selectOption('hour');
  for (let i = 0; i < 40; i++) await page.getByRole('button', { name: 'Earlier' }).click();
  check('where nothing was recorded it says so', await until(() => page.locator('#history p.empty').count()));
}

const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS, headless: true });
try {
  const context = await browser.newContext({ locale: 'en-US', acceptDownloads: true });
  const page = await context.newPage();
  page.on('pageerror', (e) => complaints.push(String(e)));
  // A site without a mission says 404 to that one question.
  page.on('console', (m) => m.type() === 'error' && !m.location().url.endsWith('/api/v1/mission') && complaints.push(m.text()));
  await run(page);
  check('the browser has no complaint', complaints.length === 0, complaints);
} finally {
  await browser.close();
}
finish();
