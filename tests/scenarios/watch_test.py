#!/usr/bin/env python3
"""Day one at a plant: `sekimori watch discover` on an interface with real traffic in a network of its own, and on captures
that others made. What it says is compared with what was done, and with a table checked by hand against what the captures'
makers print beside them. Nothing of Sekimori runs but the sensor."""
import glob
import http.server
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
import threading
import time

from harness import BUILD, LONG, PLANT, Site, check, finish, note, run, skip, text_of, until

SEKIMORI = os.path.join(BUILD, 'sekimori')
INSIDE = 'inside'  # the argument with which this program runs again in its own network
DIR = os.environ.get('WATCH_DIR') or tempfile.mkdtemp(prefix='sekimori-watch-')


def sekimori(*argv, lang='en', timeout=60):
    return run(SEKIMORI, '--lang', lang, *argv, timeout=timeout)


def discover(path, *more):
    r = sekimori('watch', 'discover', path, '-o', 'json', *more)
    return json.loads(r.stdout) if r.returncode == 0 else None


def flows(seen, **want):
    return [f for f in seen['flows'] if all(f.get(k) == v for k, v in want.items())]


def kinds(seen, **want):
    return {f['kind'] for f in seen['findings'] if all(f.get(k) == v for k, v in want.items())}


# ---- real programs on loopback addresses: each address is a host of the plant ----

class Sensor:
    """`watch discover lo` while something happens; ended as a person ends it, by Ctrl-C."""

    def __init__(self):
        before = self.sockets()
        self.process = subprocess.Popen([SEKIMORI, '--lang', 'en', 'watch', 'discover', 'lo', '-o', 'json', '--seconds', '50'],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        check('the sensor listens', until(lambda: self.sockets() > before))
        status = open(f'/proc/{self.pid()}/status', encoding='ascii').read() if until(self.caged) else ''
        check('in a cage: user nobody, no capability, system calls filtered',
              'CapEff:\t0000000000000000' in status and 'Seccomp:\t2' in status and 'Uid:\t65534' in status, status[:200])

    def sockets(self):
        return sum(1 for _ in open('/proc/net/packet', encoding='ascii'))

    def pid(self):
        children = open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='ascii').read().split()
        return children[0] if children else None

    def caged(self):
        pid = self.pid()
        return pid and 'Seccomp:\t2' in open(f'/proc/{pid}/status', encoding='ascii').read()

    def seen(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        return json.loads(out) if check('it ends at Ctrl-C with its answer', self.process.returncode == 0, err) else None


def certificate():
    cert, key = os.path.join(DIR, 'c.pem'), os.path.join(DIR, 'k.pem')
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '20', '-subj',
        '/CN=plc.city', '-keyout', key, '-out', cert)
    return cert, key


def connect(to, port, source):
    return socket.create_connection((to, port), 5, (source, 0))


def modbus(to, port, source):
    """Reads twice, then writes one register of the real plant."""
    with connect(to, port, source) as s:
        for request in ('00010000000601030000 0002', '00020000000601030000 0002', '0003000000060106000c0022'):
            s.sendall(bytes.fromhex(request.replace(' ', '')))
            s.recv(260)


def serve_once(to, port, talk):
    server = socket.create_server((to, port))

    def body():
        with server, server.accept()[0] as peer:
            talk(peer)
    threading.Thread(target=body, daemon=True).start()


def tls(to, port, source, version, paths):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    context.minimum_version = context.maximum_version = version
    serve_once(to, port, lambda peer: context.wrap_socket(peer, server_side=True).recv(1))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with client.wrap_socket(connect(to, port, source), server_hostname='plc.city') as s:
        s.sendall(b'x')


