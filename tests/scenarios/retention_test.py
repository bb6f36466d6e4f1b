#!/usr/bin/env python3
"""Readings given up and readings lost: one pruned by rule, one erased with its key, one missing, one changed; four
different answers of the verifier, every proof intact. Then the same record read by the published rules of third-party
transparency-log tools, written here anew: tiles, checkpoint, consistency."""
import base64
import hashlib
import json
import os
import re
import shutil
import sys
import time

from harness import BIN, ROOT, Site, check, finish, note, run, until

LEAF = 128


def verify(path, *more):
    return run(os.path.join(BIN, 'sekimori-verify'), path, '--lang', 'en', *more)


def leaf_fields(ledger, index):
    with open(os.path.join(ledger, 'leaves/000000'), 'rb') as f:
        f.seek(index * LEAF)
        b = f.read(LEAF)
    return {'kind': b[4], 'segment': int.from_bytes(b[72:76], 'big'), 'length': int.from_bytes(b[76:80], 'big') - 32,
            'offset': int.from_bytes(b[80:88], 'big')}


def entries_of(ledger, kind):
    n, found = 0, []
    size = os.path.getsize(os.path.join(ledger, 'leaves/000000')) // LEAF
    with open(os.path.join(ledger, 'leaves/000000'), 'rb') as f:
        data = f.read()
    for n in range(size):
        if data[n * LEAF:n * LEAF + 4] != b'SKL1':
            break
        if data[n * LEAF + 4] == kind:
            found.append(n)
    return found


def poke(ledger, index, to):
    at = leaf_fields(ledger, index)
    with open(os.path.join(ledger, f"data/{at['segment']:06d}"), 'r+b') as f:
        f.seek(at['offset'])
        f.write(to(32 + at['length']))


def stored(ledger, index):
    at = leaf_fields(ledger, index)
    with open(os.path.join(ledger, f"data/{at['segment']:06d}"), 'rb') as f:
        f.seek(at['offset'])
        return f.read(32 + at['length'])


# ---- RFC 6962 and C2SP tlog-tiles, by the published text alone ----

def node(a, b):
    return hashlib.sha256(b'\1' + a + b).digest()


def mth(leaves):
    if not leaves:
        return hashlib.sha256(b'').digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node(mth(leaves[:k]), mth(leaves[k:]))


def consistent(old, new, old_root, new_root, path):
    """RFC 9162, 2.1.4.2."""
    if old == new:
        return not path and old_root == new_root
    if old & (old - 1) == 0:
        path = [old_root] + path
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def tile_name(n):
    text = f'{n % 1000:03d}'
    while n >= 1000:
        n //= 1000
        text = f'x{n % 1000:03d}/{text}'
    return text


class Log:
    """Fetches over the console's door with a session, as a person's tool would."""

    def __init__(self, site):
        self.site = site
        self.sock = site.path('site/run/control.sock')

    def get(self, path):
        out = self.site.path('tile.bin')
        r = run('curl', '-sS', '--unix-socket', self.sock, '-o', out, '-w', '%{http_code}', 'http://localhost' + path)
        with open(out, 'rb') as f:
            return r.stdout, f.read()

    def checkpoint(self):
        status, text = self.get('/checkpoint')
        lines = text.decode().split('\n')
        return status, lines, int(lines[1]), base64.b64decode(lines[2])

    def tile(self, level, n, width, what=''):
        return self.get(f"/tile/{what or level}/{tile_name(n)}{'' if width == 256 else f'.p/{width}'}")

    def leaf_hashes(self, size):
        hashes = []
        for n in range((size + 255) // 256):
            width = min(256, size - n * 256)
            status, body = self.tile(0, n, width)
            assert status == '200' and len(body) == 32 * width, (status, n, width, len(body))
            hashes += [body[i:i + 32] for i in range(0, len(body), 32)]
        return hashes


def signature_good(lines, key):
    """Ed25519 signed note: the signature is over the text up to and with the empty line's predecessor."""
    import subprocess
    import tempfile
    text = '\n'.join(lines[:3]) + '\n'
    sig_line = next(line for line in lines if line.startswith('\u2014 '))
    name, blob = sig_line[2:].split(' ')
    raw = base64.b64decode(blob)
    der = bytes.fromhex('302a300506032b6570032100') + key
    key_id = hashlib.sha256(name.encode() + b'\n' + b'\1' + key).digest()[:4]
    with tempfile.TemporaryDirectory() as d:
        for file, data in (('k', der), ('t', text.encode()), ('s', raw[4:])):
            with open(os.path.join(d, file), 'wb') as f:
                f.write(data)
        r = subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', d + '/k', '-rawin', '-in', d + '/t',
                            '-sigfile', d + '/s'], capture_output=True)
    return r.returncode == 0 and raw[:4] == key_id


