#!/usr/bin/env python3
"""Backup and restore (M17): a copy taken while devices speak, verified; the machine is lost; medium and custody key make the same
site again, with the same record under the same head, and the devices come back without being touched. And what must not work:
the medium alone, another key, a changed byte, over a site that is there."""
import json
import os
import shutil
import threading
import time

from harness import BUILD, Site, check, finish, note, run, until

VERIFY = os.path.join(BUILD, 'sekimori-verify')


class Speaker:
    """One reading after the other, each acknowledged."""

    def __init__(self, site, client):
        self.topic, self.mqtt, self.n, self.over = f'sk/v1/{site.name}/{client.who}/m/level', client.mqtt(), 0, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over:
            if self.mqtt.publish(self.topic, str(self.n))[0] < 0x80:
                self.n += 1

    def end(self):
        self.over = True
        self.thread.join()
        self.mqtt.close()
        return self.n


def taken(site, medium):
    speaker = Speaker(site, site.device)
    until(lambda: speaker.n > 100)
    r = site.cli('-o', 'json', 'backup', 'make', medium)
    made = json.loads(r.stdout) if r.returncode == 0 else {}
    check('a backup is made while a device speaks', made.get('site') == site.name and made['entries'] >= 100, r.stderr)
    said = speaker.end()
    check('nobody waited for it', said > 100, said)
    entry = until(lambda: site.entries('audit', 'backup'), 5)
    check('the record knows of it', entry and entry[0]['payload']['head'] == made['head'], entry)
    check('doctor knows of it', made['at'] in site.cli('doctor').stdout)
    r = site.cli('backup', 'verify', medium, '--custody', site.path('custody'))
    check('the copy is whole, and the key in custody opens it', r.returncode == 0, r.stdout + r.stderr)
    check('twice into one medium is refused', site.cli('backup', 'make', medium).returncode == 6)
    check('the record in it verifies by the other program', run(VERIFY, os.path.join(medium, 'ledger')).returncode == 0)
    grep = run('grep', '-rlE', 'PRIVATE KEY|SKD1', medium).stdout
    check('the medium alone holds no key that can be read', grep == '', grep)
    return made


def refused(site, medium, to):
    other = site.path('other.key')
    run('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', other)
    def restore(*more, custody=site.path('custody', 'root.key'), of=medium):
        return run(os.path.join(BUILD, 'sekimori'), '--lang', 'en', '--state', to, 'backup', 'restore', of, '--custody', custody, *more)
    r = restore(custody=other)
    check('another key is named as such', r.returncode == 4 and not os.path.exists(to), r.stderr)
    check('a role\'s key is no custody key', restore(custody=site.key('executive')).returncode != 0 and not os.path.exists(to))
    for name in ('sealed', 'ledger/control/000000', 'ledger/checkpoint', 'manifest.json'):
        bad = site.path('bad')
        shutil.copytree(medium, bad)
        path = os.path.join(bad, name)
        with open(path, 'r+b') as f:
            f.seek(200)
            b = f.read(1)
            f.seek(200)
            f.write(bytes([b[0] ^ 1]))
        r = restore(of=bad)
        check(f'one changed byte in {name} stops a restore', r.returncode not in (0, 139) and not os.path.exists(to), (r.returncode, r.stderr))
        shutil.rmtree(bad)
    os.makedirs(to)
    with open(os.path.join(to, 'mine'), 'w', encoding='ascii') as f:
        f.write('x')
    check('never over what is there', restore().returncode == 6 and os.listdir(to) == ['mine'])
    shutil.rmtree(to)
    r = restore('--dry-run')
    check('a dry run writes nothing', r.returncode == 0 and not os.path.exists(to), r.stderr)
    return restore


def came_back(site, made):
    check('the site is ready', until(site.ready, 30))
    r = site.cli('ledger', 'verify')
    check('its record is whole', r.returncode == 0, r.stdout + r.stderr)
    proof = site.json('ledger', 'consistency', str(made['signed']), str(site.json('ledger', 'list', '--kind', 'audit')[-1]['index']))
    check('it has grown out of the very head that was backed up', proof and made['head'] in json.dumps(proof), (made['head'], proof))
    told = site.entries('audit', 'restored')
    check('the record says once that it was restored, and from what', len(told) == 1 and told[0]['payload']['head'] == made['head'], told)
    check('the word is not said at the next start', not os.path.exists(os.path.join(site.state, 'core', 'restored.json')))
    reader = site.viewer.mqtt()
    reader.subscribe(f'sk/v1/{site.name}/dev/s/#')
    seen = [reader.receive(5), reader.receive(0.5)]
    kept = {m[0].rsplit('/', 1)[1]: m[1] for m in seen if m}
    reader.close()
    check('what devices sealed before the backup can be read', kept.get('before') == '7', kept)
    check('what came after it is gone, as was said', 'after' not in kept, kept)
    link = site.device.mqtt()
    check('the device comes back with the certificate it had', link.publish(f'sk/v1/{site.name}/dev/m/level', '1')[0] < 0x80)
    link.close()
    check('heads are signed again', site.cli('ledger', 'head').returncode == 0)


def main():
    with Site('backup').start() as site:
        site.device, site.viewer = site.enrol('dev', 'device'), site.enrol('view', 'viewer')
        medium, state = site.path('medium'), f'sk/v1/{site.name}/dev/s/'
        early = site.device.mqtt()
        early.publish(state + 'before', '7', retain=True)
        early.close()
        began = time.monotonic()
        made = taken(site, medium)
        late = site.device.mqtt()
        late.publish(state + 'after', '8', retain=True)
        late.close()
        site.stop()
        to = site.path('new')
        restore = refused(site, medium, to)
        shutil.rmtree(site.state)
        r = restore()
        check('medium and custody key make the site again', r.returncode == 0, r.stderr)
        os.rename(to, site.state)
        site.start()
        came_back(site, made)
        note(f'backup, loss, restore and return in {time.monotonic() - began:.0f} s')
    finish()


main()
