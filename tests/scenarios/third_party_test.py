#!/usr/bin/env python3
"""Third parties: curl and openssl enrol, mosquitto's clients talk, openssl s_client and strangers knock.
Whoever does not belong stays outside, leaves one line in the record, and moves nothing."""
import concurrent.futures
import datetime
import json
import os
import re
import socket
import ssl
import threading
import time

from harness import (FAKETIME, ROOT, Client, Mqtt, Site, check, closed_by_peer, finish, note, packet, run, skip, text_of, tls_context,
                     tls_socket, until)


class Forged:
    """A certificate made outside the site: key and cert files like a Client's."""

    def __init__(self, site, who, ca=None, ca_key=None, key=None, start=-1, days=30):
        self.site, self.who = site, who
        name = f"{who}-{'foreign' if not ca else 'ours'}"
        self.key, self.cert = key or site.path(name + '.key'), site.path(name + '.pem')
        csr, config, folder = self.cert + '.csr', self.cert + '.cnf', self.cert + '.ca'
        if not key:
            run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', self.key)
        if not ca:
            ca, ca_key = site.path('foreign-ca.pem'), site.path('foreign-ca.key')
            if not os.path.exists(ca):
                run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj',
                    '/CN=foreign', '-days', '30', '-keyout', ca_key, '-out', ca)
        run('openssl', 'req', '-new', '-key', self.key, '-subj', '/CN=' + who, '-out', csr)
        os.makedirs(folder, exist_ok=True)
        open(folder + '/index.txt', 'w').close()
        with open(config, 'w') as f:
            f.write(f'[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\nrand_serial=yes\n'
                    'default_md=sha256\npolicy=p\nx509_extensions=e\nunique_subject=no\n[p]\ncommonName=supplied\n'
                    '[e]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n')
        now = datetime.datetime.now(datetime.timezone.utc)
        text = lambda d: (now + datetime.timedelta(days=d)).strftime('%Y%m%d%H%M%SZ')
        self.made = run('openssl', 'ca', '-batch', '-notext', '-config', config, '-cert', ca, '-keyfile', ca_key, '-in', csr,
                        '-out', self.cert, '-startdate', text(start), '-enddate', text(start + days))


def s_client(site, door, *more):
    return run('openssl', 's_client', '-connect', f"127.0.0.1:{site.ports[door]}", '-servername', 'localhost', '-CAfile', site.ca(),
               *more, input='', timeout=15)


def versions(site):
    for door in ('mqtt', 'https', 'est'):
        good = s_client(site, door, '-tls1_3')
        check(f'{door}: s_client finds TLS 1.3', 'TLSv1.3' in good.stdout and 'Verify return code: 0 (ok)' in good.stdout, good.stdout[-300:])
        for old in ('-tls1_2', '-tls1_1', '-tls1'):
            r = s_client(site, door, old, '-cipher', 'ALL:@SECLEVEL=0')
            check(f'{door}: {old[1:]} is refused', r.returncode != 0 and 'Cipher is (NONE)' in r.stdout, r.stdout[-300:])


def enrolment(site):
    """Everything about tokens but guessing, which blocks its source for a minute and comes last."""
    url = site.invite('dev-1')
    first = Client(site, 'dev-1', url)
    check('curl enrols with openssl\'s request', first.status == '200', first.answer)
    r = run('openssl', 'verify', '-CAfile', site.ca(), first.cert)
    check('the certificate verifies against the CA from cacerts', r.returncode == 0, r.stderr)
    subject = run('openssl', 'x509', '-in', first.cert, '-noout', '-subject', '-ext', 'extendedKeyUsage').stdout
    check('it names the invited id and is for clients', 'dev-1' in subject and 'Client Authentication' in subject, subject)
    again = Client(site, 'dev-1-again', url)
    check('N55: a used token is refused', again.status == '401' and 'invite-used' in text_of(again.cert + '.b64'), again.answer)
    wrong = Client(site, 'nobody', re.sub('#.{12}', '#AAAAAAAAAAAA', site.invite('dev-x')))
    check('N55: a wrong token is refused', wrong.status == '401' and 'wrong-token' in text_of(wrong.cert + '.b64'), wrong.answer)
    empty = site.http('est', '/.well-known/est/simpleenroll', '-H', 'Content-Type: application/pkcs10', '--data-binary', 'x', method='POST')
    check('no token is refused', empty[0] == '401', empty)
    broken = site.http('est', '/.well-known/est/simpleenroll', '-u', 'x:' + site.invite('dev-y').split('#')[1].split('@')[0],
                       '--data-binary', 'AAAA', method='POST')
    check('a good token with a broken request is refused', broken[0] == '400', broken)
    check('N55: the id stays what the invite says, whatever the request\'s subject', subject_rules(site))
    return first


