#!/usr/bin/env python3
"""Risk on a running site: what the figure is made of, what moved when evidence came, what-if and a model's dry run change
nothing, and the exported assessment says the same without the site."""
import json
import os

from harness import ROOT, Site, check, finish, text_of, until

WATER = os.path.join(ROOT, 'examples/water')


def shown(site, *argv):
    r = site.cli('risk', 'show', *argv, '-o', 'json')
    return json.loads(r.stdout) if r.returncode == 0 else {'wrong': r.stderr}


def moved(site):
    before = until(lambda: (lambda d: d if 'residual_yen' in d else None)(shown(site)))
    check('figures stand, and come down from inherent by steps that sum exactly', before
          and before['inherent_yen'] + sum(s['change_yen'] for s in before['steps']) == before['residual_yen'], before)
    check('it says what the result hangs on', before['hangs_on'][0]['bad_yen'] > before['hangs_on'][0]['good_yen'] and before['sentence_ja'])
    keys = [w for r in ('mission-owner', 'asset-owner') for w in ('--key', site.key(r))]
    r = site.cli('evidence', 'new', '--control', 'H1', '--asset', 'local-loop', '--detail', 'drill of 2026-09-18', '--days', '90', *keys)
    check('a drill is declared', r.returncode == 0, r.stderr)
    after = until(lambda: (lambda d: d if d.get('assessment') != before['assessment'] and d.get('moved') else None)(shown(site)))
    check('what moved is that, by how much, and nothing else', after and [m['id'] for m in after['moved']] == ['local-loop', 'H1']
          and before['residual_yen'] + sum(m['change_yen'] for m in after['moved']) == after['residual_yen'], after and after['moved'])
    return after


def tried(site, now):
    r = site.cli('risk', 'what-if', '--set', 'C5=1', '--set', 'S1=F1', '-o', 'json')
    d = json.loads(r.stdout)
    check('what-if shows both', r.returncode == 0 and d['as_is']['residual_yen'] == now['residual_yen'] > d['tried']['residual_yen'])
    path = site.path('next.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text_of(WATER + '/mission.yaml').replace('scope: [gateways]\n    fresh: 24h\n    stale: 72h\n    strength: {D1: weak', 'scope: [sensors]\n    fresh: 24h\n    stale: 72h\n    strength: {D1: weak')
                .replace('when: event-free(gateways)', 'when: event-free(sensors)'))
    d = json.loads(site.cli('mission', 'apply', path, '--dry-run', '-o', 'json').stdout)
    check('a dry run names figures, the changed condition and evidence that will not carry over', d['missions'][0]['before_yen'] == now['residual_yen']
          and [k['id'] for k in d['conditions']] == ['no-event'] and d['evidence_lost'] == ['C8a'], d)
    check('nothing was changed', shown(site)['residual_yen'] == now['residual_yen'])


def offline(site, now):
    path = site.path('assessment.json')
    site.cli('assessment', 'export', now['assessment'], '--out', path)
    again = shown(site, '--model', WATER + '/mission.yaml', '--assessment', path)
    check('the same without the site', again.get('residual_yen') == now['residual_yen'] and again.get('steps') == now['steps'], again.get('wrong'))
    report = json.loads(site.cli('report', 'compliance', '-o', 'json').stdout)
    items = {i['id']: i for g in report for i in g['items'] if g['id'] == 'iot-21'}
    check('the report speaks of evidence, item by item', len(items) == 21 and items['1']['state'] == 'record' and items['17']['state'] == 'unknown', items.get('17'))


def main():
    with Site('mizu') as site:
        site.start()
        site.mission(WATER + '/mission.yaml')
        now = moved(site)
        if now:
            tried(site, now)
            offline(site, now)
    finish()


main()
