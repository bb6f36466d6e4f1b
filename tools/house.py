#!/usr/bin/env python3
"""The house's rules, as a program: layers (includes), banned functions, tests that run, roles (symbols of programs).

usage: house.py layers | style | listed | all [--stamp FILE] | roles BUILD_DIR
Exit 1 names each place. Reads src/LAYERS and src/ROLES; nothing else knows the rules."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BANNED = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|alloca|gets|system|popen)\s*\(')
FUNCTION_MAX, FILE_MAX = 70, 800


def table(path):
    rows = {}
    for line in open(os.path.join(ROOT, path), encoding='utf-8'):
        line = line.split('#')[0].strip()
        if line:
            name, _, rest = line.partition(':')
            rows[name.strip()] = rest.split()
    return rows


def sources():
    for top in ('src', 'device'):
        for folder, dirs, names in os.walk(os.path.join(ROOT, top)):
            dirs.sort()
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def room_of(path):
    parts = path.split('/')
    return 'device' if parts[0] == 'device' else parts[1]


def layers():
    rows, wrong = table('src/LAYERS'), []
    order = list(rows)
    for room, may in rows.items():
        for other in may:
            if other not in rows or order.index(other) >= order.index(room):
                wrong.append(f'src/LAYERS: {room} names {other}, which is not above it')
    for path in sources():
        room = room_of(path)
        if room == 'programs':
            continue
        if room not in rows:
            wrong.append(f'{path}: room {room} is not in src/LAYERS')
            continue
        for n, line in enumerate(open(os.path.join(ROOT, path), encoding='utf-8'), 1):
            found = re.match(r'\s*#\s*include\s+"([a-z_]+)/', line)
            if found and found[1] != room and found[1] not in rows[room] and found[1] in rows:
                wrong.append(f'{path}:{n}: {room} may not include {found[1]}')
    return wrong


def style():
    wrong = []
    for path in sources():
        text = open(os.path.join(ROOT, path), encoding='utf-8').read().split('\n')
        test = path.endswith('_test.c')
        if len(text) > FILE_MAX:
            wrong.append(f'{path}: {len(text)} lines (at most {FILE_MAX})')
        start = None
        for n, line in enumerate(text, 1):
            code = line.split('//')[0]
            if not test and BANNED.search(code) and not code.lstrip().startswith('*'):
                wrong.append(f'{path}:{n}: banned function: {line.strip()}')
            if line == '{':
                start = n
            elif line == '}' and start:
                if n - start > FUNCTION_MAX and not test:
                    wrong.append(f'{path}:{start}: a function of {n - start} lines (at most {FUNCTION_MAX})')
                start = None
    return wrong


def listed():
    """A test that no meson.build names would never run."""
    wrong = []
    for path in sources():
        if not path.endswith('_test.c') or room_of(path) == 'programs':
            continue
        home = os.path.join(ROOT, 'device' if room_of(path) == 'device' else os.path.dirname(path), 'meson.build')
        if f"{os.path.basename(path)}'" not in open(home, encoding='utf-8').read():
            wrong.append(f'{path}: is in no list of tests')
    return wrong


def roles(build):
    rows, wrong = table('src/ROLES'), []
    symbols = {}
    for room in table('src/LAYERS'):
        lib = os.path.join(build, f'libseki-{room}.a')
        if os.path.exists(lib):
            out = subprocess.run(['nm', '--defined-only', '-g', lib], capture_output=True, text=True).stdout
            for line in out.splitlines():
                parts = line.split()
                if len(parts) == 3 and parts[1] in 'TD':
                    symbols.setdefault(parts[2], set()).add(room)
    for program, may in rows.items():
        path = os.path.join(build, program)
        if not os.path.exists(path):
            wrong.append(f'{path}: missing')
            continue
        # globals only: a static function may be called as another room's global is
        out = subprocess.run(['nm', '--defined-only', '-g', path], capture_output=True, text=True).stdout
        names = [s.split()[2] for s in out.splitlines() if len(s.split()) == 3]
        found = {room for name in names if len(symbols.get(name, ())) == 1 for room in symbols[name]}
        for room in sorted(found - set(may)):
            wrong.append(f'{program}: has symbols of {room}, which src/ROLES does not allow')
    return wrong


def main(argv):
    verb = argv[1] if len(argv) > 1 else 'all'
    wrong = {'layers': layers, 'style': style, 'listed': listed, 'all': lambda: layers() + style() + listed()}.get(verb, lambda: None)() \
        if verb != 'roles' else roles(argv[2])
    if wrong is None:
        print(__doc__, file=sys.stderr)
        return 2
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        return 1
    if '--stamp' in argv:
        open(argv[argv.index('--stamp') + 1], 'w').close()
    return 0


sys.exit(main(sys.argv))
