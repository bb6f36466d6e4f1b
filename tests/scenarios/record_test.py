#!/usr/bin/env python3
"""The record against whoever holds the directory (N31, N33): bytes changed, files gone, added and swapped, copies taken while
it is written, proofs taken away. All of it on a real site's ledger, judged by the programs people use."""
import os
import random
import re
import shutil
import sys

from harness import BIN, ROOT, Site, check, finish, note, run, until

SEED = int(os.environ.get('SEED', '20261123'))
CHANGES, COPIES, PUBLISHERS, RATE = 1000, 100, 3, 300
LEAF, TREE, FRAME_ALIGN = 128, 32, 16


def verify(path, *more):
    return run(os.path.join(BIN, 'sekimori-verify'), path, '--lang', 'en', *more)


def findings(text):
    """[(file, offset)] of what the verifier said."""
    return [(m[1], int(m[2])) for m in re.finditer(r'^[a-z ]+: (\S+) offset (\d+)', text, re.M)]


def files_of(top):
    return sorted(os.path.relpath(os.path.join(folder, n), top) for folder, _, names in os.walk(top) for n in names)


def load(site, clients):
    return [site.spawn(sys.executable, os.path.join(ROOT, 'tests/scenarios/publisher.py'), 'localhost',
                       site.ports['mqtt'], site.ca(), c.cert, c.key, c.who, f'sk/v1/{site.name}/{c.who}/m/load',
                       site.path(c.who + '.book'), RATE, log=c.who + '.log') for c in clients]


def end(publishers):
    for p in publishers:
        p.terminate()
    for p in publishers:
        p.wait(20)


def acknowledged(site, clients):
    return sum(sum(1 for _ in open(site.path(c.who + '.book'))) if os.path.exists(site.path(c.who + '.book')) else 0 for c in clients)


# ---- a stopped ledger ----

def used_bytes(path):
    data = open(path, 'rb').read()
    return max(1, len(data.rstrip(b'\0')))


def frame_starts(path):
    """Offsets of the payload frames of one file, by their own headers."""
    data, at, starts = open(path, 'rb').read(), 0, []
    while data[at:at + 4] == b'SKP1':
        starts.append(at)
        size = 32 + int.from_bytes(data[at + 4:at + 8], 'big')
        at += (size + FRAME_ALIGN - 1) // FRAME_ALIGN * FRAME_ALIGN
    return starts


def record_start(name, at, used, frames):
    """Where the record holding byte `at` begins; in what is still empty, the byte is its own record. Other files
    are one record each."""
    if not name.startswith(('leaves/', 'tree/', 'control/', 'data/')):
        return 0
    if at >= used:
        return used // FRAME_ALIGN * FRAME_ALIGN
    if name.startswith('leaves/'):
        return at // LEAF * LEAF
    if name.startswith('tree/'):
        return at // TREE * TREE
    return max(s for s in frames[name] if s <= at)


class Scratch:
    """One copy that is changed and put right again."""

    def __init__(self, original, path):
        self.original, self.path = original, path
        shutil.copytree(original, path)
        self.files = files_of(path)
        self.used = {n: used_bytes(os.path.join(path, n)) for n in self.files}
        self.size = {n: os.path.getsize(os.path.join(path, n)) for n in self.files}
        self.frames = {n: frame_starts(os.path.join(path, n)) for n in self.files if n.startswith(('control/', 'data/'))}

    def whole(self):
        return verify(self.path).returncode == 0

    def poke(self, name, at, value=None, xor=0):
        with open(os.path.join(self.path, name), 'r+b') as f:
            f.seek(at)
            old = f.read(1)[0]
            f.seek(at)
            f.write(bytes([old ^ xor if value is None else value]))
        return old


def random_changes(site, s):
    pick = random.Random(SEED)
    missed, unnamed, late, far, by_file, cli_other = [], [], [], 0, {}, []
    for k in range(CHANGES):
        name = pick.choice(s.files)
        at = pick.randrange(s.used[name] if k % 2 else s.size[name])
        xor = pick.randrange(1, 256)
        old = s.poke(name, at, xor=xor)
        r = verify(s.path)
        if k % 50 == 0 and site.cli('ledger', 'verify', s.path).returncode != r.returncode:
            cli_other.append((name, at))
        s.poke(name, at, value=old)
        by_file[name] = by_file.get(name, 0) + 1
        offsets = [o for n, o in findings(r.stdout) if n == name]
        start = record_start(name, at, s.used[name], s.frames)
        if r.returncode != 8:
            missed.append((name, at, xor, r.returncode))
        elif not offsets:
            unnamed.append((name, at, xor, r.stdout[:200]))
        elif not start <= min(offsets) <= at:
            late.append((name, at, xor, offsets[:3], start))
        far = max([far] + [at - o for o in offsets[:1]])
    note(f"seed {SEED}, {CHANGES} changes: " + ', '.join(f'{n} {c}' for n, c in sorted(by_file.items())))
    note(f'farthest a named offset lies before its byte: {far} bytes')
    check(f'{CHANGES} random byte changes over all {len(s.files)} files: exit 8 each time', not missed, missed[:5])
    check('each finding names the file', not unnamed, unnamed[:3])
    check('each finding names the record the byte is in', not late, late[:5])
    check('`sekimori ledger verify` gives the same answer', not cli_other, cli_other[:3])
    check('put right again, it is whole: 0', s.whole())


