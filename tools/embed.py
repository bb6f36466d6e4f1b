#!/usr/bin/env python3
"""Files as a C table: usage embed.py OUT NAME FILE... The name in the table is the path below catalogue/."""
import os
import sys


def rows(path):
    with open(path, 'rb') as f:
        data = f.read()
    for at in range(0, len(data), 24):
        yield '    ' + ' '.join(f'{b},' for b in data[at:at + 24])


def main():
    out, table, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(out, 'w', encoding='utf-8') as f:
        f.write('#include "base/embedded.h"\n\n')
        for i, path in enumerate(files):
            f.write(f'static const unsigned char file_{i}[] = {{\n' + '\n'.join(rows(path)) + '\n};\n')
        f.write(f'\nextern const struct embedded {table}[];\nconst struct embedded {table}[] = {{\n')
        for i, path in enumerate(files):
            name = os.path.abspath(path).rsplit('/catalogue/', 1)[1]
            f.write(f'    {{ "{name}", file_{i}, sizeof file_{i} }},\n')
        f.write('    { 0, 0, 0 },\n};\n')


main()
