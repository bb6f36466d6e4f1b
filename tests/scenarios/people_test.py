#!/usr/bin/env python3
"""People of a site: registered by the machine's root, a first password by a one-time link, locks on guesses (N26), a file of
passwords that was touched (N24), tokens for programs (N25), and root who may operate but never signs for anybody."""
import base64
import json
import os
import re
import shutil
import statistics
import subprocess
import threading
import time

from harness import BIN, ROLES, ROOT, Site, check, finish, note, run, skip, until

PASSWORD = 'seven blue pipes of mizu'


def post(site, path, body, *more, door='console', source=None):
    """Status, answer, cookie: by curl, as a page would."""
    argv = ['curl', '-sS', '-i', '-m', '20', *(['--interface', source] if source else []), *([] if door == 'console' else ['--cacert', site.ca()]),
            '-H', 'Origin: ' + site.url(door, ''), '-H', 'Content-Type: application/json', *more, '-d', json.dumps(body), site.url(door, path)]
    out = run(*argv).stdout
    head, _, answer = out.partition('\n\n')
    cookie = re.search(r'sekimori=([0-9a-f]{64})', head)
    return int(head.split()[1]) if head else 0, answer, ('Cookie: sekimori=' + cookie[1]) if cookie else None


def open_link(site, url):
    return post(site, '/api/v1/session', {'token': url.split('#')[1]})[2]


def sign_in(site, who, password, source=None):
    return post(site, '/api/v1/session', {'user': who, 'password': password}, source=source)


def registers(site):
    r = site.cli('user', 'new', 'hanako', '--role', 'operator', '--name', '花子', '--reason', 'joined the control room')
    check('a person is registered by root and gets a link, no password', r.returncode == 0 and 'start#' in r.stdout, r.stderr)
    again = site.cli('user', 'new', 'hanako', '--role', 'auditor', '--reason', 'again')
    check('an id is given once', again.returncode == 6 and 'error[SK-1407]' in again.stderr, again.stderr)
    both = site.cli('user', 'new', 'jiro', '--role', 'executive', '--role', 'asset-owner', '--reason', 'x')
    check('nobody holds two of the three signing roles', both.returncode == 6 and 'one signing role' in both.stderr, both.stderr)
    admin = site.cli('user', 'new', 'jiro', '--role', 'administrator', '--role', 'executive', '--reason', 'x')
    check('an administrator never signs', admin.returncode == 6, admin.stderr)
    mixed = site.cli('user', 'new', 'jiro', '--role', 'auditor', '--role', 'operator', '--reason', 'x')
    check('an auditor is nothing else', mixed.returncode == 6, mixed.stderr)
    check('a reason is asked for', site.cli('user', 'new', 'jiro', '--role', 'auditor').returncode == 2)
    link = re.search(r'http://localhost:\d+/start#[0-9a-f]{64}', r.stdout)[0]
    cookie = open_link(site, link)
    check('the link opens the page once', cookie and open_link(site, link) is None)
    status, answer, _ = post(site, '/api/v1/me/password', {'password': PASSWORD}, '-H', cookie)
    check('the first password is set from it', status == 200, answer)
    check('no password is guessed from a name', sign_in(site, 'hanako', 'hanako')[0] == 401)
    status, answer, cookie = sign_in(site, 'hanako', PASSWORD)
    check('the password opens the page', status == 200 and cookie, answer)
    rows = site.entries('user')
    last = rows[-1]['payload']
    check('every change is in the record: actor, reason, before, after', [r['payload']['what'] for r in rows] == ['new', 'password']
          and rows[0]['payload']['by'] == 'root' and rows[0]['payload']['reason'] == 'joined the control room' and 'before' not in rows[0]['payload']
          and last['by'] == 'hanako' and last['before']['verifier_sha256'] == '' and len(last['after']['verifier_sha256']) == 64, last)
    check('and no verifier is', '$argon2' not in json.dumps(rows))
    return cookie