def third_party(site):
    log = Log(site)
    site.cli('ledger', 'head')
    status, lines, size, root = log.checkpoint()
    key = bytes.fromhex(next(line.split()[1] for line in open(site.path('site/ledger/ledger')) if line.startswith('key ')))
    check('GET /checkpoint: a signed note, by the published rules, of the ledger key', status == '200' and signature_good(lines, key), lines)
    hashes = log.leaf_hashes(size)
    check(f'{size} leaf hashes from level 0 tiles lead to the signed root', mth(hashes) == root)
    bad = []
    for n in range(size // 256 + 1):
        width = min(256, size - n * 256)
        if width:
            status, body = log.tile(0, n, width, 'entries')
            rows, at = [], 0
            while at < len(body):
                k = int.from_bytes(body[at:at + 2], 'big')
                rows.append(hashlib.sha256(b'\0' + body[at + 2:at + 2 + k]).digest())
                at += 2 + k
            bad += [] if rows == hashes[n * 256:n * 256 + width] else [n]
    check('entry bundles hash to those leaves', not bad, bad)
    if size >= 512:
        status, body = log.tile(1, 0, size // 256)
        check('level 1 is the hash of each whole tile', body == b''.join(mth(hashes[i * 256:i * 256 + 256]) for i in range(size // 256)))
    for path in ('/tile/0/%s' % tile_name(size // 256 + 5), '/tile/0/000.p/256', '/tile/9/000', '/tile/0/0', '/tile/../../etc/passwd', '/tile/'):
        bad += [] if log.get(path)[0] == '404' else [path]
    check('tiles that do not exist and names that are none: 404', not bad, bad)
    for old in sorted({1, 2, 7, 64, 100, 256, 511, size // 2, size - 1, size}):
        out = site.path('consistency.json')
        site.cli('ledger', 'consistency', str(old), str(size), '--out', out)
        d = json.load(open(out))
        ends = bytes.fromhex(d['old_root']), bytes.fromhex(d['new_root'])
        path = [bytes.fromhex(h) for h in d['path']]
        good = ends == (mth(hashes[:old]), root) and consistent(old, size, *ends, path)
        wrong = path and consistent(old, size, *ends, [bytes(32)] + path[1:])
        bad += [] if good and not wrong else [old]
    check('consistency proofs hold by RFC 9162, and not with a hash changed', not bad, bad)
    check('sizes the wrong way round are refused', site.cli('ledger', 'consistency', str(size), '1').returncode != 0)
    status, body = site.http('console', '/checkpoint')
    check('without a session nothing of it is shown', status == '401', status)


def four_answers(site, meter, other, eye):
    ledger = site.path('site/ledger')
    load = site.spawn(sys.executable, os.path.join(ROOT, 'tests/scenarios/publisher.py'), 'localhost', site.ports['mqtt'], site.ca(),
                      meter.cert, meter.key, meter.who, 'sk/v1/keep/meter/m/flow', site.path('book'), 3000, 700)
    load.wait(30)
    other.pub('sk/v1/keep/other/s/mode', 'auto-retained', '-q', '1', '-r')
    time_now = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 1))
    until(lambda: time.time() > 0 and time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()) > time_now, 5)
    old = entries_of(ledger, 32)
    dry = site.json('ledger', 'prune', '--before', time_now, '--dry-run')
    check('a dry run says how much, and changes nothing', dry['entries'] == len(old) and not site.entries('pruned'), dry)
    for k in range(6):
        meter.pub('sk/v1/keep/meter/m/flow', json.dumps({'v': 100 + k}), '-q', '1')
        other.pub('sk/v1/keep/other/m/level', json.dumps({'v': 200 + k}), '-q', '1')
    r = site.cli('ledger', 'prune', '--before', time_now, '--class', 'data', '--reason', 'older than the policy')
    told = site.entries('pruned')
    check('prune: an entry tells what, until when, by which rule', r.returncode == 0 and told and told[0]['payload']['rule'] == 'older than the policy'
          and told[0]['payload']['before'][:19] == time_now[:19], (r.stdout, r.stderr, told))
    retained = told[0]['payload']['kept']
    check('what is retained now is kept', len(retained) >= 1 and eye.sub('sk/v1/keep/other/s/mode', '-C', '1', '-W', '5').stdout.strip() == 'auto-retained', retained)
    control = site.cli('ledger', 'prune', '--before', time_now, '--class', 'control')
    check('control entries are never pruned', control.returncode == 2 and 'control' in control.stderr, control.stderr)
    gone = site.cli('ledger', 'erase', 'meter', '--reason', 'the customer asked')
    check('erase: an entry tells whose and why, never the payload', gone.returncode == 0 and site.entries('erased')[0]['payload']['subject'] == 'meter', gone.stderr)
    check('to erase again: there is no key any more', site.cli('ledger', 'erase', 'meter', '--reason', 'again').returncode == 5)
    check('without a reason: refused', site.cli('ledger', 'erase', 'other').returncode == 2)
    new = [i for i in entries_of(ledger, 32) if i > old[-1]]
    erased = new[0]
    plain = b''.join(open(os.path.join(ledger, 'data', n), 'rb').read() for n in os.listdir(os.path.join(ledger, 'data')))
    check('recorded data is sealed on disk', b'auto-retained' not in plain and b'"v"' not in plain)
    site.stop()
    site.start()  # payloads given up leave the disk now: no copy is on its way
    check('after a restart the retained message is there', eye.sub('sk/v1/keep/other/s/mode', '-C', '1', '-W', '5').stdout.strip() == 'auto-retained')
    until(lambda: not stored(ledger, old[0]).strip(b'\0'), 10)
    check('the pruned payload is gone from the disk, the kept one not', not stored(ledger, old[0]).strip(b'\0') and stored(ledger, retained[0]).strip(b'\0'))
    proof = {}
    for name, index in (('pruned', old[0]), ('erased', erased), ('missing', new[3]), ('changed', new[5]), ('whole', new[7])):
        proof[name] = site.path(name + '.json')
        site.cli('ledger', 'proof', str(index), '--out', proof[name])
    third_party(site)
    site.stop()
    r = verify(ledger)
    check('with payloads pruned and erased the record is whole: 0', r.returncode == 0 and re.search(r'^pruned [1-9]', r.stdout, re.M) and re.search(r'^erased [1-9]', r.stdout, re.M), r.stdout)
    copy = site.path('copy')
    shutil.copytree(ledger, copy)
    poke(copy, new[3], lambda n: bytes(n))
    poke(copy, new[5], lambda n: stored(copy, new[5])[:40] + b'\xff' + stored(copy, new[5])[41:])
    answers = {}
    for name, index, want, code in (('pruned', old[0], 'pruned', 0), ('erased', erased, 'erased', 0), ('missing', new[3], 'missing', 8), ('changed', new[5], 'changed', 8),
                                    ('whole', new[7], 'whole', 0)):
        r = verify(copy, '--entry', str(index))
        answers[name] = r.stdout.strip()
        check(f'sekimori-verify --entry of a reading that is {name}: "{want}", exit {code}', r.returncode == code and f'entry {index}: {want}' in r.stdout, (r.returncode, r.stdout))
        held = run(os.path.join(BIN, 'sekimori-verify'), 'proof', proof[name], '--lang', 'en')
        check('and its proof holds', held.returncode == 0 and f'entry {index}' in held.stdout, held.stdout)
    check('four different answers', len({re.sub(r'\d+', '', a) for k, a in answers.items() if k != 'whole'}) == 4, answers)
    r = verify(copy)
    check('the whole: exactly those two are findings', r.returncode == 8 and 'findings 2' in r.stdout, r.stdout)
    note('; '.join(answers.values()))


def main():
    with Site('keep') as site:
        site.start()
        meter, other = site.enrol('meter', role='device'), site.enrol('other', role='device')
        eye = site.enrol('eye', role='operator')
        four_answers(site, meter, other, eye)
    finish()


main()
