// What the page knows, as signals, and how it stays current: one fetch of everything, then events; on any event but a
// reading the status and mission are fetched again, coalesced; readings are shown at most twice a second. A lost line is
// seen by a regular fetch, because a silent half-open stream tells nothing.
import { batch, computed, signal } from '@preact/signals';
import { type Device, type Group, type Me, type Mission, type Status, readDevices, readGroups, readMe, readMission, readStatus } from './documents';
import { type Lang, listOf, mapOf, textOf } from './plain';
import { type Peer, readPeers } from './peers';
import { enterByPasskey, registerPasskey } from './passkey';
import { post, TIMEOUT_MS } from './post';
import { Readings, readReading, readReadings } from './readings';
import type { OwnKey } from './signing';
import { route, routeOf } from './route';
import { languageOf, words } from './words';

const REFRESH_MS = 10000;
const COALESCE_MS = 100;
const SPACING_MS = 1000; // however many events come
const FLUSH_MS = 500;
const BACKOFF_MS = [500, 1000, 2000, 5000, 10000];
export const STALE_MS = 25000;

export type View = 'opening' | 'signed-out' | 'page';
export type SignedOut = '' | 'answer' | 'used' | 'guesses' | 'ended' | 'unreachable' | 'wrong' | 'busy' | 'passkey';

function storedLanguage(): Lang {
  try {
    const kept = localStorage.getItem('language');
    if (kept === 'ja' || kept === 'en') return kept;
  } catch {
    // Storage may be switched off: then the browser's language decides each time.
  }
  return languageOf(navigator.languages);
}

export const lang = signal<Lang>('en');
export const w = computed(() => words[lang.value]);
export const view = signal<View>('opening');
export const signedOut = signal<SignedOut>('');
export const me = signal<Me | null>(null);
export const status = signal<Status | null>(null);
export const mission = signal<Mission | null>(null);
export const devices = signal<Device[]>([]);
export const groups = signal<Group[]>([]);
export const peers = signal<Peer[]>([]);
export const PLACES = ['overview', 'alarms', 'work', 'unmanaged', 'checkpoint'] as const;
export type Place = (typeof PLACES)[number];
export const place = signal<Place>('overview');
export const toSign = signal(''); // a draft another part of the page made, for the signing part
export const connected = signal(false);
export const receivedMs = signal(0); // our clock, when the status came
export const nowMs = signal(Date.now()); // ticks
const skewMs = signal(0); // the site's clock minus ours
export const siteNow = computed(() => nowMs.value + skewMs.value);
export const stale = computed(() => receivedMs.value > 0 && nowMs.value - receivedMs.value > STALE_MS);

const readings = new Readings();
export const readingsVersion = signal(0);
export const allReadings = () => readings.all();

export function setLanguage(l: Lang): void {
  lang.value = l;
  try {
    localStorage.setItem('language', l);
  } catch {
    // Not kept, shown all the same.
  }
}

class Refused extends Error {
  constructor(readonly code: number) {
    super(`refused: ${code}`);
  }
}

async function get(path: string): Promise<unknown> {
  const r = await fetch(path, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!r.ok) throw new Refused(r.status);
  return r.json();
}

// An absent mission (404) is an answer, not a failure.
async function getMission(): Promise<Mission | null> {
  try {
    return readMission(await get('/api/v1/mission'));
  } catch (e) {
    if (e instanceof Refused && e.code === 404) return null;
    throw e;
  }
}

async function refresh(): Promise<void> {
  const [s, m, p] = await Promise.all([get('/api/v1/status'), getMission(), get('/api/v1/peers')]);
  batch(() => {
    peers.value = readPeers(p);
    const st = readStatus(s);
    status.value = st;
    mission.value = m;
    receivedMs.value = nowMs.value = Date.now();
    if (st.now !== null) skewMs.value = st.now - Date.now();
  });
}

async function refreshAll(): Promise<void> {
  const [who, list, groupDoc, newest] = await Promise.all([
    get('/api/v1/me'),
    get('/api/v1/devices'),
    get('/api/v1/model'),
    get('/api/v1/readings'),
    refresh(),
  ]);
  batch(() => {
    me.value = readMe(who);
    devices.value = readDevices(list);
    groups.value = readGroups(groupDoc);
    for (const r of readReadings(newest)) readings.take(r);
    readingsVersion.value++;
    view.value = 'page';
    signedOut.value = '';
  });
}

let stream: EventSource | null = null;
let failures = 0;
let retryTimer = 0;
let wanted = 0;
let fetching = false;
let again = false;
let dirty = false;
let lastStart = 0;

function lost(e: unknown): void {
  connected.value = false;
  if (e instanceof Refused && e.code === 401) {
    close();
    signedOut.value = view.value === 'page' ? 'ended' : signedOut.value;
    view.value = 'signed-out';
    return;
  }
  if (view.value !== 'page') {
    view.value = 'signed-out';
    signedOut.value = 'unreachable';
  }
  retry();
}

function close(): void {
  stream?.close();
  stream = null;
}

function retry(): void {
  close();
  if (retryTimer) return;
  const wait = BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)] ?? 10000;
  retryTimer = window.setTimeout(() => {
    retryTimer = 0;
    void connect();
  }, wait);
}

async function refetch(what: () => Promise<void>): Promise<void> {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  lastStart = Date.now();
  try {
    await what();
  } catch (e) {
    lost(e);
  }
  fetching = false;
  if (again) {
    again = false;
    soon();
  }
}

async function refreshWithDevices(): Promise<void> {
  const [list] = await Promise.all([get('/api/v1/devices'), refresh()]);
  devices.value = readDevices(list);
}

export const refreshNow = (): void => soon();

