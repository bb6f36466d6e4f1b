// What the browser tests share: TAP, and how Chromium is started.
import { existsSync } from 'node:fs';

let count = 0;
let failed = 0;
export function check(claim, good, detail = '') {
  count++;
  if (!good) failed++;
  const more = good || detail === '' ? '' : ` # ${String(typeof detail === 'string' ? detail : JSON.stringify(detail)).replace(/\s+/g, ' ').slice(0, 600)}`;
  process.stdout.write(`${good ? 'ok' : 'not ok'} ${count} - ${claim}${more}\n`);
  return good;
}
export function finish() {
  process.stdout.write(`1..${count}\n`);
  process.exitCode = failed || !count ? 1 : 0;
}

export const EXECUTABLE = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
export const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
  '--disable-domain-reliability', '--no-first-run', '--no-pings', '--disable-dev-shm-usage', '--disable-features=Translate,OptimizationHints,MediaRouter'];