def subject_rules(site):
    url = site.invite('dev-named')
    c = Client(site, 'root-of-all-evil', url)
    r = run('openssl', 'x509', '-in', c.cert, '-noout', '-subject').stdout
    return c.status == '200' and 'dev-named' in r and 'evil' not in r


def expired_token(site):
    """The clock of a restarted daemon stands 8 days on: the week of the invite is over."""
    if not FAKETIME:
        skip('N55: an expired token is refused', 'libfaketime is not installed')
        return
    url = site.invite('dev-late')
    site.stop()
    site.start(wait=False, days=8)
    if check('the daemon runs 8 days later', until(site.ready, 20)):
        late = Client(site, 'dev-late', url)
        check('N55: an expired token is refused', late.status == '401' and 'invite-expired' in text_of(late.cert + '.b64'), late.answer)
    site.stop()
    site.start()


def words(site, device, viewer):
    """mosquitto_pub and _sub with site certificates: 3.1.1 and 5, QoS 0 and 1, wildcards, retained."""
    for version in ('mqttv311', 'mqttv5'):
        for qos in ('0', '1'):
            log, said = f'sub-{version}-{qos}.log', f'{version} qos {qos}'
            watch = site.spawn('stdbuf', '-oL', 'mosquitto_sub', *viewer.args(), '-d', '-V', version, '-q', qos, '-C', '2', '-W', '20',
                               '-t', f'sk/v1/{site.name}/+/m/#', log=log)
            until(lambda: 'SUBACK' in text_of(site.path(log)))
            r = device.pub(f'sk/v1/{site.name}/dev-1/m/level', f'one {said}', '-V', version, '-q', qos)
            check(f'{said}: published', r.returncode == 0, r.stderr)
            device.pub(f'sk/v1/{site.name}/dev-1/m/deep/er', f'two {said}', '-V', version, '-q', qos)
            ended = until(lambda: watch.poll() is not None, 20)
            got = text_of(site.path(log))
            check(f'{said}: both arrive through + and #', ended and f'one {said}' in got and f'two {said}' in got, got[-300:])
        r = device.pub(f'sk/v1/{site.name}/dev-1/s/pump', f'state {version}', '-V', version, '-q', '1', '-r')
        got = viewer.sub(f'sk/v1/{site.name}/dev-1/s/#', '-V', version, '-C', '1', '-W', '10', '-v')
        check(f'{version}: a retained state is there for who comes later', r.returncode == 0
              and f'sk/v1/{site.name}/dev-1/s/pump state {version}' in got.stdout, got)
        gone = device.pub(f'sk/v1/{site.name}/dev-1/s/pump', '', '-V', version, '-q', '1', '-r')
        got = viewer.sub(f'sk/v1/{site.name}/dev-1/s/#', '-V', version, '-C', '1', '-W', '1')
        check(f'{version}: an empty retained message clears it', gone.returncode == 0 and not got.stdout, got)
    r = device.pub(f'sk/v1/{site.name}/other/m/level', '1', '-V', 'mqttv5', '-q', '1')
    check('another device\'s topic is refused with a reason', 'not authorized' in (r.stdout + r.stderr).lower(), r)
    r = device.pub(f'sk/v1/{site.name}/dev-1/cmd/pump', '1', '-V', 'mqttv5', '-q', '1')
    check('a device may not command', 'not authorized' in (r.stdout + r.stderr).lower(), r)
    r = device.sub(f'sk/v1/{site.name}/#', '-V', 'mqttv5', '-W', '2')
    check('a device may not listen to others', 'denied' in r.stderr and not r.stdout, r)


