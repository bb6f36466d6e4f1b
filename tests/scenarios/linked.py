"""What scenarios of linked systems share: two sites with cards and agreements, a contractor's broker, devices and viewers that keep
their own book, and network namespaces with a line between them that can be cut."""
import contextlib
import ctypes
import json
import os
import struct
import threading
import time

from harness import ROLES, ROOT, Mqtt, _string, check, free_port, packet, run, until


def write(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return path


def peers(site):
    return site.json('peer', 'list') or []


def peer(site, name=None):
    return next((p for p in peers(site) if name in (None, p['peer'])), {})


def flow(site, name):
    return next((f for p in peers(site) for f in p['flows'] if f['flow'] == name), {})


def live(site):
    return bool(peers(site)) and all(f['state'] == 'live' for p in peers(site) for f in p['flows'])


def cards(mizu, kawa, host='localhost'):
    ours, theirs = mizu.path('mizu.card'), mizu.path('kawa.card')
    check('a card of each site', mizu.cli('peer', 'invite', '--out', ours).returncode == 0
          and kawa.cli('peer', 'invite', '--listen', f"{host}:{kawa.ports['peers']}", '--out', theirs).returncode == 0)
    codes = [mizu.cli('peer', 'accept', theirs, '--ours', ours).stdout.split('\n')[0].split(), kawa.cli('peer', 'accept', ours, '--ours', theirs).stdout.split('\n')[0].split()]
    check('both sides show the same code, whoever asks', codes[0][1] == codes[1][1] and codes[0][0] == 'kawa' and codes[1][0] == 'mizu', codes)
    return codes[0][1], ours, theirs


def accept(mizu, kawa, code, ours, theirs):
    good = [s.cli('peer', 'accept', card, '--ours', own, '--code', code) for s, card, own in ((mizu, theirs, ours), (kawa, ours, theirs))]
    check('accepted by the code', all(g.returncode == 0 for g in good), good[0].stderr)


def sign(site, path):
    """Both owners sign what a file says, and it is in force; what was refused, otherwise."""
    r = site.cli('peer', 'new', path, '--out', path + '.json')
    for role in ROLES[:2]:
        site.cli('peer', 'sign', path + '.json', '--key', site.key(role))
    return r if r.returncode else site.cli('peer', 'apply', path + '.json')


def agree(site, name, change=()):
    """An agreement of examples/water, changed."""
    with open(os.path.join(ROOT, 'examples/water', name), encoding='utf-8') as f:
        text = f.read()
    for old, new in change:
        assert old in text, old
        text = text.replace(old, new)
    return sign(site, write(site.path(name), text))


class Broker:
    """The contractor's mosquitto, with its own CA and a password for us (user mizu)."""

    def __init__(self, site, host='localhost', listen='127.0.0.1'):
        self.site, self.host, self.port = site, host, free_port()
        at = lambda name: site.path('vendor-' + name)
        self.ca, self.log = at('ca.pem'), at('log')
        run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('ca.key'),
            '-out', self.ca, '-subj', '/CN=Vendor CA', '-days', '30')
        run('openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('key'), '-out', at('csr'),
            '-subj', '/CN=localhost')
        also = '' if listen == '127.0.0.1' else ',IP:' + host
        write(at('ext'), f'subjectAltName=DNS:localhost,IP:127.0.0.1{also}\nextendedKeyUsage=serverAuth\n')
        run('openssl', 'x509', '-req', '-in', at('csr'), '-CA', self.ca, '-CAkey', at('ca.key'), '-CAcreateserial', '-out', at('pem'),
            '-days', '20', '-extfile', at('ext'))
        run('mosquitto_passwd', '-b', '-c', at('pw'), 'mizu', 'secret')
        run('mosquitto_passwd', '-b', at('pw'), 'vendor', 'other')
        write(at('conf'), f"listener {self.port} {listen}\ncafile {self.ca}\ncertfile {at('pem')}\nkeyfile {at('key')}\n"
              f"allow_anonymous false\npassword_file {at('pw')}\nmax_queued_messages 100000\nuser root\nlog_type subscribe\nlog_type notice\n")
        self.conf, self.process = at('conf'), None

    def start(self):
        self.process = self.site.spawn('mosquitto', '-c', self.conf, log='vendor-log')
        return until(lambda: self.pub('probe', 'x').returncode == 0, 20)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def args(self):
        return ['-h', 'localhost', '-p', str(self.port), '--cafile', self.ca, '-u', 'vendor', '-P', 'other']

    def pub(self, topic, payload, *more):
        return run('mosquitto_pub', *self.args(), '-t', topic, '-m', payload, *more)

    def burst(self, topic, lines, qos=0):
        return run('mosquitto_pub', *self.args(), '-t', topic, '-l', '-q', str(qos), input='\n'.join(lines) + '\n')

    def listen(self, topic, log):
        self.site.spawn('mosquitto_sub', *self.args(), '-i', 'watch-' + log, '-c', '-q', '1', '-t', topic, log=log)
        return until(lambda: f'watch-{log} 1 {topic}' in open(self.log, errors='replace').read(), 15)

    def got(self, log):
        with open(self.site.path(log), encoding='utf-8') as f:
            return [json.loads(x) for x in f.read().split('\n') if x.startswith('{')]

    def text(self, into, *more, site=None):
        """The agreement with it, as examples/water has it, for this site."""
        site = site or self.site.name
        with open(os.path.join(ROOT, 'examples/water/vendor-cloud.yaml'), encoding='utf-8') as f:
            text = f.read()
        with open(self.ca, encoding='utf-8') as f:
            ca = '|\n' + ''.join('    ' + line for line in f)
        rows = [('mizu/', 'far/'), ('sk/v1/far/', f'sk/v1/{site}/'), ('site: mizu', 'site: ' + site), ('port: PORT', f'port: {self.port}'), ('ca: CA', 'ca: ' + ca),
                ('host: 127.0.0.1', 'host: ' + self.host), ('gw-02/cmd/pump', 'pump-01/cmd/pump'), *more]
        for old, new in rows:
            assert old in text, old
            text = text.replace(old, new)
        return write(into, text)


