#!/usr/bin/env python3
"""N22: certificates that are wrong in one way each, knocking at the device door. Whoever holds the site's own issuing key made most
of them, for the key of a device that is enrolled: only what the row names is wrong. Each is refused before MQTT and leaves one
entry in the record, of its own source; the same certificate with nothing wrong is let in. And the certificate that people's browsers
are shown, which the site brings."""
import base64
import os
import socket
import ssl

from harness import Mqtt, Site, check, finish, packet, run, tls_context, until, _string

CONFIG = """[ca]\ndefault_ca=d\n[d]\ndatabase={dir}/index.txt\nnew_certs_dir={dir}\nrand_serial=yes\ndefault_md={md}\npolicy=p\nx509_extensions=e
unique_subject=no\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=critical,{constraints}\nkeyUsage=critical,{usage}\n{more}\n"""
LEAF = dict(md='sha256', constraints='CA:FALSE', usage='digitalSignature', more='extendedKeyUsage=clientAuth')
DATES = {'now': ('-2', '+10'), 'over': ('-20', '-10'), 'to come': ('+10', '+20')}


class Maker:
    """A certification authority by `openssl ca`: whatever it is told to sign."""

    def __init__(self, site, name, cert, key):
        self.site, self.cert, self.key, self.dir = site, cert, key, site.path('made-by-' + name)
        os.makedirs(self.dir)

    def make(self, name, key, dates='now', subject='/CN=dev-1', **changed):
        out, config = f'{self.dir}/{name}.pem', f'{self.dir}/{name}.cnf'
        with open(config, 'w', encoding='ascii') as f:
            f.write(CONFIG.format(dir=self.dir, **{**LEAF, **changed}))
        with open(self.dir + '/index.txt', 'w', encoding='ascii'):
            pass
        first, last = (run('date', '-u', '-d', f'{days} days', '+%Y%m%d%H%M%SZ').stdout.strip() for days in DATES[dates])
        run('openssl', 'req', '-new', '-key', key, '-subj', subject, '-out', out + '.csr')
        r = run('openssl', 'ca', '-batch', '-notext', '-config', config, '-cert', self.cert, '-keyfile', self.key, '-in', out + '.csr',
                '-out', out, '-startdate', first, '-enddate', last)
        if r.returncode:
            raise RuntimeError(f'{name}: {r.stderr}')
        return out


def sequence(tag, *parts):
    body = b''.join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([tag]) + size + body


def with_nul(maker, key):
    """"dev-1" NUL ".example" as the name: made by changing one byte and signing again, as no tool would write it."""
    der = base64.b64decode(''.join(read(maker.make('nul', key, subject='/CN=dev-1X.example')).split('\n')[1:-2]))
    head = 4  # SEQUENCE of the certificate and of what is signed: 0x30 0x82 and two octets of length each
    tbs = der[head:head + 4 + int.from_bytes(der[head + 2:head + 4], 'big')].replace(b'dev-1X.example', b'dev-1\0.example')
    with open(maker.dir + '/tbs', 'wb') as f:
        f.write(tbs)
    run('openssl', 'dgst', '-sha256', '-sign', maker.key, '-out', maker.dir + '/signature', maker.dir + '/tbs')
    with open(maker.dir + '/signature', 'rb') as f:
        signature = f.read()
    algorithm = sequence(0x30, bytes.fromhex('06082a8648ce3d040302'))  # ecdsa-with-SHA256
    whole = base64.encodebytes(sequence(0x30, tbs, algorithm, sequence(3, b'\0' + signature))).decode()
    out = maker.dir + '/nul.pem'
    with open(out, 'w', encoding='ascii') as f:
        f.write(f'-----BEGIN CERTIFICATE-----\n{whole}-----END CERTIFICATE-----\n')
    return out


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def joined(maker, name, *paths):
    out = f'{maker.dir}/{name}.pem'
    with open(out, 'w', encoding='utf-8') as f:
        f.write(''.join(read(p) for p in paths))
    return out


def new_key(site, name, *how):
    path = site.path(name + '.key')
    run('openssl', 'genpkey', *(how or ('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:prime256v1')), '-out', path)
    return path


