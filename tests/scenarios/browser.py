"""A real Chromium on a pipe, without a network of its own: what an auditor's locked PC is. No library: the DevTools protocol as JSON."""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')


class Browser:
    def __init__(self, url, lang='en'):
        self.dir = tempfile.mkdtemp(prefix='sekimori-browser-')
        to_r, self.to = os.pipe()
        self.of, of_w = os.pipe()
        alone = ['unshare', '-n'] if os.geteuid() == 0 and subprocess.run(['unshare', '-n', 'true'], capture_output=True).returncode == 0 else []
        self.cut_off = bool(alone)

        def fds():
            a, b = os.dup(to_r), os.dup(of_w)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.log = open(os.path.join(self.dir, 'log'), 'wb')
        self.process = subprocess.Popen(
            alone + [CHROMIUM, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-pipe',
                     '--lang=' + lang, '--accept-lang=' + lang, '--user-data-dir=' + self.dir + '/profile', 'about:blank'],
            preexec_fn=fds, close_fds=False, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        os.close(to_r)
        os.close(of_w)
        self.n, self.left, self.events, self.session = 0, b'', [], None
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network', 'DOM'):
            self.call(domain + '.enable')
        self.call('Page.navigate', url=url)

    def _read(self, deadline):
        while b'\0' not in self.left:
            wait = deadline - time.monotonic()
            if wait <= 0 or not select.select([self.of], [], [], wait)[0]:
                raise TimeoutError('the browser does not answer')
            got = os.read(self.of, 1 << 16)
            if not got:
                raise EOFError('the browser ended: ' + open(self.dir + '/log', errors='replace').read()[-400:])
            self.left += got
        one, _, self.left = self.left.partition(b'\0')
        return json.loads(one)

    def call(self, method, **params):
        self.n += 1
        ask = {'id': self.n, 'method': method, 'params': params, **({'sessionId': self.session} if self.session else {})}
        data = json.dumps(ask).encode() + b'\0'
        while data:
            data = data[os.write(self.to, data):]
        deadline = time.monotonic() + 60
        while True:
            m = self._read(deadline)
            if m.get('id') == self.n:
                if 'error' in m:
                    raise RuntimeError(f"{method}: {m['error']}")
                return m['result']
            self.events.append(m)

    def eval(self, expression):
        r = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        return r['result'].get('value')

    def choose(self, selector, path):
        """A person picks a file."""
        node = self.call('DOM.querySelector', nodeId=self.call('DOM.getDocument')['root']['nodeId'], selector=selector)['nodeId']
        self.call('DOM.setFileInputFiles', nodeId=node, files=[path])

    def requests(self):
        return [e['params']['request']['url'] for e in self.events if e['method'] == 'Network.requestWillBeSent']

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.of)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