def refused(site, who, reason, times=5, versions_too=True):
    """Connects as `who` over and over: refused each time, one audit entry now."""
    before = len(site.refusals(reason))
    outcomes = []
    for i in range(times):
        r = who.pub(f'sk/v1/{site.name}/dev-1/m/x', '1', '-q', '1', '-V', ('mqttv5', 'mqttv311')[i % 2]) if isinstance(who, Client) \
            else run('mosquitto_pub', '-h', 'localhost', '-p', site.ports['mqtt'], '--cafile', site.ca(), '-i', 'stranger', '-q', '1',
                     *(['--cert', who.cert, '--key', who.key] if who else []), '-t', 'a/b', '-m', '1', timeout=20)
        outcomes.append(r.returncode)
    check(f'{reason}: mosquitto is refused {times} times', all(outcomes), outcomes)
    seen = until(lambda: site.refusals(reason)[before:], 5)
    check(f'{reason}: one audit entry for {times} tries', seen == [1], site.refusals(reason)[before:])


def strangers(site):
    """Who is not admitted. The second half of the claim, the count a minute later, is checked at the end."""
    keys = site.path('site', 'keys')
    issuing = dict(ca=keys + '/issuing.pem', ca_key=keys + '/issuing.key')
    known = site.enrol('dev-old', 'device')
    expired = Forged(site, 'dev-old', key=known.key, start=-40, days=30, **issuing)
    unregistered = Forged(site, 'dev-1', **issuing)
    foreign = Forged(site, 'dev-1')
    check('certificates were forged', os.path.getsize(expired.cert) and os.path.getsize(unregistered.cert) and os.path.getsize(foreign.cert),
          expired.made.stderr[-200:])
    control = run('mosquitto_pub', *known.args(), '-t', f'sk/v1/{site.name}/dev-old/m/x', '-m', '1', '-q', '1')
    check('the same key with its own certificate is let in', control.returncode == 0, control.stderr)
    refused(site, None, 'no-certificate')
    refused(site, foreign, 'foreign-certificate')
    refused(site, expired, 'expired-certificate')
    refused(site, unregistered, 'unregistered')
    return time.monotonic()


def revoked(site):
    device = site.enrol('dev-gone', 'device')
    link = device.mqtt()
    link.subscribe(f'sk/v1/{site.name}/dev-gone/cmd/#')
    began = time.monotonic()
    r = site.cli('device', 'revoke', 'dev-gone', '--reason', 'test')
    took = closed_by_peer(link.sock, 5)
    total = time.monotonic() - began
    check('device revoke is accepted', r.returncode == 0, r.stderr)
    check('the live link of a revoked device is closed within a second', took is not None and total <= 1.0, total)
    note(f'revoked link closed {total * 1000:.0f} ms after the command was typed')
    refused(site, device, 'revoked')


def counted(site, since):
    """A minute on, one more entry for each (reason, source), with the count of the rest."""
    until(lambda: time.monotonic() - since > 61, 65, 0.5)
    for reason in ('no-certificate', 'foreign-certificate', 'expired-certificate', 'unregistered', 'revoked'):
        rows = until(lambda: len(site.refusals(reason)) >= 2 and site.refusals(reason), 15, 0.2)
        check(f'{reason}: after a minute the rest as one count', rows and rows[0] == 1 and rows[1] == 4 and len(rows) == 2,
              site.refusals(reason))


def slow(site, device):
    """Ten seconds before CONNECT, four kibibytes before CONNECT."""
    def silent_tcp():
        s = socket.create_connection(('127.0.0.1', site.ports['mqtt']))
        return closed_by_peer(s, 15)

    def silent_tls():
        return closed_by_peer(tls_socket(site, device), 15)

    def dribbling():
        s = tls_socket(site, device)
        began, b = time.monotonic(), Mqtt.connect_packet(_Word(5), 'dev-1' + 'x' * 60)
        for i in range(len(b)):
            try:
                s.sendall(b[i:i + 1])
            except OSError:
                break
            if closed_by_peer(s, 0.5) is not None:
                break
        return time.monotonic() - began

    def silent_https():
        return closed_by_peer(tls_socket(site, None, 'https'), 15)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = {'no TLS': pool.submit(silent_tcp), 'no CONNECT': pool.submit(silent_tls), 'a byte every half second': pool.submit(dribbling),
                'no HTTP request': pool.submit(silent_https)}
        for name, job in jobs.items():
            took = job.result()
            check(f'{name}: closed after 10 s', took is not None and 9 <= took <= 12, took)
    s = tls_socket(site, device)
    s.sendall(packet(0x10, b'\0\4MQTT\5\2\0\x3c\0' + b'\x13\x88' + b'x' * 5000))
    took = closed_by_peer(s, 5)
    check('more than 4 KiB before CONNECT: closed at once', took is not None and took < 2, took)
    s = tls_socket(site, device)
    s.sendall(b'\x10\xff\xff\xff\x7f')
    took = closed_by_peer(s, 5)
    check('a CONNECT that claims 256 MB: closed at once', took is not None and took < 2, took)


