// The mission page and the papers, in a real browser against a real site; pictures and PDFs of each in both languages. Prints TAP.
// usage: node test/mission.mjs BASE_URL ONE_TIME_URL SHOTS_DIR [DRAFT_FILE]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { axeLines, language, textOf, until } from './page.mjs';
import { ARGS, check, EXECUTABLE, finish } from './tap.mjs';

const [base, once, shots, draft] = process.argv.slice(2);
if (!base || !once || !shots) {
  process.stderr.write('usage: node test/mission.mjs BASE_URL ONE_TIME_URL SHOTS_DIR [DRAFT_FILE]\n');
  process.exit(2);
}
mkdirSync(shots, { recursive: true });
const complaints = [];

async function axe(page, claim) {
  const found = await axeLines(page);
  check(`${claim}: axe finds nothing`, found.length === 0, found);
}

// Beside axe: nothing wider than the page, nothing clipped to nothing, every control reached by keyboard has a name.
async function ownRules(page, claim) {
  const wrong = await page.evaluate(() => {
    const out = [];
    if (document.documentElement.scrollWidth > window.innerWidth + 1) out.push(`page is ${document.documentElement.scrollWidth} wide`);
    for (const e of document.querySelectorAll('button, a[href], input, summary')) {
      const box = e.getBoundingClientRect();
      if (box.width && box.height && (e.matches('button, summary, input[type=range]') ? box.height < 24 : false)) out.push(`small: ${e.outerHTML.slice(0, 60)}`);
    }
    for (const s of document.querySelectorAll('main svg[role=img]')) if (!s.querySelector('title')?.textContent) out.push('a picture without a title');
    const sizes = [...document.querySelectorAll('main *')].filter((e) => e.childNodes.length && [...e.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim()));
    for (const e of sizes) if (!e.closest('svg') && parseFloat(getComputedStyle(e).fontSize) < 13) out.push(`type below 13 px: ${e.tagName} ${e.className}`);
    return [...new Set(out)].slice(0, 5);
  });
  check(`${claim}: fits, readable type, titles`, wrong.length === 0, wrong);
}

const SAID = {
  ja: { answer: 'はい。今日は運用できます（許容限度内', tried: '試算', misuse: 'この数字を使ってはいけない場面' },
  en: { answer: 'Yes: today it can run (within tolerance', tried: 'Tried', misuse: 'must not be used' },
};
const insightOf = async (page) => (await page.request.get(`${base}/api/v1/missions/mizu/insight`)).json();

// What a reader who never saw it gets from the first page alone.
async function firstPage(page, l) {
  await language(page, l);
  await page.waitForSelector('#mission .answer');
  const x = await insightOf(page);
  const text = await textOf(page, '#mission .answer');
  check(`${l}: the first page answers whether it may run today`, text.includes(SAID[l].answer), text);
  check(`${l}: and on which two inputs that hangs`, x.hangs_on.length === 2 && x.hangs_on.every((h) => text.includes(h[`name_${l}`]) && text.includes(h[`bad_text_${l}`])), text);
  const box = await page.locator('#mission .answer').boundingBox();
  check(`${l}: without scrolling`, box && box.y + box.height <= 900, box);
  await page.screenshot({ path: join(shots, `first-page-${l}.png`) });
}

async function missionPage(page, l) {
  await page.locator('.places a[href*="#/mission/"]').click();
  await page.waitForSelector('#hangs');
  const x = await insightOf(page);
  const all = await textOf(page, 'main');
  check(`${l}: one sentence in service terms leads`, (await textOf(page, '#answer .sentence')).includes(x[`sentence_${l}`]));
  const bars = await page.locator('svg.waterfall rect').count();
  check(`${l}: the waterfall has a bar for every step`, bars === x.steps.filter((s) => s.change_yen).length + 2, bars);
  check(`${l}: from inherent to residual`, all.includes(x[`inherent_text_${l}`]) && all.includes(x[`residual_text_${l}`]));
  check(`${l}: what moved since the decision, and why`, (await textOf(page, '#moved')).includes(x.decision));
  const options = await textOf(page, '#options');
  check(`${l}: options show service lost and risk left`, x.options.alone.every((o) => options.includes(o[`name_${l}`]) && options.includes(o[`left_text_${l}`]) && options.includes(o[`outages_text_${l}`])), options);
  check(`${l}: where the figures must not be used`, (await textOf(page, '.misuse')).includes(SAID[l].misuse));
  await axe(page, `${l} mission page`);
  await ownRules(page, `${l} mission page`);
  await page.screenshot({ path: join(shots, `mission-${l}.png`), fullPage: true });
}

