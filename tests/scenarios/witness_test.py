#!/usr/bin/env python3
"""N34: the whole directory of a site is set back to yesterday's, the seal's keys and high-water mark with it. The copy is
whole and starts; what a device kept gives it away: control C4 fails, the record says who kept what, the device says so
itself. A device that was never shown a later head, and one that invents one, change nothing."""
import os
import shutil

from harness import BIN, Site, check, finish, run, text_of, until

HEAD = 'head'


def kept_size(folder):
    rows = text_of(os.path.join(folder, HEAD)).splitlines()
    return int(rows[1]) if len(rows) > 2 else 0


def agent_start(site, folder, log):
    return site.spawn(os.path.join(BIN, 'sekimori-agent'), 'run', '--state', folder, '--every', '1', '--lang', 'en', log=log)


def stop(p):
    p.terminate()
    p.wait(10)


def c4(site):
    rows = [e['payload'] for e in site.entries('evidence') if e['payload'].get('control') == 'C4']
    return rows[-1]['detail'] if rows else ''


def set_back(site):
    return site.entries('audit', 'record-set-back')


def main():
    with Site('witness') as site:
        site.start()
        folder = site.path('agent')
        r = run(os.path.join(BIN, 'sekimori-agent'), 'join', site.invite('gw-1'), '--state', folder)
        check('an agent joins', r.returncode == 0, r.stderr)
        liar = site.enrol('liar', role='device')
        site.stop()
        run('cp', '-a', site.state, site.path('yesterday'))
        site.start()
        agent = agent_start(site, folder, 'agent-1.log')
        check('the agent keeps a head of the record', until(lambda: kept_size(folder), 20), text_of(site.path('agent-1.log')))
        before = kept_size(folder)
        stop(agent)
        for k in range(20):
            liar.pub('sk/v1/witness/liar/m/x', str(k), '-q', '1')
        check('a head over them is signed', site.cli('ledger', 'head').returncode == 0)  # a session is given the newest there is, once
        agent = agent_start(site, folder, 'agent-2.log')
        check('and later ones later', until(lambda: kept_size(folder) > before, 20), (before, kept_size(folder)))
        stop(agent)
        note_text = text_of(os.path.join(folder, HEAD))
        site.cli('ledger', 'head')
        forged = note_text.replace(f'\n{kept_size(folder)}\n', f'\n{kept_size(folder) + 100000}\n', 1)
        liar.pub('sk/v1/witness/liar/e/head', forged, '-q', '1')
        liar.pub('sk/v1/witness/liar/e/head', 'not a head', '-q', '1')
        check('an invented head changes nothing', not set_back(site) and c4(site) != 'set-back-by-a-kept-head', set_back(site))
        site.stop()

        shutil.rmtree(site.state)
        run('cp', '-a', site.path('yesterday'), site.state)
        site.start()
        check('the older directory is whole in itself', run(os.path.join(BIN, 'sekimori-verify'), os.path.join(site.state, 'ledger')).returncode == 0)
        check('its seal was set back as well: it signs', site.cli('ledger', 'head').returncode == 0)
        kept = kept_size(folder)
        agent = agent_start(site, folder, 'agent-3.log')
        found = until(lambda: set_back(site), 20)
        check('the record says that it was set back, and who kept what', found and found[-1]['payload']['kept_by'] == 'gw-1'
              and int(found[-1]['payload']['kept_size']) == kept, found)
        check('control C4 fails', until(lambda: c4(site) == 'set-back-by-a-kept-head', 5), c4(site))
        check('the agent says so', until(lambda: 'set back' in text_of(site.path('agent-3.log')), 5), text_of(site.path('agent-3.log')))
        check('and keeps what it had', kept_size(folder) == kept, (kept, kept_size(folder)))
        for k in range(60):
            liar.pub('sk/v1/witness/liar/m/x', 'longer', '-q', '1')
            if int((site.cli('ledger', 'head').stdout.splitlines() + ['0', '0'])[1]) > kept + 5:
                break
        stop(agent)
        site.stop()
        site.start()
        agent = agent_start(site, folder, 'agent-4.log')
        check('grown beyond it again, it is still another record: found after a restart too', until(lambda: len(set_back(site)) > len(found), 20), set_back(site))
        check('still kept', kept_size(folder) == kept)
        stop(agent)
    finish()


main()
