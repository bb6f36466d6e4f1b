"""A policy of grants, from outside: written, tested offline, signed by the right person, in force on links that are
up; denied on the paths a third party can reach (N11-N14); kept over a restart; a broken one starts nothing (N24).
And the newcomer trial: the water demo's grants written from the manual page alone."""
import os
import re
import subprocess
import time

from harness import BIN, ROOT, Site, check, finish, run

STREAMS = '''streams:
  - name: plans
    pattern: sk/v1/{site}/+/m/plans
    owner: asset-owner
    label: confidential
    recorded: true
    fail: closed
'''
ROWS = '''schema: sekimori-grants/1
site: {site}
zone: "+00:00"
grants:
  - id: say
    subject: role:device
    action: publish
    stream:
      - sk/v1/{{site}}/{{own}}/m/#
      - sk/v1/{{site}}/{{own}}/s/#
      - sk/v1/{{site}}/{{own}}/att/evidence
  - {{ id: hear, subject: role:device, action: subscribe, stream: ["sk/v1/{{site}}/{{own}}/cmd/#", "sk/v1/{{site}}/{{own}}/att/challenge"] }}
  - {{ id: order, subject: role:operator, action: command, stream: "sk/v1/{{site}}/+/cmd/+" }}
  - {{ id: read, subject: role:viewer, action: subscribe, stream: "sk/v1/{{site}}/#", upto: {upto} }}
{more}
tests:
  - {{ subject: d, role: device, action: publish, topic: sk/v1/{site}/d/m/x, want: allow }}
  - {{ subject: d, role: device, action: publish, topic: sk/v1/{site}/e/m/x, want: deny }}
'''


def write(site, name, upto='internal', more=''):
    path = site.path(name)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(ROWS.format(site=site.name, upto=upto, more=more))
    return path


def apply(site, path, role='asset-owner'):
    draft = path + '.json'
    r = site.cli('grant', 'new', path, '--out', draft)
    if r.returncode:
        return r
    site.cli('grant', 'sign', draft, '--key', site.key(role))
    began = time.monotonic()
    r = site.cli('grant', 'apply', draft)
    r.seconds = time.monotonic() - began
    return r


def arrives(viewer, topic, payload, seconds=2):
    return viewer.receive(seconds, lambda m: m[0] == topic and m[1] == payload) is not None


def paths(site):
    device, viewer = site.enrol('dev-1', 'device'), site.enrol('watch-1', 'viewer')
    base = f'sk/v1/{site.name}/dev-1'
    speak, see = device.mqtt(), viewer.mqtt()
    check('before a policy: a new site\'s rows', speak.publish(base + '/m/secret', 'a')[0] in (0, 0x10) and see.subscribe(f'sk/v1/{site.name}/#') < 0x80)
    speak.publish(base + '/s/state', 'kept', retain=True)
    check('what is published arrives', speak.publish(base + '/m/secret', 'b')[0] == 0 and arrives(see, base + '/m/secret', 'b'))
    check('what is above no ceiling arrives', speak.publish(base + '/m/plans', 'p')[0] == 0 and arrives(see, base + '/m/plans', 'p'))
    signed_by_the_right_one(site)
    r = apply(site, write(site, 'deny.yaml', more='  - { id: no, subject: any, action: [subscribe, history], stream: "sk/v1/{site}/+/m/secret", deny: true }\n'
                          '  - { id: no-state, subject: any, action: subscribe, stream: "sk/v1/{site}/+/s/#", deny: true }'))
    check('the asset owner\'s signature puts it in force', r.returncode == 0, r.stdout + r.stderr)
    speak.publish(base + '/m/secret', 'c')
    speak.publish(base + '/m/plans', 'q')
    speak.publish(base + '/m/other', 'd')
    check('N14 live: an old subscription gets the rest', arrives(see, base + '/m/other', 'd'))
    check('N14 live: nothing of what is denied', not any(m[0].endswith('secret') and m[1] == 'c' for m in see.messages))
    check('never above the ceiling', not any(m[0].endswith('plans') and m[1] == 'q' for m in see.messages))
    check('and that from the moment "apply" returned, within a second of typing it', r.seconds < 1, r.seconds)
    late = site.enrol('watch-2', 'viewer').mqtt()
    late.subscribe(f'sk/v1/{site.name}/#')
    check('N13 retained: a new subscriber gets nothing of it', not late.receive(0.5, lambda m: '/s/' in m[0]))
    check('N14 subscribed by its name: refused', late.subscribe(base + '/m/secret') == 0x87)
    check('others\' topics stay closed', speak.publish(f'sk/v1/{site.name}/other/m/x', 'x')[0] == 0x87)
    why = site.cli('why', 'watch-1', 'receive', base + '/m/secret')
    check('why names the row', 'no (any' in why.stdout, why.stdout + why.stderr)
    why = site.cli('why', 'watch-1', 'receive', base + '/m/plans')
    check('why names label and ceiling', 'confidential' in why.stdout and 'internal' in why.stdout, why.stdout)
    check('MQTT says what to type', 'no-grant; sekimori why watch-2 subscribe ' + base + '/m/secret' in late.suback_reason, late.suback_reason)