async function trying(page, l) {
  const before = (await page.request.get(`${base}/api/v1/mission`)).json();
  const slider = page.locator('#hangs input[type=range]').first();
  await slider.focus();
  for (let i = 0; i < 30; i++) await page.keyboard.press('ArrowLeft');
  const shown = await until(async () => (await page.locator('.tried').count()) === 2 && (await page.locator('.tried').last().innerText()));
  check(`${l}: the slider, by keyboard, shows as is and tried`, shown && shown.includes(SAID[l].tried), shown);
  const after = (await page.request.get(`${base}/api/v1/mission`)).json();
  check(`${l}: and stores nothing`, (await before).figures.decision_yen === (await after).figures.decision_yen || (await before).assessment.id !== (await after).assessment.id);
  await page.locator('#show-curve').click();
  check(`${l}: the curve comes on demand`, await until(async () => (await page.locator('svg.curve path').count()) === 2));
  await page.screenshot({ path: join(shots, `mission-tried-${l}.png`), fullPage: true });
  await axe(page, `${l} mission page, tried`);
}

const PAPERS = { decision: 1, sheet: 1, board: 1, evidence: 2, compliance: 8, review: 2 }; // pages at most
const WANTED = {
  ja: { decision: ['伺い', '起案', '合議', '決裁', '意見の相違', '残存リスク', '選択肢'], sheet: ['原因', '対策', '影響'], board: ['判断が要ること', '上位5件'], evidence: ['C8b', '証跡記録'], compliance: ['21の要点', '適合を主張するものではありません'], review: ['マネジメントレビュー', '是正処置'] },
  en: { decision: ['Decision paper', 'drafted', 'deliberated', 'decided', 'Differences of view', 'residual risk', 'Options'], sheet: ['Causes', 'Controls', 'Consequences'], board: ['Decisions needed', 'five largest'], evidence: ['C8b', 'Record'], compliance: ['21 points', 'Nothing here claims conformity'], review: ['management review', 'Corrective actions'] },
};
const pagesOf = (pdf) => (pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g) ?? []).length;
const boxOf = (pdf) => (pdf.toString('latin1').match(/\/MediaBox\s*\[([^\]]+)\]/) ?? [])[1]?.trim().split(/\s+/).map(Number) ?? [];

async function paper(page, name, l) {
  await page.goto(`${base}/#/paper/${name}/mizu`);
  await page.waitForSelector(`.paper-${name} table, .paper-${name} .bowtie`);
  if (name === 'decision') await until(async () => (await textOf(page, '.paper')).includes('D-1'));
  if (name === 'sheet') await page.waitForSelector('.barrier-within');
  const text = await textOf(page, '.paper');
  check(`${l} ${name}: says what it must`, WANTED[l][name].every((s) => text.includes(s)), WANTED[l][name].filter((s) => !text.includes(s)));
  if (name !== 'compliance') check(`${l} ${name}: and where its figures must not be used`, text.includes(SAID[l].misuse));
  await axe(page, `${l} ${name} paper`);
  await page.screenshot({ path: join(shots, `paper-${name}-${l}.png`), fullPage: true });
  const pdf = await page.pdf({ path: join(shots, `paper-${name}-${l}.pdf`), preferCSSPageSize: true, printBackground: true });
  await page.emulateMedia({ media: 'print' });
  await page.setViewportSize(name === 'sheet' ? { width: 1512, height: 1047 } : { width: 703, height: 1031 }); // the paper without its margins
  await page.screenshot({ path: join(shots, `print-${name}-${l}.png`) });
  await page.emulateMedia({ media: null });
  await page.setViewportSize({ width: 1280, height: 900 });
  const box = boxOf(pdf);
  const wide = name === 'sheet' ? [1190, 842] : [595, 842];
  check(`${l} ${name}: prints on its paper`, Math.abs(box[2] - wide[0]) < 3 && Math.abs(box[3] - wide[1]) < 3, box);
  check(`${l} ${name}: on ${PAPERS[name]} page(s)`, pagesOf(pdf) >= 1 && pagesOf(pdf) <= PAPERS[name], pagesOf(pdf));
}