def knock(site, cert, key, source, who='dev-1'):
    """The reason code of the CONNACK, None when the link ends without one."""
    context = tls_context(site)
    context.set_ciphers('ALL:@SECLEVEL=0')  # our side has no scruples
    context.load_cert_chain(cert, key)
    raw = socket.create_connection(('127.0.0.1', site.ports['mqtt']), timeout=10, source_address=(source, 0))
    try:
        with context.wrap_socket(raw, server_hostname='localhost') as s:
            s.sendall(Mqtt.connect_packet(Five, who))
            answer = s.recv(16)
            return answer[3] if answer[:1] == b'\x20' else None
    except (OSError, ssl.SSLError):
        return None
    finally:
        raw.close()


class Five:
    version = 5


def same_name(site):
    """A CA of the same name as ours with a key of its own."""
    key, out = new_key(site, 'twin'), site.path('twin.pem')
    run('openssl', 'x509', '-in', site.path('site', 'keys', 'issuing.pem'), '-x509toreq', '-signkey', key, '-out', out + '.csr')
    subject = run('openssl', 'x509', '-in', site.path('site', 'keys', 'issuing.pem'), '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb').stdout
    with open(out + '.cnf', 'w', encoding='ascii') as f:
        f.write('basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n')
    run('openssl', 'x509', '-req', '-in', out + '.csr', '-signkey', key, '-days', '9', '-extfile', out + '.cnf', '-out', out)
    return out, key, subject