class _Word:
    def __init__(self, version):
        self.version = version


def malformed(site, operator):
    """A malformed packet costs its sender the connection and nobody else anything."""
    bystander = operator.mqtt('operator-1/bystander')
    topic = f'sk/v1/{site.name}/dev-bad/m/x'
    device = site.enrol('dev-bad', 'device')
    name = lambda t: len(t).to_bytes(2, 'big') + t.encode()
    rows = {
        'reserved type 0': b'\x00\x00', 'flags of SUBSCRIBE': packet(0x80, b'\0\1\0' + name(topic) + b'\0'),
        'QoS 3': packet(0x36, name(topic) + b'\0\1\0x'), 'a length of five bytes': b'\x30\xff\xff\xff\xff\x01',
        'a topic longer than its packet': packet(0x30, b'\xff\xffabc'), 'a wildcard in a topic': packet(0x30, name('a/#') + b'\0x'),
        'a NUL in a topic': packet(0x30, name('a\0b') + b'\0x'), 'broken UTF-8': packet(0x30, b'\0\2\xc3\x28' + b'\0x'),
        'packet id 0': packet(0x32, name(topic) + b'\0\0\0x'), 'an unknown property': packet(0x30, name(topic) + b'\2\x7f\0x'),
        'a second CONNECT': Mqtt.connect_packet(_Word(5), 'dev-bad'), 'a CONNACK from a client': packet(0x20, b'\0\0\0'),
        'an empty SUBSCRIBE': packet(0x82, b'\0\1\0'), 'PINGREQ with a body': b'\xc0\x01x',
    }
    for what, b in rows.items():
        c = device.mqtt()
        c.send(b)
        check(f'{what}: the sender is closed', closed_by_peer(c.sock, 5) is not None)
    check('nobody else noticed', bystander.ping() and bystander.publish(f'sk/v1/{site.name}/nobody/cmd/x', '{}')[0] in (0x10, 0x83, 0x87))
    back = device.mqtt()
    check('the sender may come back', back.publish(topic, '1')[0] == 0)
    back.close()
    bystander.close()


def endpoints(site):
    """Anonymous: /health, /ready, cacerts; every /api route asks who you are. The routes are read from the source."""
    with open(os.path.join(ROOT, 'src/service/service.c'), encoding='utf-8') as f:
        routes = re.findall(r'\{ "(GET|POST)", "(/[^"]*)"', f.read())
    check('the routes were found', len(routes) > 20 and ('GET', '/health') in routes)
    for door in ('https', 'console'):
        for method, path in routes:
            path = path.replace('{}', 'gw-02')
            if path in ('/health', '/ready', '/.well-known/est/cacerts'):
                check(f'{door} {path} is open', site.http(door, path)[0] == '200')
            elif path in ('/public', '/api/v1/public'):
                check(f'{door} {path}: nothing before two people signed a statement', site.http(door, path)[0] == '404')
            elif path == '/api/v1/session/challenge':
                status = site.http(door, path, '--data-binary', '{}', method='POST')
                check(f'{door}: a passkey challenge is given to anybody, and is no session', status[0] == '200' and 'challenge' in status[1]
                      and 'session' not in status[1], status)
            elif path.startswith('/api/v1/session'):
                status = site.http(door, path, '--data-binary', '{"token":"' + 'a' * 64 + '"}', method='POST')
                check(f'{door} session: a wrong token is refused', status[0] == '401', status)
            elif path.startswith('/api') or path == '/events':
                status = site.http(door, path, *(['--data-binary', '{}'] if method == 'POST' else []), method=method)
                check(f'{door} {method} {path}: 401 without a session', status[0] == '401', status)
    for door in ('https', 'console', 'est'):
        for path in ('/metrics', '/.well-known/est/simpleenroll', '/api/v1/none', '/../../etc/passwd', '/keys/issuing.key'):
            status = site.http(door, path, '--path-as-is')
            check(f'{door} {path}: nothing for strangers', status[0] in ('401', '404', '405', '400'), status)


