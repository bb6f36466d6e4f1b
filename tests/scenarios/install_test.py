"""Packages, units, manuals and the medium, as the machine of a site meets them: built from these programs, checked by
dpkg, apt, systemd and man themselves. With RELEASE=1 on a bare Debian 12 root as well."""
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

from harness import BUILD, LONG, ROOT, check, finish, free_port, note, run, skip, text_of, until

PACKAGING = os.path.join(ROOT, 'packaging')
NAMES = ['sekimori-agent', 'sekimori-cli', 'sekimori-console', 'sekimorid']
UNITS = {'sekimorid': '/usr/lib/systemd/system/sekimorid.service', 'sekimori-agent': '/usr/lib/systemd/system/sekimori-agent.service'}
work = tempfile.mkdtemp(prefix='sekimori-install-')
os.chmod(work, 0o755)
root = os.path.join(work, 'root')


def path(*parts):
    return os.path.join(work, *parts)


def packages():
    for out in ('debs', 'again'):
        made = run(os.path.join(PACKAGING, 'build'), '--build', BUILD, '--out', path(out), '--version', '0.1.0', timeout=120)
    debs = sorted(os.listdir(path('debs')))
    check('one command makes the four packages', made.returncode == 0 and [d.split('_')[0] for d in debs] == NAMES, made.stderr + str(debs))
    same = all(open(path('debs', d), 'rb').read() == open(path('again', d), 'rb').read() for d in debs)
    check('made twice they are the same bytes', same and len(debs) == 4)
    rows = []
    for d in debs:
        rows += run('dpkg-deb', '-c', path('debs', d)).stdout.splitlines()
        run('dpkg-deb', '-x', path('debs', d), root)
    bad = [r for r in rows if not re.match(r'(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) root/root ', r)]
    check('every file is root\'s, writable by nobody else, and nothing is set-uid', rows and not bad, bad[:3])
    check('the conformance lab is in no package', not [r for r in rows if 'sekimorid-lab' in r])
    for name in ('bin/sekimori', 'bin/sekimori-agent', 'bin/sekimori-verify', 'sbin/sekimorid'):
        target = os.path.join(root, 'usr', name)
        check(f'/usr/{name} leads to its program', os.access(target, os.X_OK))
    nothing = run(os.path.join(PACKAGING, 'build'), '--build', work, '--out', path('none'))
    check('what is not built is named', nothing.returncode == 1 and 'SK-1090' in nothing.stderr and 'sekimorid' in nothing.stderr, nothing.stderr)


def units():
    for unit, where in UNITS.items():
        judged = run('systemd-analyze', 'security', '--offline=true', '--threshold=15', '--no-pager', root + where)
        figure = re.search(r'exposure level for \S+: ([0-9.]+)', judged.stdout)
        check(f'{unit}.service: exposure at most 1.5', judged.returncode == 0 and figure, judged.stdout[-200:] + judged.stderr)
        note(f'{unit}.service exposure {figure and figure.group(1)}')
    # A root of its own, so that the units meet the programs and users of the packages and nothing else.
    for d in ('etc', 'usr/lib/systemd/system'):
        os.makedirs(os.path.join(root, d), exist_ok=True)
    made = run('systemd-sysusers', f'--root={root}')
    users = text_of(os.path.join(root, 'etc/passwd'))
    check('the service users are made, without a shell', made.returncode == 0 and re.search(r'^sekimori:.*nologin$', users, re.M)
          and re.search(r'^sekimori-agent:.*nologin$', users, re.M), made.stderr + users)
    loose = open(root + UNITS['sekimorid'], encoding='utf-8').read().replace('SystemCallFilter', '#').replace('CapabilityBoundingSet', '#')
    with open(path('loose.service'), 'w', encoding='utf-8') as f:
        f.write(loose)
    check('a unit without two of its fences is over it', run('systemd-analyze', 'security', '--offline=true', '--threshold=15', path('loose.service')).returncode != 0)