class Sender(threading.Thread):
    """A device that numbers its readings and sends each until it is acknowledged."""

    def __init__(self, site, client, topic, gap, there=contextlib.nullcontext, beside=''):
        super().__init__(daemon=True)
        self.site, self.client, self.topic, self.gap, self.there, self.beside = site, client, topic, gap, there, beside
        self.tried, self.sent, self.over = [], [], False

    def run(self):
        with self.there():
            self.send()

    def send(self):
        n, link = 0, None
        while not self.over:
            try:
                link = link or self.client.mqtt()
                t = int(time.time() * 1000)
                self.tried.append(t)
                if link.publish(self.topic, json.dumps({'n': n, 't': t, 'u': 'm', 'v': n % 90}))[0] < 0x80:
                    self.sent.append(t)
                    n += 1
                    if self.beside:  # a topic that no flow names
                        link.publish(self.beside, json.dumps({'private': n}))
                    time.sleep(self.gap)
            except OSError:
                link = None
                time.sleep(0.05)


class Lasting(Mqtt):
    """A session of an hour: what was not acknowledged comes again after whatever ended the link."""

    def connect_packet(self, client_id, keep_alive=5):
        return packet(0x10, _string('MQTT') + bytes([5, 0]) + struct.pack('>HBBI', keep_alive, 5, 0x11, 3600) + _string(client_id))


class Reader(threading.Thread):
    """A viewer of one filter: what it got of it, in its order."""

    def __init__(self, site, name, topic, role='viewer', there=contextlib.nullcontext):
        super().__init__(daemon=True)
        self.site, self.client, self.topic, self.there, self.rows, self.over = site, site.enrol(name, role), topic, there, [], False
        self.link = Lasting(site, self.client)
        self.link.subscribe(topic)
        self.start()

    @property
    def got(self):
        return [t for _, t, _ in list(self.rows)]

    def of(self, topic):
        return [t for name, t, _ in list(self.rows) if name == topic]

    def run(self):
        with self.there():
            self.read()

    def read(self):
        while not self.over:
            try:
                self.link = self.link or Lasting(self.site, self.client)
                m = self.link.receive(1)
                if m:
                    body = json.loads(m[1])
                    self.rows.append((m[0], body.get('t') if isinstance(body, dict) else None, body))
                else:
                    self.link.ping()
            except (OSError, TimeoutError):
                self.link = None
                time.sleep(0.05)


def first_seen(rows):
    return list(dict.fromkeys(rows))


class Line:
    """Two network namespaces and one line between them, in a block no network uses (RFC 2544). why is said where none can be made."""

    def __init__(self):
        self.names = [f'sk-{os.getpid()}{side}' for side in 'ab']
        self.ends = [f'sk{os.getpid()}{side}' for side in 'ab']
        n = os.getpid() % 16384 * 4
        self.hosts = [f'198.{18 + n // 65536}.{n // 256 % 256}.{n % 256 + k}' for k in (1, 2)]
        self.why = ''

    def ip(self, *argv, side=None):
        r = run('ip', *(['-n', self.names[side]] if side is not None else []), *argv)
        if r.returncode and not self.why:
            self.why = f"ip {' '.join(argv)}: {r.stderr.strip()}"
        return r.returncode == 0

    def __enter__(self):
        try:
            for side in (0, 1):
                self.ip('netns', 'add', self.names[side]) and self.ip('link', 'set', 'lo', 'up', side=side)
            if not self.why:
                self.ip('link', 'add', self.ends[0], 'netns', self.names[0], 'type', 'veth', 'peer', 'name', self.ends[1], 'netns', self.names[1])
            for side in (0, 1):
                if not self.why:
                    self.ip('addr', 'add', self.hosts[side] + '/30', 'dev', self.ends[side], side=side)
                    self.ip('link', 'set', self.ends[side], 'up', side=side)
            if not self.why:
                with self.at(0):
                    pass
        except OSError as e:
            self.why = self.why or str(e)
        return self

    def __exit__(self, *_):
        for name in self.names:
            run('ip', 'netns', 'del', name)

    def cut(self):
        return self.ip('link', 'set', self.ends[0], 'down', side=0)

    def mend(self):
        return self.ip('link', 'set', self.ends[0], 'up', side=0)

    @contextlib.contextmanager
    def at(self, side):
        """This thread, and what it starts, stands there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open('/proc/thread-self/ns/net') as home, open('/run/netns/' + self.names[side]) as there:
            if libc.setns(there.fileno(), 0x40000000):
                raise OSError(ctypes.get_errno(), 'setns')
            try:
                yield
            finally:
                libc.setns(home.fileno(), 0x40000000)
