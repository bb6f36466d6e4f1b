"""What scenario tests stand on: a real site of real processes in a folder of its own, real third-party clients
against it, TAP out. No mocks, no sleeps for synchronisation: everything is awaited by what can be seen."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(os.environ.get('SEKIMORI_BUILD', os.path.join(ROOT, 'build')), 'src/programs')
PLANT = os.path.join(os.environ.get('SEKIMORI_BUILD', os.path.join(ROOT, 'build')), 'examples/water/sekimori-water-plant')
ROLES = ('mission-owner', 'asset-owner', 'executive')

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


def free_port():
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    port = s.getsockname()[1]
    s.close()
    return port


def run(*argv, timeout=60, **more):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout, **more)


class Site:
    """One site: `sekimori init`, `sekimorid`, people's keys, devices; everything below self.dir."""

    def __init__(self, name='test', host='localhost', listen='127.0.0.1', config=''):
        self.name, self.host = name, host
        self.dir = tempfile.mkdtemp(prefix='sekimori-')
        self.state = os.path.join(self.dir, 'site')
        self.ports = {k: free_port() for k in ('mqtt', 'https', 'est', 'console')}
        self.daemon = None
        self.children = []
        argv = ['init', '--site', name, '--host', host, '--roles', self.path('people'), '--custody', self.path('custody')]
        for k in ('mqtt', 'https', 'est'):
            argv += ['--' + k, f'{listen}:{self.ports[k]}']
        argv += ['--console', f"127.0.0.1:{self.ports['console']}", '--console-dir', '']
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

    def start(self, wait=True):
        log = open(self.path('sekimorid.log'), 'ab')
        self.daemon = subprocess.Popen([os.path.join(BIN, 'sekimorid'), '--state', self.state], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        if wait and not until(self.ready, 20):
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

    def invite(self, who, role='device', group='', model=''):
        r = self.json('invite', 'new', who, '--role', role, '--group', group, '--model', model)
        return r['url']

    def enrol(self, who, role='operator', group='', model=''):
        """Enrols with openssl and curl alone; returns a Client holding key and certificate files."""
        url = self.invite(who, role, group, model)
        return Client(self, who, url)

    def key(self, role):
        return self.path('people', role + '.key')

    def ca(self):
        """The CA as a third party gets it: EST cacerts by curl, PKCS#7 to PEM by openssl."""
        path = self.path('ca.pem')
        if not os.path.exists(path):
            run('sh', '-c', f"curl -fsSk https://localhost:{self.ports['est']}/.well-known/est/cacerts | base64 -d | "
                            f"openssl pkcs7 -inform DER -print_certs -out {path}")
        return path


class Client:
    def __init__(self, site, who, url):
        self.site, self.who = site, who
        self.key, self.cert = site.path(who + '.key'), site.path(who + '.pem')
        token = url.split('#')[1].split('@')[0]
        run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', self.key)
        run('openssl', 'req', '-new', '-key', self.key, '-subj', '/CN=' + who, '-outform', 'DER', '-out', self.key + '.csr')
        body = site.path(who + '.b64')
        with open(body, 'w') as f:
            f.write(run('base64', self.key + '.csr').stdout)
        self.answer = run('curl', '-sS', '--cacert', site.ca(), '-u', 'x:' + token, '-H', 'Content-Type: application/pkcs10',
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
