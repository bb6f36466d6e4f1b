// The checkpoint's page against the demo: nothing linked, a contractor's cloud linked, then taken over; a held command
// refused on the page. Every state in both languages, without a reload.
import { check } from './tap.mjs';

const SAID = {
  ja: { title: '関所（相互連携）', none: '連携先はありません', allow: '許可', limit: '制限つき', tightened: '自動で厳しくしました', queue: '承認待ちの指令はありません', changes: '合意からの変化' },
  en: { title: 'Checkpoint (interconnection)', none: 'No peers', allow: 'allow', limit: 'limit', tightened: 'Tightened by itself', queue: "No peer's command is held", changes: 'changed since the agreement' },
};
const LANGS = ['ja', 'en'];
const LINK = '.places a[href="/#checkpoint"]';

export async function checkpoint(page, { base, shots, operator, open, link, attack, run, until, language, textOf, looks }) {
  const peers = async () => (await page.request.get(base + '/api/v1/peers')).json();
  const flow = (list, id) => list.flatMap((p) => p.flows).find((f) => f.flow === id);
  await page.locator(LINK).click();
  check('checkpoint: the address names the page', page.url() === base + '/#checkpoint', page.url());
  for (const l of LANGS) {
    await language(page, l);
    const main = await textOf(page, 'main');
    check(`checkpoint ${l}: no peers is said in words`, main.includes(SAID[l].none) && main.includes(SAID[l].queue), main);
    check(`checkpoint ${l}: the title names it`, (await page.title()).includes(SAID[l].title), await page.title());
  }
  await page.evaluate(() => (window.sameDocument = true));
  await run(link, { timeout: 120000 });
  check('checkpoint: two peers and five flows appear without a reload', await until(async () => (await page.locator('.flow').count()) === 5 && (await page.locator('.flow-allow').count()) === 4));
  check('checkpoint: both sides signed the same with the other site', (await textOf(page, '#peer-kawa')).includes('双方の署名が一致') || (await textOf(page, '#peer-kawa')).includes('both signed the same'));
  for (const l of LANGS) {
    await language(page, l);
    const list = await peers();
    for (const p of list) {
      const card = await textOf(page, `#peer-${p.peer}`);
      check(`checkpoint ${l}: two systems, boundary, contact`, [p[`name_${l}`], p.boundary, p.contact].every((x) => card.includes(x)), card);
      for (const f of p.flows) {
        const row = await page.locator('.flow', { hasText: `${f.peer}/${f.flow}` }).innerText();
        check(`checkpoint ${l}: ${f.flow}: verdict, state, both topics`, row.includes(SAID[l][f.verdict]) && row.includes(l === 'ja' ? f.state_ja : f.state) && row.includes(f.local) && row.includes(f.remote), row);
      }
    }
  }
  await looks(page, 'checkpoint');
  for (const l of LANGS) {
    await page.goto(`${base}/#/paper/agreement/kawa`);
    await language(page, l);
    await page.waitForSelector('.paper-agreement table');
    const paper = await textOf(page, '.paper-agreement');
    const kawa = (await peers()).find((p) => p.peer === 'kawa');
    check(`checkpoint ${l}: the agreement to print: both names, every flow, duties, both signatures`, [kawa[`name_${l}`], kawa.boundary, kawa.retention, kawa.agreement, kawa.key_code].every((x) => paper.includes(x)) && kawa.flows.every((f) => paper.includes(f.remote) && paper.includes(f.purpose)), paper);
    await page.pdf({ path: `${shots}/paper-agreement-${l}.pdf`, format: 'A4', printBackground: true });
    await page.screenshot({ path: `${shots}/paper-agreement-${l}.png`, fullPage: true });
  }
  await page.goto(`${base}/#checkpoint`);
  await page.waitForSelector('.peer');
  await page.evaluate(() => (window.sameDocument = true));
  await run(attack, { timeout: 120000 });
  check('checkpoint: what was tightened and what is held appear without a reload',
    await until(async () => (await page.locator('.flow-limit').count()) >= 2 && (await page.locator('.held').count()) === 1) && (await page.evaluate(() => window.sameDocument === true)));
  await page.locator('.flow details').evaluateAll((all) => all.forEach((d) => (d.open = true)));
  const held = (await (await page.request.get(base + '/api/v1/holds')).json()).find((h) => h.from === 'peer-vendor-cloud');
  for (const l of LANGS) {
    await language(page, l);
    const f = flow(await peers(), 'demand-in');
    const row = await page.locator('.flow', { hasText: 'vendor-cloud/demand-in' }).innerText();
    check(`checkpoint ${l}: why it was tightened, with which stages`, row.includes(SAID[l].tightened) && f.stages.every((s) => row.includes(l === 'ja' ? s.stage_ja : s.stage)) && row.includes(SAID[l].changes), row);
    const same = await until(async () => {
      const seen = (await peers())[0].seen;
      const card = await textOf(page, '#peer-vendor-cloud');
      return seen.length > 0 && seen.every((x) => card.includes(l === 'ja' ? x.sight_ja : x.sight));
    });
    check(`checkpoint ${l}: what our own side saw`, same);
    const queue = await textOf(page, '#queue');
    check(`checkpoint ${l}: the queue names the command and the line that releases it`, queue.includes(held.id) && queue.includes(held.topic) && queue.includes(`sekimori flow release ${held.id} --key`), queue);
  }
  await looks(page, 'checkpoint-attack');
  check("checkpoint: the machine's own page refuses nothing, it says the line to type", (await page.locator('.refuse-do').count()) === 0 && (await textOf(page, '#queue')).includes(`sekimori flow refuse ${held.id} --reason`));
  await refuse(await open(), { base, operator, held, until });
  check('checkpoint: gone from every page', await until(async () => (await page.locator('.held').count()) === 0));
  await page.locator('.places a[href="/"]').click();
  await page.locator(LINK).click();
  await page.goBack();
  check('checkpoint: back is the overview', await until(async () => (await page.locator('#layers').count()) === 1), page.url());
}

// An operator, by a link of his own.
async function refuse({ context, page }, { base, operator, held, until }) {
  await page.goto(operator);
  await page.waitForSelector('#layers');
  await page.goto(base + '/#checkpoint');
  const button = page.locator('.refuse-do');
  await button.waitFor();
  check('checkpoint: a refusal needs its reason', await button.isDisabled());
  await page.locator('.refuse input').fill('not asked for');
  await button.click();
  check('checkpoint: refused by an operator, gone from the queue', await until(async () => (await page.locator('.held').count()) === 0));
  const left = (await (await page.request.get(base + '/api/v1/holds')).json()).some((h) => h.id === held.id);
  check('checkpoint: and from the site', !left);
  await context.close();
}
