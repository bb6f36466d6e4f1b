#!/usr/bin/env python3
"""Risk on a running site: what the figure is made of, what moved when evidence came, what-if and a model's dry run change
nothing, and the exported assessment says the same without the site."""
import base64
import json
import os
import shutil
import time

from harness import BIN, ROOT, Site, check, finish, run, text_of, until

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


def said(site, lang, *argv):
    return run(os.path.join(BIN, 'sekimori'), '--state', site.state, '--lang', lang, 'mission', 'propose', *argv)


def proposed(site):
    """What is seen and the file lacks: asked, confirmed into the file, declined beside it, and not asked again."""
    path, beside = site.path('own.yaml'), site.path('own.declined.yaml')
    shutil.copy(WATER + '/mission.yaml', path)
    before = text_of(path)
    operator, gateway, sensor = site.enrol('op-1', 'operator', 'terminals'), site.enrol('gw-01', 'device', 'gateways'), site.enrol('level-01', 'device', 'sensors')
    site.enrol('gw-77', 'device').pub(f'sk/v1/{site.name}/gw-77/m/flow', '1', '-q', '1')
    level = f'sk/v1/{site.name}/level-01/m/level-upper'
    for i in range(3):
        sensor.pub(level, json.dumps({'v': i, 'u': 'm', 't': int(time.time() * 1000)}), '-q', '1')
    gateway.sub_start(f'sk/v1/{site.name}/gw-01/cmd/#', '-V', 'mqttv5', '-q', '1', log='gw.log')
    check('a command reaches the gateway', until(lambda: operator.pub(f'sk/v1/{site.name}/gw-01/cmd/pump', '{"do":"start"}', '-V', 'mqttv5', '-q', '1')
                                                 and 'start' in text_of(site.path('gw.log')), 20))
    with open(site.path('list.csv'), 'w', encoding='utf-8') as f:
        f.write('id,name,kind,gateway\n計器-4,流量計,meter,gw-01\n')
    site.cli('device', 'import', site.path('list.csv'))
    host = json.dumps({'what': 'unknown-host', 'address': '10.0.0.66', 'protocol': 'modbus'})
    r = run('curl', '-sS', '--unix-socket', site.path('site/run/control.sock'), '-d', host, 'http://localhost/api/v1/alerts')  # as `watch hosts` does
    check('a sensor reports a host', '"told":true' in r.stdout, r.stdout + r.stderr)
    ask = lambda: site.json('mission', 'propose', path) or {'proposed': []}
    d = until(lambda: (lambda d: d if len(d['proposed']) == 4 and d['without_group'] and all(p['entries'] for p in d['proposed']) and d['proposed'][1]['count'] == 3 else None)(ask()), 20) or ask()
    check('what was seen is proposed, commands first', [(p['id'], p['seen']) for p in d['proposed']] == [('terminals-gateways', 'command'), ('sensors-platform', 'reading'),
          ('unmanaged-gateways-meter-gateways', 'unmanaged'), ('host-10-0-0-66', 'unknown-host')], d)
    command, reading, meter, host = d['proposed']
    delivered = [e['index'] for e in site.entries('command', 'command-delivered')]
    check('with who, to whom, how often and the entries that prove it', command['who'] == 'op-1' and command['whom'] == 'gw-01' and 1 <= command['count'] <= len(delivered)
          and set(command['entries']) <= set(delivered) and reading['count'] == 3 and reading['what'] == level, d)
    check('who belongs to no group is said', d['without_group'] == ['gw-77'], d)
    ja, en = said(site, 'ja', path).stdout, said(site, 'en', path).stdout
    check('in both languages', '指令' in ja and '証跡' in ja and 'commands' in en and 'entries' in en and 'terminals → gateways' in en, ja + en)
    r = site.cli('mission', 'propose', path, '--confirm', command['id'], '--decline', reading['id'], '--reason', 'x', '--dry-run')
    check('a dry run shows the lines and writes nothing', r.returncode == 0 and '+ - {id: terminals-gateways, from: terminals, to: gateways' in r.stdout
          and text_of(path) == before and not os.path.exists(beside), r.stdout + r.stderr)
    r = site.cli('mission', 'propose', path, '--confirm', command['id'], '--confirm', meter['id'], '--decline', reading['id'], '--reason', 'readings are "known": ok',
                 '--decline', host['id'], '--reason', 'a laptop, gone', '--person', '佐藤')
    after = text_of(path)
    rows = [line for line in after.splitlines() if line not in before.splitlines()]
    check('confirmed rows are in the file, with their evidence, and nothing else of it changed', r.returncode == 0 and len(rows) == 4 and '佐藤' in rows[-1]
          and [line for line in after.splitlines() if line not in rows and line] == [line for line in before.splitlines() if line], r.stdout + r.stderr + repr(rows))
    check('what was declined is beside it: why, who, when', '佐藤' in text_of(beside) and 'from: sensors, to: platform' in text_of(beside) and 'readings are' in text_of(beside)
          and 'members: [host-10-0-0-66], reason: "a laptop, gone"' in text_of(beside), r.stderr)
    check('nothing is asked again', ask()['proposed'] == [], ask())
    check('nor answered again', site.cli('mission', 'propose', path, '--confirm', command['id']).returncode == 5 and text_of(path) == after)
    site.mission(path)
    applied = [e['payload'] for e in site.entries('model')]
    check('the file goes on to be signed and applied', len(applied) == 2 and 'terminals-gateways' in base64.b64decode(applied[-1]['payload']).decode(), len(applied))


def main():
    with Site('mizu') as site:
        site.start()
        site.mission(WATER + '/mission.yaml')
        now = moved(site)
        if now:
            tried(site, now)
            offline(site, now)
        proposed(site)
    finish()


main()
