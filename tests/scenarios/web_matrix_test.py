"""Every route of the service's own table x every caller a stranger can be x ids that exist and ids that do not: whoever
may not see gets the same answer for both (N27), no page but our own may ask (N29), a URL or role put into a body goes
nowhere (N28, N30). The table is read from the source, so that a new route is in the matrix the day it is written."""
import http.client
import json
import os
import re
import subprocess

from harness import ROOT, Site, check, finish, note

ROLES = ('operator', 'mission-owner', 'asset-owner', 'executive', 'auditor', 'administrator')
SCOPES = ('read', 'operate', 'enrol', 'documents')
ANONYMOUS = {'/health', '/ready', '/.well-known/est/cacerts', '/.well-known/est/simpleenroll', '/api/v1/session', '/api/v1/session/challenge'}


def routes():
    with open(os.path.join(ROOT, 'src/service/service.c'), encoding='utf-8') as f:
        return re.findall(r'\{ "(GET|POST)", "([^"]+)", ([^,]+), (NEED_\w+),', f.read())


def ask(site, door, method, path, *fields, body=None):
    """Status and body, without what changes by itself."""
    more = [x for f in fields for x in ('-H', f)] + (['--data-binary', body] if body is not None else [])
    r = subprocess.run(['curl', '-sS', '-m', '5', '-X', method, *([] if door == 'console' else ['--cacert', site.ca()]), *more,
                        '-w', '\n%{http_code}', site.url(door, path)], capture_output=True, text=True, timeout=20)
    body, _, status = r.stdout.rpartition('\n')
    return status, body


def session(site):
    url = site.json('login')['url']
    r = subprocess.run(['curl', '-sS', '-i', '-X', 'POST', '-d', json.dumps({'token': url.split('#')[1]}),
                        site.url('console', '/api/v1/session')], capture_output=True, text=True, timeout=20)
    return 'Cookie: ' + re.search(r'sekimori=[0-9a-f]{64}', r.stdout).group(0)


def strangers(site, rows):
    callers = {'nobody': (), 'a made-up cookie': ('Cookie: sekimori=' + '0' * 64,), 'a made-up token': ('Authorization: Bearer sk_' + '0' * 64,)}
    asked, told = 0, []
    for method, path, doors, need in rows:
        for door in ('console', 'https'):
            for name, fields in callers.items():
                here, gone = path, path
                for real in ('dev-1', 'revoke'):
                    here, gone = here.replace('{}', real, 1), gone.replace('{}', 'no-such-thing', 1)
                here, gone = here.replace('{..}', '0/000'), gone.replace('{..}', '9/999')
                one, other = ask(site, door, method, here, *fields, body='{}' if method == 'POST' else None), \
                    ask(site, door, method, gone, *fields, body='{}' if method == 'POST' else None)
                asked += 1
                if path in ANONYMOUS:
                    continue
                same = one[0] == other[0] and one[1].replace(here, '') == other[1].replace(gone, '')
                if not same or one[0] not in ('401', '404'):
                    told.append((name, door, method, path, one[0], other[0]))
    note(f'{asked} cells')
    check('N27 strangers get one answer for what is there and what is not', asked > 100 and not told, told[:5])


def people(site, rows, cookie):
    """The machine's own page: what is root's alone is refused alike for ids that exist and ids that do not."""
    told = []
    for method, path, doors, need in rows:
        if need != 'NEED_ROOT':
            continue
        for door in ('console', 'https'):
            answers = {ask(site, door, method, path.replace('{}', i, 1).replace('{}', 'revoke'), cookie, body='{"reason":"x"}')
                       for i in ('dev-1', 'no-such-thing')}
            if len(answers) != 1 or next(iter(answers))[0][0] != '4':
                told.append((door, path, answers))
    check('N27 what is root\'s alone is refused alike', not told, told[:3])
    trust = [d['trust'] for d in site.json('device', 'list') if d['id'] == 'dev-1']
    check('and the device is as it was', trust == ['unattested'], trust)


def needs():
    """What each need asks, from the same source: {need: (roles, scope)}."""
    with open(os.path.join(ROOT, 'src/service/internal.h'), encoding='utf-8') as f:
        rows = re.findall(r'X\((NEED_\w+), (.+), (0|1u << SCOPE_\w+)\)', f.read())
    found = {}
    for need, roles, scope in rows:
        allowed = {w.lower().replace('_', '-') for w in re.findall(r'USER_BIT\(USER_(\w+)\)', roles)}
        allowed |= {'mission-owner', 'asset-owner', 'executive'} if 'USER_SIGNING' in roles else set()
        found[need] = (set(ROLES) if '~0u' in roles else allowed, scope.rpartition('_')[2].lower())
    return found


def person_of(site, role):
    who = 'x-' + role
    made = site.json('user', 'new', who, '--role', role, '--reason', 'matrix')
    r = subprocess.run(['curl', '-sS', '-i', '-X', 'POST', '-d', json.dumps({'token': made['url'].split('#')[1]}),
                        site.url('console', '/api/v1/session')], capture_output=True, text=True, timeout=20)
    return {'Cookie': re.search(r'sekimori=[0-9a-f]{64}', r.stdout).group(0), 'Origin': site.url('console', '')}