async function decisionPaper(page, l) {
  const [d] = await (await page.request.get(`${base}/api/v1/decisions`)).json();
  await page.goto(`${base}/#/paper/decision/mizu`);
  await page.waitForSelector('.paper-decision .signatures');
  const text = await textOf(page, '.paper-decision');
  check(`${l} decision: every signature with its key`, d.signers.length === 3 && d.signers.every((s) => text.includes(s.key_id.slice(0, 12))), text);
  check(`${l} decision: the options as they were signed`, d.options.length >= 3 && d.options.every((o) => text.includes(o[`name_${l}`]) && text.includes(o[`left_text_${l}`])));
  check(`${l} decision: differences as they were said`, d.differences.length > 0 && d.differences.every((x) => text.includes(x.text)));
  if (!draft) return;
  await page.locator('#draft').setInputFiles(draft);
  const shown = await until(async () => (await textOf(page, '.paper-decision')).includes('D-draft') && textOf(page, '.paper-decision'));
  check(`${l} decision: a draft that goes round makes its paper, not signed`, shown && shown.includes(l === 'ja' ? '未署名' : 'not signed') && shown.includes(l === 'ja' ? '起案中' : 'a draft'), shown);
  await page.locator('#draft').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{"type":"model"}') });
  check(`${l} decision: another file is refused in words`, await until(async () => (await page.locator('[role=alert] .banner').count()) > 0));
}

// What anybody reads, without signing in: nothing before it is approved, then only what was signed.
async function publicPage(browser) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 } });
  const page = await context.newPage();
  const response = await page.goto(`${base}/public`);
  check('the public statement is there for anybody', response.status() === 200, response.status());
  const text = await textOf(page, 'body');
  check('in both languages, expected beside achieved', ['利用者が期待するもの', 'What its users expect', '断水しないこと', 'Water does not stop'].every((s) => text.includes(s)), text);
  check('and nothing of the site\'s state', !/gw-0\d|C8b|D-1|A-\d/.test(text), text);
  await axe(page, 'public statement');
  await page.screenshot({ path: join(shots, 'public.png'), fullPage: true });
  check('the rest stays closed', (await page.request.get(`${base}/api/v1/status`)).status() === 401);
  await context.close();
}

async function main() {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'ja-JP' });
  const page = await context.newPage();
  page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
  page.on('pageerror', (e) => complaints.push(String(e)));
  await page.goto(once);
  await page.waitForSelector('#layers');
  for (const l of ['ja', 'en']) {
    await firstPage(page, l);
    await missionPage(page, l);
    await trying(page, l);
    for (const name of Object.keys(PAPERS)) await paper(page, name, l);
    await decisionPaper(page, l);
    await page.locator('.places a').first().click();
    await page.waitForSelector('#layers');
  }
  await page.setViewportSize({ width: 375, height: 800 });
  await page.goto(`${base}/#/mission/mizu`);
  await page.waitForSelector('#hangs');
  await ownRules(page, 'a telephone');
  await page.screenshot({ path: join(shots, 'mission-narrow-en.png'), fullPage: true });
  if (draft) await publicPage(browser);
  check('no errors in the console', complaints.length === 0, complaints);
  await browser.close();
  finish();
}

main().catch((e) => {
  check('the test ran to its end', false, String(e));
  finish();
});
