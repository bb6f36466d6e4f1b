#!/usr/bin/env python3
"""Bad input: what is wrong, in which line, what was expected and what was probably meant; 78 for reviewed files, 2 for
a command line, 75 where nobody answers; and nothing has changed."""
import os
import re
import shutil

from harness import BIN, ROOT, Site, check, finish, run, text_of

WATER = os.path.join(ROOT, 'examples/water')


class Bench:
    def __init__(self, site):
        self.site = site
        self.files = {}
        self.model, self.streams = text_of(WATER + '/mission.yaml'), text_of(WATER + '/streams.yaml')

    def file(self, name, content):
        path = self.site.path(name)
        with open(path, 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return path

    def changed(self, name, source, old, new):
        assert old in source, old
        return self.file(name, source.replace(old, new, 1)), source[:source.index(old)].count('\n') + 1

    def entries(self):
        return len(self.site.json('ledger', 'list'))


def expects(what, r, code, *words):
    said = r.stdout + r.stderr
    check(f'{what}: exit {code}', r.returncode == code, (r.returncode, said[-300:]))
    for w in words:
        check(f'{what}: says {w}', w in said, said[:400])
    check(f'{what}: no debris', 'Success' not in said and '\x1b' not in said and 'assert' not in said, said[:300])


def models(bench):
    rows = [
        ('unknown key', 'tolerable_outage: 4h', 'tolerable_outge: 4h', 'unknown key', 'did you mean "tolerable_outage"'),
        ('wrong unit', 'tolerable_outage: 4h', 'tolerable_outage: 4kg', 'expected a duration with its unit', '"4kg"'),
        ('no unit', 'tolerable_outage: 4h', 'tolerable_outage: 4', 'expected a duration with its unit', ''),
        ('money in metres', 'yen: "1300万"', 'yen: "1300m"', 'expected yen', '"1300m"'),
        ('missing group', '{group: plc, effect: fail}', '{group: plk, effect: fail}', 'there is no "plk"', 'did you mean "plc"'),
        ('missing alternative', 'by: local-loop', 'by: local-lop', 'there is no "local-lop"', 'did you mean "local-loop"'),
        ('missing function', 'functions: [supply, quality]', 'functions: [supply, qualty]', 'there is no "qualty"', 'did you mean "quality"'),
        ('wrong word', 'effect: degrade', 'effect: degrad', 'expected one of', 'did you mean "degrade"'),
        ('another schema', 'schema: sekimori/1', 'schema: sekimori/9', 'schema', 'sekimori/1'),
        ('a list for a map', 'organisation: {ja', 'organisation: [a]  # {ja', 'organisation', 'expected'),
    ]
    for what, old, new, *words in rows:
        path, line = bench.changed('model.yaml', bench.model, old, new)
        r = bench.site.cli('mission', 'check', path)
        expects(f'model, {what}', r, 78, *[w for w in words if w])
        check(f'model, {what}: names file and line {line}', f'model.yaml:{line}' in r.stdout + r.stderr, r.stderr[:300])
        drafted = bench.site.cli('mission', 'new', path, '--out', bench.site.path('draft.json'))
        check(f'model, {what}: no draft is written', drafted.returncode == 78 and not os.path.exists(bench.site.path('draft.json')), drafted.stderr[:200])


def streams(bench):
    rows = [
        ('unknown key', 'recorded: true', 'recordd: true', 'did you mean "recorded"'), ('wrong type', 'recorded: true', 'recorded: maybe', 'expected true or false'),
        ('wrong unit', 'expiry_s: 60', 'expiry_s: 60kg', 'expected a whole number of seconds'), ('out of range', 'expiry_s: 60', 'expiry_s: 100000', 'from 1 to 600'),
        ('wrong word', 'fail: closed', 'fail: clozed', 'did you mean "closed"'), ('unknown owner', 'owner: asset-owner', 'owner: asset-ownr', 'did you mean "asset-owner"'),
        ('broken pattern', 'pattern: sk/v1/mizu/gw-02/cmd/pump', 'pattern: "sk/#/pump"', 'expected an MQTT topic filter'),
        ('a wrong range', '{ name: v, unit: m, unit_in: u, min: 0, max: 5 }', '{ name: v, unit: m, unit_in: u, min: 9, max: 5 }', 'min is above max'),
        ('a value with its unit', '{ name: v, unit: mg/L, unit_in: u, min: 0, max: 2 }', '{ name: v, unit: mg/L, unit_in: u, min: 0, max: 2 mg }', 'without its unit'),
        ('a wish for a list', 'safe: [stop]', 'safe: stop', 'expected a list'), ('unknown top', 'streams:', 'strems:', 'did you mean "streams"'),
    ]
    before = bench.entries()
    for what, old, new, word in rows:
        path, line = bench.changed('streams.yaml', bench.streams, old, new)
        r = bench.site.cli('stream', 'apply', path)
        expects(f'stream, {what}', r, 78, word, f'streams.yaml:{line}')
    one = bench.streams[bench.streams.index('  - name'):bench.streams.index('\n# What the gauges')] + '\n'
    two = 'streams:\n' + one + one.replace('pump-command', 'second').replace('expiry_s: 60', 'expiry_s: 60kg')
    expects('stream, a good one before a bad one', bench.site.cli('stream', 'apply', bench.file('streams.yaml', two)), 78, 'streams[1].expiry_s')
    missing = '\n'.join(x for x in bench.streams.splitlines() if 'pattern:' not in x)
    expects('stream, without its pattern', bench.site.cli('stream', 'apply', bench.file('streams.yaml', missing)), 78, 'pattern: expected, but missing')
    check('none of them changed the record', bench.entries() == before)
    r = bench.site.cli('stream', 'apply', bench.file('streams.yaml', bench.streams), '--dry-run')
    check('a dry run of the good one changes nothing', r.returncode == 0 and bench.entries() == before, r.stderr)
    check('the good one is applied', bench.site.cli('stream', 'apply', WATER + '/streams.yaml').returncode == 0 and bench.entries() > before)


def odd_files(bench):
    """Empty, huge, binary, deep, absent, a folder: for whatever takes a file."""
    huge = bench.file('huge', b'a' * 70_000_000)
    files = {'empty': bench.file('empty', ''), 'binary': bench.file('binary', os.urandom(100_000)), 'huge': huge, 'nul': bench.file('nul', b'\0' * 4096),
             'deep': bench.file('deep', '[' * 5000), 'escape': bench.file('escape', 'a\x1b[31m: 1\n'), 'absent': bench.site.path('absent'), 'folder': bench.site.path()}
    takers = [('mission', 'check', 78), ('stream', 'apply', 78), ('decision', 'apply', None), ('limit', 'apply', None), ('mission', 'apply', None), ('evidence', 'apply', None),
              ('device', 'apply', None), ('assessment', 'replay', None)]
    before = bench.entries()
    for noun, verb, code in takers:
        for name, path in files.items():
            r = bench.site.cli(noun, verb, path)
            said = r.stdout + r.stderr
            good = (code or r.returncode) == r.returncode and r.returncode in (1, 2, 3, 4, 5, 6, 8, 78) and 'error[SK-' in said
            check(f'{noun} {verb}: {name} is refused in words', good and '\x1b' not in said and os.path.basename(path) in said, (r.returncode, said[:200]))
        for key in ('empty', 'binary', 'huge'):
            if noun == 'decision':
                r = bench.site.cli(noun, 'sign', bench.file('paper', '{}'), '--key', files[key])
                check(f'sign: a {key} key is refused', r.returncode == 78, (r.returncode, r.stderr[:200]))
    check('the record has not changed', bench.entries() == before)
    check('the daemon still answers', bench.site.ready())
    os.unlink(huge)


def configuration(bench):
    conf = text_of(os.path.join(bench.site.state, 'sekimori.conf'))
    folder = bench.site.path('other')
    os.makedirs(folder)
    daemon = os.path.join(BIN, 'sekimorid')

    def checked(content):
        with open(folder + '/sekimori.conf', 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return run(daemon, '--check', '--state', folder)

    rows = [('unknown key', 'mqtt = ', 'mqqt = ', "did you mean 'mqtt'"), ('a port too high', r'mqtt = .*', 'mqtt = localhost:70000', 'expected host:port'),
            ('an unknown section', r'\[listen\]', '[listn]', 'unknown section'), ('a bad id', r'name = .*', 'name = Bad Name', 'expected small letters'),
            ('no value', r'host = .*', 'host', 'expected key = value')]
    for what, old, new, word in rows:
        content = re.sub(old, new, conf, count=1)
        line = next(i for i, (a, b) in enumerate(zip(conf.splitlines(), content.splitlines()), 1) if a != b)
        expects(f'configuration, {what}', checked(content), 78, word, f'sekimori.conf:{line}')
    expects('configuration, a unit on a number', checked(conf + '\n[guard]\nhandshakes = 10kg\n'), 78, 'expected a whole number')
    expects('configuration, a key twice', checked(conf + 'est = 127.0.0.1:1\n'), 78, 'given twice')
    expects('configuration, binary', checked(b'\x1b[31m' + os.urandom(3000)), 78, 'sekimori.conf:1')
    expects('configuration, huge', checked(b'#' * 30_000_000), 78, 'sekimori.conf')
    expects('configuration, absent', run(daemon, '--check', '--state', bench.site.path('nowhere')), 78, 'No such file')
    check('configuration, the site\'s own is good', run(daemon, '--check', '--state', bench.site.state).returncode == 0)
    shutil.rmtree(folder)


def command_lines(bench):
    cli = os.path.join(BIN, 'sekimori')
    rows = [['frob'], ['mission', 'chek', 'x'], ['mission', 'check'], ['status', '--frobnicate'], ['status', '--frobnicate', '1'], ['status', 'extra'],
            ['status', '--lang', 'fr'], ['-o', 'xml', 'status'], ['-x'], ['device', 'revoke', 'dev-1'], ['device', 'show'], ['invite', 'new'],
            ['invite', 'new', 'BAD ID'], ['invite', 'new', 'ok', '--role', 'boss'], ['invite', 'new', 'ok', '--days', 'ten'], ['invite', 'new', 'ok', '--days', '1000'],
            ['ledger', 'list', '--kind', 'nosuch'], ['ledger', 'list', '--after', 'x'], ['why', 'a', 'juggle', 'b'], ['decision', 'new', '--id', 'D-9'],
            ['limit', 'release'], ['ledger', 'proof', 'x', '--out', bench.site.path('p')]]
    before = bench.entries()
    for argv in rows:
        r = run(cli, '--state', bench.site.state, *argv)
        check(f'sekimori {" ".join(argv)[:60]}: 2, in words', r.returncode == 2 and r.stderr.strip(), (r.returncode, r.stderr[:200]))
    r = bench.site.cli('decision', 'new', '--id', 'D-9', '--out', bench.site.path('d9'), '--enforce', 'atested')
    check('a condition that is not in the model is not drafted', r.returncode == 2 and 'attested' in r.stderr and not os.path.exists(bench.site.path('d9')), r)
    for argv in (['device', 'show', 'nobody'], ['device', 'revoke', 'nobody', '--reason', 'x'], ['mission', 'show', 'nosuch'],
                 ['assessment', 'export', 'A-999', '--out', bench.site.path('p')], ['ledger', 'proof', '99999999', '--out', bench.site.path('p')]):
        r = bench.site.cli(*argv)
        check(f'sekimori {" ".join(argv)[:50]}: 5, not found', r.returncode == 5, (r.returncode, r.stderr[:200]))
    check('none of them changed the record', bench.entries() == before)
    for argv in ([], ['frob'], ['run', '--frob'], ['run', '--every', 'x'], ['join'], ['join', 'notaurl'], ['run', 'extra']):
        r = run(os.path.join(BIN, 'sekimori-agent'), *argv, '--state', bench.site.path('agent'))
        check(f'sekimori-agent {" ".join(argv)}: 2', r.returncode == 2, (r.returncode, r.stderr[:200]))
    for argv in ([], ['--frob'], ['proof'], ['--key', 'zz', '/tmp']):
        check(f'sekimori-verify {" ".join(argv)}: 2', run(os.path.join(BIN, 'sekimori-verify'), *argv).returncode == 2)
    check('sekimorid --frob: 2', run(os.path.join(BIN, 'sekimorid'), '--frob').returncode == 2)


def nobody_there(bench):
    for argv in (['status'], ['device', 'list'], ['limit', 'list'], ['login'], ['stream', 'apply', WATER + '/streams.yaml']):
        r = run(os.path.join(BIN, 'sekimori'), '--state', bench.site.path('nowhere'), '--lang', 'en', *argv)
        check(f'{" ".join(argv)[:30]} without a daemon: 75 and what to do', r.returncode == 75 and 'try:' in r.stderr, (r.returncode, r.stderr))
    r = run(os.path.join(BIN, 'sekimori'), '--state', bench.site.path('nowhere'), '--lang', 'ja', 'status')
    check('the same in Japanese', r.returncode == 75 and '関守' in r.stderr or 'sekimorid' in r.stderr, r.stderr)


def maps(bench):
    """The gateway's register map."""
    source = text_of(WATER + '/plant.map')
    device = bench.site.path('device')
    run(os.path.join(BIN, 'sekimori-agent'), 'join', bench.site.invite('map-1'), '--state', device)
    for what, old, new in (('unknown table', 'read.flow = input', 'read.flow = inptu'), ('no number', '2 10 m3/h', '2 ten m3/h'), ('cut short', 'read.alarms = input 10 1', 'read.alarms = input'),
                           ('unknown key', 'station = 1', 'statoin = 1')):
        path, line = bench.changed('bad.map', source, old, new)
        r = run(os.path.join(BIN, 'sekimori-agent'), 'run', '--state', device, '--modbus', '127.0.0.1:1', '--map', path, '--lang', 'en', timeout=10)
        expects(f'map, {what}', r, 78, f'bad.map:{line}')


def main():
    with Site('mizu') as site:
        site.start()
        site.mission(WATER + '/mission.yaml')
        bench = Bench(site)
        nobody_there(bench)
        command_lines(bench)
        models(bench)
        streams(bench)
        configuration(bench)
        maps(bench)
        odd_files(bench)
        check('the record is whole', site.cli('ledger', 'verify').returncode == 0)
    finish()


main()
