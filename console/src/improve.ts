// Corrective actions and management reviews (docs/improvement.md): readers only.
import { type Both, bothOf, boolOf, countOf, listOf, mapOf, textOf, timeOf } from './plain';

export interface Action {
  id: string;
  finding: string;
  ref: string;
  source: Both;
  state: string;
  stateWords: Both;
  owner: string;
  did: string;
  doneBy: string;
  judgement: string;
  judgedBy: string;
  due: number | null;
  late: boolean;
  reopened: number;
}
export interface Review {
  id: string;
  text: string;
  by: string;
  at: number | null;
  open: number;
  late: number;
  effective: number;
}
export interface Proposed {
  ref: string;
  source: string;
  text: Both;
}
export interface Improvement {
  actions: Action[];
  reviews: Review[];
  proposed: Proposed[];
}

export function readImprovement(x: unknown): Improvement {
  const d = mapOf(x);
  return {
    actions: listOf(d['actions']).map(mapOf).map((a) => ({
      id: textOf(a['id']), finding: textOf(a['finding']), ref: textOf(a['ref']), source: bothOf(a, 'source'), state: textOf(a['state']), stateWords: bothOf(a, 'state'),
      owner: textOf(a['owner']), did: textOf(a['did']), doneBy: textOf(a['done_by']), judgement: textOf(a['judgement']), judgedBy: textOf(a['judged_by']),
      due: timeOf(a['due']), late: boolOf(a['late']), reopened: countOf(a['reopened']),
    })),
    reviews: listOf(d['reviews']).map(mapOf).map((r) => ({
      id: textOf(r['id']), text: textOf(r['text']), by: textOf(r['by']), at: timeOf(r['at']), open: countOf(r['open']), late: countOf(r['late']), effective: countOf(r['effective']),
    })),
    proposed: listOf(d['proposed']).map(mapOf).map((p) => ({ ref: textOf(p['ref']), source: textOf(p['source']), text: bothOf(p, 'text') })),
  };
}