function soon(): void {
  if (wanted) return;
  wanted = window.setTimeout(() => {
    wanted = 0;
    if (connected.value) void refetch(refreshWithDevices);
  }, Math.max(COALESCE_MS, SPACING_MS - (Date.now() - lastStart)));
}

const EVENTS = ['action', 'draft', 'emergency', 'limit', 'risk', 'decision', 'event', 'model', 'device', 'trust', 'life', 'observed', 'command-held', 'command-released',
  'command-refused', 'command-expired', 'command-dropped', 'command-delivered', 'flow'];

function onReading(e: MessageEvent): void {
  let d: unknown;
  try {
    d = JSON.parse(String(e.data));
  } catch {
    return;
  }
  const r = readReading(d);
  if (!r) return;
  readings.take(r);
  dirty = true;
}

export async function connect(): Promise<void> {
  close();
  try {
    await refreshAll();
  } catch (e) {
    lost(e);
    return;
  }
  const s = new EventSource('/events');
  stream = s;
  s.onopen = () => {
    failures = 0;
    connected.value = true;
    soon(); // what happened between the fetch and the stream
  };
  s.onerror = () => {
    if (stream === s) {
      connected.value = false;
      retry();
    }
  };
  s.addEventListener('reading', onReading);
  for (const name of EVENTS) s.addEventListener(name, soon);
}

function refusedSignIn(status: number): SignedOut {
  if (status === 429) return 'guesses';
  if (status === 401 || status === 400) return 'wrong';
  return status === 503 ? 'busy' : 'unreachable';
}

export async function signIn(user: string, password: string): Promise<void> {
  const { status: code } = await post('/api/v1/session', { user, password });
  if (code !== 200) {
    signedOut.value = refusedSignIn(code);
    return;
  }
  signedOut.value = '';
  await connect();
}

// The question that is carried to where the key is; null: no answer from the site.
export async function carriedChallenge(): Promise<{ site: string; challenge: string } | null> {
  const { status: code, doc } = await post('/api/v1/session/challenge', { carried: true });
  const d = mapOf(doc);
  const challenge = textOf(d['challenge']);
  return code === 200 && /^[0-9a-f]{64}$/.test(challenge) ? { site: textOf(d['site']), challenge } : null;
}

export async function signInByAnswer(text: string): Promise<void> {
  let answer: unknown = null;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = null;
  }
  const { status: code } = await post('/api/v1/session', { answer: answer ?? {} });
  if (code !== 200) {
    signedOut.value = code === 401 || code === 400 ? 'answer' : refusedSignIn(code);
    return;
  }
  signedOut.value = '';
  await connect();
}

export async function signInByPasskey(): Promise<void> {
  const code = await enterByPasskey();
  if (code !== 200) {
    signedOut.value = code === 0 || code === 401 ? 'passkey' : refusedSignIn(code);
    return;
  }
  signedOut.value = '';
  await connect();
}

export async function addPasskey(label: string): Promise<boolean> {
  const code = await registerPasskey(label);
  if (code === 200) me.value = readMe(await get('/api/v1/me'));
  return code === 200;
}

// The person's own passkeys, as the site knows them.
export async function ownKeys(who: string): Promise<OwnKey[]> {
  const d = mapOf(await get(`/api/v1/users/${encodeURIComponent(who)}`));
  return listOf(d['passkeys']).map(mapOf).map((k) => ({ id: textOf(k['id']), spki: textOf(k['spki']), rp: textOf(k['rp']) }));
}

export async function signOut(): Promise<void> {
  await post('/api/v1/session/end', {});
  close();
  batch(() => {
    connected.value = false;
    signedOut.value = '';
    me.value = null;
    view.value = 'signed-out';
  });
}

// '' when it is set.
export async function setPassword(password: string, now: string): Promise<'' | 'poor' | 'other' | 'failed'> {
  const { status: code } = await post('/api/v1/me/password', { password, now });
  if (code === 400) return 'poor';
  if (code !== 200) return code === 403 ? 'other' : 'failed';
  me.value = readMe(await get('/api/v1/me'));
  return '';
}

// The address names the page that is shown, so that it can be kept and come back to.
function goneTo(): void {
  const before = route.value;
  route.value = routeOf(location.hash);
  place.value = PLACES.find((p) => p === location.hash.slice(1)) ?? 'overview';
  if (before.page !== route.value.page || before.name !== route.value.name) window.scrollTo(0, 0);
}

export function go(to: Place): void {
  history.pushState(null, '', to === 'overview' ? '/' : `/#${to}`);
  goneTo();
  window.scrollTo(0, 0);
}

// The token is in the fragment, which no request line carries; it leaves the address bar before anything else happens.
export async function open(): Promise<void> {
  const token = location.pathname === '/start' ? location.hash.slice(1) : '';
  if (location.pathname !== '/') history.replaceState(null, '', '/');
  goneTo();
  if (token) {
    const { status: code } = await post('/api/v1/session', { token });
    if (code !== 200) signedOut.value = code === 429 ? 'guesses' : code === 0 ? 'unreachable' : 'used';
  }
  await connect();
}

export function start(): void {
  lang.value = storedLanguage();
  lang.subscribe((l) => {
    document.documentElement.lang = l;
  });
  window.addEventListener('popstate', goneTo);
  window.setInterval(() => {
    nowMs.value = Date.now();
  }, 1000);
  window.setInterval(() => {
    if (dirty) {
      dirty = false;
      readingsVersion.value++;
    }
  }, FLUSH_MS);
  let turns = 0;
  window.setInterval(() => {
    if (view.value === 'page' && connected.value) void refetch(++turns % 6 ? refreshWithDevices : refreshAll);
  }, REFRESH_MS);
  void open();
}