def tokens(site):
    r = site.json('token', 'new', 'historian', '--user', 'hanako', '--scope', 'read', '--days', '30', '--reason', 'export')
    token = r['token']
    check('a token has a prefix that a scanner finds', re.fullmatch(r'sekimori_[0-9a-f]{64}', token), token)
    bearer = ('-H', 'Authorization: Bearer ' + token)
    check('it reads over https', site.http('https', '/api/v1/status', *bearer)[0] == '200')
    check('and does nothing else', site.http('https', '/api/v1/invites', *bearer, '-d', '{}', method='POST')[0] == '403')
    record = run('grep', '-rc', token, site.path('site/ledger')).stdout
    check('at rest it is a hash', ':0' in record and not re.search(r':[1-9]', record) and token not in json.dumps(site.entries('token')))
    jwt = ['eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2V0Yy9wYXNzd2QifQ.e30.AAAA',
           'eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjI1MzQwMjMwMDc5OX0.AAAA']
    seen = {site.http('https', '/api/v1/status', '-H', 'Authorization: Bearer ' + j)[0] for j in jwt}
    check('N25 a JWT is nothing here: alg none, kid path, exp in 9999', seen == {'401'}, seen)
    r = site.cli('token', 'revoke', 'historian', '--reason', 'no longer used')
    check('revoked, it is none', r.returncode == 0 and site.http('https', '/api/v1/status', *bearer)[0] == '401', r.stderr)


def restarts(site, cookie):
    site.stop()
    site.start()
    check('a session does not outlive the daemon', site.http('console', '/api/v1/me', '-H', cookie)[0] == '401')
    status, _, cookie = sign_in(site, 'hanako', PASSWORD)
    check('people and passwords do', status == 200)
    page = site.spawn('curl', '-sSN', '-H', cookie, site.url('console', '/events'), log='events.log')
    check('an open page', until(lambda: os.path.getsize(site.path('events.log')) > 0, 5))
    r = site.cli('user', 'revoke', 'hanako', '--reason', 'left')
    check('revoked: the open page is closed, the password opens nothing', r.returncode == 0 and until(lambda: page.poll() is not None, 5)
          and sign_in(site, 'hanako', PASSWORD)[0] == 401, r.stderr)


def guesses(site):
    """N26: from many addresses at one name, then from one address at many names."""
    link = site.json('user', 'new', 'taro', '--role', 'auditor', '--reason', 'audit')['url']
    post(site, '/api/v1/me/password', {'password': PASSWORD}, '-H', open_link(site, link))
    seen = {'taro': [], 'no-such-person': []}
    for who, answers in seen.items():
        for i in range(8):
            start = time.monotonic()
            status, answer, _ = sign_in(site, who, f'guess number {i}', source=f'127.0.{2 if who == "taro" else 3}.{i + 1}')
            answers.append((status, answer, time.monotonic() - start))
    same = [x[:2] for x in seen['taro']] == [x[:2] for x in seen['no-such-person']]
    check('N26 a name somebody has and one nobody has get the same answers, byte for byte', same, seen)
    check('N26 five wrong ones lock the name', [x[0] for x in seen['taro']] == [401] * 5 + [429] * 3, [x[0] for x in seen['taro']])
    median = {k: statistics.median(x[2] for x in v[:5]) * 1000 for k, v in seen.items()}
    note(f'time to a refusal: known {median["taro"]:.0f} ms, unknown {median["no-such-person"]:.0f} ms')
    check('the right password waits as well', sign_in(site, 'taro', PASSWORD, source='127.0.4.1')[0] == 429)
    check('but a new link lets the person in: a stranger locks nobody out', open_link(site, site.json('user', 'link', 'taro')['url']) is not None)
    # 1,000 guesses from one address: by one curl, many requests
    urls = site.path('guesses.conf')
    with open(urls, 'w', encoding='utf-8') as f:
        for i in range(1000):
            f.write(f'url = "{site.url("console", "/api/v1/session")}"\ndata = "{{\\"user\\":\\"name-{i}\\",\\"password\\":\\"guess {i}\\"}}"\n'
                    'output = "/dev/null"\nwrite-out = "%{http_code}\\n"\ninterface = "127.0.5.1"\n' + ('next\n' if i < 999 else ''))
    out = run('curl', '-sS', '-K', urls, timeout=120).stdout.split()
    tally = {s: out.count(s) for s in sorted(set(out))}
    check('N26 1,000 guesses of one address: ten are looked at, the rest refused', len(out) == 1000 and out[:10] == ['401'] * 10 and set(out[10:]) == {'429'}, tally)
    check('meanwhile nothing else waits', site.cli('status').returncode in (0, 7, 75))
    locked = site.entries('audit', 'account-locked')
    check('the lock is in the record, once', len(locked) == 1 and locked[0]['payload']['id'] == 'taro', locked)


