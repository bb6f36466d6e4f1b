#!/usr/bin/env python3
"""Other people's clients: mosquitto's, MQTT.js and libpaho-mqtt, over TCP and WebSocket (the lab), TLS and WebSocket
over TLS (a real site with real certificates): QoS 0, 1 and 2, retained, wills, properties, bursts of 2,000 (with RELEASE=1 of 5,000)."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'scenarios'))
from harness import BIN, Site, check, finish, free_port, note, run, skip, text_of, until  # noqa: E402

CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'sekimori-interop')
LAB = os.path.join(BIN, 'sekimorid-lab')
BURST = 5000 if os.environ.get('RELEASE') else 2000


def npm_modules():
    """MQTT.js as the lock file says, installed once outside the tree; None and why not."""
    lock = open(f'{HERE}/package-lock.json', 'rb').read()
    place = f'{CACHE}/npm-{hashlib.sha256(lock).hexdigest()[:16]}'
    if os.path.exists(f'{place}/done'):
        return f'{place}/node_modules', ''
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for name in ('package.json', 'package-lock.json'):
        shutil.copy(f'{HERE}/{name}', place)
    r = run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', cwd=place, timeout=180)
    if r.returncode:
        return None, (r.stderr.strip().split('\n') or ['npm failed'])[-1]
    open(f'{place}/done', 'w').close()
    return f'{place}/node_modules', ''


def tried(*argv):
    try:
        return run(*argv, timeout=120)
    except subprocess.TimeoutExpired as e:
        return subprocess.CompletedProcess([], -1, (e.stdout or b'').decode(errors='replace'), 'no end')


def relay(title, p):
    """A program's own lines become ours."""
    rows = [line for line in p.stdout.split('\n') if line.startswith(('ok ', 'not ok '))]
    for line in rows:
        good = line.startswith('ok ')
        claim, _, detail = line[3 if good else 7:].partition(' # ')
        check(f'{title}: {claim}', good, detail)
    whole = bool(rows) and p.returncode in (0, 1)
    if not whole or (p.returncode and not any(r.startswith('not ok') for r in rows)):
        check(f'{title}: ran to its end', False, f'exit {p.returncode} {(p.stdout + p.stderr)[-300:]}')


class Place:
    """Where clients connect: url per transport, who they are, topics both may use."""

    def __init__(self, name, urls, publisher, subscriber, base, state, mosquitto):
        self.name, self.urls, self.publisher, self.subscriber = name, urls, publisher, subscriber
        self.base, self.state, self.mosquitto = base, state, mosquitto


def mqttjs(place, transport, modules):
    task = {'url': place.urls[transport], 'publisher': place.publisher, 'subscriber': place.subscriber,
            'base': f'{place.base}/{transport}', 'state': f'{place.state}/{transport}', 'node_modules': modules}
    relay(f'MQTT.js over {transport}', tried('node', f'{HERE}/mqttjs.mjs', json.dumps(task)))


PAHO_SCHEME = {'tcp': ('mqtt', 'tcp'), 'ws': ('ws', 'ws'), 'tls': ('mqtts', 'ssl'), 'wss': ('wss', 'wss')}


def paho(place, transport, program):
    old, new = PAHO_SCHEME[transport]
    argv = [place.urls[transport].replace(old + '://', new + '://', 1), f'{place.base}/{transport}', f'{place.state}/{transport}',
            place.publisher['id'], place.subscriber['id']]
    if 'cert' in place.publisher:
        argv += [place.publisher['ca'], place.publisher['cert'], place.publisher['key'], place.subscriber['cert'], place.subscriber['key']]
    relay(f'paho over {transport}', tried(program, *argv))


def mosquitto_one(place, directory, version, qos, count, base):
    topic, log = f'{base}/{version}/{qos}/{count}', f'{directory}/sub-{version}-{qos}-{count}.log'
    pub, sub = place.mosquitto
    with open(log, 'wb') as out:
        watch = subprocess.Popen(['stdbuf', '-oL', 'mosquitto_sub', *sub, '-V', version, '-q', qos, '-t', topic, '-d', '-C', str(count),
                                  '-W', '30'], stdout=out, stderr=out)
    until(lambda: 'SUBACK' in text_of(log))
    lines = ''.join(f'line {i}\n' for i in range(count))
    try:
        r = run('mosquitto_pub', *pub, '-V', version, '-q', qos, '-t', topic, '-l', input=lines, timeout=40)
    except subprocess.TimeoutExpired:
        r = subprocess.CompletedProcess([], 1, '', 'no end of mosquitto_pub')
    try:
        watch.wait(40 if r.returncode == 0 else 1)
    except subprocess.TimeoutExpired:
        watch.kill()
    got = [line for line in text_of(log).split('\n') if line.startswith('line ')]
    check(f"mosquitto's clients over {'tls' if '--cafile' in pub else 'tcp'}: {count} lines at QoS {qos} ({version}), in order",
          r.returncode == 0 and got == lines.split('\n')[:-1], f'{len(got)} lines, {r.stderr[-200:]}')