def every_kind_of_place(s):
    """First and last byte of each file, the end of what is used and the first byte after it."""
    missed = []
    for name in s.files:
        for at in sorted({0, s.used[name] - 1, min(s.used[name], s.size[name] - 1), s.size[name] - 1}):
            for xor in (1, 0x80, 0xFF):
                old = s.poke(name, at, xor=xor)
                if verify(s.path).returncode != 8:
                    missed.append((name, at, xor))
                s.poke(name, at, value=old)
    check('first byte, last byte, end of use and the byte after it, of each file: 8', not missed, missed)


def files_gone_added_swapped(s):
    def named(r, *names):
        return r.returncode == 8 and any(n == f or n.startswith(f + '/') or f.startswith(n + '/') for n, _ in findings(r.stdout) for f in names)
    aside = s.path + '.aside'
    bad = []
    for name in s.files + sorted({os.path.dirname(n) for n in s.files if '/' in n}):
        os.rename(os.path.join(s.path, name), aside)
        bad += [] if named(verify(s.path), name) else [name]
        os.rename(aside, os.path.join(s.path, name))
    check('each file and each folder deleted: 8, named', not bad, bad)
    bad = []
    for name in ('extra', 'data/000007', 'data/note.txt', 'leaves/000001', 'tree/000001', 'control/000001', '.hidden', 'leaves/.000000.swp'):
        with open(os.path.join(s.path, name), 'wb') as f:
            f.write(b'\0' * (1 << 20) if name[-1].isdigit() else b'x')
        bad += [] if named(verify(s.path), name) else [name]
        os.unlink(os.path.join(s.path, name))
    check('files added, empty segments too: 8, named', not bad, bad)
    bad = []
    for k, one in enumerate(s.files):
        for other in s.files[k + 1:]:
            a, b = os.path.join(s.path, one), os.path.join(s.path, other)
            swap(a, b, aside)
            bad += [] if named(verify(s.path), one, other) else [(one, other)]
            swap(a, b, aside)
    check('each two files swapped: 8, named', not bad, bad)
    bad = []
    for name in s.files:
        path = os.path.join(s.path, name)
        keep = open(path, 'rb').read()
        for cut in sorted({0, 1, s.used[name] - 1, s.used[name] // 2, len(keep) - 1}):
            os.truncate(path, cut)
            bad += [] if named(verify(s.path), name) else [(name, cut)]
            with open(path, 'wb') as f:
                f.write(keep)
        with open(path, 'ab') as f:
            f.write(b'\0')
        bad += [] if named(verify(s.path), name) else [(name, 'longer')]
        with open(path, 'wb') as f:
            f.write(keep)
    check('files cut and lengthened: 8, named', not bad, bad)
    check('and whole again after all that: 0', s.whole())


def swap(a, b, aside):
    os.rename(a, aside)
    os.rename(b, a)
    os.rename(aside, b)


# ---- copies of a running one ----

def copies(site, clients):
    ledger, bad, sizes, tails = site.path('site/ledger'), [], [], []
    before = acknowledged(site, clients)
    names = files_of(ledger)
    ways = (['cp', '-a', ledger, site.path('copy')],
            ['sh', '-c', f"mkdir {site.path('copy')} && tar -C {ledger} -cf - . | tar -C {site.path('copy')} -xf -"],
            ['sh', '-c', f"mkdir {site.path('copy')} && tar -C {ledger} -cf - {' '.join(reversed(names))} | tar -C {site.path('copy')} -xf -"])
    for k in range(COPIES):
        made = run(*ways[0 if k % 2 == 0 else 1 + k // 2 % 2])
        r = verify(site.path('copy'))
        if r.returncode or (made.returncode and 'file changed as we read it' not in made.stderr):
            bad.append((k, r.returncode, made.stderr, r.stdout[:300]))
        sizes.append(int(re.search(r'^entries (\d+)', r.stdout, re.M)[1]))
        tails.append(int(re.search(r'^tail (\d+)', r.stdout, re.M)[1]))
        shutil.rmtree(site.path('copy'))
    more = acknowledged(site, clients) - before
    note(f'{COPIES} copies of {sizes[0]} to {sizes[-1]} entries, while {more} messages were acknowledged; {min(tails)} to {max(tails)} not yet signed')
    check(f'{COPIES} copies taken while it is written (cp -a, tar in two orders): verify says whole each time', not bad, bad[:2])
    check('it was written all the while', more > COPIES and sizes[-1] > sizes[0], (more, sizes[0], sizes[-1]))
    return sizes[-1]


# ---- proofs ----

def proofs(site):
    def run_verify(*argv):
        return run(os.path.join(BIN, 'sekimori-verify'), 'proof', *argv, '--lang', 'en')
    size = int(site.cli('ledger', 'head').stdout.splitlines()[1]) # a signed note: origin, size, root
    key = next(line.split()[1] for line in open(site.path('site/ledger/ledger'), encoding='utf-8', errors='replace') if line.startswith('key '))
    bad = []
    for index in (0, 1, size // 2, size - 1):
        out = site.path(f'proof-{index}.json')
        made = site.cli('ledger', 'proof', str(index), '--out', out)
        if made.returncode or run_verify(out).returncode or run_verify(out, '--key', key).returncode:
            bad.append((index, made.stderr, run_verify(out).stdout))
    check(f'proofs of 4 of {size} entries hold, also with the key pinned', not bad, bad[:2])
    check('with another key pinned: 8', run_verify(out, '--key', '11' * 32).returncode == 8)
    text, missed = open(out, 'rb').read(), []
    for at in range(0, len(text), max(1, len(text) // 300)):
        with open(out + '.x', 'wb') as f:
            f.write(text[:at] + bytes([text[at] ^ 1]) + text[at + 1:])
        missed += [] if run_verify(out + '.x').returncode == 8 else [(at, text[max(0, at - 20):at + 10])]
    check(f'a proof of {len(text)} bytes with a byte changed: 8 each time', not missed, missed[:3])
    for at, end in ((0, len(text) // 2), (0, len(text) - 1), (0, 0)):
        with open(out + '.x', 'wb') as f:
            f.write(text[at:end])
        missed += [] if run_verify(out + '.x').returncode == 8 else [end]
    check('a proof cut short: 8', not missed, missed)
    check('an entry that does not exist has no proof', site.cli('ledger', 'proof', str(size + 100000), '--out', out + '.y').returncode != 0)


# ---- an older directory ----

def rolled_back(site, older, newest):
    """What an old copy can and cannot show: it is whole, and smaller than any head kept from later. A site started
    on it knows: its seal remembers what it signed."""
    r = verify(older)
    signed = int(re.search(r'^signed (\d+)', r.stdout, re.M)[1])
    check('an older copy is whole in itself, and says how far it goes', r.returncode == 0 and signed < newest, (signed, newest))
    threat = open(os.path.join(ROOT, 'docs/threat-model.md'), encoding='utf-8').read()
    check('that limit is written down', 'rolled-back' in threat)
    shutil.rmtree(site.path('site/ledger'))
    shutil.copytree(older, site.path('site/ledger'))
    site.start()

    def said():
        return [e for e in site.json('ledger', 'list', '--kind', 'evidence', '--after', str(signed)) or []
                if e['payload'].get('control') == 'C4' and e['payload'].get('detail') == 'older-than-its-signed-head']
    check('a site started on an older copy says so: control C4 fails', until(said, 10))
    check('and its seal signs no head', site.cli('ledger', 'head').returncode == 6)
    site.stop()


def main():
    with Site('record') as site:
        site.start()
        clients = [site.enrol(f'load-{k}', role='device') for k in range(PUBLISHERS)]
        clients[0].pub('sk/v1/record/load-0/s/mode', 'auto', '-q', '1', '-r')
        publishers = load(site, clients)
        check('traffic is acknowledged', until(lambda: acknowledged(site, clients) > 4000, 60, 0.1))
        end(publishers)
        site.stop()
        ledger, older = site.path('site/ledger'), site.path('older')
        shutil.copytree(ledger, older)
        r = verify(ledger)
        check('a stopped ledger is whole: 0', r.returncode == 0, r.stdout)
        check('all of it is under the signed head', re.search(r'^tail 0$', r.stdout, re.M), r.stdout)
        check('`sekimori ledger verify` agrees', site.cli('ledger', 'verify').returncode == 0)
        scratch = Scratch(ledger, site.path('scratch'))
        every_kind_of_place(scratch)
        random_changes(site, scratch)
        files_gone_added_swapped(scratch)
        site.start()
        publishers = load(site, clients)
        newest = copies(site, clients)
        end(publishers)
        proofs(site)
        site.stop()
        check('after all of it, stopped: whole', verify(ledger).returncode == 0)
        rolled_back(site, older, newest)
    finish()


main()
