#!/usr/bin/env python3
"""The broker tests of Debian's mosquitto source package against sekimorid-lab: all that need only a port.

usage: mosquitto_broker_test.py [--exact] [--keep] [-v] [NAME]...
The source is fetched by apt-get from the machine's own mirrors (signatures checked by apt) into a directory
outside this tree and kept there. The tests run as they are: only the broker they start is ours. They compare
packets byte by byte; what the standard leaves to the server is made equal before the comparison (RULES below),
but for --exact. Skipped tests stand in mosquitto_skips.txt, each with its reason."""
import concurrent.futures
import glob
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get('BUILD', 'build'))
LAB = os.path.join(BUILD, 'sekimorid-lab')
CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'sekimori-interop')
AT_ONCE, TEST_S = 6, 60


def run(*command, **kw):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)


def source_lines():
    """The machine's own Debian or Ubuntu mirrors, as deb-src lines."""
    rows = run('apt-get', 'indextargets', '--format', '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)',
               'Created-By: Packages').stdout.split('\n')
    lines = set()
    for row in rows:
        parts = row.split('|')
        if len(parts) == 4 and parts[0] in ('Debian', 'Ubuntu'):
            keys = f'/usr/share/keyrings/{parts[0].lower()}-archive-keyring.gpg'
            signed = f'[signed-by={keys}] ' if os.path.exists(keys) else ''
            lines.add(f'deb-src {signed}{parts[1]} {parts[2]} {parts[3]}')
    return sorted(lines)


def fetch():
    """The original tarball's path, or None and why not."""
    have = sorted(glob.glob(f'{CACHE}/mosquitto_*.orig.tar.*'))
    if have:
        return have[-1], ''
    os.makedirs(f'{CACHE}/lists/partial', exist_ok=True)
    with open(f'{CACHE}/sources.list', 'w') as out:
        out.write('\n'.join(source_lines()) + '\n')
    own = ['-o', f'Dir::Etc::sourcelist={CACHE}/sources.list', '-o', 'Dir::Etc::sourceparts=/dev/null',
           '-o', f'Dir::State::lists={CACHE}/lists', '-o', f'Dir::Cache={CACHE}', '-o', 'APT::Sandbox::User=root']
    said = run('apt-get', *own, 'update', cwd=CACHE, timeout=120).stdout
    said += run('apt-get', *own, 'source', '--download-only', 'mosquitto', cwd=CACHE, timeout=120).stdout
    have = sorted(glob.glob(f'{CACHE}/mosquitto_*.orig.tar.*'))
    return (have[-1], '') if have else (None, said.strip().split('\n')[-1])


def unpack(tarball, to):
    """test/ alone, beside a src/mosquitto that starts the lab."""
    with tarfile.open(tarball) as tar:
        for member in tar:
            parts = member.name.split('/')
            if len(parts) < 2 or parts[1] != 'test' or '..' in parts or not (member.isfile() or member.isdir()):
                continue
            member.name = '/'.join(parts[1:])
            tar.extract(member, to)
    os.makedirs(f'{to}/src')
    with open(f'{to}/src/mosquitto', 'w') as out:
        out.write(BROKER.replace('@LAB@', LAB))
    os.chmod(f'{to}/src/mosquitto', 0o755)


# What a test starts instead of mosquitto: -p PORT, or -c FILE where the file asks for nothing but a port, a record
# that survives a restart, or what the lab does anyway.
BROKER = '''#!/usr/bin/env python3
import os, shutil, sys
args = sys.argv[1:]
lab = ['sekimorid-lab', args[args.index('-p') + 1] if '-p' in args else '']
same = [('allow_anonymous', 'true'), ('log_type', 'all'), ('persistence', 'true'), ('max_keepalive', '60')]
for line in open(args[args.index('-c') + 1]) if '-c' in args else []:
    key, _, value = line.strip().partition(' ')
    if key in ('port', 'listener'):
        lab[1] = value.split()[0]
    elif key == 'persistence_file':
        if not os.path.exists(value):  # the test took it away: a new start
            shutil.rmtree(os.path.abspath(value) + '.state', ignore_errors=True)
        open(value, 'a').close()
        lab += ['--state', os.path.abspath(value) + '.state']
    elif key and not key.startswith('#') and (key, value) not in same:
        sys.exit('this test needs a configuration: ' + line.strip())
os.execv('@LAB@', lab)
'''

