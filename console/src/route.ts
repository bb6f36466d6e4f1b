// Which page is shown: kept in the fragment, so that the server needs to know none of them and a link can be passed on.
import { signal } from '@preact/signals';

export const PAGES = ['mission', 'paper', 'improve', 'decide', 'history'] as const;
export interface Route {
  page: (typeof PAGES)[number] | '';
  name: string; // of a paper
  id: string; // of a mission or a case; the topic of a history
}

// "#/mission/mizu", "#/paper/decision/mizu"; anything else is the overview.
export function routeOf(hash: string): Route {
  const parts = hash.startsWith('#/') ? hash.slice(2).split('/').map((x) => decode(x)) : [];
  const page = PAGES.find((p) => p === parts[0]);
  if (!page) return { page: '', name: '', id: '' };
  return page === 'paper' ? { page, name: parts[1] ?? '', id: parts[2] ?? '' } : { page, name: '', id: parts[1] ?? '' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

export const route = signal<Route>({ page: '', name: '', id: '' });
