#!/usr/bin/env python3
"""Certificates that end: curl and strongSwan renew with the key they have, nobody else does; an agent renews in time by itself, and after
45 days without a site it comes back by itself, over its ended certificate, with what it had buffered."""
import os
import shutil
import subprocess

from harness import BIN, FAKETIME, Site, check, days_on, finish, run, skip, text_of, until


def again(site, client, *more, body=None):
    """Status and answer of simplereenroll as curl asks for it."""
    body = body or '@' + site.path(client.who + '.b64')
    return site.http('est', '/.well-known/est/simplereenroll', '-H', 'Content-Type: application/pkcs10', '--data-binary', body, *more,
                     method='POST')


def own(client):
    return ['--cert', client.cert, '--key', client.key]


def by_curl(site):
    dev, other = site.enrol('dev-1', 'device'), site.enrol('dev-2', 'device')
    check('without a certificate nothing is renewed', again(site, dev)[0] == '401')
    check('one certificate does not renew another', again(site, dev, *own(other))[0] == '403')
    status, answer = again(site, dev, *own(dev))
    check('a certificate of this minute is not renewed again', status == '429' and 'renewed-just-now' in answer, answer)
    check('csrattrs is one line of base64', site.http('est', '/.well-known/est/csrattrs')[1].strip() == 'MAoGCCqGSM49BAMC')
    return dev, other


def ocsp(site, asker, about, *more):
    """What `openssl ocsp` makes of the answer to its own question, asked with the asker's certificate."""
    issuer = ['-issuer', site.path('site/keys/issuing.pem'), *more, '-cert', about.cert]
    run('openssl', 'ocsp', *issuer, '-reqout', site.path('q.der'))
    status, _ = site.http('est', '/.well-known/sekimori/ocsp', *own(asker), '-H', 'Content-Type: application/ocsp-request', '--data-binary',
                          '@' + site.path('q.der'), '-o', site.path('a.der'), method='POST')
    whole = run('openssl', 'ocsp', '-reqin', site.path('q.der'), '-respin', site.path('a.der'), *issuer[:2], '-CAfile', site.ca())
    said = run('openssl', 'ocsp', '-no_nonce', '-respin', site.path('a.der'), *issuer, '-CAfile', site.ca())
    good = 'verify OK' in whole.stderr and 'onc' not in whole.stderr and 'verify OK' in said.stderr
    return said.stdout.split(': ')[1].split()[0] if good else (status, whole.stderr, said.stdout, said.stderr)


def statuses(site):
    """Third parties' programs learn what became of a certificate: by list and by question."""
    keep, gone, twice = (site.enrol(i, 'device') for i in ('crl-1', 'crl-2', 'crl-3'))
    crl = site.path('crl.pem')

    def verified(client):
        site.cli('ca', 'crl', '--out', crl)
        r = run('openssl', 'verify', '-crl_check', '-CAfile', site.ca(), '-CRLfile', crl, client.cert)
        return r.returncode == 0 and 'OK' in r.stdout or (r.stdout + r.stderr)

    check('nobody without a certificate is shown the list', site.http('est', '/.well-known/sekimori/crl')[0] == '401')
    check('openssl verifies a good certificate against the list', verified(keep) is True and verified(gone) is True, verified(keep))
    said = ocsp(site, keep, gone)
    check('openssl ocsp says good', said == 'good', said)
    site.cli('device', 'revoke', 'crl-2', '--reason', 'lost')
    site.cli('device', 'retire', 'crl-3', '--reason', 'old')
    check('revoked: openssl verify refuses it by the list', 'certificate revoked' in str(verified(gone)), verified(gone))
    check('retired: the same', 'certificate revoked' in str(verified(twice)), verified(twice))
    check('and takes the other', verified(keep) is True, verified(keep))
    r = run('curl', '-sS', '--cacert', site.ca(), '--cert', keep.cert, '--key', keep.key, '-o', site.path('crl.der'),
            site.url('est', '/.well-known/sekimori/crl'))
    text = run('openssl', 'crl', '-inform', 'DER', '-in', site.path('crl.der'), '-noout', '-text', '-CAfile', site.ca())
    check('a device fetches it as DER, openssl crl verifies it', 'verify OK' in text.stderr and 'Cessation Of Operation' in text.stdout, r.stderr + text.stderr)
    said = [ocsp(site, keep, gone), ocsp(site, keep, gone, '-sha256')]
    check('openssl ocsp says revoked, by SHA-1 and by SHA-256', said == ['revoked', 'revoked'], said)
    foreign = site.http('est', '/.well-known/sekimori/ocsp', *own(gone), '--data-binary', '@' + site.path('q.der'), method='POST')
    check('a revoked device is not answered', foreign[0] == '000' and until(lambda: site.refusals('revoked') == [1], 10), foreign)
    rows = site.json('ca', 'list')
    check('`sekimori ca list` counts them', len(rows) == 1 and rows[0]['issues'] and rows[0]['ended'] == 2, rows)


