#!/usr/bin/env python3
"""The console: built from its sources as committed, unit-tested, then in a real browser against the demo's site."""
import json
import os
import re
import shutil
import subprocess
import tempfile

import harness
from harness import ROOT, check, finish, note, run, skip

console = os.path.join(ROOT, 'console')


def demo(*argv, env, timeout=180):
    return run(os.path.join(ROOT, 'demo'), *argv, '--lang', 'en', timeout=timeout, env=env)


def browser(env, base, once):
    shots = os.path.join(ROOT, 'build-logs', 'shots')
    quoted = f"env SEKIMORI_DEMO_STATE={env['SEKIMORI_DEMO_STATE']} SEKIMORI_DEMO_PORT={env['SEKIMORI_DEMO_PORT']} {ROOT}/demo"
    made = run(os.path.join(harness.BIN, 'sekimori'), '--state', os.path.join(env['SEKIMORI_DEMO_STATE'], 'site'), '-o', 'json', 'user', 'new', 'hanako',
               '--role', 'operator', '--reason', 'control room')
    r = subprocess.run(['node', 'test/browser.mjs', base, once, shots, '--attack', quoted + ' attack tamper-firmware', '--fix', quoted + ' fix',
                        '--link', quoted + ' interconnect', '--vendor', quoted + ' attack vendor-cloud', '--operator', json.loads(made.stdout)['url']],
                       cwd=console, capture_output=True, text=True, timeout=400)
    rows = re.findall(r'^(ok|not ok) \d+ - (.*)$', r.stdout, re.M)
    for word, claim in rows:
        check('browser: ' + claim, word == 'ok')
    check('the browser test came to its end', r.returncode == 0 and rows, r.stderr[-400:])


def publish(env, out):
    cli = [os.path.join(os.environ.get('SEKIMORI_BUILD', os.path.join(ROOT, 'build')), 'sekimori'), '--state', os.path.join(env['SEKIMORI_DEMO_STATE'], 'site')]
    key = lambda role: os.path.join(env['SEKIMORI_DEMO_STATE'], 'people', role, role + '.key')
    drafted = run(*cli, 'public', 'new', '--id', 'P-1', '--out', out, '--text-ja', '安全な水を止めずに届けます。', '--text-en', 'Safe water without interruption.')
    run(*cli, 'public', 'sign', out, '--key', key('mission-owner'))
    alone = run(*cli, 'public', 'apply', out)
    check('one signature publishes nothing', drafted.returncode == 0 and alone.returncode == 3 and run(*cli, 'public', 'show').returncode == 5, alone.stderr[-200:])
    run(*cli, 'public', 'sign', out, '--key', key('executive'))
    check('mission owner and executive publish', run(*cli, 'public', 'apply', out).returncode == 0)


def history_page(env, base):
    link = run(os.path.join(harness.BIN, 'sekimori'), '--state', os.path.join(env['SEKIMORI_DEMO_STATE'], 'site'), '-o', 'json', 'login').stdout
    r = subprocess.run(['node', 'test/history.mjs', base, json.loads(link)['url'], os.path.join(ROOT, 'build-logs', 'shots'), 'first'], cwd=console, capture_output=True,
                       text=True, timeout=200)
    rows = re.findall(r'^(ok|not ok) \d+ - (.*)$', r.stdout, re.M)
    for word, claim in rows:
        check('history: ' + claim, word == 'ok')
    check('the history page test came to its end', r.returncode == 0 and rows, r.stderr[-400:])


