#!/usr/bin/env python3
"""README's step three across a real (virtual) network: three hosts as network namespaces on one bridge. The commands
are those of README.md, word for word but for the folders. Then what people see when a port or the site is not there."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

from harness import BIN, ROOT, check, finish, note, run, skip, text_of, until

TAG = f'sk{os.getpid() % 100000}'
HOSTS = {'site': '192.0.2.10', 'device': '192.0.2.20', 'office': '192.0.2.30'}
SWITCH = TAG + '-switch'


def ip(*argv):
    return run('ip', *argv)


def build_network():
    """A bridge in a namespace of its own, one namespace for each host; False where the system does not let us."""
    if os.geteuid() != 0 or not shutil.which('ip'):
        return False
    if ip('netns', 'add', SWITCH).returncode:
        return False
    steps = [['-n', SWITCH, 'link', 'add', 'br0', 'type', 'bridge'], ['-n', SWITCH, 'link', 'set', 'br0', 'up']]
    for host, address in HOSTS.items():
        ns = f'{TAG}-{host}'
        steps += [['netns', 'add', ns], ['link', 'add', 'eth0', 'netns', ns, 'type', 'veth', 'peer', 'name', host, 'netns', SWITCH],
                  ['-n', SWITCH, 'link', 'set', host, 'master', 'br0'], ['-n', SWITCH, 'link', 'set', host, 'up'],
                  ['-n', ns, 'address', 'add', address + '/24', 'dev', 'eth0'], ['-n', ns, 'link', 'set', 'eth0', 'up'],
                  ['-n', ns, 'link', 'set', 'lo', 'up']]
    for step in steps:
        r = ip(*step)
        if r.returncode:
            note(f'ip {" ".join(step)}: {r.stderr.strip()}')
            return False
    return True


def remove_network():
    for ns in [SWITCH] + [f'{TAG}-{h}' for h in HOSTS]:
        ip('netns', 'delete', ns)


class Host:
    def __init__(self, name, folder):
        self.name, self.dir, self.children = name, os.path.join(folder, name), []
        self.prefix = ['ip', 'netns', 'exec', f'{TAG}-{name}']
        os.makedirs(self.dir)
        self.env = {**os.environ, 'PATH': BIN + ':' + os.environ['PATH'], 'LC_ALL': 'C', 'LANG': 'C'}

    def run(self, *argv, timeout=60):
        return run(*self.prefix, *argv, env=self.env, cwd=self.dir, timeout=timeout)

    def shell(self, line, timeout=60):
        return self.run('sh', '-c', line, timeout=timeout)

    def spawn(self, line, log):
        f = open(os.path.join(self.dir, log), 'ab')
        p = subprocess.Popen([*self.prefix, 'sh', '-c', 'exec ' + line], env=self.env, cwd=self.dir, stdout=f, stderr=f, stdin=subprocess.DEVNULL)
        self.children.append(p)
        return p

    def log(self, name):
        return text_of(os.path.join(self.dir, name))

    def close(self):
        for p in self.children:
            p.terminate()
        for p in self.children:
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()


def blocks():
    """The shell lines of README's step three."""
    part = text_of(os.path.join(ROOT, 'README.md')).split('## Step three')[1].split('\n## ')[0]
    lines = [x for b in re.findall(r'```sh\n(.*?)```', part, re.S) for x in b.splitlines() if x.strip()]
    return [re.sub(r'\s{2,}#.*', '', x) for x in lines]


def line_with(lines, word):
    found = [x for x in lines if word in x]
    assert len(found) == 1, (word, lines)
    return found[0]


def localised(host, line):
    """The README's folders, inside this test's own."""
    for folder, to in (('/var/lib/sekimori-agent', 'agent'), ('/var/lib/sekimori', 'state'), ('/root/roles', 'roles'), ('/root/custody', 'custody')):
        line = line.replace(folder, os.path.join(host.dir, to))
    return line