def told(site):
    """The tree: every row with its file and line, the entries that prove the steps, what to do, whom to ask."""
    base = f'sk/v1/{site.name}/dev-1'
    path = write(site, 'told.yaml', more='appeal: the asset owner, ext. 4210')
    with open(path, encoding='utf-8') as f:
        lines = f.read().splitlines()
    line = next(i for i, l in enumerate(lines, 1) if 'id: order' in l)
    check('a policy that names whom to ask', apply(site, path).returncode == 0)
    tree = site.json('why', 'watch-1', 'command', base + '/cmd/pump')
    steps = {s['step']: s for s in tree['steps']}
    tried = [s for s in tree['steps'] if s['step'] == 'tried']
    check('why: every row of the policy once, with its file and line', len({s['grant'] for s in tried if 'grant' in s}) == sum('id: ' in l and l.lstrip().startswith('-') for l in lines) and len({s['text_en'] for s in tried}) == len(tried) and {'grant': 'order', 'at': f'told.yaml:{line}'}.items() <= next(s for s in tried if s.get('grant') == 'order').items(), tried)
    check('why: and what keeps it from speaking', 'role:operator' in next(s for s in tried if s.get('grant') == 'order')['text_en'], tried)
    check('why: the entries of the record that prove it', all(steps[k].get('entry', -1) >= 0 for k in ('identity', 'grant')), tree)
    entry = steps['grant']['entry']
    proof = site.path('why.proof')
    check('why: such an entry is the policy, and can be proved', any(e['index'] == entry for e in site.entries('grants')) and site.cli('ledger', 'proof', str(entry), '--out', proof).returncode == 0)
    check('why: what to do and whom to ask', 'grant test' in steps['todo']['text_en'] and steps['ask']['text_en'] == 'the asset owner, ext. 4210', tree['steps'][-2:])
    ja = run(os.path.join(BIN, 'sekimori'), '--state', site.state, '--lang', 'ja', 'why', 'watch-1', 'command', base + '/cmd/pump').stdout
    check('why: in Japanese as well', f'told.yaml:{line}' in ja and '対象者が違います' in ja and '証跡' in ja, ja)


def signed_by_the_right_one(site):
    path = write(site, 'wrong.yaml')
    for role in ('mission-owner', 'executive'):
        r = apply(site, path, role)
        check(f'signed by {role} alone: refused', r.returncode == 3 and 'signature-missing' in r.stderr, r.stderr)
    r = site.cli('grant', 'apply', path)
    check('unsigned: refused', r.returncode != 0)


def takeover(site):
    a, b = site.enrol('twin-a', 'device'), site.enrol('twin-b', 'device')
    first = a.mqtt()
    try:
        b.mqtt('twin-a')
        refused = ''
    except ConnectionRefusedError as e:
        refused = str(e)
    check('N11 another\'s client id: refused with 0x87 or 0x85', '0x87' in refused or '0x85' in refused, refused)
    check('N11 the victim is undisturbed', first.ping())