def mosquitto(place, directory):
    base = f'{place.base}/mosquitto'
    pub, sub = place.mosquitto
    for version in ('mqttv311', 'mqttv5'):
        for qos in ('0', '1', '2'):
            mosquitto_one(place, directory, version, qos, 50, base)
        topic = f'{place.state}/mosquitto/{version}'
        run('mosquitto_pub', *pub, '-V', version, '-q', '1', '-r', '-t', topic, '-m', 'kept', timeout=20)
        r = run('mosquitto_sub', *sub, '-V', version, '-q', '1', '-t', topic, '-C', '1', '-W', '10', '--retained-only', timeout=20)
        check(f"mosquitto's clients: a retained message waits ({version})", r.stdout.strip() == 'kept', r.stdout + r.stderr)
    mosquitto_one(place, directory, 'mqttv5', '1', BURST, base)
    mosquitto_one(place, directory, 'mqttv311', '2', BURST, base)


def everything(place, directory, modules, program):
    mosquitto(place, directory)
    for transport in place.urls:
        if modules:
            mqttjs(place, transport, modules)
        if program:
            paho(place, transport, program)


def in_the_lab(directory, modules, program):
    port, ws = free_port(), free_port()
    said = open(f'{directory}/lab.log', 'wb')
    lab = subprocess.Popen([LAB, str(port), '--ws', str(ws)], stderr=said, env={**os.environ, 'TMPDIR': directory})
    try:
        up = until(lambda: run('mosquitto_pub', '-p', str(port), '-t', 'up', '-m', '1', '-q', '1').returncode == 0, 10)
        check('the lab serves, and says in both languages that it is not for use',
              up and '試験専用' in text_of(f'{directory}/lab.log') and 'for conformance tests only' in text_of(f'{directory}/lab.log'))
        args = ['-h', '127.0.0.1', '-p', str(port)]
        place = Place('lab', {'tcp': f'mqtt://localhost:{port}', 'ws': f'ws://localhost:{ws}/mqtt'}, {'id': 'pub'}, {'id': 'sub'},
                      'interop', 'interop/state', ([*args, '-i', 'pub/m'], [*args, '-i', 'sub/m']))
        everything(place, directory, modules, program)
    finally:
        lab.terminate()
        check('the lab ends when asked, and takes its folder with it',
              lab.wait(10) == 0 and not [n for n in os.listdir(directory) if n.startswith('sekimorid-lab')])


def at_a_site(directory, modules, program):
    wss = free_port()
    with Site('test', config=f'wss = 127.0.0.1:{wss}\n') as site:  # [listen] is the last section
        site.start()
        dev, viewer = site.enrol('dev-1', 'device'), site.enrol('viewer-1', 'viewer')
        who = [{'id': c.who, 'cert': c.cert, 'key': c.key, 'ca': site.ca()} for c in (dev, viewer)]
        place = Place('site', {'tls': f"mqtts://localhost:{site.ports['mqtt']}", 'wss': f'wss://localhost:{wss}/mqtt'}, *who,
                      f'sk/v1/{site.name}/dev-1/m', f'sk/v1/{site.name}/dev-1/s', (dev.args(), viewer.args()))
        everything(place, directory, modules, program)


def main():
    directory = tempfile.mkdtemp(prefix='sekimori-interop-')
    try:
        modules, why = npm_modules()
        if not modules:
            skip('MQTT.js', f'npm ci did not work: {why}')
        program = f'{directory}/paho'
        built = run('cc', '-Wall', '-Wextra', '-Werror', '-o', program, f'{HERE}/paho.c', '-lpaho-mqtt3cs')
        if built.returncode:
            program = None
            skip('libpaho-mqtt', 'libpaho-mqtt-dev is not installed' if 'MQTTClient.h' in built.stderr else built.stderr[-200:])
        note("Debian 12's mosquitto clients speak no WebSocket: MQTT.js and paho do")
        in_the_lab(directory, modules, program)
        at_a_site(directory, modules, program)
    finally:
        if os.environ.get('SEKIMORI_KEEP'):
            note(directory)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    finish()


main()