def site_up(site, lines):
    site.env['SEKIMORI_STATE'] = re.search(r'SEKIMORI_STATE=(\S+)', localised(site, line_with(lines, 'export PATH'))).group(1)
    r = site.shell(localised(site, line_with(lines, 'sekimori init')))
    check('README: init', r.returncode == 0, r.stdout + r.stderr)
    check('init says what to open in the firewall', all(p in r.stdout for p in ('8883', '8443', '8444')), r.stdout)
    site.spawn(localised(site, line_with(lines, 'sekimorid --state')).rstrip('& '), 'sekimorid.log')
    up = until(lambda: site.run('curl', '-fsS', '-m', '2', 'http://localhost:8480/ready').returncode == 0, 20)
    check('README: sekimorid starts on its standard ports', up, site.log('sekimorid.log')[-400:])
    r = site.shell('sekimori doctor')
    todo = [x for x in r.stdout.splitlines() if x.startswith('■')]
    check('README: doctor finds nothing but what is still to do', r.stdout.count('●') >= 5 and all('model' in x or 'decision' in x or 'backup' in x for x in todo), r.stdout)
    return up


def joined(site, device, lines):
    r = site.shell(line_with(lines, 'sekimori invite new'))
    url = re.search(r'https://\S+', r.stdout)
    check('README: invite names the site\'s address', r.returncode == 0 and url and url.group(0).startswith('https://192.0.2.10:8444/join#'), r.stdout)
    command = localised(device, line_with(lines, 'sekimori-agent join')).replace('THE URL', url.group(0))
    r = device.shell(command)
    check('README: join on the second host', r.returncode == 0, r.stdout + r.stderr)
    check('the same invite a second time: says so', device.shell(command.replace('agent\'', 'agent2\'').replace('/agent', '/agent2')).returncode in (4, 3),
          device.shell(command.replace('/agent', '/agent3')).stderr)
    run_line = localised(device, line_with(lines, 'sekimori-agent run'))
    agent = device.spawn(run_line, 'agent.log')
    seen = until(lambda: 'enrolled' in site.shell('sekimori device list').stdout and readings(site), 15, 0.1)
    check('README: its load, memory and uptime arrive', seen and {'load-1', 'memory', 'uptime'} & {t.rsplit('/', 1)[1] for t in readings(site)} or
          len(readings(site)) >= 3, sorted(readings(site)))
    note('readings over the network: ' + ' '.join(sorted(t.rsplit('/', 1)[1] for t in readings(site))))
    shown = site.shell('sekimori device list').stdout
    check('README: device list shows it', 'my-device' in shown, shown)
    why = site.shell('sekimori status')
    check('a new site only observes', '見守り' in why.stdout or 'observ' in why.stdout.lower(), why.stdout)
    return agent


def readings(site):
    """What the console's API shows: {topic: row}."""
    jar = os.path.join(site.dir, 'jar')
    if not os.path.exists(jar):
        token = json.loads(site.shell('sekimori -o json login').stdout)['url'].split('#')[1]
        site.run('curl', '-sS', '-c', jar, '--data-binary', json.dumps({'token': token}), 'http://localhost:8480/api/v1/session')
    doc = json.loads(site.run('curl', '-sS', '-b', jar, 'http://localhost:8480/api/v1/readings').stdout)
    rows = doc if isinstance(doc, list) else doc['readings']
    return {r['topic']: r for r in rows if '/my-device/m/' in r['topic']}


def from_outside(site, office):
    """What is reachable from another host, and what is not."""
    ca = os.path.join(site.dir, 'state/keys/root.pem')
    r = office.run('curl', '-fsS', '--cacert', ca, 'https://192.0.2.10:8443/health')
    check('people\'s HTTPS answers with a certificate for its address', r.returncode == 0, r.stderr)
    r = office.run('curl', '-fsS', '--cacert', ca, 'https://192.0.2.10:8444/.well-known/est/cacerts')
    check('enrolment answers', r.returncode == 0, r.stderr)
    r = office.run('curl', '-sS', '-m', '3', 'http://192.0.2.10:8480/health')
    check('the console is not reachable from another host', r.returncode == 7, r)
    r = office.shell(f'echo | openssl s_client -connect 192.0.2.10:8883 -CAfile {ca} -verify_ip 192.0.2.10 -tls1_3')
    check('MQTT shows a certificate for the address', 'Verify return code: 0 (ok)' in r.stdout, r.stdout[-300:])


