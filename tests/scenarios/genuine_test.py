#!/usr/bin/env python3
"""Genuine hardware: a device proves at enrolment that its attestation key lives in a TPM whose maker the site trusts.
What is missing lowers the grade; what is wrong refuses: another maker, another TPM's certificate, another key, an old
secret, one piece of hardware under two names."""
import base64
import json
import os
import shutil

from harness import BIN, Site, Tpm, TpmMaker, check, finish, run, until

AGENT = os.path.join(BIN, 'sekimori-agent')


def join(site, who, tpm=None):
    home = site.path('home-' + who)
    return run(AGENT, 'join', site.invite(who), '--state', home, *(['--tcti', tpm.tcti] if tpm else []), '--lang', 'en')


def shown(site, who):
    return site.json('device', 'show', who) or {}


def agents(site, tpm):
    r = join(site, 'gw-1', tpm)
    check('a device with an endorsed TPM joins', r.returncode == 0, r.stderr)
    check('and counts as genuine, by its maker', (shown(site, 'gw-1').get('grade'), shown(site, 'gw-1').get('maker')) == ('tpm-endorsed', 'swtpm-localca'),
          shown(site, 'gw-1'))
    r = join(site, 'gw-2', tpm)
    check('the same hardware under a second name is refused', r.returncode == 6 and shown(site, 'gw-2').get('life') == 'expected', r.stderr)
    check('and written down', site.refusals('not-genuine-hardware') == [1], site.refusals('not-genuine-hardware'))
    r = join(site, 'gw-3')
    check('a device without a TPM joins with a lower grade', r.returncode == 0 and shown(site, 'gw-3').get('grade') == 'key-file', r.stderr)


def older_kind(site, maker):
    """A TPM whose maker certified its RSA key only: used by policy instead of by its (empty) password."""
    tpm = Tpm(site, 'rsa', keys=False, maker=maker)
    gone = tpm.tool('tpm2_nvundefine', '0x1c00016', '-C', 'p')
    r = join(site, 'gw-rsa', tpm)
    check('a TPM with an RSA endorsement key joins as well', gone.returncode == 0 and r.returncode == 0
          and shown(site, 'gw-rsa').get('grade') == 'tpm-endorsed', (gone.stderr, r.stderr))


def bare(site):
    r = join(site, 'gw-bare', Tpm(site, 'bare', keys=False))
    check('a TPM without a certificate lowers the grade', r.returncode == 0 and shown(site, 'gw-bare').get('grade') == 'tpm-quote', r.stderr)


