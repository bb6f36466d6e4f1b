#!/usr/bin/env python3
"""The deck's nine threats on the running demo, by the one command people have for it; again with tolerance x 0.8 and x 1.2, and among 500 devices. In the
long regime only (RELEASE=1): a demo is started for it."""
import os
import re
import shutil
import tempfile

from harness import ROOT, check, finish, free_port, note, run, skip


def demo(*argv, env, timeout=600, lang='en'):
    return run(os.path.join(ROOT, 'demo'), *argv, '--lang', lang, timeout=timeout, env=env)


def nine(env, lang, *argv):
    r = demo('threats', *argv, env=env, lang=lang)
    rows = re.findall(r'^([●■]) (\S+) ', r.stdout, re.M)
    for mark, number in rows:
        check(f'{lang} {" ".join(argv)} {number}: refused or contained, the plant keeps running', mark == '●', r.stdout[-800:])
    check(f'{lang} {" ".join(argv)}: nine of nine', len(rows) == 9 and r.returncode == 0, r.stderr[-300:])
    for line in r.stdout.splitlines():
        note(line)
    return r.stdout


def main():
    if not os.environ.get('RELEASE'):
        skip('the nine threats', 'in the long regime only: RELEASE=1')
        return finish()
    state = tempfile.mkdtemp(prefix='sekimori-threats-')
    env = {**os.environ, 'SEKIMORI_DEMO_STATE': os.path.join(state, 'demo'), 'SEKIMORI_DEMO_PORT': str(free_port() // 40 * 40)}
    try:
        started = demo('start', env=env)
        if check('the demo starts', started.returncode == 0, (started.stdout + started.stderr)[-400:]):
            told = nine(env, 'en')
            check('the one with an authenticated adverse fact is limited, to its device', 'hold: gw-02 (D-1)' in told and told.count('hold: ') == 1, told)
            for factor in ('0.8', '1.2'):
                told = nine(env, 'ja', '--tolerance', factor)
                check(f'tolerance x {factor}: conditions limit as before, yen opens and closes nothing', told.count('hold: gw-02') == 1, told)
            told = nine(env, 'en', '--devices', '500')
            check('among 500 devices the one alone is limited', '500 simulated gateways joined' in told and 'hold: gw-02' in told and told.count('hold: ') == 1, told)
            wrong = demo('threats', '--tolerance', '0', env=env)
            check('a tolerance that is none is refused', wrong.returncode != 0 and 'number' in wrong.stderr, wrong.stderr)
    finally:
        demo('stop', env=env)
        shutil.rmtree(state, ignore_errors=True)
    finish()


main()