# RULES. Appended to the copy of mosq_test.py: packets are compared by meaning. A server may choose, and we do:
# the limits it announces in CONNACK, reason strings, the order of properties; and where mosquitto only closes, the
# reason goes out first (MQTT 5, 3.1.4-1 and 4.13.1: CONNACK or DISCONNECT of 0x80 and above, then the close); whether
# "no matching subscribers" is said (3.4.2.1: may); and a message may come before the acknowledgement of one sent,
# which waits for the disk.
RULES = '''

_versions = {}
_early = {}
_chosen = {0x13, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x27, 0x28, 0x29, 0x2a}
_sizes = {0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x17: 1, 0x18: 4, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x27: 4,
          0x28: 1, 0x29: 1, 0x2a: 1}


def _length(b, at):
    n = shift = 0
    while True:
        n |= (b[at] & 127) << shift
        shift += 7
        at += 1
        if not b[at - 1] & 128:
            return n, at


def _properties(b, dropped):
    rows, at = [], 0
    while at < len(b):
        kind, start = b[at], at
        at += 1
        if kind in _sizes:
            at += _sizes[kind]
        elif kind == 0x0b:
            _, at = _length(b, at)
        else:
            for _ in range(2 if kind == 0x26 else 1):
                at += 2 + struct.unpack('!H', b[at:at + 2])[0]
        if kind not in dropped:
            rows.append(b[start:at])
    users = [r for r in rows if r[0] == 0x26]
    return sorted(r for r in rows if r[0] != 0x26) + users


def _reason(kind, head):
    return head[:2] + b'\\0' if kind in (4, 5) and head[2:] == b'\\x10' else head


def _meaning(packet, version, expected_keep_alive):
    kind = packet[0] >> 4
    _, at = _length(packet, 1)
    body = packet[at:]
    if version != 5:
        return packet
    if kind == 2:
        dropped = _chosen - ({0x13} if expected_keep_alive else set())
        n, at = _length(body, 2)
        return packet[:1], body[:2], _properties(body[at:at + n], dropped)
    if kind == 3:
        at = 2 + struct.unpack('!H', body[:2])[0] + (2 if packet[0] & 6 else 0)
        n, rest = _length(body, at)
        return packet[:1], body[:at], _properties(body[rest:rest + n], set()), body[rest + n:]
    head = {4: 3, 5: 3, 6: 3, 7: 3, 9: 2, 11: 2, 14: 1, 15: 1}.get(kind)
    if head is None or len(body) <= head:
        return packet[:1], _reason(kind, body + bytes(max(0, (head or 0) - len(body)))), [], b''
    n, rest = _length(body, head)
    return packet[:1], _reason(kind, body[:head]), _properties(body[rest:rest + n], {0x1f}), body[rest + n:]


def _one(sock):
    got = b''
    while len(got) < 2 or (got[-1] & 128 and len(got) < 5):
        more = socket.socket.recv(sock, 1)
        if not more:
            return got
        got += more
    n, _ = _length(got, 1)
    while n:
        more = socket.socket.recv(sock, n)
        if not more:
            return got
        got += more
        n -= len(more)
    return got


def _split(b):
    parts = []
    while b:
        n, at = _length(b, 1)
        parts.append(b[:at + n])
        b = b[at + n:]
    return parts


def _sent(sock, b):
    if b[:1] == b'\\x10':
        _, at = _length(b, 1)
        name = struct.unpack('!H', b[at:at + 2])[0]
        _versions[id(sock)] = b[at + 2 + name]


def _same(sock, got, want):
    version = _versions.get(id(sock), 4)
    keep = b'\\x13' in want
    try:
        return _meaning(got, version, keep) == _meaning(want, version, keep)
    except (IndexError, struct.error):
        return got == want


def expect_packet(sock, name, expected):
    if len(expected) == 0:
        got = _one(sock)
        if got[:1] in (b'\\x20', b'\\xe0') and got[2 if got[0] == 0xe0 else 3] >= 0x80:
            got = socket.socket.recv(sock, 1)
        if packet_matches(name, got, expected):
            return True
        raise TestError
    for want in _split(expected):
        early = _early.setdefault(id(sock), [])
        got = early.pop(0) if early and want[0] >> 4 == 3 else _one(sock)
        while want[0] >> 4 in (4, 5, 7) and got[:1] and got[0] >> 4 == 3:
            early.append(got)
            got = _one(sock)
        if not _same(sock, got, want) and not packet_matches(name, got, want):
            raise TestError
    return True


def receive_unordered(sock, recv1_packet, recv2_packet, error_string):
    want = [recv1_packet, recv2_packet]
    early = _early.setdefault(id(sock), [])
    for _ in range(2):
        got = early.pop(0) if early else _one(sock)
        if len(got) == 0:
            raise ValueError(error_string)
        for i, w in enumerate(want):
            if _same(sock, got, w):
                del want[i]
                break
        else:
            packet_matches(error_string, got, want[0])
            raise ValueError(error_string)


class _Fair(socket.socket):
    """A test's own recv: where it waits for the close, the reason that went out first is no answer."""
    __slots__ = ()

    def recv(self, n, *flags):
        data = socket.socket.recv(self, n, *flags)
        if data[:1] != b'\\xe0':
            return data
        rest = data[1:]
        while len(rest) < 2:
            rest += socket.socket.recv(self, 1) or b'\\0\\0'
        if rest[1] < 0x80:
            return data
        while socket.socket.recv(self, 4096):
            pass
        return b''


_plain_connect = do_client_connect


def do_client_connect(*args, **kw):
    sock = _plain_connect(*args, **kw)
    sock.__class__ = _Fair
    return sock


_plain_send_receive = do_send_receive


def do_send_receive(sock, send_packet, receive_packet, error_string="send receive error"):
    _sent(sock, send_packet)
    return _plain_send_receive(sock, send_packet, receive_packet, error_string)
'''