def start(*argv):
    return subprocess.Popen([str(a) for a in argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def listening(to, port):
    def answers():
        try:
            socket.create_connection((to, port), 0.2).close()
            return True
        except OSError:
            return False
    return until(answers)


def traffic(certificates):
    """What is done, each by its own host 127.0.1.x towards 127.0.0.x."""
    run('mosquitto_pub', '-h', '127.0.0.10', '-p', '1884', '-A', '127.0.1.10', '-i', 'gw-7', '-u', 'gw', '-P', 'secret', '-t', 'plant/pump/cmd', '-m', 'start')
    topic = b'plant/\x1b[31mlevel'
    with connect('127.0.0.10', 1884, '127.0.1.11') as s:  # no client of others' sends such a topic
        s.sendall(b'\x10\x10\0\4MQTT\4\2\0\x3c\0\4gw-8')
        s.recv(4)
        s.sendall(bytes([0x30, len(topic) + 3, 0, len(topic)]) + topic + b'3')
    run('curl', '-s', '--interface', '127.0.1.12', '-u', 'admin:admin', 'http://127.0.0.12:8099/set?x=1')
    modbus('127.0.0.13', 5021, '127.0.1.13')
    tls('127.0.0.14', 4431, '127.0.1.14', ssl.TLSVersion.TLSv1_2, certificates)
    tls('127.0.0.15', 4432, '127.0.1.15', ssl.TLSVersion.TLSv1_3, certificates)
    serve_once('127.0.0.16', 5999, lambda peer: (peer.sendall(b'RFB 003.008\n'), peer.recv(12)))
    with connect('127.0.0.16', 5999, '127.0.1.16') as s:
        s.sendall(b'RFB 003.008\n') or s.recv(12)
    for last in range(12):  # nobody is there
        try:
            connect(f'127.0.2.{last + 1}', 502, '127.0.1.66').close()
        except OSError:
            pass


def judge_traffic(seen):
    found = lambda host: kinds(seen, host=host)
    publish = flows(seen, server='127.0.0.10', port=1884, client='127.0.1.10')
    check('MQTT off its port, the command by its topic', publish and publish[0]['protocol'] == 'mqtt' and publish[0]['name'] == 'plant/pump/cmd', publish)
    check('a readable command and a password are found', {'plain-command', 'password'} <= found('127.0.1.10'), found('127.0.1.10'))
    check('data without a command is only readable data', found('127.0.1.11') == {'plain-data'}, found('127.0.1.11'))
    hostile = flows(seen, client='127.0.1.11', server='127.0.0.10')
    check('N60: an escape sequence in a topic is shown harmless', hostile and '\\x1b[31m' in hostile[0]['name'] and '\x1b' not in hostile[0]['name'], hostile)
    web = flows(seen, server='127.0.0.12', port=8099)
    check('HTTP with a password', web and web[0]['protocol'] == 'http' and 'password' in found('127.0.1.12'), web)
    plant = flows(seen, server='127.0.0.13', port=5021)
    check('Modbus off its port by what is said, one write counted', plant and plant[0]['protocol'] == 'modbus' and plant[0]['writes'] >= 1, plant)
    check('the unauthenticated write leads', 'control-write' in found('127.0.1.13') and plant[0]['name'] == 'FC6 @12 = 34', plant)
    old, new = flows(seen, server='127.0.0.14'), flows(seen, server='127.0.0.15')
    check('TLS 1.2: version and certificate', old and old[0]['tls'] == 'TLS 1.2' and old[0]['certificate']['subject'] == 'plc.city'
          and old[0]['certificate']['self_signed'], old)
    check('self-signed and ending within 30 days', {'cert-self', 'cert-expiring'} <= found('127.0.1.14'), found('127.0.1.14'))
    check('TLS 1.3: version, the name asked for, no certificate', new and new[0]['tls'] == 'TLS 1.3' and new[0]['name'] == 'plc.city'
          and 'certificate' not in new[0], new)
    check('a VNC link on another port', 'remote' in found('127.0.1.16'), found('127.0.1.16'))
    check('the scan is found, its source named, and leads the list', found('127.0.1.66') == {'scan'} and seen['findings'][0]['kind'] == 'scan', found('127.0.1.66'))
    check('nobody else is called a scanner', kinds(seen) - {'scan'} and [f['host'] for f in seen['findings'] if f['kind'] == 'scan'] == ['127.0.1.66'])


def profile():
    """One gateway may publish to the broker and be asked by Modbus from this site; nothing else."""
    def ace(name, matches):
        return {'name': name, 'matches': matches, 'actions': {'forwarding': 'accept'}}
    port = lambda n: {'destination-port': {'operator': 'eq', 'port': n}}
    names = lambda n: {'access-lists': {'access-list': [{'name': n}]}}
    path = os.path.join(DIR, 'mud.json')
    with open(path, 'w', encoding='utf-8') as f:
        json.dump({'ietf-mud:mud': {'mud-version': 1, 'mud-url': 'https://maker.example/gw', 'systeminfo': 'gateway',
                                    'from-device-policy': names('from'), 'to-device-policy': names('to'),
                                    'sekimori-topics:topics': {'publish': ['plant/+/level'], 'subscribe': []}},
                   'ietf-access-control-list:access-lists': {'acl': [
                       {'name': 'from', 'type': 'ipv4-acl-type', 'aces': {'ace': [
                           ace('broker', {'ipv4': {'protocol': 6, 'destination-ipv4-network': '127.0.0.10/32'},
                                          'tcp': {**port(1884), 'ietf-mud:direction-initiated': 'from-device'}})]}},
                       {'name': 'to', 'type': 'ipv4-acl-type', 'aces': {'ace': [
                           ace('polled', {'ietf-mud:mud': {'local-networks': [None]}, 'ipv4': {'protocol': 6}, 'tcp': port(5021)})]}}]}}, f)
    return path


def publish(topic):
    run('mosquitto_pub', '-h', '127.0.0.10', '-p', '1884', '-A', '127.0.1.21', '-i', 'gw-21', '-t', topic, '-m', '1')


def leaving_a_profile():
    """Found as it happens: from the packet to the line on the screen."""
    sockets = lambda: sum(1 for _ in open('/proc/net/packet', encoding='ascii'))
    before, said = sockets(), os.path.join(DIR, 'mud.out')
    with open(said, 'w', encoding='utf-8') as f:
        p = subprocess.Popen([SEKIMORI, '--lang', 'ja', 'watch', 'mud', profile(), '--device', '127.0.1.21', '--interface', 'lo', '--seconds', '40'], stdout=f)
    until(lambda: sockets() > before)
    publish('plant/a/level')
    connect('127.0.0.13', 5021, '127.0.1.30').close()  # somebody else's traffic
    at = time.monotonic()
    connect('127.0.0.12', 8099, '127.0.1.21').close()
    found = until(lambda: '127.0.0.12' in text_of(said), 5)
    took = time.monotonic() - at
    check('a device that calls whom its profile does not name is found within 2 s', found and took <= 2, took)
    note(f'found after {took * 1000:.0f} ms')
    publish('plant/a/pump')
    check('so is a topic beside its profile', until(lambda: 'plant/a/pump' in text_of(said), 5), text_of(said))
    p.send_signal(signal.SIGINT)
    check('the exit code tells', p.wait(20) == 7)
    lines = [l for l in text_of(said).splitlines() if l.startswith('■')]
    check('what keeps to it is not called out', len(lines) >= 2 and all('127.0.0.12' in l or 'plant/a/pump' in l for l in lines), lines)


def unknown_hosts():
    """A site that listens on its network: who is in no inventory becomes an event of the site, once."""
    path = os.path.join(DIR, 'listed.csv')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('id,name,address\nB-1,broker,127.0.0.10\nW-1,web,127.0.0.12\nG-1,gateway,127.0.1.21\n')
    sockets = lambda: sum(1 for _ in open('/proc/net/packet', encoding='ascii'))
    site = Site('seen')
    try:
        site.start()
        site.cli('device', 'import', path)
        before = sockets()
        p = subprocess.Popen([SEKIMORI, '--state', site.state, 'watch', 'hosts', 'lo', '--seconds', '40'], stdout=subprocess.PIPE, text=True)
        until(lambda: sockets() > before)
        publish('plant/a/level')
        for _ in range(2):
            connect('127.0.0.12', 8099, '127.0.1.77').close()
        rows = lambda: [a for a in site.json('watch', 'list') if a['what'] == 'unknown-host']
        found = until(rows, 10) or []
        check('a host that is not listed becomes an event, those listed do not', [a['name'] for a in found] == ['127.0.1.77'], found)
        check('in both languages', found and '127.0.1.77' in found[0]['text_ja'] and '台帳' in found[0]['text_ja'] and 'no inventory' in found[0]['text_en'])
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=20)
        again = site.http('console', '/api/v1/alerts', '-d', '{"what":"unknown-host","address":"10.9.9.9","protocol":"tls"}', method='POST')
        check('nobody but the machine itself reports', '10.9.9.9' not in json.dumps(rows()), again)
    finally:
        site.close()


def inside():
    if run('ip', 'link', 'set', 'lo', 'up').returncode:
        skip('real traffic', 'the loopback of a new network does not come up')
        return
    conf = os.path.join(DIR, 'mosquitto.conf')
    with open(conf, 'w', encoding='ascii') as f:
        f.write('listener 1884 127.0.0.10\nallow_anonymous true\n')
    broker, plant = start('mosquitto', '-c', conf), start(PLANT, 5021, 60, '--host', '127.0.0.13')
    web = http.server.ThreadingHTTPServer(('127.0.0.12', 8099), http.server.SimpleHTTPRequestHandler)
    web.RequestHandlerClass.log_message = lambda *a: None
    threading.Thread(target=web.serve_forever, daemon=True).start()
    try:
        if not check('the broker and the plant run', listening('127.0.0.10', 1884) and listening('127.0.0.13', 5021)):
            return
        sensor = Sensor()
        traffic(certificate())
        seen = sensor.seen()
        if seen:
            judge_traffic(seen)
        leaving_a_profile()
        unknown_hosts()
    finally:
        for p in (broker, plant):
            p.terminate()
            p.wait()
        web.shutdown()


# ---- captures made by others ----

# file: (client, server, transport, port, protocol, words the name contains), each checked by hand against the text that the
# package's authors keep beside the capture, or, where there is none, against the packets' bytes
TCPDUMP = {
    'QinQpacket.pcap': [('0.0.0.0', '255.255.255.255', 'udp', 67, 'dhcp', '6731i')],
    'ssh.pcap': [('202.108.87.165', '223.132.53.222', 'tcp', 22, 'ssh', 'OpenSSH_7.8')],
    'dns_udp.pcap': [('192.168.1.11', '209.87.249.18', 'udp', 53, 'dns', 'www.tcpdump.org')],
    'dns_tcp.pcap': [('192.168.1.11', '209.87.249.18', 'tcp', 53, 'dns', 'www.tcpdump.org')],
    'dns_udp_8053.pcap': [('192.168.1.11', '209.87.249.18', 'udp', 8053, 'dns', 'www.tcpdump.org')],
    'dhcp-mud.pcap': [('62.12.173.121', '62.12.173.114', 'udp', 67, 'dhcp', 'raspberrypi')],
    'isakmp4500.pcap': [('192.1.2.254', '192.1.2.23', 'udp', 500, 'ipsec', 'IKEv1'), ('192.1.2.254', '192.1.2.23', 'udp', 4500, 'ipsec', '')],
    'ikev2pI2.pcap': [('192.1.2.45', '192.1.2.23', 'udp', 500, 'ipsec', 'IKEv2')],
    'espudp1.pcap': [('192.1.2.23', '192.1.2.45', 'udp', 4500, 'ipsec', 'ESP')],
    '02-sunrise-sunset-esp.pcap': [('192.1.2.23', '192.1.2.45', 'ip-50', 0, 'ipsec', '')],
    'ntp-time.pcap': [('132.199.152.129', '132.199.4.1', 'udp', 123, 'ntp', 'NTPv4')],
    'ntp-mode7.pcap': [('127.0.0.1', '127.0.0.1', 'udp', 123, 'ntp', 'mode 7')],
    'syslog_udp.pcap': [('10.0.0.20', '10.0.0.72', 'udp', 514, 'syslog', 'test message'), ('10.0.0.20', '10.0.0.71', 'udp', 514, 'syslog', 'localhost')],
    'ipv6-routing-header.pcap': [('2200::244:212:3fff:feae:22f7', '2200::240:2:0:0:4', 'ip-58', 0, 'icmp', ''),
                                 ('2200::244:212:3fff:feae:22f7', '2200::211:2:0:0:2', 'ip-58', 0, 'icmp', ''),
                                 ('2200::244:212:3fff:feae:22f7', '2200::240:2:0:0:4', 'udp', 5642, '?', ''),
                                 ('2200::244:212:3fff:feae:22f7', '2200::211:2:0:0:2', 'udp', 5642, '?', '')],
}
WIRESHARK = {  # packed sources of 47 MB: the long regime only
    'http.pcap': [('10.0.0.5', '207.46.134.94', 'tcp', 80, 'http', 'windowsupdate.microsoft.com/v4/')],
    'tls12-chacha20poly1305.pcap': [('10.42.0.1', '10.42.0.243', 'tcp', 443, 'tls', '10.42.0.243')],
    'rsasnakeoil2.pcap': [('127.0.0.1', '127.0.0.1', 'tcp', 443, 'tls', '')],
    'wireguard-ping-tcp.pcap': [('10.9.0.1', '10.9.0.2', 'udp', 51820, 'wireguard', '')],
    'http2-brotli.pcapng': [('192.168.122.1', '192.168.122.33', 'tcp', 443, 'tls', '')],
}
RAW_SOURCES = 'deb-src http://deb.debian.org/debian bookworm main\n'


def fetch(package):
    """The package's source as Debian ships it, unpacked; None where it cannot be had."""
    if not shutil.which('apt-get'):
        return None
    home = os.path.join(DIR, package)
    for folder in ('lists/partial', 'archives/partial', 'out'):
        os.makedirs(os.path.join(home, folder))
    sources = os.path.join(home, 'sources.list')
    with open(sources, 'w', encoding='ascii') as f:
        f.write(RAW_SOURCES)
    options = ['-o', f'Dir::Etc::SourceList={sources}', '-o', 'Dir::Etc::SourceParts=-', '-o', f'Dir::State::Lists={home}/lists',
               '-o', f'Dir::Cache::archives={home}/archives', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=10']
    try:
        for verb in (['update'], ['source', '--download-only', package]):
            if run('apt-get', *options, '-q', *verb, cwd=os.path.join(home, 'out'), timeout=240).returncode:
                return None
    except subprocess.TimeoutExpired:
        return None
    packed = glob.glob(os.path.join(home, 'out', '*.orig.tar.*[zx2]'))
    if not packed or run('tar', '-C', os.path.join(home, 'out'), '-xf', packed[0], timeout=240).returncode:
        return None
    return os.path.join(home, 'out')


def matches(seen, row):
    client, server, transport, port, protocol, words = row
    return any(words in f['name'] for f in flows(seen, client=client, server=server, transport=transport, protocol=protocol)
               if not port or f['port'] == port)


def judge_captures(package, truth):
    place = fetch(package)
    if not place:
        skip(f'captures of the Debian source package {package}', 'the package cannot be fetched here')
        return
    files = {os.path.basename(p): p for p in glob.glob(place + '/**/*.pcap*', recursive=True)}
    for name, rows in truth.items():
        seen = discover(files[name]) if name in files else None
        check(f'{package} {name} as its makers read it', seen and all(matches(seen, r) for r in rows) and len(seen['flows']) == len(set(rows)),
              seen['flows'] if seen else 'not read')
    read = wrong = 0
    for path in files.values():  # many were made to break readers
        r = run(os.path.join(BUILD, 'sekimorid-sensor'), '-', stdin=open(path, 'rb'))
        read += r.returncode == 0
        wrong += r.returncode not in (0, 3)
    check(f'all {len(files)} captures of {package} are survived', read and not wrong, f'{read} read, {wrong} broken')
    note(f'{read} of {len(files)} captures are of a form we read')


def small_things():
    path = os.path.join(DIR, 'not.pcap')
    with open(path, 'w', encoding='ascii') as f:
        f.write('not a capture')
    r = sekimori('watch', 'discover', path)
    check('what is no capture is said, with what to do', r.returncode == 78 and 'SK-1050' in r.stderr and 'try:' in r.stderr, r.stderr)
    r = sekimori('watch', 'discover', path, lang='ja')
    check('in Japanese as well', '通信の記録' in r.stderr and '次に' in r.stderr, r.stderr)
    r = sekimori('watch', 'discover', '/nowhere/x.pcap')
    check('a missing file is said', r.returncode == 78 and 'SK-1004' in r.stderr, r.stderr)
    r = sekimori('watch', 'discover', 'nosuchif0', '--seconds', '1')
    check('an interface that is not there is said', r.returncode == 1 and 'SK-1051' in r.stderr and 'try:' in r.stderr, r.stderr)
    r = sekimori('watch', 'discover', 'lo', '--seconds', 'soon')
    check('so is a time that is none', r.returncode == 2 and 'SK-1001' in r.stderr, r.stderr)


def made_capture(path):
    """Two readings by UDP from two controllers, one of them in no inventory."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for last in (5, 66):
            udp = struct.pack('>HHHH', 40000, 514, 8 + 9, 0) + b'<13>level'
            ip = struct.pack('>BBHHHBBH4B4B', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 10, 0, 0, last, 10, 0, 0, 9)
            frame = bytes([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, last, 8, 0]) + ip + udp
            f.write(struct.pack('<IIII', 1700000000 + last, 0, len(frame), len(frame)) + frame)


LEDGER = ('設備番号,名称,IPアドレス,MACアドレス,設置場所,種別,接続,担当課,等級\r\n'
          'P-1,送水ポンプ,１０．０．０．５,02:00:00:00:00:05,浄水場,PLC,有線LAN,施設課,A\r\n'
          'P-2,監視装置,10.0.0.9,02:00:00:00:00:99,庁舎,PC,LAN,情報課,B\r\n'
          'P-3,流量計,10.0.0.7,,配水池,計器,LAN,施設課,B\r\n'
          'P-4,水位計,,,北配水池,計器,RS-485,施設課,A\r\n')


def inventory():
    capture, path = os.path.join(DIR, 'made.pcap'), os.path.join(DIR, 'ledger.csv')
    made_capture(capture)
    for charset in ('cp932', 'utf-8', 'utf-8-sig', 'utf-16'):
        with open(path, 'w', encoding=charset, newline='') as f:
            f.write(LEDGER)
        r = sekimori('watch', 'inventory', path, '--pcap', capture, '-o', 'json')
        rows = {d.get('id', d.get('seen_address')): d for d in json.loads(r.stdout or '[]')}
        check(f'an inventory in {charset}: seen, silent, unknown, not visible',
              {k: d['standing'] for k, d in rows.items()} == {'P-1': 'known-seen', 'P-2': 'known-silent', 'P-3': 'known-silent',
                                                              'P-4': 'not-visible', '10.0.0.66': 'unknown-seen'}, rows or r.stderr)
    r = sekimori('watch', 'inventory', path, '--pcap', capture, lang='ja')
    check('in Japanese, with what is not visible and why', '通信からは見えないもの: 1' in r.stdout and 'シリアル' in r.stdout, r.stdout)
    with open(path, 'w', encoding='utf-8') as f:
        f.write('これは,台帳では,ない\n1,2,3\n')
    r = sekimori('watch', 'inventory', path)
    check('what has no headings is said, with those it may have', r.returncode == 78 and 'SK-1052' in r.stderr and 'try:' in r.stderr, r.stderr)


def unmanaged():
    """The same file on a running site: rows become devices that are shown, recorded, and let nothing in."""
    path = os.path.join(DIR, 'ledger.csv')
    with open(path, 'w', encoding='cp932', newline='') as f:
        f.write(LEDGER)
    site = Site()
    try:
        site.start()
        r = site.cli('device', 'import', path, '--dry-run')
        check('a dry run counts and changes nothing', r.returncode == 0 and '4, 0, 0' in r.stdout
              and not [d for d in json.loads(site.cli('device', 'list', '-o', 'json').stdout) if d['role'] == 'unmanaged'], r.stdout + r.stderr)
        r = site.cli('device', 'import', path)
        listed = {d['id']: d for d in json.loads(site.cli('device', 'list', '-o', 'json').stdout) if d['role'] == 'unmanaged'}
        check('an inventory becomes unmanaged devices with owner, grade and connection', len(listed) == 4 and listed['P-4']['owner'] == '施設課'
              and listed['P-4']['grade'] == 'A' and listed['P-4']['connection'] == 'serial' and listed['P-1']['address'] == '10.0.0.5', r.stderr or listed)
        check('a second time nothing changes', '0, 0, 4' in site.cli('device', 'import', path).stdout)
        check('they are in the record', site.cli('ledger', 'list', '--kind', 'unmanaged').stdout.count('P-') >= 4)
        with open(path, 'w', encoding='utf-8') as f:
            f.write('id,name\nA,x\nA,y\n,z\n')
        r = site.cli('device', 'import', path)
        check('a file with mistakes registers nothing and names each line', r.returncode == 78 and ':3:' in r.stderr and ':4:' in r.stderr
              and len([d for d in json.loads(site.cli('device', 'list', '-o', 'json').stdout) if d['role'] == 'unmanaged']) == 4, r.stderr)
        site.stop()
        site.start()
        check('they are there after a restart', len([d for d in json.loads(site.cli('device', 'list', '-o', 'json').stdout) if d['role'] == 'unmanaged']) == 4)
    finally:
        site.close()


def learned():
    """A device of a running site: what it does in its first days is usual, something new in its second week is an alarm."""
    site = Site('learn')
    alarms = lambda lang='en': site.json('watch', 'list')
    try:
        site.start()
        device = site.enrol('gw-07', 'device')
        usual, other = f'sk/v1/{site.name}/gw-07/m/flow', f'sk/v1/{site.name}/gw-07/m/se\u200bcret'
        check('it publishes as usual', device.pub(usual, '1', '-q', '1').returncode == 0)
        check('there is no alarm while it is learnt', alarms() == [])
        site.stop()
        site.start(days=9)
        check('nor later for what it does usually', device.pub(usual, '2', '-q', '1').returncode == 0 and alarms() == [])
        device.pub(other, '3', '-q', '1')
        found = until(alarms, 10) or []
        check('a new topic is an alarm that says what', len(found) == 1 and found[0]['device'] == 'gw-07' and found[0]['what'] == 'new-topic', found)
        check('N60: what a stranger would hide in it is shown', found and '\u200b' not in found[0]['name'] and '\\xe2\\x80\\x8b' in found[0]['name'], found)
        check('it is explained in both languages', found and 'new topic' in found[0]['text_en'] and '新しい宛先' in found[0]['text_ja'], found)
        check('it is in the record', 'new-topic' in site.cli('ledger', 'list', '--kind', 'alert', '-o', 'json').stdout)
        check('and nothing is limited by it', 'gw-07' not in site.cli('limit', 'list').stdout and device.pub(usual, '4', '-q', '1').returncode == 0)
        device.pub(other, '5', '-q', '1')
        site.stop()
        site.start(days=9)
        check('it is told once, and still there after a restart', len(alarms()) == 1, alarms())
    finally:
        site.close()


def main():
    if INSIDE in sys.argv:
        inside()
        finish()
    small_things()
    inventory()
    unmanaged()
    learned()
    if os.geteuid() != 0 or run('unshare', '-n', 'true').returncode:
        skip('real traffic', 'no network of our own may be made here')
    else:
        r = run('unshare', '-n', sys.executable, os.path.abspath(__file__), INSIDE, env={**os.environ, 'WATCH_DIR': DIR}, timeout=120)
        for line in r.stdout.splitlines():
            if line.startswith(('ok ', 'not ok ')):
                claim = line.split(' - ', 1)[1]
                check(claim.split(' # ')[0], line.startswith('ok '), claim)
        check('the run in its own network ended', '1..' in r.stdout, r.stderr)
    judge_captures('tcpdump', TCPDUMP)
    if LONG:
        judge_captures('wireshark', WIRESHARK)
    shutil.rmtree(DIR, ignore_errors=True)
    finish()


main()