def passwords_file(site):
    """N24: the real daemon refuses to start, says which file and what to do."""
    path = site.path('site/core/passwords')
    good = open(path, encoding='utf-8').read()
    check('the file is private', os.stat(path).st_mode & 0o7777 == 0o600)
    cases = {'empty': ('', 0o600), 'garbage': ('garbage\n', 0o600), 'readable by others': (good, 0o644), 'absent': (None, 0)}
    for name, (text, mode) in cases.items():
        site.stop()
        os.unlink(path)
        if text is not None:
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            os.chmod(path, mode)
        core = subprocess.Popen([os.path.join(os.environ.get('SEKIMORI_BUILD', 'build'), 'sekimorid'), '--state', site.state], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)
        said = []
        reader = threading.Thread(target=lambda: said.extend(iter(core.stderr.readline, '')), daemon=True)
        reader.start()
        refused = until(lambda: any('SK-0103' in x for x in said) and any('forgotten' in x for x in said), 10)
        up = site.ready()
        core.terminate()
        core.wait(20)
        check(f'N24 a password file that is {name}: no start, and why', refused and not up, ''.join(said)[-300:])
        with open(path, 'w', encoding='utf-8') as f:
            f.write(good)
        os.chmod(path, 0o600)
    with open(path, 'w', encoding='utf-8') as f:
        f.write('forgotten\n')
    os.chmod(path, 0o600)
    site.start()
    check('said to be forgotten: the site starts, the old password opens nothing', sign_in(site, 'taro', PASSWORD)[0] == 401)


def root_signs_nothing(site):
    """Root may register itself as whoever it likes: what counts is a key that the charter names."""
    link = site.json('user', 'new', 'false-owner', '--role', 'mission-owner', '--reason', 'not the real one')['url']
    cookie = open_link(site, link)
    run('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', site.path('root-made.key'))
    draft = site.path('model.json')
    model = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../examples/water/mission.yaml')
    r = site.cli('mission', 'new', model, '--out', draft)
    for key in ('root-made.key', 'people/' + ROLES[0] + '.key'):
        r = site.cli('mission', 'sign', draft, '--key', site.path(key))
        check(f'signed with {key}', r.returncode == 0, r.stderr)
    applied = site.cli('mission', 'apply', draft)
    check('root on the machine cannot sign for a role', applied.returncode == 3 and 'unknown-signer' in applied.stderr, applied.stderr)
    with open(draft, encoding='utf-8') as f:
        status, answer, _ = post(site, '/api/v1/documents/model', json.load(f), '-H', cookie)
    check('nor as a person it registered with that role', status == 403 and 'unknown-signer' in answer, (status, cookie is not None, answer))


def binds(site):
    """A command that makes kenji's passkey the asset owner's key, signed by the other two, and names a draft for it to sign."""
    path = site.path('bind.sh')
    cli = f"{os.path.join(BIN, 'sekimori')} --state {site.state} --lang en"
    with open(path, 'w', encoding='utf-8') as f:
        f.write(f"set -e; cd {site.dir}\n{cli} charter new --role asset-owner --person Kenji --reason passkey --passkey kenji --out bind.json\n"
                f"for r in mission-owner executive; do {cli} charter sign bind.json --key people/$r.key; done\n{cli} charter apply bind.json\n"
                f"{cli} evidence new --control power --asset site --detail tested --days 30 --out {site.path('declaration.json')}\n")
    return 'sh ' + path