def skips():
    """name -> (reason, None) to leave out whole, or (reason, lines to leave out)."""
    rows = {}
    for n, line in enumerate(open(f'{HERE}/mosquitto_skips.txt', encoding='utf-8'), 1):
        line = line.strip()
        if not line or line.startswith('#'):
            continue
        name, _, reason = line.partition(': ')
        name, _, part = name.partition(' without ')
        if not reason:
            sys.exit(f'mosquitto_skips.txt:{n}: expected "NAME: reason"')
        rows[name] = (reason, part or None)
    return rows


def free_ports(n):
    held = [socket.create_server(('127.0.0.1', 0)) for _ in range(n)]
    ports = [str(s.getsockname()[1]) for s in held]
    for s in held:
        s.close()
    return ports


def one_try(directory, name):
    env = {**os.environ, 'PYTHONDONTWRITEBYTECODE': '1', 'PYTHONWARNINGS': 'ignore', 'TMPDIR': directory}
    try:
        p = run(sys.executable, f'./{name}', *free_ports(1), cwd=f'{directory}/test/broker', env=env, timeout=TEST_S)
        return p.returncode == 0, p.stdout
    except subprocess.TimeoutExpired as e:
        return False, (e.stdout or b'').decode(errors='replace') + f'\nno end after {TEST_S} s'


def one_test(directory, name):
    """Two tries: another process of this machine may have taken the port in between. A second try is said."""
    before = time.monotonic()
    good, said = one_try(directory, name)
    if not good:
        good, again = one_try(directory, name)
        why = (said.strip().split('\n') or [''])[-1][:200]
        print(f'# {name}: {"passed at" if good else "failed also at"} the second try; the first said: {why}')
        said += again
    return name, good, said, time.monotonic() - before


def prepare(directory, rows, exact):
    if not exact:
        with open(f'{directory}/test/mosq_test.py', 'a') as out:
            out.write(RULES)
    for name, (_, part) in rows.items():
        path = f'{directory}/test/broker/{name}'
        if not part:
            continue
        text = open(path).read()
        for line in part.split(' and '):
            if line + '\n' not in text:
                sys.exit(f'mosquitto_skips.txt: {name} has no line "{line}"')
            text = text.replace(line + '\n', '\n')
        open(path, 'w').write(text)


def main():
    verbose, exact = '-v' in sys.argv, '--exact' in sys.argv
    chosen = [a for a in sys.argv[1:] if not a.startswith('-')]
    tarball, why = fetch()
    if not tarball:
        print(f"1..1\nok 1 - mosquitto's broker tests # SKIP the source package could not be fetched: {why}")
        return 0
    rows = skips()
    directory = tempfile.mkdtemp(prefix='sekimori-mosquitto-')
    try:
        unpack(tarball, directory)
        names = sorted(os.path.basename(f) for f in glob.glob(f'{directory}/test/broker/[0-9]*.py'))
        unknown = [n for n in rows if n not in names and '*' not in n]
        if unknown:
            sys.exit(f'mosquitto_skips.txt names what is not there: {unknown}')
        prepare(directory, rows, exact)
        todo = [n for n in names if (n in chosen if chosen else n not in rows or rows[n][1])]
        results = {}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for name, good, said, seconds in pool.map(lambda n: one_test(directory, n), todo):
                results[name] = good
                n = len(results)
                part = f' without {rows[name][1]} ({rows[name][0]})' if name in rows and rows[name][1] else ''
                print(f"{'ok' if good else 'not ok'} {n} - {name}{part}" + (f' {seconds:.1f} s' if verbose else ''), flush=True)
                if not good:
                    print('\n'.join('# ' + line for line in said.strip().split('\n')[-12:]), flush=True)
        n = len(results)
        if not chosen:
            for name in names:
                if name in rows and not rows[name][1]:
                    n += 1
                    print(f'ok {n} - {name} # SKIP {rows[name][0]}')
        print(f'1..{n}')
        print(f'# {sum(results.values())} passed, {len(results) - sum(results.values())} failed, {n - len(results)} skipped')
        return 0 if all(results.values()) else 1
    finally:
        if '--keep' not in sys.argv:
            shutil.rmtree(directory, ignore_errors=True)


sys.exit(main())