def rows(site, known, gone):
    keys = site.path('site', 'keys')
    ours = Maker(site, 'us', keys + '/issuing.pem', keys + '/issuing.key')
    twin, twin_key, subject = same_name(site)
    check('the other CA has our name', run('openssl', 'x509', '-in', twin, '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb').stdout == subject)
    other = Maker(site, 'a-twin', twin, twin_key)
    weak, unknown, below = new_key(site, 'weak', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'), new_key(site, 'unknown'), new_key(site, 'below')
    sub = ours.make('sub', below, subject='/CN=below', constraints='CA:TRUE', usage='keyCertSign', more='')
    good = ours.make('good', known.key)
    yield 'nothing', good, known.key, None
    yield 'expired', ours.make('expired', known.key, 'over'), known.key, 'expired-certificate'
    yield 'not yet valid', ours.make('early', known.key, 'to come'), known.key, 'bad-certificate'
    yield 'revoked', gone.cert, gone.key, 'revoked'
    yield 'for servers', ours.make('server', known.key, more='extendedKeyUsage=serverAuth'), known.key, 'bad-certificate'
    yield 'for no purpose', ours.make('none', known.key, more=''), known.key, 'bad-certificate'
    yield 'another CA of our name, its key named', other.make('twin', known.key, more=LEAF['more'] + '\nauthorityKeyIdentifier=keyid'), known.key, 'foreign-certificate'
    yield 'another CA of our name, no key named', other.make('twin-2', known.key, more=LEAF['more'] + '\nauthorityKeyIdentifier=none'), known.key, 'bad-certificate'
    yield 'a CA below ours, which may have none', joined(ours, 'chain', Maker(site, 'sub', sub, below).make('leaf', known.key), sub), known.key, 'bad-certificate'
    yield 'a device as CA', joined(ours, 'chain-2', Maker(site, 'device', known.cert, known.key).make('leaf', unknown), known.cert), unknown, 'bad-certificate'
    yield 'SHA-1', ours.make('sha1', known.key, md='sha1'), known.key, 'bad-certificate'
    yield 'RSA 1024', ours.make('rsa', weak), weak, 'bad-certificate'
    yield 'NUL in the name', with_nul(ours, known.key), known.key, 'bad-certificate'
    yield 'two names', ours.make('two', known.key, subject='/CN=x/CN=dev-1'), known.key, 'bad-certificate'
    yield 'a device\'s name, another key', ours.make('other', unknown), unknown, 'unregistered'
    yield '10,000 names', ours.make('names', known.key, more=LEAF['more'] + '\nsubjectAltName=@n\n[n]\n' + '\n'.join(
        f'DNS.{i}=host-{i}.example' for i in range(10000))), known.key, 'bad-certificate tls-handshake'  # whichever bound is met first
    yield 'a chain of a mebibyte', joined(ours, 'long', good, *[keys + '/issuing.pem'] * (1 + (1 << 20) // os.path.getsize(keys + '/issuing.pem'))), known.key, 'bad-certificate tls-handshake'  # whichever bound is met first


def shown(site, ca, name, door='https'):
    """The key that the certificate shown at a door is for, when a client that trusts ca finds the name in it; else None."""
    context = ssl.create_default_context(cafile=ca)
    raw = socket.create_connection(('127.0.0.1', site.ports[door]), timeout=10)
    try:
        with context.wrap_socket(raw, server_hostname=name) as s:
            return s.getpeercert()['serialNumber']
    except (OSError, ssl.SSLError):
        return None
    finally:
        raw.close()


def refused(site, what, number, *argv):
    r = site.cli('certificate', 'set', *argv)
    check(f'a certificate for people {what} is refused', r.returncode == 3 and number in r.stderr, r.stderr)


def people(site, known):
    """The door for people shows what the site brought; the key never leaves the machine, no link is dropped, and no mistake stops it."""
    key = new_key(site, 'company')
    ca = site.path('company.pem')
    run('openssl', 'req', '-x509', '-new', '-key', key, '-subj', '/CN=Company', '-days', '30', '-out', ca)
    company = Maker(site, 'company', ca, key)
    web = dict(LEAF, more='extendedKeyUsage=serverAuth\nsubjectAltName=DNS:console.example')
    request = site.path('people.csr')
    r = site.cli('certificate', 'request', '--name', 'console.example', '--name', '192.0.2.7', '--out', request)
    text = run('openssl', 'req', '-in', request, '-noout', '-text', '-verify').stdout
    check('a request names what browsers will ask for', r.returncode == 0 and 'DNS:console.example, IP Address:192.0.2.7' in text, r.stderr + text)
    check('asked again, it is for the same key', site.cli('certificate', 'request', '--name', 'console.example', '--out', request + '2').returncode == 0
          and run('openssl', 'req', '-in', request, '-noout', '-pubkey').stdout == run('openssl', 'req', '-in', request + '2', '-noout', '-pubkey').stdout)
    mine = site.path('site', 'keys', 'web.key')
    check('the key is its owner\'s alone', os.stat(mine).st_mode & 0o77 == 0)
    rsa = new_key(site, 'rsa', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048')
    refused(site, 'for another key', 'SK-1091', company.make('other', new_key(site, 'stray'), **web))
    refused(site, 'of RSA', 'SK-1091', company.make('rsa', rsa, **web), '--key', rsa)
    refused(site, 'without a name', 'SK-1091', company.make('nameless', mine, more='extendedKeyUsage=serverAuth'))
    refused(site, 'past its end', 'SK-1092', company.make('over', mine, 'over', **web))
    refused(site, 'that is none', 'SK-1091', request)
    good = company.make('good', mine, **web)
    check('a dry run changes nothing', site.cli('certificate', 'set', good, '--dry-run').returncode == 0 and shown(site, ca, 'console.example') is None)
    link = known.mqtt()
    r = site.cli('certificate', 'set', good)
    check('it is set', r.returncode == 0 and 'console.example' in r.stdout, r.stdout + r.stderr)
    check('the people\'s door shows it', until(lambda: shown(site, ca, 'console.example'), 10))
    check('its key is no longer beside it', not os.path.exists(mine))
    check('devices are shown the site\'s own', shown(site, site.ca(), 'localhost', 'est') is not None)
    check('the link that stood still stands', link.publish('sk/v1/mizu/dev-1/m/x', '1')[0] < 0x80)
    link.close()
    r = site.cli('certificate', 'show')
    check('and it is said', 'console.example' in r.stdout, r.stdout)
    with open(site.path('site', 'keys', 'web.pem'), 'r+', encoding='ascii') as f:
        f.truncate(100)
    os.kill(site.pid_of('seal'), 15)
    check('a broken file costs only itself', until(lambda: shown(site, site.ca(), 'localhost'), 15))
    check('doctor says so', until(lambda: '■ certificate' in site.cli('doctor').stdout, 10), site.cli('doctor').stdout)
    check('removed, the site\'s own is shown', site.cli('certificate', 'remove').returncode == 0 and until(lambda: shown(site, site.ca(), 'localhost'), 10))
    check('twice: there is none', site.cli('certificate', 'remove').returncode == 5)
    check('in the record', len(site.entries('audit', 'certificate-again')) == 2)


def session_of(site, context, client, earlier=None):
    """One connection up to CONNACK: (its code, None when it was closed; whether it resumed; what to come back with)."""
    raw = socket.create_connection(('127.0.0.1', site.ports['mqtt']), timeout=10)
    with context.wrap_socket(raw, server_hostname='localhost', session=earlier) as s:
        s.sendall(packet(0x10, _string('MQTT') + b'\x05\x02\x00\x3c\x00' + _string(client.who)))
        try:
            got = s.recv(4)
        except (ssl.SSLError, ConnectionError):
            got = b''
        return (got[3] if len(got) == 4 else None), s.session_reused, s.session


def come_back(site):
    """Resumption: no certificate and no signature, but whoever was revoked meanwhile is refused, with the same words."""
    c = site.enrol('dev-3', 'device')
    context = tls_context(site, c)
    code, again, session = session_of(site, context, c)
    check('a first connection is a whole handshake', code == 0 and not again, (code, again))
    code, again, second = session_of(site, context, c, session)
    check('the next resumes it', code == 0 and again, (code, again))
    code, again, _ = session_of(site, context, c, session)
    check('which is good once: the one after is whole again', code == 0 and not again, (code, again))
    before = sum(site.refusals('revoked'))
    check('it is revoked', site.cli('device', 'revoke', 'dev-3', '--reason', 'lost').returncode == 0)
    code, again, _ = session_of(site, context, c, second)
    check('who was revoked resumes and is refused all the same', again and (code is None or code >= 0x80), (code, again))
    check('as revoked, in the record', until(lambda: sum(site.refusals('revoked')) > before, 15), site.refusals('revoked'))


def cloned(site):
    """N54: two holders of one key who take the session from each other; and a device that only moves."""
    twin, mover = site.enrol('dev-4', 'device'), site.enrol('dev-5', 'device')
    trust = lambda who: site.json('device', 'show', who)['trust']
    for turn, end in enumerate(('1', '1', '2', '2')):
        check(f'N54: a device that moves, {turn + 1}', knock(site, mover.cert, mover.key, '127.0.54.' + end, 'dev-5') == 0)
    for turn, end in enumerate(('1', '2', '1')):
        check(f'N54: one key, link {turn + 1}', knock(site, twin.cert, twin.key, '127.0.54.' + end, 'dev-4') == 0)
    check('N54: three turns may still be a move', trust('dev-4') == 'unattested', trust('dev-4'))
    knock(site, twin.cert, twin.key, '127.0.54.2', 'dev-4')
    check('N54: the fourth is not: the identity is quarantined, and with it both', until(lambda: trust('dev-4') == 'quarantined', 10), trust('dev-4'))
    why = site.json('device', 'show', 'dev-4')['why']
    check('N54: why names both places', '127.0.54.1' in why and '127.0.54.2' in why, why)
    check('N54: an alert', until(lambda: [a for a in site.json('alert', 'list') or [] if a['cause'] == 'clone.dev-4'], 15), site.json('alert', 'list'))
    check('N54: who only moved is what it was', trust('dev-5') == 'unattested', trust('dev-5'))
    check('N54: a quarantine is people\'s to lift', site.cli('device', 'release', 'dev-4', '--reason', 'looked').returncode == 0 and trust('dev-4') != 'quarantined')


def main():
    with Site('mizu') as site:
        site.start()
        known, gone = site.enrol('dev-1', 'device'), site.enrol('dev-2', 'device')
        r = site.cli('device', 'revoke', 'dev-2', '--reason', 'lost')
        check('a device is revoked', r.returncode == 0, r.stderr)
        wanted = {}
        for i, (what, cert, key, reason) in enumerate(rows(site, known, gone)):
            source = f'127.0.22.{i + 1}'
            answer = knock(site, cert, key, source)
            if reason:
                wanted[source] = (what, reason)
                check(f'N22: {what}: refused', answer is None or answer >= 0x80, answer)
            else:
                check(f'wrong in {what}: let in', answer == 0, answer)
        entries = until(lambda: (lambda rows: len(rows) >= len(wanted) and rows)(site.entries('audit', 'refused')), 10, 0.3) or []
        for source, (what, reasons) in wanted.items():
            of = [(r['payload']['reason'], int(r['payload']['count'])) for r in entries if r['payload']['source'] == source]
            check(f'N22: {what}: one entry, {reasons}', len(of) == 1 and of[0][0] in reasons.split() and of[0][1] == 1, of)
        check('nor is anything else refused', len(entries) == len(wanted), [e['payload'] for e in entries])
        come_back(site)
        cloned(site)
        people(site, known)
    finish()


main()
