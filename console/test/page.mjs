// What the browser tests ask of a page: waiting for something, its text, its language, what axe finds.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// Polls what() until it is true; its value, or null when the time is over.
export async function until(what, ms = 10000) {
  const end = Date.now() + ms;
  for (;;) {
    const v = await what().catch(() => null);
    if (v) return v;
    if (Date.now() > end) return null;
    await new Promise((r) => setTimeout(r, 50));
  }
}

export const textOf = (page, selector) => page.locator(selector).innerText();
export const language = (page, l) => page.locator(`.languages button[lang=${l}]`).click();

// What axe finds: [{ id, impact, where: [selector], why: [text] }], of each at most three places.
export async function axeFound(page) {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const r = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return r.violations.map((v) => ({ id: v.id, impact: v.impact, where: v.nodes.slice(0, 3).map((x) => x.target.join(' ')), why: v.nodes.slice(0, 3).map((x) => (x.failureSummary ?? '').slice(0, 160)) }));
  });
}

export const axeLines = async (page) => (await axeFound(page)).map((v) => `${v.impact} ${v.id}: ${v.where.join(' | ')}`);