def mission_page(env, base):
    link = re.search(r'"url":"([^"]+)"', run(os.path.join(os.environ.get('SEKIMORI_BUILD', os.path.join(ROOT, 'build')), 'sekimori'), '--state',
                     os.path.join(env['SEKIMORI_DEMO_STATE'], 'site'), '-o', 'json', 'login').stdout)
    if not check('a second one-time link', link):
        return
    draft = os.path.join(env['SEKIMORI_DEMO_STATE'], 'draft.json')
    drafted = run(os.path.join(os.environ.get('SEKIMORI_BUILD', os.path.join(ROOT, 'build')), 'sekimori'), '--state', os.path.join(env['SEKIMORI_DEMO_STATE'], 'site'),
                  'decision', 'new', '--id', 'D-draft', '--out', draft, '--enforce', 'attested', '--reason-ja', '次年度の監視導入を前提に認める',
                  '--reason-en', 'accept, monitoring next year', '--choose', 'monitoring', '--difference', 'executive:費用の内訳を次回示すこと')
    check('a decision is drafted with the option chosen and a view that differs', drafted.returncode == 0, drafted.stderr[-200:])
    publish(env, draft + '.public')
    r = subprocess.run(['node', 'test/mission.mjs', base, link[1], os.path.join(ROOT, 'build-logs', 'shots'), draft], cwd=console, capture_output=True, text=True, timeout=200)
    rows = re.findall(r'^(ok|not ok) \d+ - (.*)$', r.stdout, re.M)
    for word, claim in rows:
        check('mission: ' + claim, word == 'ok')
    check('the mission page test came to its end', r.returncode == 0 and rows, r.stderr[-400:])


def watching_pages(env, base):
    cli = [os.path.join(harness.BIN, 'sekimori'), '--state', os.path.join(env['SEKIMORI_DEMO_STATE'], 'site')]
    link = re.search(r'"url":"([^"]+)"', run(*cli, '-o', 'json', 'user', 'new', 'jiro', '--role', 'operator', '--reason', 'night shift').stdout)
    r = subprocess.run(['node', 'test/watching.mjs', base, link[1] if link else '', os.path.join(ROOT, 'build-logs', 'shots')], cwd=console, capture_output=True, text=True, timeout=200)
    rows = re.findall(r'^(ok|not ok) \d+ - (.*)$', r.stdout, re.M)
    for word, claim in rows:
        check('watching: ' + claim, word == 'ok')
    check('the test of alarms, permits and unmanaged devices came to its end', r.returncode == 0 and rows, r.stderr[-400:])


def main():
    check('the committed build is of these sources', run(os.path.join(ROOT, 'tools/console'), 'current').returncode == 0)
    if not shutil.which('npm') or run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', cwd=console, timeout=300).returncode:
        skip('build, unit tests and browser', 'no npm registry is reachable from here; the committed build is served as it is')
        return finish()
    before = {f: open(os.path.join(d, f), 'rb').read() for d, _, fs in os.walk(os.path.join(console, 'dist')) for f in fs}
    built = run(os.path.join(ROOT, 'tools/console'), 'build', timeout=300)
    after = {f: open(os.path.join(d, f), 'rb').read() for d, _, fs in os.walk(os.path.join(console, 'dist')) for f in fs}
    check('a build gives the committed bytes', built.returncode == 0 and before == after, built.stdout[-300:])
    unit = run('npm', 'test', cwd=console, timeout=300)
    passed = re.search(r'Tests\s+(\d+) passed', re.sub(r'\x1b\[[0-9;]*m', '', unit.stdout))
    check(f"unit tests ({passed[1] if passed else '?'})", unit.returncode == 0 and passed, unit.stdout[-400:])
    state = tempfile.mkdtemp(prefix='sekimori-console-')
    port = harness.Demo._base()
    env = {**os.environ, 'SEKIMORI_DEMO_STATE': os.path.join(state, 'demo'), 'SEKIMORI_DEMO_PORT': str(port)}
    try:
        started = demo(env=env)
        once = re.search(r'http://localhost:\d+/start#[0-9a-f]+', started.stdout)
        if check('the demo starts', started.returncode == 0 and once, started.stderr[-300:]):
            mission_page(env, f'http://localhost:{port}')
            history_page(env, f'http://localhost:{port}')
            browser(env, f'http://localhost:{port}', once[0])
            watching_pages(env, f'http://localhost:{port}')
    finally:
        demo('stop', env=env)
        shutil.rmtree(state, ignore_errors=True)
    note('pictures: build-logs/shots')
    finish()


main()
