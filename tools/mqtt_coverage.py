#!/usr/bin/env python3
"""Which statements of MQTT 5.0 and 3.1.1 the sources and tests cite, and where.

usage: mqtt_coverage.py [--write docs/mqtt-coverage.md] [--check docs/mqtt-coverage.md]
A citation is "MQTT 5, 3.3.1-2" (statement [MQTT-3.3.1-2]) or "MQTT 5, 3.1.2.11.2" (a section), several of them
separated by commas, "and" or "to"; "MQTT 3.1.1, 3.1.3-8" for the older standard. --check fails when a place that the
file lists is cited no more: what was met once stays met, or the file says otherwise; and when a numbered statement
that binds a server is cited nowhere."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLACES = ('src/wire', 'src/platform', 'src/gate', 'device', 'tests')
CITATION = re.compile(r'MQTT (5|3\.1\.1),\s*((?:table )?\d+(?:\.\d+)+(?:-\d+)?(?:(?:,| and| to)\s+\d+(?:\.\d+)+(?:-\d+)?)*)')
# Every numbered statement of MQTT 5 (its Appendix B): whom it binds. B: either end, S: the server, C: the client alone.
STATEMENTS = """
1.5.4 B1-3; 1.5.5 B1; 1.5.7 B1; 2.1.3 B1; 2.2.1 B2 C3 S4 B5 S6; 2.2.2 B1; 3.1.0 C1 S2; 3.1.2 S1-8 C9 S10-15 C16-21 S22 B23 S24-29 C30;
3.1.3 C1 B2 C3-4 S5-9 C11-12; 3.1.4 S1-6; 3.2.0 S1-2; 3.2.2 S1-3 C4-5 S6-10 C11 S12-13 C14-15 S16 C17-18 S19-20 C21 S22;
3.3.1 B1-4 S5-13; 3.3.2 B1-2 S3-6 B7-8 C9-10 S11-12 B13-14 S15-18 B19 S20; 3.3.4 B1 S2-4 C6-8 S9-10; 3.4.2 B1-3; 3.5.2 B1-3;
3.6.1 B1; 3.6.2 B1-3; 3.7.2 B1-3; 3.8.1 S1; 3.8.3 B1-2 S3-5; 3.8.4 S1-8; 3.9.2 S1-2; 3.9.3 S1-2; 3.10.1 S1; 3.10.3 B1-2;
3.10.4 S1-6; 3.11.2 S1-2; 3.11.3 S1-2; 3.12.4 S1; 3.14.0 S1; 3.14.1 B1; 3.14.2 B1-4; 3.14.4 B1-2 S3; 3.15.1 B1; 3.15.2 B1-3;
4.1.0 B1 S2; 4.2 B1; 4.3.1 B1; 4.3.2 B1-5; 4.3.3 B1-13; 4.4.0 B1-2; 4.5.0 S1 C2; 4.6.0 C1-4 S5-6; 4.7.0 B1; 4.7.1 B1-2; 4.7.2 S1;
4.7.3 B1-3 S4; 4.8.2 B1-2 S3-4 S6; 4.9.0 B1-3; 4.12.0 S1-2 C3 S4-6 C7; 4.12.1 B1-2; 4.13.1 S1; 4.13.2 B1; 6.0.0 B1-4"""
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


def binding():
    """Numbers of the statements that bind a server."""
    numbers = set()
    for row in STATEMENTS.replace('\n', ' ').split(';'):
        section, *parts = row.split()
        for one in parts:
            first, _, last = one[1:].partition('-')
            if one[0] in 'SB':
                numbers.update(f'{section}-{n}' for n in range(int(first), int(last or first) + 1))
    return numbers


def order(key):
    version, number = key
    return version != '5', [int(n) for n in re.split(r'[.-]', number)]


def table():
    found = citations()
    statements = [k for k in found if '-' in k[1]]
    tested = [k for k in found if any(is_test(p) for p in found[k])]
    server = binding()
    lines = ['# Where the MQTT standards are met', '',
             'Made by `tools/mqtt_coverage.py --write docs/mqtt-coverage.md`; a test fails when one of them is gone.', '',
             f'Of the {len(server)} numbered statements of MQTT 5 that bind a server, {len(server & {n for v, n in found if v == "5"})} '
             'are cited where they are met. A citation says where to look; what shows it is the tests. Knowingly not met to the '
             'letter: 3.1.3-5 (a client id is bound to its identity), 4.4.0-1 over a '
             'restart of the server (a QoS 1 message is sent again with a new identifier) and 3.3.2-17 (the names `sk-flag`, `sk-hold` and `sk-label` are the '
             "site's own).", '',
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
        missing = sorted(binding() - {n for v, n in citations() if v == '5'})
        for number in missing:
            print(f'[MQTT-{number}] is cited nowhere', file=sys.stderr)
        print(f'{len(have)} places of the standards, {len(gone)} of them gone, {len(missing)} statements cited nowhere')
        return bool(gone) or bool(missing) or not have
    if len(argv) == 1:
        print(text, end='')
        return 0
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main(sys.argv))