def permitted():
    """System calls the daemon's unit lets pass, its sets opened by systemd itself."""
    sets, name = {}, None
    for line in run('systemd-analyze', 'syscall-filter', '--no-pager').stdout.splitlines():
        if line[:1] == '@':
            name = line.strip()
            sets[name] = set()
        elif name and line.startswith('    ') and not line.strip().startswith('#'):
            sets[name].add(line.strip())

    def opened(word):
        return set().union(*[opened(w) for w in sets[word]]) if word[0] == '@' else {word}
    got = opened('@default')
    for row in re.findall(r'^SystemCallFilter=(.*)$', text_of(root + UNITS['sekimorid']), re.M):
        words = set().union(*[opened(w) for w in row.lstrip('~').split()])
        got = got - words if row[0] == '~' else got | words
    return got


def as_the_unit_does():
    """The installed programs as the unit runs them: an ordinary user without capabilities; every system call watched."""
    user = pwd.getpwnam('daemon')
    state, ports = path('site'), {k: free_port() for k in ('mqtt', 'https', 'est', 'console')}
    cli = [os.path.join(root, 'usr/bin/sekimori'), '--state', state, '--lang', 'en']
    listen = [w for k, p in ports.items() for w in ('--' + k, f'127.0.0.1:{p}')]
    made = run(*cli, 'init', '--site', 'bare', '--host', 'localhost', '--roles', path('roles'), '--custody', path('custody'), '--user', 'daemon', *listen,
               '--console-dir', os.path.join(root, 'usr/share/sekimori/console'))
    owners = {os.lstat(os.path.join(at, n)).st_uid for at, folders, files in os.walk(state) for n in folders + files} | {os.lstat(state).st_uid}
    check('init --user makes a site that belongs to the service\'s user, to the last file', made.returncode == 0 and owners == {user.pw_uid}, made.stderr + str(owners))
    kept = {os.lstat(os.path.join(at, n)).st_uid for d in ('roles', 'custody') for at, _, files in os.walk(path(d)) for n in files}
    check('but not the keys that leave the machine', kept == {os.geteuid()}, kept)
    no = run(*cli, 'init', '--site', 'b', '--host', 'h', '--roles', path('r2'), '--custody', path('c2'), '--user', 'nobody-here', '--state', path('s2'))
    check('an unknown user is refused before anything is written', no.returncode == 5 and 'SK-1084' in no.stderr and not os.path.exists(path('c2')), no.stderr)
    log, trace = open(path('daemon.log'), 'w'), path('traced/calls')
    os.mkdir(path('traced'))
    os.chown(path('traced'), user.pw_uid, user.pw_gid)
    daemon = subprocess.Popen(['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all',
                               '--no-new-privs', 'strace', '-f', '-qq', '-c', '-U', 'name', '-o', trace,
                               os.path.join(root, 'usr/sbin/sekimorid'), '--state', state], stdout=log, stderr=log)
    try:
        good = until(lambda: run(*cli, 'device', 'list').returncode == 0, 30)
        check('the daemon serves as that user, and root\'s command line is heard', good, text_of(path('daemon.log'))[-300:])
        page = run('curl', '-fsS', f"http://localhost:{ports['console']}/")
        check('the packaged page is served', '<html' in page.stdout, page.stderr)
        check('an invite is issued', run(*cli, 'invite', 'new', 'gw-1').returncode == 0)
    finally:
        for pid in run('pgrep', '-P', str(daemon.pid)).stdout.split():
            os.kill(int(pid), signal.SIGTERM)
        daemon.wait(30)
    verified = run(os.path.join(root, 'usr/bin/sekimori-verify'), os.path.join(state, 'ledger'))
    check('and stops with a whole record', verified.returncode == 0, verified.stdout + verified.stderr)
    seen = {line.split()[0] for line in text_of(trace).splitlines() if line.split() and re.fullmatch(r'[a-z_0-9]+', line.split()[0])}
    over = sorted(seen - permitted() - {'syscall', 'total'})  # its table's own words
    check('no process asks the kernel for anything the unit forbids', len(seen) > 40 and 'capset' in seen and not over, over)