def compared(site):
    path = write(site, 'diff.yaml', upto='confidential')
    r = site.cli('grant', 'diff', path)
    gains = [l for l in r.stdout.splitlines() if l.startswith('+') and 'watch-1' in l]
    check('diff names who gains what', r.returncode == 0 and any('plans' in l for l in gains), r.stdout + r.stderr)
    before = site.json('grant', 'list')
    r = site.cli('grant', 'apply', path, '--dry-run')
    check('a dry run changes nothing', r.returncode == 0 and 'watch-1' in r.stdout and site.json('grant', 'list') == before, r.stderr)
    wrong = write(site, 'name.yaml', more='  - { id: n, subject: any, action: history, stream: plnas }')
    r = site.cli('grant', 'diff', wrong)
    check('a stream nobody declared is a mistake with its line', r.returncode == 78 and 'did you mean "plans"' in r.stderr and 'name.yaml:' in r.stderr, r.stderr)


def kept(site):
    old = site.path('deny.yaml.json')
    r = site.cli('grant', 'apply', old)
    check('an old policy is not applied again', r.returncode == 6, r.stderr)
    before = site.json('grant', 'list')
    site.stop()
    site.start()
    check('a restart keeps it', site.json('grant', 'list') == before and before['grants'][0]['id'] == 'say')
    audit = site.entries('audit', 'grants-applied')
    check('who, before and after are in the record', len(audit) == 1 and audit[0]['payload']['by'] and len(audit[0]['payload']['after']) == 64, audit)


PAGE = os.path.join(ROOT, 'docs/grants.md')
WATER = os.path.join(ROOT, 'examples/water')
NEWCOMER = '''schema: sekimori-grants/1
site: mizu
appeal: water operations, ext. 4210
grants:
  - id: device-says
    subject: role:device
    action: publish
    stream: ["sk/v1/{site}/{own}/m/#", "sk/v1/{site}/{own}/att/evidence"]
  - id: device-hears
    subject: role:device
    action: subscribe
    stream: ["sk/v1/{site}/{own}/cmd/#", "sk/v1/{site}/{own}/att/challenge"]
  - id: operator-orders
    subject: role:operator
    action: command
    stream: [pump-command, "sk/v1/{site}/+/cmd/+"]
    why: the operator on duty runs the pumps
  - id: readers
    subject: any
    action: [subscribe, history]
    stream: sk/v1/{site}/#
    upto: internal
  - id: evidence-is-the-servers
    subject: any
    action: [subscribe, history]
    stream: sk/v1/{site}/+/att/evidence
    deny: true
  - id: sensors-take-no-orders
    subject: group:sensors
    action: subscribe
    stream: sk/v1/{site}/+/cmd/#
    deny: true
  - id: nobody-is-the-server
    subject: any
    action: [publish, command]
    stream: sk/v1/{site}/_gate/#
    deny: true
'''
# what was right, what is written instead, what is said of it
MISTAKES = (('subject: role:operator', 'subject: rol:operator', 'did you mean "role:..."?'), ('action: command\n', 'action: comand\n', 'did you mean "command"?'),
            ('stream: ["sk/v1/{site}/{own}/m/#"', 'stream: ["sk/v1/{site}/{own}/m#"', '+ stands for a whole level, # comes last'),
            ('[pump-command,', '[pump-comand,', 'did you mean "pump-command"?'), ('deny: true', 'deni: true', 'did you mean "deny"?'))
# the same for the declarations that go with it: (what is added to a stream, said)
METER = '''streams:
  - name: meter
    pattern: sk/v1/mizu/+/m/meter
    recorded: true
    label: confidential
    fields: [{ name: v }, { name: house, type: text }]
    reduce: [{ to: internal, drop: [house] }]
  - name: meter-hourly
    pattern: sk/v1/mizu/site/m/meter-hourly
    derive: { from: [meter], how: mean, field: v, every_s: 3600 }
'''
DECLARED = (('drop: [house]', 'drop: [hose]', 'did you mean "house"?'), ('{ to: internal, drop: [house] }', '{ to: internal }', 'a label does not go down unreduced'),
            ('{ to: internal, drop', '{ to: confidential, drop', "is not below the stream's label"), ('from: [meter]', 'from: [meters]', 'did you mean "meter"?'),
            ('how: mean', 'how: meen', 'did you mean "mean"?'))


def typed(folder, *words, files):
    for name, text in files.items():
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
            f.write(text)
    return subprocess.run([os.path.join(BIN, 'sekimori'), '--lang', 'en', *words], cwd=folder, capture_output=True, text=True)


