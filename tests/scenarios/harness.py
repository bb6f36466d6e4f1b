"""What scenario tests stand on: a real site of real processes in a folder of its own, real third-party clients
against it, TAP out. No mocks, no sleeps for synchronisation: everything is awaited by what can be seen."""
import base64
import glob
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('SEKIMORI_BUILD', os.path.join(ROOT, 'build')))
BIN = BUILD
PLANT = os.path.join(BUILD, 'examples/water/sekimori-water-plant')
ROLES = ('mission-owner', 'asset-owner', 'executive')
LONG = bool(os.environ.get('RELEASE'))  # ./check --release: the long regime

_count = [0, 0, 0]  # passed, failed, skipped


def check(claim, good, detail=''):
    _count[0 if good else 1] += 1
    print(f"{'ok' if good else 'not ok'} {sum(_count)} - {claim}{'' if good or not detail else ' # ' + str(detail)[:400]}", flush=True)
    return good


def skip(claim, why):
    _count[2] += 1
    print(f'ok {sum(_count)} - {claim} # SKIP {why}', flush=True)


def note(text):
    print(f'# {text}', flush=True)


def finish():
    print(f'1..{sum(_count)}')
    sys.exit(1 if _count[1] or not sum(_count) else 0)


def until(what, seconds=10.0, every=0.02):
    """Polls what() until it is true; its value, or None when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            return None
        time.sleep(every)


FAKETIME = next(iter(glob.glob('/usr/lib/*/faketime/libfaketime.so.1')), None)


def free_port():
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    port = s.getsockname()[1]
    s.close()
    return port


def run(*argv, timeout=60, **more):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, errors='replace', timeout=timeout, **more)


def receipt(payload):
    """What a device's signed receipt says."""
    try:
        return json.loads(base64.b64decode(json.loads(payload)['payload']))
    except (ValueError, KeyError):
        return {}


