#!/usr/bin/env python3
"""catalogue/model.schema.json and the reader say the same about a model's shape.

usage: schema_test.py SEKIMORI. TAP. Base: tests/models/everything.json, which uses every key of the schema; then each key
lost, each map with a key too many, each value of another kind: what the schema refuses the reader refuses, and what the
reader refuses for its shape the schema refuses."""
import copy
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHAPE = re.compile(r'unknown key|expected, but missing|expected one of|expected a map|expected a list|expected an id|expected a text'
                   r'|expected yen|expected a duration|expected a date|expected true or false|expected a whole number|expected both')
n_tests = n_failed = 0


def check(good, what):
    global n_tests, n_failed
    n_tests += 1
    n_failed += not good
    print(f'{"ok" if good else "not ok"} {n_tests} - {what}')


def load(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return json.load(f)


SCHEMA = load('catalogue/model.schema.json')


def kind_good(value, kind):
    if kind == 'integer':
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {'object': dict, 'array': list, 'string': str, 'boolean': bool}[kind])


def number_good(value, s):
    return not isinstance(value, int) or s.get('minimum', value) <= value <= s.get('maximum', value)


def text_good(value, s):
    if not isinstance(value, str):
        return True
    return (s.get('minLength', 0) <= len(value) <= s.get('maxLength', len(value))
            and re.search(s.get('pattern', ''), value) is not None)


def list_good(value, s):
    if not isinstance(value, list):
        return True
    if s.get('uniqueItems') and len({json.dumps(v) for v in value}) != len(value):
        return False
    return (s.get('minItems', 0) <= len(value) <= s.get('maxItems', len(value))
            and all(valid(v, s.get('items', True)) for v in value))


def map_good(value, s):
    if not isinstance(value, dict):
        return True
    known, rest = s.get('properties', {}), s.get('additionalProperties', True)
    return (all(k in value for k in s.get('required', [])) and len(value) <= s.get('maxProperties', len(value))
            and all(valid(v, known.get(k, rest)) for k, v in value.items()))


def valid(value, s):
    """The part of JSON Schema 2020-12 that the model's schema uses."""
    if isinstance(s, bool):
        return s
    if '$ref' in s and not valid(value, SCHEMA['$defs'][s['$ref'].rsplit('/', 1)[1]]):
        return False
    if 'type' in s and not kind_good(value, s['type']):
        return False
    if 'const' in s and value != s['const'] or 'enum' in s and value not in s['enum']:
        return False
    if 'anyOf' in s and not any(valid(value, x) for x in s['anyOf']):
        return False
    if 'oneOf' in s and sum(valid(value, x) for x in s['oneOf']) != 1:
        return False
    if 'if' in s and not valid(value, s.get('then', True) if valid(value, s['if']) else s.get('else', True)):
        return False
    return number_good(value, s) and text_good(value, s) and list_good(value, s) and map_good(value, s)


def walk(value, path=()):
    yield path, value
    for key, member in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from walk(member, path + (key,))


def at(doc, path):
    for key in path:
        doc = doc[key]
    return doc


def mutations(base):
    for turn, (path, value) in enumerate(list(walk(base))):
        if isinstance(value, dict):
            for key in value:
                d = copy.deepcopy(base)
                del at(d, path)[key]
                yield d, f'{path} without {key}'
            d = copy.deepcopy(base)
            at(d, path)['zzz'] = 'x'
            yield d, f'{path} with zzz'
        if path:
            others = ({'x': 1}, ['x'], 'no such thing!', -1)
            for other in others if os.environ.get('RELEASE') else others[turn % 4:turn % 4 + 1]:
                d = copy.deepcopy(base)
                at(d, path[:-1])[path[-1]] = other
                yield d, f'{path} = {other}'


def properties(s):
    if isinstance(s, dict):
        yield from s.get('properties', {})
        for member in s.values():
            yield from properties(member)
    elif isinstance(s, list):
        for member in s:
            yield from properties(member)


def read(program, doc, path):
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(doc, f, ensure_ascii=False)
    ran = subprocess.run([program, '--lang', 'en', 'mission', 'check', path], capture_output=True, text=True, timeout=30)
    return ran.returncode == 0, ran.stderr


def main():
    program, base = sys.argv[1], load('tests/models/everything.json')
    used = {key for path, _ in walk(base) for key in path}
    check(not set(properties(SCHEMA)) - used, f'everything.json uses every key: {set(properties(SCHEMA)) - used or "all"}')
    rows = set()
    for name in ('model.c', 'model_parts.c'):
        with open(os.path.join(ROOT, 'src/assurance', name), encoding='utf-8') as f:
            text = f.read()
        rows |= set(re.findall(r'\{ "([a-z_]+)", FIELD_', text)) | set(re.findall(r'SECTION\(([a-z]+), ', text))
    rows.discard('name')
    known = set(properties(SCHEMA)) | {'lo', 'mid', 'hi'}
    check(len(rows) > 40 and not rows - known, f'the schema has every key of the reader: {rows - known or "all"}')
    with tempfile.TemporaryDirectory() as folder:
        path, seen, wrong = os.path.join(folder, 'm.json'), 0, []
        good, said = read(program, base, path)
        check(good and valid(base, SCHEMA), f'the whole model is good to both {said}')
        for doc, what in mutations(base):
            by_schema, (by_reader, said) = valid(doc, SCHEMA), read(program, doc, path)
            seen += 1
            if by_reader and not by_schema:
                wrong.append(f'only the schema refuses {what}')
            if by_schema and not by_reader and SHAPE.search(said):
                wrong.append(f'only the reader refuses {what}: {said.splitlines()[0]}')
        check(seen > 450 and not wrong, f'{seen} changed models; ' + '; '.join(wrong[:10]))
    print(f'1..{n_tests}')
    return 1 if n_failed else 0


sys.exit(main())