def manuals():
    helped = run(os.path.join(root, 'usr/bin/sekimori'), '--help').stdout
    usages = re.findall(r'^  (\S[^\n]*)\n      \S', helped, re.M)
    for where in ('man1/sekimori', 'man1/sekimori-agent', 'man1/sekimori-verify', 'man8/sekimorid', 'ja/man1/sekimori', 'ja/man1/sekimori-agent',
                  'ja/man1/sekimori-verify', 'ja/man8/sekimorid'):
        page = os.path.join(root, 'usr/share/man', f'{where}.{where.split("/")[-2][-1]}.gz')
        shown = run('man', '-E', 'UTF-8', '--warnings', '-l', page, env={**os.environ, 'MANWIDTH': '1000', 'LC_ALL': 'C.UTF-8', 'MAN_KEEP_FORMATTING': ''})
        check(f'{where}: man shows it without a warning', shown.returncode == 0 and len(shown.stdout) > 200 and not shown.stderr, shown.stderr)
        if where.endswith('/sekimori'):
            plain = re.sub(r'\x1b\[[0-9;]*m|.\x08', '', shown.stdout).replace('\u2010', '-')
            missing = [u for u in usages if ' '.join(u.split()) not in ' '.join(plain.split())]
            check(f'{where}: every command is in it', len(usages) > 80 and not missing, missing[:3])
            check(f'{where}: in its language', bool(re.search('[ぁ-ん]', plain)) == where.startswith('ja'))


def completes():
    script = os.path.join(root, 'usr/share/bash-completion/completions/sekimori')

    def offered(*words):
        line = f'. {script}; COMP_WORDS=({" ".join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}; _sekimori; echo "${{COMPREPLY[*]}}"'
        return run('bash', '-c', line).stdout.split()
    check('completion: nouns', offered('sekimori', 'dev') == ['device'], offered('sekimori', 'dev'))
    check('completion: verbs of that noun only', 'quarantine' in offered('sekimori', 'device', '') and 'apply' not in offered('sekimori', 'history', ''))
    check('completion: flags of that command', offered('sekimori', 'backup', 'restore', 'D', '--cu') == ['--custody'])


def signer():
    home = path('gpg')
    os.makedirs(home, mode=0o700)
    env = {**os.environ, 'GNUPGHOME': home}
    run('gpg', '--batch', '--passphrase', '', '--quick-gen-key', 'release@example.invalid', 'ed25519', 'sign', 'never', env=env)
    return env


def apt(folder, keyring, *argv):
    """apt with nothing but this medium."""
    base = path('apt')
    shutil.rmtree(base, ignore_errors=True)
    for d in ('state/lists/partial', 'cache/archives/partial', 'etc', 'out'):
        os.makedirs(os.path.join(base, d))
    with open(os.path.join(base, 'etc/medium.list'), 'w', encoding='utf-8') as f:
        f.write(f'deb [signed-by={keyring}] file:{folder} ./\n')
    options = ['-q', '-o', f'Dir::State={base}/state', '-o', f'Dir::Cache={base}/cache', '-o', f'Dir::Etc::sourcelist={base}/etc/medium.list',
               '-o', 'Dir::Etc::sourceparts=-', '-o', 'APT::Sandbox::User=root', '-o', 'APT::Update::Error-Mode=any']
    updated = run('apt-get', *options, 'update', env={**os.environ, 'LC_ALL': 'C'})
    if updated.returncode:
        return updated
    return run('apt-get', *options, *argv, cwd=os.path.join(base, 'out'), env={**os.environ, 'LC_ALL': 'C'})


def flip(file, at=-100):
    with open(file, 'r+b') as f:
        f.seek(at, os.SEEK_END)
        b = f.read(1)[0]
        f.seek(at, os.SEEK_END)
        f.write(bytes([b ^ 1]))