def login(site):
    url = site.json('login')['url']
    token = url.split('#')[1]
    use = lambda *more: site.http('console', '/api/v1/session', '-D', site.path('head'), '--data-binary', json.dumps({'token': token}),
                                  *more, method='POST')
    first = use()
    head = text_of(site.path('head'))
    cookie = re.search(r'[Ss]et-[Cc]ookie: (sekimori=[0-9a-f]+)', head)
    check('a login link opens a session', first[0] == '200' and cookie, (first, head))
    check('the cookie is HttpOnly and SameSite', 'HttpOnly' in head and 'SameSite=Strict' in head, head)
    check('with it a view opens', site.http('console', '/api/v1/devices', '-b', cookie.group(1) if cookie else '')[0] == '200')
    check('the link works once', use()[0] == '401')
    check('a page of another origin is refused', site.http('console', '/api/v1/devices', '-b', cookie.group(1) if cookie else '', '-H',
                                                            'Origin: http://evil.example')[0] != '200')


def storm(site, operator):
    """A stranger's failed handshakes while a good client works."""
    total = 10000
    device = site.enrol('dev-good', 'device')
    gateway, sender = device.mqtt(), operator.mqtt('operator-1/storm')
    gateway.subscribe(f'sk/v1/{site.name}/dev-good/cmd/#')
    settled = lambda: (lambda s: {k: s.get(k) for k in ('state', 'exit', 'limits', 'limits_enforced', 'held', 'sentence_en', 'decision')})(site.json('status'))
    before = settled()
    stop, waits, failures = threading.Event(), [], []

    def talk():
        n = 0
        while not stop.is_set():
            n += 1
            began = time.monotonic()
            try:
                reason, _ = sender.publish(f'sk/v1/{site.name}/dev-good/cmd/pump', json.dumps({'do': 'start', 'id': f'storm-{n}'}))
                got = gateway.receive(10, lambda m: f'storm-{n}"' in m[1])
            except (OSError, TimeoutError) as e:
                failures.append(str(e))
                return
            waits.append(time.monotonic() - began)
            if reason or not got:
                failures.append((reason, got))
            stop.wait(0.01)

    context = tls_context(site)

    def knock(i):
        s = socket.create_connection(('127.0.0.1', site.ports['mqtt']), timeout=10)
        try:
            if i % 2:
                s.sendall(os.urandom(64))
                s.recv(64)
            else:
                t = context.wrap_socket(s, server_hostname='localhost')
                t.recv(64)
        except (OSError, ssl.SSLError):
            return 1
        finally:
            s.close()
        return 1

    talker = threading.Thread(target=talk)
    talker.start()
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(knock, range(total), chunksize=50))
    took = time.monotonic() - began
    stop.set()
    talker.join(15)
    note(f'{done} failed handshakes in {took:.1f} s; {len(waits)} command round trips meanwhile, median '
         f'{sorted(waits)[len(waits) // 2] * 1000:.1f} ms, worst {max(waits) * 1000:.1f} ms')
    check(f'{total} strangers were turned away', done == total)
    check('a good client\'s commands went on', not failures and len(waits) > 20, failures[:3])
    check('the worst round trip stayed below three seconds', max(waits) < 3.0, max(waits))  # one machine plays both sides
    after = settled()
    check('status and limits did not move', before == after, (before, after))
    lines = len(site.refusals('tls-handshake')) + len(site.refusals('no-certificate'))
    check('the record holds a handful of lines about it', lines <= 12, lines)
    check('status still answers', site.cli('status').returncode == before['exit'])
    gateway.close()
    sender.close()


def guessing(site):
    codes = []
    token = site.invite('dev-z')
    for i in range(14):
        c = Client(site, f'guess-{i}', token.split('#')[0] + '#' + f'{i:043d}' + '@x')
        codes.append(c.status)
    check('guesses of tokens are capped', codes[0] == '401' and codes[-1] == '429', codes)


def main():
    with Site('mizu') as site:
        site.start()
        site.mission(os.path.join(ROOT, 'examples/water/mission.yaml'))
        device = enrolment(site)
        expired_token(site)
        viewer, operator = site.enrol('watch-1', 'viewer'), site.enrol('operator-1', 'operator')
        words(site, device, viewer)
        since = strangers(site)
        revoked(site)
        endpoints(site)
        login(site)
        counted_later = time.monotonic()
        slow(site, device)
        malformed(site, operator)
        counted(site, max(since, counted_later - 30))
        versions(site)
        storm(site, operator)
        guessing(site)
        check('the record is whole', site.cli('ledger', 'verify').returncode == 0)
    finish()


main()
