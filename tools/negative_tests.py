#!/usr/bin/env python3
"""docs/negative-tests.md against the tree: every row names a file that exists and says its number.

usage: negative_tests.py --check docs/negative-tests.md
A row is "| N7 | `path`, `path` | what is shown |". Numbers that no row has are listed, not failed: they are what is
still to be shown."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROW = re.compile(r'^\| (N\d+) \| (.+?) \| (.+?) \|$')
LAST, LATER = 60, range(41, 53)  # N41 to N52 belong to updates


def rows(text):
    for line in text.split('\n'):
        match = ROW.match(line)
        if match:
            yield match[1], re.findall(r'`([^`]+)`', match[2])


def wrong(number, files):
    for name in files:
        path = os.path.join(ROOT, name)
        if not os.path.exists(path):
            yield f'{number}: {name} is not there'
        elif not re.search(rf'\b{number}\b', open(path, encoding='utf-8').read()):
            yield f'{number}: {name} does not say it'
    if not files:
        yield f'{number}: no file is named'


def main(argv):
    if len(argv) != 3 or argv[1] != '--check':
        print(__doc__, file=sys.stderr)
        return 2
    found = list(rows(open(os.path.join(ROOT, argv[2]), encoding='utf-8').read()))
    numbers = [number for number, _ in found]
    faults = [fault for number, files in found for fault in wrong(number, files)]
    faults += [f'{number}: two rows' for number in sorted(set(numbers)) if numbers.count(number) > 1]
    for fault in faults:
        print(fault, file=sys.stderr)
    missing = [f'N{n}' for n in range(1, LAST + 1) if f'N{n}' not in numbers and n not in LATER]
    print(f'{len(found)} numbers shown, {len(faults)} faults; not yet: {", ".join(missing) or "none"}')
    return bool(faults) or not found


sys.exit(main(sys.argv))
