"""The brokers a measurement compares, on one core, and the generator on the other: a Sekimori site of real processes,
Sekimori's lab (one process, no TLS, judged by grants) and Debian's mosquitto with the same site's certificates."""
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenarios'))
from harness import ROOT, Site, _string, free_port, packet, run, until  # noqa: E402, F401

BUILD = os.environ.get('SEKIMORI_BUILD', os.path.join(ROOT, 'build'))
BENCH = os.path.join(BUILD, 'sekimori-bench')
BROKER_CORE, LOAD_CORE = {0}, {max(os.sched_getaffinity(0))}
SITE = 'bench'
RECORDED, PASSING = f'sk/v1/{SITE}/dev/m/kept', f'sk/v1/{SITE}/dev/m/passing'
LAB_PREFIX = 'sk/v1/lab/dev/m/passing'
CONFIG = '\n[guard]\nconnections = 60000\nper-source = 20000\n'
STREAMS = f"""streams:
  - name: passing
    pattern: sk/v1/{SITE}/+/m/passing/#
    owner: asset-owner
    label: internal
    recorded: false
    fail: pass-flag
"""


def pin(pid, cores):
    for task in os.listdir(f'/proc/{pid}/task'):
        os.sched_setaffinity(int(task), cores)


def files_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Sekimori:
    name = 'sekimori'

    def __init__(self):
        files_limit()
        self.site = Site(SITE, config=CONFIG).start()
        with open(self.site.path('streams.yaml'), 'w', encoding='utf-8') as f:
            f.write(STREAMS)
        r = self.site.cli('stream', 'apply', self.site.path('streams.yaml'))
        if r.returncode:
            raise RuntimeError(r.stdout + r.stderr)
        self.dev, self.view = self.site.enrol('dev', 'device'), self.site.enrol('view', 'viewer')
        for pid in self.pids() + [self.site.daemon.pid]:
            pin(pid, BROKER_CORE)

    def pids(self):
        return [self.site.pid_of(r) for r in ('gate', 'core', 'seal')]

    def args(self, prefix=PASSING, tls=True):
        assert tls, 'a site has no door without TLS'
        return ['--port', self.site.ports['mqtt'], '--ca', self.site.ca(), '--cert', self.dev.cert, '--key', self.dev.key, '--sub-cert',
                self.view.cert, '--sub-key', self.view.key, '--pub-id', 'dev', '--sub-id', 'view', '--prefix', prefix]

    def close(self):
        self.site.close(keep=bool(os.environ.get('SEKIMORI_KEEP')))


class Mosquitto:
    """In memory, without an access list: less work than what it is compared with."""

    def __init__(self, site, nodelay, rules=0):
        files_limit()
        access = site.path(f'mosquitto-{rules}.acl')
        with open(access, 'w', encoding='utf-8') as f:
            f.write(''.join(f'topic readwrite area{n}/#\n' for n in range(rules - 1)) + f'topic readwrite {PASSING}/#\n')
        self.name = 'mosquitto' + (' nodelay' if nodelay else '')
        self.site, self.plain, self.tls = site, free_port(), free_port()
        keys, path = os.path.join(site.state, 'keys'), site.path(f'mosquitto-{int(nodelay)}-{rules}.conf')
        chain = site.path('server-chain.pem')
        with open(chain, 'w', encoding='utf-8') as f:
            f.write(open(os.path.join(keys, 'server.pem')).read() + open(os.path.join(keys, 'issuing.pem')).read())
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f"""user root
persistence false
allow_anonymous true
set_tcp_nodelay {'true' if nodelay else 'false'}
max_inflight_messages 1000
max_queued_messages 100000
log_type error
{'acl_file ' + access if rules else ''}
listener {self.plain} 127.0.0.1
listener {self.tls} 127.0.0.1
cafile {site.ca()}
certfile {chain}
keyfile {os.path.join(keys, 'server.key')}
require_certificate true
tls_version tlsv1.3
ciphers_tls1.3 TLS_AES_128_GCM_SHA256
""")
        self.process = subprocess.Popen(['mosquitto', '-c', path], stdin=subprocess.DEVNULL,
                                        stdout=open(site.path('mosquitto.log'), 'ab'), stderr=subprocess.STDOUT, start_new_session=True)
        pin(self.process.pid, BROKER_CORE)
        if not until(lambda: run('mosquitto_pub', '-p', self.plain, '-t', 'up', '-m', 'x').returncode == 0):
            raise RuntimeError('mosquitto does not start: ' + open(site.path('mosquitto.log')).read()[-500:])

    def pids(self):
        return [self.process.pid]

    def args(self, prefix=PASSING, tls=True):
        dev, view = self.site.path('dev'), self.site.path('view')
        return ['--port', self.tls if tls else self.plain, '--prefix', prefix, '--pub-id', 'dev', '--sub-id', 'view'] + (
            ['--ca', self.site.ca(), '--cert', dev + '.pem', '--key', dev + '.key', '--sub-cert', view + '.pem', '--sub-key',
             view + '.key'] if tls else [])

    def close(self):
        self.process.terminate()
        self.process.wait(20)


