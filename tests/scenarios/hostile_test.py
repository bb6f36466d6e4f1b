"""What one party can do to the whole site: a key enrolled twice, a change that does not apply, a seal that does not
answer, a reader of the local socket that does not read. The site goes on, and starts again."""
import base64
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

from harness import Site, Tpm, _string, check, finish, note, packet, run, until


def enrol(site, who, key):
    """Simple enrolment with a key of the caller's choice; the status."""
    url = site.invite(who)
    token = url.split('#')[1].split('@')[0]
    request = subprocess.run(['openssl', 'req', '-new', '-key', key, '-subj', '/CN=x', '-outform', 'DER'], capture_output=True).stdout
    return site.http('est', '/.well-known/est/simpleenroll', '-u', 'x:' + token, '-H', 'Content-Type: application/pkcs10',
                     '--data-binary', base64.b64encode(request).decode(), method='POST')[0]


def local(site, method, path, body=''):
    """A request to the control socket, as root's own program would send it; the status."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(site.path('site', 'run', 'control.sock'))
    s.sendall(f'{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}'.encode())
    answer = b''
    while part := s.recv(65536):
        answer += part
    return int(answer.split()[1]), answer


def longest(site, n=30):
    """Longest of n requests at the console door, in seconds."""
    worst = 0.0
    for _ in range(n):
        began = time.monotonic()
        site.ready()
        worst = max(worst, time.monotonic() - began)
        time.sleep(0.05)
    return worst


def starts_again(site):
    site.stop()
    site.start(wait=False)
    return until(site.ready, 15)


def what_does_not_apply(site):
    key = site.path('one.key')
    run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
    check('a first device enrols with its key', enrol(site, 'first', key) == '200')
    check('a second name with the same key is refused', enrol(site, 'second', key) == '409')
    check('a broken stream is refused', local(site, 'POST', '/api/v1/streams', '{"name":"x","pattern":"a/#/b"}')[0] == 400)
    check('a stream with an unknown key is refused', local(site, 'POST', '/api/v1/streams', '{"name":"y","pattern":"a/b","bogus":1}')[0] == 400)
    keys = [r['payload'].get('id') for r in site.entries('identity')]
    streams = [r['payload'].get('name') for r in site.entries('stream')]
    check('nothing of what was refused is recorded', keys == ['first'] and not {'x', 'y'} & set(streams), (keys, streams))
    check('the site starts again on its record', starts_again(site), site.path('sekimorid.log'))


def heads(site):
    with open(site.path('site', 'ledger', 'checkpoint'), encoding='utf-8') as f:
        return int(f.read().split('\n')[1])


def silent_seal(site):
    seal = site.pid_of('seal')
    os.kill(seal, signal.SIGSTOP)
    for i in range(3):
        site.invite(f'more-{i}')
    check('an enrolment is refused while the seal does not answer', enrol(site, 'late', new_key(site, 'late')) != '200')
    worst = longest(site)
    note(f'worst answer with a stopped seal: {worst:.2f} s')
    check('the core does not stand still for more than a second', worst < 1.0, worst)
    os.kill(seal, signal.SIGCONT)
    client = until(lambda: honest(site), 20, 1.0)
    check('the seal answers again: a certificate is for the key that asked', client)
    site.invite('last')
    size = (site.json('ledger', 'status') or {}).get('size') or heads(site)
    check('heads are published again', until(lambda: heads(site) >= size, 15), (heads(site), size))


def new_key(site, name):
    key = site.path(name + '.own.key')
    run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
    return key


_names = iter(f'honest-{i}' for i in range(100))


def honest(site):
    """Enrols by a third party's tools; is the certificate for its own key?"""
    name = next(_names)
    key = new_key(site, name)
    url = site.invite(name)
    request = subprocess.run(['openssl', 'req', '-new', '-key', key, '-subj', '/CN=x', '-outform', 'DER'], capture_output=True).stdout
    status, body = site.http('est', '/.well-known/est/simpleenroll', '-u', 'x:' + url.split('#')[1].split('@')[0], '-H',
                             'Content-Type: application/pkcs10', '--data-binary', base64.b64encode(request).decode(), method='POST')
    if status != '200':
        return None
    p7 = subprocess.run(['openssl', 'pkcs7', '-inform', 'DER', '-print_certs'], input=base64.b64decode(body), capture_output=True).stdout
    mine = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout'], capture_output=True).stdout
    theirs = subprocess.run(['openssl', 'x509', '-noout', '-pubkey'], input=p7, capture_output=True).stdout
    return mine == theirs and re.search(rb'CN ?= ?' + name.encode(), p7)


