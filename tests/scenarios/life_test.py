#!/usr/bin/env python3
"""One device's whole life by the command line (M17): invited, enrolled, quarantined, lost and found, retired, its destruction
certified by two people, and the record reads as one story in both languages. And what must not work: a step the life table
does not have, one person for two, a certificate for a device in use, coming back after the end."""
import json
import os

from harness import Site, check, finish, run, until

WORDS = ['--method', 'purge', '--technique', 'crypto erase of the TPM owner hierarchy', '--verification', 'read back, 64 blocks drawn at random',
         '--serial', 'SN-0042', '--media', 'eMMC 8 GB', '--tool', 'tpm2_clear', '--destination', 'recycler', '--reason', 'end of support']


def destroy(site, *more, by='Sato', witness='Tanaka', keys=('asset-owner', 'mission-owner')):
    return site.cli('device', 'destroy', 'pump', *WORDS, '--by', by, '--witness', witness, *more, *[w for k in keys for w in ('--key', site.key(k))])


def refused_now(client):
    try:
        client.mqtt().close()
        return False
    except Exception:
        return True


def lost_and_found(site, pump):
    link = pump.mqtt()
    r = site.cli('device', 'lose', 'pump', '--reason', 'stolen from the van')
    check('a device is declared lost', r.returncode == 0, r.stderr)
    check('its link is closed, its certificate is good for nothing', until(lambda: refused_now(pump), 3))
    link.close()
    fact = [e['payload'] for e in site.entries('evidence') if e['payload'].get('asset') == 'pump' and e['payload'].get('detail') == 'lost']
    check('it stays a risk: a confirmed adverse fact of that device', fact and fact[0]['result'] == 'fail' and fact[0]['confirmed'], fact)
    check('what is lost is not transferred', site.cli('device', 'transfer', 'pump', '--reason', 'x').returncode != 0)
    again = site.enrol('pump', 'device', 'gateways')
    found = again.mqtt()
    check('found again it gets a new key by a new invite', found.publish(f'sk/v1/{site.name}/pump/m/level', '1')[0] < 0x80)
    found.close()
    return again


def ended(site, pump):
    check('a device in use is not destroyed', destroy(site).returncode != 0)
    check('it is retired', site.cli('device', 'retire', 'pump', '--reason', 'end of support').returncode == 0)
    check('and may not connect any more', until(lambda: refused_now(pump), 3))
    check('one signature is not enough', destroy(site, keys=('asset-owner',)).returncode != 0)
    check('one person is not two', destroy(site, witness='Sato').returncode != 0)
    r = site.cli('device', 'destroy', 'pump', '--method', 'burn', *WORDS[2:], '--by', 'Sato', '--witness', 'Tanaka', '--key', site.key('asset-owner'), '--key', site.key('executive'))
    check('a method that SP 800-88 does not know is refused', r.returncode != 0 and 'method' in r.stderr, r.stderr)
    check('nothing of this was written as done', not site.entries('audit', 'certificate-of-destruction') and not site.entries('erased'))
    r = destroy(site)
    check('two people certify its destruction', r.returncode == 0, r.stderr)
    check('the key of its recorded data is destroyed', until(lambda: site.entries('erased'), 5) and site.entries('erased')[0]['payload']['subject'] == 'pump')
    check('twice is refused', destroy(site).returncode != 0)
    r = site.cli('invite', 'new', 'pump')
    url = r.stdout.strip()
    check('it does not come back', r.returncode != 0, url)
    check('nor by losing it', site.cli('device', 'lose', 'pump', '--reason', 'x').returncode != 0)


def story(site):
    text = {lang: run(os.path.join(os.environ.get('SEKIMORI_BUILD', 'build'), 'sekimori'), '--state', site.state, '--lang', lang, 'device', 'story', 'pump').stdout
            for lang in ('ja', 'en')}
    order = {'en': ['an invite was issued', 'its key was registered', 'quarantined', 'released', 'declared lost', 'its key was registered', 'retired',
                    'two people signed', 'Tanaka', 'was destroyed', 'destroyed'],
             'ja': ['登録コードが発行された', '鍵が登録された', '隔離された', '隔離が解かれた', '紛失とされた', '鍵が登録された', '廃止された', '廃棄証明書',
                    'Tanaka', '破棄された', '廃棄された']}
    for lang, wants in order.items():
        at = 0
        for w in wants:
            at = text[lang].find(w, at) if at >= 0 else -1
        check(f'the record reads as one story ({lang})', at > 0, text[lang])
    print('\n'.join('# ' + line for line in text['en'].splitlines()))
    lines = len(text['en'].splitlines())
    check('and not as a list of measurements', lines < 45, lines)
    check('of somebody it never heard of it says so', site.cli('device', 'story', 'nobody').returncode == 5)
    rows = json.loads(site.cli('-o', 'json', 'device', 'story', 'pump').stdout)
    check('the same as data, each with its entry', len(rows) > 8 and all('index' in x for x in rows))


def main():
    with Site('life').start() as site:
        pump = site.enrol('pump', 'device', 'gateways')
        pump.pub('sk/v1/life/pump/m/level', '7')
        site.cli('device', 'quarantine', 'pump', '--reason', 'opened lid')
        site.cli('device', 'release', 'pump', '--reason', 'seal replaced')
        pump = lost_and_found(site, pump)
        ended(site, pump)
        story(site)
    finish()


main()