def newcomer(folder):
    """The water demo's grants, written from the manual page alone: only words that stand there, the demo's own questions answered as
    the demo wants them; and each typical mistake told with file, line and what was probably meant. Nothing runs."""
    page = open(PAGE, encoding='utf-8').read()
    demo = open(os.path.join(WATER, 'grants.yaml'), encoding='utf-8').read()
    questions = demo[demo.index('\ntests:'):]
    ask = lambda text, *more: typed(folder, 'grant', 'test', 'mine.yaml', *more, files={'mine.yaml': text})
    words = set(re.findall(r'^\s*(?:- )?(\w+):', NEWCOMER, re.M)) | set(re.findall(r'(?:action|subject): \[?([\w:, ]+)', NEWCOMER))
    strange = [w for text in words for w in re.findall(r'[a-z]+', re.sub('group:.*', 'group', text)) if w not in page]
    check('a newcomer needs no word that the manual page has not', not strange, strange)
    r = ask(NEWCOMER + questions, '--streams', os.path.join(WATER, 'streams.yaml'))
    asked = questions.count('want:')
    check(f'his grants answer the {asked} questions of the water demo as it wants them', r.returncode == 0 and r.stdout.count('ok ') == asked, r.stdout + r.stderr)
    r = ask(NEWCOMER)
    check('without a question of its own a policy is not tested, and that is said', r.returncode and 'mine.yaml:1: tests: expected a list of questions' in r.stderr, r.stderr)
    japanese = open(PAGE.replace('.md', '.ja.md'), encoding='utf-8').read()
    for right, wrong, said in MISTAKES:
        text = NEWCOMER.replace(right, wrong, 1)
        line = text[:text.index(wrong)].count('\n') + 1
        r = ask(text + questions, '--streams', os.path.join(WATER, 'streams.yaml'))
        key = wrong.strip().split('"')[-1] if 'm#' in wrong else wrong.strip(' [,\n')
        row = text[:text.index(wrong)].rindex('  - id:')
        first = text[:row].count('\n') + 1
        told = re.search(r'error\[SK-1040\]: mine\.yaml:(\d+): ', r.stderr)
        check(f'{wrong.strip()}: file, line of it or of its row, and hint', r.returncode == 78 and told and int(told.group(1)) in (first, line) and said in r.stderr, r.stderr)
        check(f'{wrong.strip()}: on the manual page in both languages', all(key.rstrip('"') in p for p in (page, japanese)), key)
    for right, wrong, said in DECLARED:
        text = METER.replace(right, wrong, 1)
        line = text[:text.index(wrong)].count('\n') + 1
        r = typed(folder, 'grant', 'test', 'mine.yaml', '--streams', 'streams.yaml', files={'mine.yaml': NEWCOMER + questions, 'streams.yaml': text})
        check(f'{wrong}: file, line and hint', r.returncode == 78 and f': streams.yaml:{line}: ' in r.stderr and said in r.stderr, r.stderr)


def main():
    with Site() as site:
        site.start()
        streams = site.path('streams.yaml')
        with open(streams, 'w', encoding='utf-8') as f:
            f.write(STREAMS.format(site=site.name))
        r = site.cli('stream', 'apply', streams)
        check('the stream is declared', r.returncode == 0, r.stderr)
        r = site.cli('grant', 'test', write(site, 'a.yaml'))
        check('the file\'s own questions are answered offline', r.returncode == 0 and r.stdout.count('ok ') == 2, r.stdout + r.stderr)
        for text, says in (('', 'empty'), ('\x00\x01', 'YAML'), ('grants: []\n', 'without rows')):
            bad = site.path('bad.yaml')
            with open(bad, 'w', encoding='utf-8') as f:
                f.write(text)
            r = site.cli('grant', 'new', bad, '--out', site.path('bad.json'))
            check(f'N24 {says}: no draft is made', r.returncode == 78 and says in r.stderr and not os.path.exists(site.path('bad.json')), r.stderr)
        paths(site)
        takeover(site)
        compared(site)
        kept(site)
        told(site)
        newcomer(site.dir)
    finish()


if __name__ == '__main__':
    main()