def slow_reader(site):
    """Answers larger than a socket holds, to readers that do not read."""
    for i in range(1500):
        local(site, 'POST', '/api/v1/streams', '{"name":"s-%d","pattern":"sk/v1/%s/+/m/%s/%d"}' % (i, site.name, 'x' * 90, i))
    lazy = []
    for _ in range(8):
        s = socket.socket(socket.AF_UNIX)
        s.connect(site.path('site', 'run', 'control.sock'))
        s.sendall(b'GET /api/v1/streams HTTP/1.1\r\nHost: localhost\r\n\r\n')
        lazy.append(s)
    whole = local(site, 'GET', '/api/v1/streams')[1]
    check('the answer is larger than what a socket holds', len(whole) > 300000, len(whole))
    worst = longest(site, 10)
    check('readers that do not read keep nobody waiting', worst < 1.0, worst)
    got = b''
    lazy[0].settimeout(5)
    while part := lazy[0].recv(65536):
        got += part
    length = int(re.search(rb'Content-Length: (\d+)', got)[1])
    check('one that reads late gets all of it', len(got.partition(b'\r\n\r\n')[2]) == length, len(got))
    for s in lazy:
        s.close()


def made_up_topics(site):
    """One device publishes under thousands of names of its own; another has one reading."""
    loud, quiet = site.enrol('loud', 'device'), site.enrol('quiet', 'device')
    link = loud.mqtt()
    for i in range(4500):
        link.publish(f'sk/v1/{site.name}/loud/m/made-up-{i}', '1')
    quiet.pub(f'sk/v1/{site.name}/quiet/m/level', '42', '-q', '1')
    shown = until(lambda: b'quiet/m/level' in local(site, 'GET', '/api/v1/readings')[1], 5)
    check("one device's made-up topics do not keep another's reading off the page", shown)


def evidence_without_end(site):
    """A device that asks for challenges and answers them with nothing, as fast as it can."""
    key = new_key(site, 'ak')
    der = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-outform', 'DER'], capture_output=True).stdout
    link = site.enrol('eager', 'device', ak=base64.b64encode(der).decode()).mqtt()
    topic = f'sk/v1/{site.name}/eager/att/'
    before, began, rounds = len(site.entries('evidence')), time.monotonic(), 0
    while time.monotonic() - began < 3:
        link.subscribe(topic + 'challenge')
        link.publish(topic + 'evidence', '{}')
        rounds += 1
    written = len(site.entries('evidence')) - before
    check('a device cannot fill the record with its evidence', 0 < written <= 20, f'{written} entries, {rounds} rounds')


def trust_of(site, who):
    row = next(r for r in site.cli('device', 'list').stdout.split('\n') if r.startswith(who))
    return row.split()[3]


def a_fresh_certificate(site):
    site.enrol('held-back', 'device')
    site.cli('device', 'quarantine', 'held-back', '--reason', 'seen at the wrong place')
    check('a device in quarantine enrols again', site.enrol('held-back', 'device').status == '200')
    check('a fresh certificate does not lift an ordered quarantine', trust_of(site, 'held-back') == 'quarantined')
    check('nor does a restart', starts_again(site) and trust_of(site, 'held-back') == 'quarantined')


def questions_without_answers(site):
    """A device that was attested asks for new questions by AUTH before the last one's time is over, and answers none."""
    image, reference = site.path('firmware.img'), site.path('reference.json')
    with open(image, 'wb') as f:
        f.write(b'release 1' * 100)
    tpm = Tpm(site, 'silent')
    tpm.boot(image)
    site.cli('device', 'reference', '--model', 'm-1', '--version', '1', '--image', image, '--out', reference)
    site.cli('device', 'sign', reference, '--key', site.key('asset-owner'))
    site.cli('device', 'apply', reference)
    link = site.enrol('silent', 'device', model='m-1', ak=tpm.ak_der()).mqtt(greet=False)
    method = b'\x15' + _string('sekimori-attest')
    method = bytes([len(method)]) + method
    link.send(packet(0x10, _string('MQTT') + bytes([5, 2]) + struct.pack('>H', 60) + method + _string('silent')))
    link.expect(2)
    topic = f'sk/v1/{site.name}/silent/att/'
    link.subscribe(topic + 'challenge')
    link.publish(topic + 'evidence', tpm.evidence(json.loads(link.receive(5)[1])['nonce']))
    check('its quote is good', until(lambda: trust_of(site, 'silent') == 'attested', 5))
    began = time.monotonic()
    while time.monotonic() - began < 16 and trust_of(site, 'silent') == 'attested':
        try:
            link.send(packet(0xF0, b'\x19' + method))
            link.receive(2)
        except OSError:  # its time was over and the link was closed
            break
    check('who only asks for questions is not attested for ever', until(lambda: trust_of(site, 'silent') != 'attested', 3))


with Site('hostile') as one:
    one.start()
    what_does_not_apply(one)
    silent_seal(one)
    slow_reader(one)
    made_up_topics(one)
    evidence_without_end(one)
    a_fresh_certificate(one)
    questions_without_answers(one)
finish()