class Lab:
    """Gate, exchange and record in one process on loopback, without TLS; every publish and delivery judged by a policy."""
    name = 'lab'

    def __init__(self):
        files_limit()
        self.folder, self.port = tempfile.mkdtemp(prefix='sekimori-'), free_port()
        policy = os.path.join(self.folder, 'policy.json')
        with open(policy, 'w', encoding='utf-8') as f:
            json.dump({'schema': 'sekimori-grants/1', 'site': 'lab', 'grants': [
                {'id': 'all', 'subject': 'any', 'action': ['publish', 'subscribe'], 'stream': ['sk/v1/lab/#']}]}, f)
        self.process = subprocess.Popen([os.path.join(BUILD, 'sekimorid-lab'), str(self.port), '--grants', policy, '--state',
                                         os.path.join(self.folder, 'state'), '--passing', LAB_PREFIX + '/#'], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        if not until(lambda: run('mosquitto_pub', '-p', self.port, '-i', 'up', '-t', LAB_PREFIX + '/up', '-m', 'x').returncode == 0):
            raise RuntimeError('sekimorid-lab does not start')
        pin(self.process.pid, BROKER_CORE)

    def pids(self):
        return [self.process.pid]

    def args(self, prefix=PASSING, tls=False):
        return ['--port', self.port, '--prefix', LAB_PREFIX, '--pub-id', 'dev', '--sub-id', 'view']

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def load(broker, mode, *more, prefix=PASSING, tls=True, timeout=300):
    """One measurement: what the generator says, as a dictionary."""
    argv = [BENCH, mode, '--pids', ','.join(str(p) for p in broker.pids())] + broker.args(prefix, tls) + list(more)
    try:
        r = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout,
                           preexec_fn=lambda: os.sched_setaffinity(0, LOAD_CORE))
    except subprocess.TimeoutExpired:
        return {'good': False, 'why': f'nothing after {timeout} s'}
    try:
        return json.loads(r.stdout)
    except ValueError:
        return {'good': False, 'why': (r.stdout + r.stderr)[-400:]}


def machine():
    model = [x.split(':')[1].strip() for x in open('/proc/cpuinfo') if x.startswith('model name')]
    with open('/etc/os-release', encoding='utf-8') as f:
        system = dict(x.strip().split('=', 1) for x in f if '=' in x)['PRETTY_NAME'].strip('"')
    openssl = run('openssl', 'version').stdout.split()[1]
    return f"{model[0]}, {len(model)} cores, {system}, kernel {os.uname().release.split('-')[0]}, OpenSSL {openssl}"


def quiet():
    """Load average of the last minute: whether others were at work."""
    return os.getloadavg()[0]


def settle(seconds):
    time.sleep(seconds)  # the record's last batches and the brokers' ends of links, before the next is measured