def browser(site):
    """The page itself, in Chromium."""
    console = os.path.join(ROOT, 'console')
    if not os.path.isdir(os.path.join(console, 'node_modules')) and (not shutil.which('npm') or run(
            'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', cwd=console, timeout=300).returncode):
        return skip('people in a browser', 'no npm registry is reachable from here')
    link = site.json('user', 'new', 'sachiko', '--role', 'mission-owner', '--reason', 'browser')['url']
    other = site.json('user', 'new', 'kenji', '--role', 'asset-owner', '--reason', 'browser')['url']
    r = run('node', 'test/people.mjs', site.url('console', ''), link, other, 'sachiko', 'kenji', os.path.join(ROOT, 'build-logs', 'shots'), binds(site), cwd=console, timeout=150)
    for word, claim in re.findall(r'^(ok|not ok) \d+ - (.*)$', r.stdout, re.M):
        check('browser: ' + claim, word == 'ok')
    check('the browser test came to its end', r.returncode == 0, r.stdout[-300:] + r.stderr[-300:])
    signed = [x['payload'] for x in site.entries('declaration')]
    check('the record holds the document with the passkey\'s answer', len(signed) == 1 and b'webauthn.get' in base64.b64decode(signed[0]['signatures'][0]['sig']), signed)
    copied = [x['payload']['id'] for x in site.entries('audit', 'passkey-copied')]
    check('a copied passkey is in the record', copied == ['kenji'], copied)


def carried(site):
    """A challenge shown, carried to the key, signed there without any site, the answer carried back."""
    url = re.search(r'http://localhost:\d+/start#[0-9a-f]{64}', site.cli('user', 'new', 'owner', '--role', 'mission-owner', '--reason', 'scenario').stdout)[0]
    open_link(site, url)
    answer = site.path('answer.json')

    def ask(user='owner', role='mission-owner', name=None, challenge=None):
        asked = json.loads(post(site, '/api/v1/session/challenge', {'carried': True})[1])
        if os.path.exists(answer):
            os.unlink(answer)
        r = run(os.path.join(BIN, 'sekimori'), '--state', '/nonexistent', 'login', 'answer', challenge or asked['challenge'], '--site', name or asked['site'],
                '--user', user, '--key', site.key(role), '--out', answer)
        with open(answer, encoding='utf-8') as f:
            return r.returncode, json.load(f)

    code, good = ask()
    status, _, cookie = post(site, '/api/v1/session', {'answer': good})
    me = json.loads(site.http('console', '/api/v1/me', '-H', cookie)[1]) if cookie else {}
    check('a challenge answered where the key is opens the page', code == 0 and status == 200 and me.get('who') == 'owner', (code, status, me))
    check('once', post(site, '/api/v1/session', {'answer': good})[0] == 401)
    check('nobody signs in as another role\'s person', post(site, '/api/v1/session', {'answer': ask(role='asset-owner')[1]})[0] == 401)
    check('nor as somebody who has no signing role', post(site, '/api/v1/session', {'answer': ask(user='hanako')[1]})[0] == 401)
    check('an answer for another site opens nothing', post(site, '/api/v1/session', {'answer': ask(name='other')[1]})[0] == 401)
    check('nor one to a question nobody asked', post(site, '/api/v1/session', {'answer': ask(challenge='ab' * 32)[1]})[0] == 401)
    passkeys = json.loads(post(site, '/api/v1/session/challenge', {})[1])['challenge']
    check('nor to a passkey\'s question', post(site, '/api/v1/session', {'answer': ask(challenge=passkeys)[1]})[0] == 401)
    check('a signed answer is no document of any other kind', all(post(site, '/api/v1/documents/' + kind, good, '-H', cookie)[0] in (400, 403, 404) for kind in ('login', 'decision', 'release', 'permit')))
    late = [e['payload'] for e in site.entries('audit', 'signed-in') if e['payload'].get('reason') == 'carried challenge']
    check('the sign-in is in the record', len(late) == 1 and late[0]['id'] == 'owner', late)


def main():
    with Site(console=os.path.join(ROOT, 'console/dist')) as site:
        site.start()
        cookie = registers(site)
        browser(site)
        tokens(site)
        restarts(site, cookie)
        guesses(site)
        root_signs_nothing(site)
        passwords_file(site)
        carried(site)
    finish()


if __name__ == '__main__':
    main()