def medium(env):
    made = run(os.path.join(PACKAGING, 'medium'), path('medium'), '--key', 'release@example.invalid', '--packages', path('debs'), '--dependencies', 'none', env=env)
    check('one medium, signed', made.returncode == 0 and 'signed' in made.stdout and os.path.exists(path('medium.gpg')), made.stderr)
    check('the key is not on it', not [n for n in os.listdir(path('medium')) if n.endswith('.gpg')])
    got = apt(path('medium'), path('medium.gpg'), 'download', *NAMES)
    check('apt takes the packages from it', got.returncode == 0 and len(os.listdir(path('apt/out'))) == 4, got.stderr)
    again = run(os.path.join(PACKAGING, 'medium'), path('medium'), '--key', 'release@example.invalid', '--packages', path('debs'), '--dependencies', 'none', env=env)
    check('a medium is never written over', again.returncode == 6 and 'SK-1010' in again.stderr, again.stderr)
    stranger = run('gpg', '--batch', '--passphrase', '', '--quick-gen-key', 'stranger@example.invalid', 'ed25519', 'sign', 'never', env=env)
    run('gpg', '--batch', '-o', path('stranger.gpg'), '--export', 'stranger@example.invalid', env=env)
    no = apt(path('medium'), path('stranger.gpg'), 'download', 'sekimorid')
    check('under another key nothing is taken', stranger.returncode == 0 and no.returncode != 0 and not os.listdir(path('apt/out')), no.stderr)
    for what, file in (('a package', 'sekimorid_0.1.0_amd64.deb'), ('the list', 'Packages.gz'), ('the signed list', 'InRelease')):
        shutil.rmtree(path('changed'), ignore_errors=True)
        shutil.copytree(path('medium'), path('changed'))
        if file == 'Packages.gz':
            os.unlink(path('changed/Packages'))
        flip(path('changed', file), -300 if file == 'InRelease' else -100)
        no = apt(path('changed'), path('medium.gpg'), 'download', 'sekimorid')
        check(f'one changed byte in {what} is found before anything is installed', no.returncode != 0 and not os.listdir(path('apt/out')), no.stdout[-200:])
    return env


def bare(env):
    if not LONG:
        return skip('the packages in a bare Debian 12 root without a network', 'long regime (RELEASE=1)')
    if not shutil.which('debootstrap'):
        return skip('the packages in a bare Debian 12 root without a network', 'no debootstrap here')
    where = path('bare')
    made = run('debootstrap', '--variant=minbase', 'bookworm', where, timeout=600)
    if made.returncode:
        return skip('the packages in a bare Debian 12 root without a network', 'no Debian archive reachable')
    whole = run(os.path.join(PACKAGING, 'medium'), os.path.join(where, 'media/sekimori'), '--key', 'release@example.invalid', '--packages', path('debs'),
                '--keyring', os.path.join(where, 'usr/share/keyrings/sekimori.gpg'), env=env, timeout=300)
    check('a medium with all that Debian 12 lacks', whole.returncode == 0, whole.stderr)
    script = r'''set -e
[ -s /etc/hosts ] || echo '127.0.0.1 localhost' > /etc/hosts
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [signed-by=/usr/share/keyrings/sekimori.gpg] file:/media/sekimori ./' > /etc/apt/sources.list.d/sekimori.list
apt-get update -q; apt-get install -y -q sekimorid sekimori-agent
sekimori init --site plant --host localhost --roles /root/roles --custody /root/custody --user sekimori --lang en
runuser -u sekimori -- sekimorid --state /var/lib/sekimori & pid=$!
trap 'kill $pid 2>/dev/null || true' EXIT
i=0; until sekimori device list >/dev/null 2>&1; do i=$((i + 1)); [ $i -lt 300 ]; sleep 0.1; done
url=$(sekimori -o json invite new gw-1 | sed -n 's/.*"url":"\([^"]*\)".*/\1/p')
runuser -u sekimori-agent -- sekimori-agent join "$url" --state /var/lib/sekimori-agent
sekimori device list; kill $pid; wait $pid || true
sekimori-verify /var/lib/sekimori/ledger
apt-get purge -y -q sekimorid sekimori-agent >/dev/null; [ -s /var/lib/sekimori/keys/ledger.key ] && echo RECORD-STAYS'''
    mounted = run('mount', '-t', 'proc', 'proc', os.path.join(where, 'proc'))
    try:
        done = run('unshare', '--net', 'sh', '-c', f'ip link set lo up; exec chroot {where} /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root '
                   'DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 sh', input=script, timeout=600)
    finally:
        run('umount', '-l', os.path.join(where, 'proc'))
    check('no network, one medium: site up, first device in, record whole', mounted.returncode == 0 and done.returncode == 0 and 'gw-1' in done.stdout,
          done.stdout[-200:] + done.stderr[-600:])
    check('purging the packages leaves the record', 'RECORD-STAYS' in done.stdout)


try:
    packages()
    units()
    manuals()
    completes()
    as_the_unit_does()
    bare(medium(signer()))
finally:
    run('gpgconf', '--kill', 'all', env={**os.environ, 'GNUPGHOME': path('gpg')})
    shutil.rmtree(work, ignore_errors=True)
finish()
