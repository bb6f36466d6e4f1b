#!/usr/bin/env python3
"""Which statements of MQTT 5.0 and 3.1.1 the sources and tests cite, and where.

usage: mqtt_coverage.py [--write docs/mqtt-coverage.md] [--check docs/mqtt-coverage.md]
A citation is "MQTT 5, 3.3.1-2" (statement [MQTT-3.3.1-2]) or "MQTT 5, 3.1.2.11.2" (a section), several of them
separated by commas, "and" or "to"; "MQTT 3.1.1, 3.1.3-8" for the older standard. --check fails when a place that the
file lists is cited no more: what was met once stays met, or the file says otherwise."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLACES = ('src/wire', 'src/platform', 'src/gate', 'device', 'tests')
CITATION = re.compile(r'MQTT (5|3\.1\.1),\s*((?:table )?\d+(?:\.\d+)+(?:-\d+)?(?:(?:,| and| to)\s+\d+(?:\.\d+)+(?:-\d+)?)*)')
NUMBER = re.compile(r'\d+(?:\.\d+)+(?:-\d+)?')


def files():
    for place in PLACES:
        for folder, dirs, names in os.walk(os.path.join(ROOT, place)):
            dirs.sort()
            for name in sorted(names):
                if name.endswith(('.c', '.h', '.py')):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def is_test(path):
    return path.startswith('tests/') or path.endswith('_test.c') or path.endswith('_fixture.h')


def citations():
    found = {}
    for path in files():
        text = re.sub(r'\n\s*\*\s?', ' ', open(os.path.join(ROOT, path), encoding='utf-8').read())
        for match in CITATION.finditer(text):
            for number in NUMBER.findall(match[2]):
                found.setdefault((match[1], number), set()).add(path)
    return found


def order(key):
    version, number = key
    return version != '5', [int(n) for n in re.split(r'[.-]', number)]


def table():
    found = citations()
    statements = [k for k in found if '-' in k[1]]
    tested = [k for k in found if any(is_test(p) for p in found[k])]
    lines = ['# Where the MQTT standards are met', '',
             'Made by `tools/mqtt_coverage.py --write docs/mqtt-coverage.md`; a test fails when one of them is gone.', '',
             f'{len(found)} places of the standards are cited: {len(statements)} numbered statements and '
             f'{len(found) - len(statements)} sections; {len(tested)} of them in tests too.', '',
             '| standard | statement or section | met in | shown in |', '|---|---|---|---|']
    for key in sorted(found, key=order):
        met = ', '.join(f'`{p}`' for p in sorted(found[key]) if not is_test(p))
        shown = ', '.join(f'`{p}`' for p in sorted(found[key]) if is_test(p))
        name = f'[MQTT-{key[1]}]' if '-' in key[1] else key[1]
        lines.append(f'| {key[0]} | {name} | {met} | {shown} |')
    return '\n'.join(lines) + '\n'


def main(argv):
    text = table()
    if len(argv) == 3 and argv[1] == '--write':
        open(os.path.join(ROOT, argv[2]), 'w', encoding='utf-8').write(text)
        return 0
    if len(argv) == 3 and argv[1] == '--check':
        rows = re.compile(r'^\| (5|3\.1\.1) \| (?:\[MQTT-)?([\d.-]+)', re.M)
        have = set(rows.findall(open(os.path.join(ROOT, argv[2]), encoding='utf-8').read()))
        gone = sorted(have - set(rows.findall(text)))
        for version, number in gone:
            print(f'MQTT {version}, {number} is cited nowhere any more', file=sys.stderr)
        print(f'{len(have)} places of the standards, {len(gone)} of them gone')
        return bool(gone) or not have
    if len(argv) == 1:
        print(text, end='')
        return 0
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main(sys.argv))