def cell(line, method, path, fields, door_host):
    line.request(method, path, body='{}' if method == 'POST' else None, headers={**fields, 'Host': door_host})
    r = line.getresponse()
    streams = 'event-stream' in (r.getheader('Content-Type') or '')
    body = b'' if streams else r.read()
    if streams or r.getheader('Connection') == 'close':
        line.close()
    return r.status, body.decode(errors='replace')


def known(site):
    """name: (role, token's scope or None, header fields)."""
    callers = {role: (role, None, person_of(site, role)) for role in ROLES}
    for scope in SCOPES:
        made = site.json('token', 'new', 'matrix-' + scope, '--user', 'x-operator', '--scope', scope, '--days', '1', '--reason', 'matrix')
        callers['token ' + scope] = ('operator', scope, {'Authorization': 'Bearer ' + made['token']})
    return callers


def by_role(site, rows, callers):
    """N27 over people and their programs: a route answers as the table says, and where it refuses, the same for any id."""
    rule, wrong, cells = needs(), [], 0
    host = f"localhost:{site.ports['console']}"
    line = http.client.HTTPConnection('127.0.0.1', site.ports['console'], timeout=10)
    for method, path, doors, need in rows:
        if need == 'NEED_NOTHING' or path in ('/api/v1/session/end', '/events') or doors.strip() == '0':
            continue
        for name, (role, scope, fields) in callers.items():
            roles, wanted = rule[need]
            may = role in roles and (scope is None or scope == wanted) or (need in ('NEED_SELF', 'NEED_SESSION') and scope is None)
            there, gone = path, path
            for real in ('dev-1', 'attest'):
                there, gone = there.replace('{}', real, 1), gone.replace('{}', 'no-such-thing', 1)
            answers = [cell(line, method, p.replace('{..}', '0/000'), fields, host) for p in (there, gone)]
            refused = ['SK-1415' in body for _, body in answers]
            cells += 2
            if refused != [not may] * 2 or (not may and answers[0] != answers[1]) or any(s == 401 for s, _ in answers):
                wrong.append((name, method, path, need, may, [s for s, _ in answers]))
    line.close()
    check(f'N27 every route x role x token scope x id there and not: {cells} cells', cells > 400 and not wrong, wrong[:5])


def pages(site, rows, cookie):
    wrong = []
    for method, path, doors, need in rows:
        path = path.replace('{..}', '0/000').replace('{}', 'x')
        for door in ('console', 'https'):
            for origin in ('https://evil.example', 'null', 'http://localhost.evil.example:8480'):
                status, _ = ask(site, door, method, path, cookie, 'Origin: ' + origin, body='{}' if method == 'POST' else None)
                if status != '403':
                    wrong.append((door, method, path, origin, status))
    check('N29 another page\'s origin is refused on every route', not wrong, wrong[:5])
    status, _ = ask(site, 'console', 'GET', '/api/v1/me', cookie, 'Host: rebound.example:8480')
    check('N29 another host\'s name is refused', status == '403', status)


def bodies(site):
    """Members nobody asked for: not taken, whoever sends them."""
    made = site.path('more.yaml')
    with open(made, 'w', encoding='utf-8') as f:
        f.write('streams:\n  - name: x\n    pattern: sk/v1/test/+/m/x\n    owner: o\n    label: internal\n    recorded: true\n    fail: closed\n'
                '    role: operator\n')
    r = site.cli('stream', 'apply', made)
    check('N28 a member that is none of a stream\'s is refused', r.returncode != 0, r.stdout + r.stderr)
    rows = site.json('stream', 'list')
    check('N28 and nothing was declared', not any(s['name'] == 'x' for s in rows))


def no_calls_out(site, cookie):
    """The core owns no network socket; what it could connect with is not there."""
    core = site.pid_of('core')
    with open('/proc/net/tcp', encoding='ascii') as f:
        tcp = {l.split()[9] for l in f.readlines()[1:]}
    for path in ('invites', 'session', 'login', 'documents/model'):
        ask(site, 'console', 'POST', '/api/v1/' + path, cookie, body=json.dumps({'url': 'http://127.0.0.1:1/x', 'callback': 'http://127.0.0.1:1/y'}))
    inodes = set()
    for fd in os.listdir(f'/proc/{core}/fd'):
        try:
            link = os.readlink(f'/proc/{core}/fd/{fd}')
        except OSError:
            continue
        if link.startswith('socket:['):
            inodes.add(link[8:-1])
    check('N30 the core that read the URL holds no TCP socket', core and not inodes & tcp, inodes & tcp)


def main():
    rows = routes()
    check('the table was read', len(rows) > 25, len(rows))
    with Site() as site:
        site.start()
        site.enrol('dev-1', 'device')
        cookie, callers = session(site), known(site) # before the strangers: their guesses hold up this address for a minute
        strangers(site, rows)
        check('a person signs in', ask(site, 'console', 'GET', '/api/v1/me', cookie)[0] == '200')
        people(site, rows, cookie)
        by_role(site, rows, callers)
        pages(site, rows, cookie)
        bodies(site)
        no_calls_out(site, cookie)
        for _ in range(12):
            status, _body = ask(site, 'console', 'POST', '/api/v1/session', body='{"token":"' + '0' * 64 + '"}')
        check('N26 guesses of one source are held up', status == '429', status)
    finish()


if __name__ == '__main__':
    main()