def modbus(port, function, address, count):
    """One raw Modbus request to the plant: no agent, no platform in between."""
    with socket.create_connection(('127.0.0.1', port), timeout=5) as s:
        s.sendall(struct.pack('>HHHBBHH', 1, 0, 6, 1, function, address, count))
        answer = s.recv(260)
    if function in (1, 2):
        return [answer[9 + i // 8] >> i % 8 & 1 for i in range(count)]
    return list(struct.unpack(f'>{count}H', answer[9:9 + 2 * count]))


def text_of(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def cbor(b, at=0):
    """(value, where the next begins) of one item of CBOR in its definite forms; a tag is passed over."""
    major, value, at = b[at] >> 5, b[at] & 31, at + 1
    if value > 23:
        n = 1 << value - 24
        value, at = int.from_bytes(b[at:at + n], 'big'), at + n
    if major in (2, 3):
        return (b[at:at + value] if major == 2 else b[at:at + value].decode()), at + value
    if major in (4, 5):
        items = []
        for _ in range(value * (major - 3)):
            item, at = cbor(b, at)
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at
    return (value, at) if major == 0 else (-1 - value, at) if major == 1 else cbor(b, at)


def processes_with(word):
    """Command lines of all processes that name it."""
    found = []
    for pid in os.listdir('/proc'):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                line = f.read().replace(b'\0', b' ').decode(errors='replace')
        except (OSError, ValueError):
            continue
        if word in line and int(pid) != os.getpid():
            found.append(f'{pid} {line}')
    return found


def days_on(days=0, file=None):
    """Environment of a process whose wall clock stands so many days on, or where a file says ("+8d"), which may change."""
    place = {'FAKETIME_TIMESTAMP_FILE': file, 'FAKETIME_NO_CACHE': '1'} if file else {'FAKETIME': f'+{days}d', 'FAKETIME_NO_CACHE': '0'}
    return {'LD_PRELOAD': FAKETIME, 'FAKETIME_DONT_FAKE_MONOTONIC': '1', **place}


class Site:
    """One site: `sekimori init`, `sekimorid`, people's keys, devices; everything below self.dir."""

    def __init__(self, name='test', host='localhost', listen='127.0.0.1', config='', console='', peers=False):
        self.name, self.host = name, host
        self.dir = tempfile.mkdtemp(prefix='sekimori-')
        self.state = os.path.join(self.dir, 'site')
        self.ports = {k: free_port() for k in ('mqtt', 'https', 'est', 'console')}
        self.daemon = None
        self.children = []
        argv = ['init', '--site', name, '--host', host, '--roles', self.path('people'), '--custody', self.path('custody')]
        for k in ('mqtt', 'https', 'est'):
            argv += ['--' + k, f'{listen}:{self.ports[k]}']
        if peers:
            self.ports['peers'] = free_port()
            argv += ['--peers', f"{listen}:{self.ports['peers']}"]
        argv += ['--console', f"127.0.0.1:{self.ports['console']}", '--console-dir', console]
        made = self.cli(*argv)
        if made.returncode:
            raise RuntimeError(made.stderr)
        if config:
            with open(self.path('site/sekimori.conf'), 'a', encoding='utf-8') as f:
                f.write(config)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def cli(self, *argv, timeout=60, stdin=None):
        return run(os.path.join(BIN, 'sekimori'), '--state', self.state, '--lang', 'en', *argv, timeout=timeout, input=stdin)

    def json(self, *argv):
        r = self.cli('-o', 'json', *argv)
        return json.loads(r.stdout) if r.stdout.strip() else None

    def entries(self, kind, what=None):
        """Entries of the record of one kind; of those with this "what" where it is given."""
        rows = self.json('ledger', 'list', '--kind', kind) or []
        return [r for r in rows if what is None or (r.get('payload') or {}).get('what') == what]

    def refusals(self, reason):
        """Audit entries of refusals for this reason: [count, ...]."""
        return [int(r['payload']['count']) for r in self.entries('audit', 'refused') if r['payload']['reason'] == reason]

    def url(self, door, path):
        return f"http{'' if door == 'console' else 's'}://localhost:{self.ports[door]}{path}"

    def http(self, door, path, *more, method='GET'):
        """Status and body as curl saw them; the status is 000 when there was no answer."""
        r = run('curl', '-sS', '-m', '10', '-X', method, *([] if door == 'console' else ['--cacert', self.ca()]), *more,
                '-w', '\n%{http_code}', self.url(door, path))
        body, _, status = r.stdout.rpartition('\n')
        return status, body

    def start(self, wait=True, days=0):
        """days: the wall clock of the daemon stands that many days on."""
        log = open(self.path('sekimorid.log'), 'ab')
        self.daemon = subprocess.Popen([os.path.join(BIN, 'sekimorid'), '--state', self.state], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, start_new_session=True,
                                       env={**os.environ, **(days_on(days) if days else {})})
        if wait and not (until(lambda: self.ready() or self.daemon.poll() is not None, 60) and self.daemon.poll() is None):
            raise RuntimeError('sekimorid does not start: ' + open(self.path('sekimorid.log'), errors='replace').read()[-2000:])
        return self

    def ready(self):
        r = run('curl', '-fsS', '-m', '2', f"http://localhost:{self.ports['console']}/ready")
        return r.returncode == 0

    def stop(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(20)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
        self.daemon = None

    def pid_of(self, role):
        """Process id of gate, core or seal: the daemon's child of that name."""
        out = run('pgrep', '-P', str(self.daemon.pid), '-f', f'sekimorid-{role}').stdout.split()
        return int(out[0]) if out else None

    def spawn(self, *argv, log='child.log'):
        f = open(self.path(log), 'ab')
        p = subprocess.Popen([str(a) for a in argv], stdout=f, stderr=f, stdin=subprocess.DEVNULL, start_new_session=True)
        self.children.append(p)
        return p

    def close(self, keep=False):
        for p in self.children:
            if p.poll() is None:
                p.terminate()
        for p in self.children:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
        self.stop()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close(keep=bool(os.environ.get('SEKIMORI_KEEP')))

    # ---- identities ----

    def invite(self, who, role='device', group='', model='', person=''):
        r = self.json('invite', 'new', who, '--role', role, '--group', group, '--model', model, *(['--person', person] if person else []))
        return r['url']

    def enrol(self, who, role='operator', group='', model='', ak=None, person=''):
        """Enrols with openssl and curl alone; returns a Client holding key and certificate files."""
        url = self.invite(who, role, group, model, person)
        return Client(self, who, url, ak)

    def mission(self, path):
        """Puts a model in force, signed as it must be."""
        out = self.path('mission.json')
        for step in ([['new', path, '--out', out]] + [['sign', out, '--key', self.key(r)] for r in ROLES[:2]] + [['apply', out]]):
            r = self.cli('mission', *step)
            if r.returncode:
                raise RuntimeError(f'mission {step[0]}: {r.stdout}{r.stderr}')

    def key(self, role):
        return self.path('people', role + '.key')

    def ca(self):
        """The CA as a third party gets it: EST cacerts by curl, PKCS#7 to PEM by openssl."""
        path = self.path('ca.pem')
        if not os.path.exists(path):
            run('sh', '-c', f"curl -fsSk https://localhost:{self.ports['est']}/.well-known/est/cacerts | base64 -d | "
                            f"openssl pkcs7 -inform DER -print_certs -out {path}")
        return path


class Demo(Site):
    """The demo itself, in a folder and on ports of its own, with what is already built and without the console."""

    def __init__(self):
        self.name, self.host, self.dir, self.daemon, self.children = 'mizu', 'localhost', tempfile.mkdtemp(prefix='sekimori-demo-'), None, []
        self.folder = self.path('demo')
        self.state = self.path('demo', 'site')
        self.base = self._base()
        self.ports = {'console': self.base, 'mqtt': self.base + 1, 'https': self.base + 2, 'est': self.base + 3, 'plant': self.base + 20}
        os.mkdir(self.path('console'))

    @staticmethod
    def _base():
        for base in range(21000 + os.getpid() % 500 * 40, 60000, 40):
            offsets = (0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 21, 30, 32, 34, 36)
            taken = [socket.socket() for _ in offsets]
            try:
                for s, n in zip(taken, offsets):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(('127.0.0.1', base + n))
                return base
            except OSError:
                continue
            finally:
                for s in taken:
                    s.close()
        raise RuntimeError('no free ports')

    def demo(self, *words, timeout=120):
        env = {**os.environ, 'SEKIMORI_BUILD': BIN, 'SEKIMORI_DEMO_STATE': self.folder,
               'SEKIMORI_DEMO_PORT': str(self.base), 'SEKIMORI_CONSOLE': self.path('console')}
        out = tempfile.TemporaryFile()  # not a pipe: what it starts would hold it open
        p = subprocess.run([os.path.join(ROOT, 'demo'), *words, '--lang', 'en'], cwd=ROOT, env=env, stdout=out, stderr=out,
                           stdin=subprocess.DEVNULL, timeout=timeout)
        out.seek(0)
        p.stdout = out.read().decode(errors='replace')
        return p

    def key(self, role):
        return self.path('demo', 'people', role, role + '.key')

    def close(self, keep=False):
        for p in self.children:
            if p.poll() is None:
                p.kill()
                p.wait()
        self.demo('stop')
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)


class TpmMaker:
    """A maker of software TPMs: its own authority, which certifies the endorsement key of each."""

    def __init__(self, site, name):
        self.dir = site.path('maker-' + name)
        self.roots = self.dir + '/roots.pem'
        os.mkdir(self.dir)
        rows = {'statedir': '', 'signingkey': '/sign.pem', 'issuercert': '/issuer.pem', 'certserial': '/serial'}
        with open(self.dir + '/ca.conf', 'w') as f:
            f.writelines(f'{k} = {self.dir}{v}\n' for k, v in rows.items())
        with open(self.dir + '/options', 'w') as f:
            f.write(f'--platform-manufacturer {name}\n--platform-version 1\n--platform-model one\n')
        with open(self.dir + '/setup.conf', 'w') as f:
            f.write(f'create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {self.dir}/ca.conf\n'
                    f'create_certs_tool_options = {self.dir}/options\n')

    def equip(self, folder):
        r = run('swtpm_setup', '--tpm2', '--tpmstate', folder, '--ecc', '--create-ek-cert', '--config', self.dir + '/setup.conf')
        if r.returncode:
            raise RuntimeError(r.stdout + r.stderr)
        run('cp', self.dir + '/swtpm-localca-rootca-cert.pem', self.roots)
        run('sh', '-c', f'cat {self.dir}/issuer.pem >>{self.roots}')


class Tpm:
    """A software TPM driven by tpm2-tools alone: what an outside maker's device would do."""
    AK = '0x81010002'

    def __init__(self, site, name, keys=True, maker=None):
        self.site, self.dir, self.port = site, site.path('tpm-' + name), self._ports()
        os.mkdir(self.dir)
        if maker:
            maker.equip(self.dir)
        self.tcti = f'swtpm:host=127.0.0.1,port={self.port}'
        site.spawn('swtpm', 'socket', '--tpm2', '--tpmstate', 'dir=' + self.dir, '--server', f'type=tcp,port={self.port},bindaddr=127.0.0.1',
                   '--ctrl', f'type=tcp,port={self.port + 1},bindaddr=127.0.0.1', '--flags', 'not-need-init,startup-clear', log=name + '-tpm.log')
        until(lambda: self.tool('tpm2_getcap', 'properties-fixed').returncode == 0, 10)
        for step in () if not keys else (['tpm2_createek', '-c', self.dir + '/ek.ctx', '-G', 'ecc'],
                     ['tpm2_createak', '-C', self.dir + '/ek.ctx', '-c', self.dir + '/ak.ctx', '-G', 'ecc', '-g', 'sha256', '-s', 'ecdsa',
                      '-u', self.dir + '/ak.pem', '-f', 'pem'], ['tpm2_flushcontext', '-t'],
                     ['tpm2_evictcontrol', '-C', 'o', '-c', self.dir + '/ak.ctx', self.AK], ['tpm2_flushcontext', '-t'],
                     ['tpm2_dictionarylockout', '-s', '-n', '10000', '-t', '1', '-l', '1']):
            r = self.tool(*step)
            if r.returncode:
                raise RuntimeError(f'{step}: {r.stderr}')

    @staticmethod
    def _ports():
        while True:
            port = free_port()
            s = socket.socket()
            try:
                s.bind(('127.0.0.1', port + 1))
                return port
            except OSError:
                continue
            finally:
                s.close()

    def tool(self, *argv):
        return run(*argv, env={**os.environ, 'TPM2TOOLS_TCTI': self.tcti})

    def ak_der(self):
        """The attestation key as the enrolment request carries it."""
        return run('openssl', 'pkey', '-pubin', '-in', self.dir + '/ak.pem', '-outform', 'DER', '-out', self.dir + '/ak.der') and \
            run('base64', '-w0', self.dir + '/ak.der').stdout

    def boot(self, image):
        """Power off and on, then measure the image into PCR 8."""
        self.tool('tpm2_shutdown', '-c')
        run('swtpm_ioctl', '--tcp', f'127.0.0.1:{self.port + 1}', '-i')
        self.tool('tpm2_startup', '-c')
        digest = run('sha256sum', image).stdout.split()[0]
        return self.tool('tpm2_pcrextend', '8:sha256=' + digest).returncode == 0

    def evidence(self, nonce):
        """Evidence as JSON for a challenge's nonce."""
        r = self.tool('tpm2_quote', '-c', self.AK, '-l', 'sha256:8', '-q', nonce, '-m', self.dir + '/m', '-s', self.dir + '/s')
        if r.returncode:
            raise RuntimeError(r.stderr)
        part = lambda name: run('base64', '-w0', self.dir + name).stdout
        return json.dumps({'nonce': nonce, 'quote': part('/m'), 'signature': part('/s')})


class Client:
    def __init__(self, site, who, url, ak=None):
        self.site, self.who = site, who
        self.key, self.cert = site.path(who + '.key'), site.path(who + '.pem')
        token = url.split('#')[1].split('@')[0]
        run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', self.key)
        run('openssl', 'req', '-new', '-key', self.key, '-subj', '/CN=' + who, '-outform', 'DER', '-out', self.key + '.csr')
        body = site.path(who + '.b64')
        with open(body, 'w') as f:
            f.write(run('base64', self.key + '.csr').stdout)
        self.answer = run('curl', '-sS', '--cacert', site.ca(), '-u', 'x:' + token, '-H', 'Content-Type: application/pkcs10',
                          *(['-H', 'Sekimori-AK: ' + ak] if ak else []),
                          '--data-binary', '@' + body, '-o', self.cert + '.b64', '-w', '%{http_code}',
                          f"https://localhost:{site.ports['est']}/.well-known/est/simpleenroll")
        self.status = self.answer.stdout
        if self.status == '200':
            run('sh', '-c', f'base64 -d {self.cert}.b64 | openssl pkcs7 -inform DER -print_certs -out {self.cert}')

    def args(self):
        return ['-h', 'localhost', '-p', str(self.site.ports['mqtt']), '--cafile', self.site.ca(), '--cert', self.cert,
                '--key', self.key, '-i', self.who]

    def pub(self, topic, payload, *more, timeout=20):
        return run('mosquitto_pub', *self.args(), '-t', topic, '-m', payload, *more, timeout=timeout)

    def sub(self, topic, *more, timeout=20):
        return run('mosquitto_sub', *self.args(), '-t', topic, *more, timeout=timeout)

    def sub_start(self, topic, *more, log):
        return self.site.spawn('mosquitto_sub', *self.args(), '-t', topic, *more, log=log)

    def mqtt(self, client_id=None, **more):
        return Mqtt(self.site, self, client_id, **more)


def tls_context(site, client=None):
    c = ssl.create_default_context(cafile=site.ca())
    if client:
        c.load_cert_chain(client.cert, client.key)
    return c


def tls_socket(site, client=None, door='mqtt', timeout=10):
    raw = socket.create_connection(('127.0.0.1', site.ports[door]), timeout=timeout)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls_context(site, client).wrap_socket(raw, server_hostname='localhost')


def closed_by_peer(sock, seconds):
    """Seconds until the other end closed, None when it did not in time. What arrives meanwhile is dropped."""
    began = time.monotonic()
    while True:
        left = seconds - (time.monotonic() - began)
        if left <= 0:
            return None
        sock.settimeout(left)
        try:
            if not sock.recv(65536):
                return time.monotonic() - began
        except (TimeoutError, ssl.SSLWantReadError):
            return None
        except (OSError, ssl.SSLError):
            return time.monotonic() - began


def _string(text):
    b = text.encode() if isinstance(text, str) else text
    return struct.pack('>H', len(b)) + b


def _varint(b, at):
    value, shift = 0, 0
    while True:
        value |= (b[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if not b[at - 1] & 128:
            return value, at


def packet(first, body):
    n, length = len(body), b''
    while True:
        length += bytes([n % 128 | (128 if n > 127 else 0)])
        n //= 128
        if not n:
            return bytes([first]) + length + body


class Mqtt:
    """A plain client of our own for what mosquitto's tools cannot show: reasons of single packets, broken
    packets, exact instants. Speaks 5 unless told otherwise."""

    def __init__(self, site, client, client_id=None, version=5, keep_alive=60, greet=True):
        self.version, self.buffer, self.next_id = version, b'', 0
        self.sock = tls_socket(site, client)
        self.messages = []  # (topic, payload, properties, instant)
        if greet:
            self.send(self.connect_packet(client_id if client_id is not None else client.who, keep_alive))
            self.connack = self.expect(2)
            if self.connack[1][1]:
                raise ConnectionRefusedError(f'CONNACK {self.connack[1][1]:#x}')

    def connect_packet(self, client_id, keep_alive=60):
        return packet(0x10, _string('MQTT') + bytes([self.version, 2]) + struct.pack('>H', keep_alive)
                      + (b'\0' if self.version == 5 else b'') + _string(client_id))

    def send(self, b):
        self.sock.sendall(b)

    def read(self, timeout=10):
        """One packet: (first byte, body), None when it does not come in time; ConnectionError at the end."""
        end = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 2 and (len(self.buffer) > 4 or not self.buffer[1] & 128):
                n, at = _varint(self.buffer, 1)
                if len(self.buffer) >= at + n:
                    first, body = self.buffer[0], self.buffer[at:at + n]
                    self.buffer = self.buffer[at + n:]
                    return first, body
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.sock.settimeout(left)
            try:
                got = self.sock.recv(65536)
            except TimeoutError:
                return None
            if not got:
                raise ConnectionError('closed')
            self.buffer += got

    def expect(self, kind, timeout=10):
        """Next packet of this type; messages that come first are kept (and acknowledged)."""
        end = time.monotonic() + timeout
        while True:
            p = self.read(max(0.001, end - time.monotonic()))
            if p is None:
                raise TimeoutError(f'no packet {kind}')
            if p[0] >> 4 == 3:
                self._message(p)
            if p[0] >> 4 == kind:
                return p

    def _message(self, p):
        n = struct.unpack('>H', p[1][:2])[0]
        topic, at, properties = p[1][2:2 + n].decode(), 2 + n, b''
        if p[0] >> 1 & 3:
            self.send(packet(0x40, p[1][at:at + 2]))
            at += 2
        if self.version == 5:
            n, at = _varint(p[1], at)
            properties, at = p[1][at:at + n], at + n
        self.messages.append((topic, p[1][at:].decode(errors='replace'), properties, time.time()))

    def publish(self, topic, payload, retain=False):
        """QoS 1: (reason code, reason string)."""
        self.next_id = self.next_id % 65535 + 1
        self.send(packet(0x32 | retain, _string(topic) + struct.pack('>H', self.next_id)
                         + (b'\0' if self.version == 5 else b'') + payload.encode()))
        body = self.expect(4)[1]
        if len(body) < 3:
            return 0, ''
        words = ''
        if len(body) > 4:
            n, at = _varint(body, 3)
            properties = body[at:at + n]
            if properties[:1] == b'\x1f':
                words = properties[3:3 + struct.unpack('>H', properties[1:3])[0]].decode()
        return body[2], words

    def subscribe(self, topic, qos=1):
        self.next_id = self.next_id % 65535 + 1
        self.send(packet(0x82, struct.pack('>H', self.next_id) + (b'\0' if self.version == 5 else b'')
                         + _string(topic) + bytes([qos])))
        body = self.expect(9)[1]
        self.suback_reason = body[2:-1].decode('utf-8', 'replace')  # properties and all
        return body[-1]

    def receive(self, seconds=5, want=None):
        """The next message (that want() agrees to), None when none comes in time."""
        end = time.monotonic() + seconds
        while True:
            while self.messages:
                m = self.messages.pop(0)
                if want is None or want(m):
                    return m
            p = self.read(max(0.001, end - time.monotonic()))
            if p is None:
                return None
            if p[0] >> 4 == 3:
                self._message(p)

    def ping(self):
        self.send(b'\xc0\0')
        return self.expect(13) is not None

    def close(self):
        try:
            self.send(b'\xe0\0')
        except OSError:
            pass
        self.sock.close()