def ended(site, dev, other):
    """40 days on: both certificates are over."""
    site.start(days=40)
    r = dev.pub(f'sk/v1/{site.name}/dev-1/m/level', '1', '-q', '1')
    check('an ended certificate does not open the data door', r.returncode != 0, r.stderr)
    before = len(site.entries('identity'))
    status, _ = again(site, dev, *own(dev))
    until_text = site.json('device', 'show', 'dev-1')['certificate_until']
    check('over an ended certificate, its own key renews it', status == '200', (status, until_text))
    check('one entry of the record, no more', len(site.entries('identity')) == before + 1)
    site.cli('device', 'revoke', 'dev-2', '--reason', 'lost')
    check('a revoked device renews nothing', again(site, other, *own(other))[0] == '000')
    check('and is in the record', until(lambda: site.refusals('revoked') == [1, 1], 10), site.refusals('revoked'))


PKI = """libtls { version_max = 1.3 }
pki { load = random drbg x509 revocation pubkey pkcs1 pkcs7 pkcs8 pem openssl hmac kdf sha2 }
"""


def pki(site, text):
    """strongSwan's tool, which does its own TLS; the site's CA as two files."""
    url = f"https://localhost:{site.ports['est']}"
    return run('sh', '-c', f'cd {site.dir} && {text}'.replace('EST', f'pki --est --url {url} --cacert ca-01 --cacert ca-02 --outform pem'),
               env={**os.environ, 'STRONGSWAN_CONF': site.path('strongswan.conf')})


def subject(site, name):
    return run('openssl', 'x509', '-in', site.path(name), '-noout', '-subject', '-enddate').stdout


def by_strongswan(site):
    if not shutil.which('pki'):
        skip('strongSwan enrols and renews', 'strongswan-pki is not installed')
        return
    with open(site.path('strongswan.conf'), 'w') as f:
        f.write(PKI)
    token = site.invite('pki-1').split('#')[1].split('@')[0]
    pki(site, f"csplit -s -z -f ca- {site.ca()} '/BEGIN CERT/' '{{*}}'")
    r = pki(site, "pki --gen --type ecdsa --size 256 --outform pem >pki.key && pki --req --in pki.key --type ecdsa --dn CN=pki-1 >pki.csr && "
                  f'EST --in pki.csr --userpass x:{token} >pki.pem')
    check('strongSwan enrols', r.returncode == 0 and 'pki-1' in subject(site, 'pki.pem'), r.stderr[-600:])
    if not FAKETIME:
        return
    site.stop()
    site.start(days=40)
    pki(site, 'EST --in pki.csr --cert pki.pem --key pki.key >pki-2.pem')  # its own clock finds the new one not valid yet
    check('strongSwan renews, over an ended certificate', 'pki-1' in subject(site, 'pki-2.pem') and
          subject(site, 'pki-2.pem') != subject(site, 'pki.pem'), subject(site, 'pki-2.pem'))
    site.stop()
    site.start()


def until_of(site, who):
    return (site.json('device', 'show', who) or {}).get('certificate_until', '')


def session_after_renewal(site):
    return 'session: gw-1' in text_of(site.path('gw.log')).rpartition('certificate renewed')[2]


def by_agent(site):
    clock = site.path('clock')
    at = lambda days: open(clock, 'w').write(f'+{days}d\n')
    site.start()
    home, agent = site.path('gw'), os.path.join(BIN, 'sekimori-agent')
    joined = run(agent, 'join', site.invite('gw-1'), '--state', home)
    check('an agent joins', joined.returncode == 0, joined.stderr)
    first = until_of(site, 'gw-1')
    site.stop()
    at(22)
    log = open(site.path('gw.log'), 'ab')
    p = subprocess.Popen([agent, 'run', '--state', home, '--lang', 'en', '--every', '500'], stdout=log, stderr=log,
                         stdin=subprocess.DEVNULL, env={**os.environ, **days_on(file=clock)})
    site.children.append(p)
    site.start(days=22)
    check('from two thirds of its life on, it renews by itself', until(lambda: until_of(site, 'gw-1') > first, 40), text_of(site.path('gw.log'))[-500:])
    second = until_of(site, 'gw-1')
    check('and says until when', until(lambda: second[:10] in text_of(site.path('gw.log')), 10), text_of(site.path('gw.log'))[-500:])
    site.stop()
    at(67)
    check('without a site it tries again and goes on', until(lambda: 'not renewed yet' in text_of(site.path('gw.log')), 40) and p.poll() is None)
    site.start(days=67)
    check('after 45 days without a site it comes back by itself', until(lambda: until_of(site, 'gw-1') > second, 60),
          text_of(site.path('gw.log'))[-500:])
    check('with a session under the new certificate', until(lambda: session_after_renewal(site), 20), text_of(site.path('gw.log'))[-500:])


with Site() as site:
    site.start()
    dev, other = by_curl(site)
    statuses(site)
    by_strongswan(site)
    site.stop()
    if FAKETIME:
        ended(site, dev, other)
        site.stop()
        by_agent(site)
    else:
        skip('ended certificates', 'libfaketime is not installed')
finish()