def not_there(site, device, office):
    """Unreachable: which address, what to do, and no invite is spent."""
    r = site.shell('sekimori invite new office-1')
    url = re.search(r'https://\S+', r.stdout).group(0)
    began = time.monotonic()
    r = office.run('sekimori-agent', 'join', url.replace(':8444', ':8445'), '--state', office.dir + '/agent')
    check('a closed port: refused at once, in words, 75', r.returncode == 75 and '8445' in r.stderr and 'refused' in r.stderr.lower() and time.monotonic() - began < 5,
          (r.returncode, r.stderr))
    r = office.run('sekimori-agent', 'join', url.replace('192.0.2.10', '198.51.100.1'), '--state', office.dir + '/agent')
    check('no route: in words, 75', r.returncode == 75 and '198.51.100.1' in r.stderr and 'unreachable' in r.stderr.lower(), (r.returncode, r.stderr))
    began = time.monotonic()
    r = office.run('sekimori-agent', 'join', url.replace('192.0.2.10', '192.0.2.99'), '--state', office.dir + '/agent')
    check('nobody at the address: in words, 75, within 15 s', r.returncode == 75 and '192.0.2.99' in r.stderr and time.monotonic() - began < 15, (r.returncode, r.stderr))
    r = office.run('sekimori-agent', 'join', url.replace('192.0.2.10', 'no-such-host.invalid'), '--state', office.dir + '/agent')
    check('a name nobody knows: in words, 75', r.returncode == 75 and 'no-such-host.invalid' in r.stderr, (r.returncode, r.stderr))
    check('nothing was written', not os.path.exists(office.dir + '/agent/device.key') and not os.path.exists(office.dir + '/agent/key.pem'))
    r = office.run('sekimori-agent', 'join', url, '--state', office.dir + '/agent')
    check('the invite is still good', r.returncode == 0, r.stderr)


def cable(site, device):
    """The cable is pulled and put back: the agent says so, comes back by itself, and its readings go on."""
    before = max(r['at'] for r in readings(site).values())
    ip('-n', SWITCH, 'link', 'set', 'device', 'down')
    until(lambda: 'down' in device.log('agent.log').lower() or 'lost' in device.log('agent.log').lower(), 5)
    ip('-n', SWITCH, 'link', 'set', 'device', 'up')
    back = until(lambda: max(r['at'] for r in readings(site).values()) > before, 40, 0.2)
    check('after the cable was out, readings go on', back, device.log('agent.log')[-300:])
    for p in site.children:
        p.terminate()
        p.wait()
    site.children.clear()
    gone = until(lambda: device.log('agent.log').count('\n') > 1 and re.search('192.0.2.10|closed|down|切', device.log('agent.log')), 20)
    check('the agent says that the site is gone', gone, device.log('agent.log')[-400:])
    site.spawn('sekimorid --state ' + os.path.join(site.dir, 'state'), 'sekimorid.log')
    until(lambda: site.run('curl', '-fsS', '-m', '2', 'http://localhost:8480/ready').returncode == 0, 20)
    os.unlink(os.path.join(site.dir, 'jar'))
    check('and comes back when it is there again', until(lambda: readings(site), 40, 0.2), device.log('agent.log')[-400:])


def main():
    if not build_network():
        remove_network()
        skip('README\'s step three across a network', 'needs root and network namespaces')
        finish()
    folder = tempfile.mkdtemp(prefix='sekimori-net-')
    hosts = {h: Host(h, folder) for h in HOSTS}
    try:
        lines = blocks()
        if site_up(hosts['site'], lines):
            joined(hosts['site'], hosts['device'], lines)
            from_outside(hosts['site'], hosts['office'])
            not_there(hosts['site'], hosts['device'], hosts['office'])
            cable(hosts['site'], hosts['device'])
            r = hosts['site'].shell('sekimori ledger verify')
            check('the record is whole', r.returncode == 0, r.stdout + r.stderr)
    finally:
        for h in hosts.values():
            h.close()
        remove_network()
        if not os.environ.get('SEKIMORI_KEEP'):
            shutil.rmtree(folder, ignore_errors=True)
    check('no namespace is left', TAG not in run('ip', 'netns', 'list').stdout)
    finish()


main()