class Hand:
    """The same steps with other people's tools: curl, openssl, tpm2-tools."""

    def __init__(self, site, who, tpm):
        self.site, self.who, self.tpm = site, who, tpm
        self.token = site.invite(who).split('#')[1].split('@')[0]
        for step in (['tpm2_createprimary', '-C', 'o', '-G', 'ecc', '-c', tpm.dir + '/primary.ctx'],
                     ['tpm2_create', '-C', tpm.dir + '/primary.ctx', '-G', 'ecc256:ecdsa-sha256:null', '-u', tpm.dir + '/ak.pub', '-r', tpm.dir + '/ak.priv',
                      '-a', 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign'],
                     ['tpm2_load', '-C', tpm.dir + '/primary.ctx', '-u', tpm.dir + '/ak.pub', '-r', tpm.dir + '/ak.priv', '-c', tpm.dir + '/ak.ctx'],
                     ['tpm2_nvread', '0x1c00016', '-o', tpm.dir + '/ek.der']):
            r = tpm.tool(*step)
            tpm.tool('tpm2_flushcontext', '-t')  # it has three places for objects and nobody who manages them
            if r.returncode:
                raise RuntimeError(f'{step}: {r.stderr}')

    def read(self, name):
        with open(self.tpm.dir + '/' + name, 'rb') as f:
            return f.read()

    def ask(self, certificate=None, ak=None, token=None):
        body = {'certificate': base64.b64encode(certificate or self.read('ek.der')).decode(), 'ak': base64.b64encode(ak or self.read('ak.pub')).decode()}
        status, answer = self.site.http('est', '/.well-known/sekimori/endorse', '-u', 'x:' + (token or self.token), '-H', 'Content-Type: application/json',
                                        '--data-binary', json.dumps(body), method='POST')
        return status, json.loads(answer or '{}')

    def activate(self, answer):
        """The secret, by tpm2_activatecredential; its file has a head of its own (magic, version) before both parts."""
        with open(self.tpm.dir + '/credential', 'wb') as f:
            f.write(b'\xba\xdc\xc0\xde\x00\x00\x00\x01' + base64.b64decode(answer['credential']) + base64.b64decode(answer['seed']))
        r = self.tpm.tool('tpm2_activatecredential', '-c', self.tpm.dir + '/ak.ctx', '-C', '0x81010016', '-i', self.tpm.dir + '/credential', '-o',
                          self.tpm.dir + '/secret')
        self.tpm.tool('tpm2_flushcontext', '-t')
        return base64.b64encode(self.read('secret')).decode() if r.returncode == 0 else None

    def enrol(self, secret):
        name = self.tpm.dir + '/' + self.who
        run('sh', '-c', f'openssl ecparam -name prime256v1 -genkey -noout -out {name}.key && openssl req -new -key {name}.key -subj /CN=x -outform DER '
                        f'| base64 >{name}.b64')
        return self.site.http('est', '/.well-known/est/simpleenroll', '-u', f'x:{self.token}' + (f'.{secret}' if secret else ''),
                              '--data-binary', f'@{name}.b64', method='POST')[0]


def by_hand(site, maker, stranger):
    a, b = Hand(site, 'hw-a', Tpm(site, 'a', keys=False, maker=maker)), Hand(site, 'hw-b', Tpm(site, 'b', keys=False, maker=maker))
    c = Hand(site, 'hw-c', Tpm(site, 'c', keys=False, maker=stranger))
    check('another maker\'s TPM is refused', c.ask()[0] == '403')
    check('a wrong token gets no question', a.ask(token='A' * 43)[0] == '401')
    check('rubbish instead of a certificate is refused', a.ask(certificate=b'rubbish')[0] == '400')
    loose = bytearray(a.read('ak.pub'))
    loose[7] &= 0xfe  # TPMA_OBJECT restricted
    check('a key that signs what it is handed is refused', a.ask(ak=bytes(loose))[0] == '403')
    status, question = a.ask(certificate=b.read('ek.der'))
    check('with another TPM\'s certificate the question cannot be answered', status == '200' and a.activate(question) is None)
    status, question = a.ask(ak=b.read('ak.pub'))
    check('N53: nor with another TPM\'s key', status == '200' and a.activate(question) is None)
    first = a.activate(a.ask()[1])
    second = a.activate(a.ask()[1])
    check('tpm2-tools find the secret, a new one each time', first and second and first != second)
    check('N53: an old secret is refused, and that was the one try', a.enrol(first) == '403' and a.enrol(second) == '403')
    check('N55: another invite\'s secret is refused', b.enrol(a.activate(a.ask()[1])) == '403')
    check('the right one enrols', a.enrol(a.activate(a.ask()[1])) == '200' and shown(site, 'hw-a').get('grade') == 'tpm-endorsed', shown(site, 'hw-a'))


def rebooted(site):
    """The proof is in the record: it stands after a restart."""
    site.stop()
    site.start()
    check('what was proved stands after a restart', until(lambda: shown(site, 'gw-1').get('grade') == 'tpm-endorsed', 5))


with Site() as site:
    maker, stranger = TpmMaker(site, 'Trusted'), TpmMaker(site, 'Stranger')
    tpm = Tpm(site, 'one', keys=False, maker=maker)
    site.start()
    check('where no maker is trusted, an endorsed TPM counts as any TPM', join(site, 'gw-0', tpm).returncode == 0
          and shown(site, 'gw-0').get('grade') == 'tpm-quote', shown(site, 'gw-0'))
    site.stop()
    shutil.copy(maker.roots, site.path('site', 'tpm-roots.pem'))
    site.start()
    agents(site, tpm)
    older_kind(site, maker)
    bare(site)
    by_hand(site, maker, stranger)
    rebooted(site)
finish()
