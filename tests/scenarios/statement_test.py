"""A peer that runs Sekimori itself says how it stands: signed, for a week at most, to one reader. A control of the supplier fails,
and what comes from it is narrowed here at once; what is not valid in every respect changes nothing."""
import json
import os
import time

from harness import ROLES, ROOT, Site, check, finish, free_port, until


def write(path, text):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return path


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def agreement(site, supplier, port):
    text = read(os.path.join(ROOT, 'examples/water/vendor-cloud.yaml')).replace('mizu/', 'far/').replace('sk/v1/far/', 'sk/v1/test/')
    key = ''.join('      ' + line for line in read(supplier.path('people', 'asset-owner.pub')).splitlines(True))
    for old, new in (('site: mizu', 'site: test'), ('port: PORT', f'port: {port}'), ('  ca: CA\n', ''), ('transport: tls', 'transport: plaintext-loopback'),
                     ('vouched: self-declared', 'vouched: third-party'), ('  levels: { iac: 1, si: 1 }', f'  statement:\n    site: kawa\n    key: |\n{key}')):
        assert old in text, old
        text = text.replace(old, new)
    return write(site.path('a.yaml'), text)


def sign(site, path):
    r = site.cli('peer', 'new', path, '--out', path + '.json')
    for role in ROLES[:2]:
        site.cli('peer', 'sign', path + '.json', '--key', site.key(role))
    return r if r.returncode else site.cli('peer', 'apply', path + '.json')


def statement(supplier, name, claimed, *levels, role='asset-owner', to='test', verdict='within'):
    path = supplier.path(name)
    more = [x for level in levels for x in ('--level', level)]
    r = supplier.cli('peer', 'state', '--to', to, '--claimed', str(claimed), '--out', path, *more)
    draft = json.loads(read(path))
    draft['verdict'] = verdict  # a fresh site with no mission says "unknown"; what counts is what its people sign
    write(path, json.dumps(draft))
    s = supplier.cli('peer', 'sign', path, '--key', supplier.key(role))
    if r.returncode or s.returncode:
        raise RuntimeError(r.stderr + s.stderr)
    return path


def peer(site):
    return (site.json('peer', 'list') or [{}])[0]


def flow(site, name='demand-in'):
    return next((f for f in peer(site).get('flows', []) if f['flow'] == name), {})


def main():
    with Site('test') as site, Site('kawa') as supplier:
        site.start()
        supplier.start()
        port = free_port()
        write(site.path('conf'), f'listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n')
        site.spawn('mosquitto', '-c', site.path('conf'))
        path = agreement(site, supplier, port)
        r = sign(site, path)
        check('agreed with a peer that signs statements', r.returncode == 0 and until(lambda: flow(site).get('state') == 'live', 15), r.stderr)
        code = supplier.cli('peer', 'code', supplier.path('people', 'asset-owner.pub')).stdout.strip()
        check('both sides read the same code for its key', len(code) == 24 and peer(site)['key_code'] == code, code)
        check('without a statement nothing is believed of it', until(lambda: peer(site)['statement'] == 'none' and flow(site)['rate_used_ppb'] == 2000000000
              and flow(site)['verdict'] == 'limit', 15), json.dumps(flow(site)))
        refused(site, supplier)
        valid(site, supplier, path)
    finish()


def refused(site, supplier):
    wrong = statement(supplier, 'wrong.json', 100, 'si=1', role='mission-owner')
    other = statement(supplier, 'other.json', 100, 'si=1', to='umi')
    tampered = write(supplier.path('tampered.json'), read(statement(supplier, 't.json', 100, 'si=1')).replace('"payload":"ey', '"payload":"ez'))
    for name, path, word in (('signed by another of its people', wrong, 'statement-unsigned'), ('to another site', other, 'statement-other-site'),
                             ('changed on the way', tampered, 'statement-')):
        r = site.cli('peer', 'stand', 'vendor-cloud', path)
        check(f'N39: {name}: refused, nothing changes', r.returncode == 3 and word in r.stderr and peer(site)['statement'] == 'none', r.stderr)


def valid(site, supplier, path):
    good = statement(supplier, 'good.json', 100, 'iac=2', 'si=2')
    r = site.cli('peer', 'stand', 'vendor-cloud', good)
    check('a valid one is taken', r.returncode == 0 and peer(site)['statement'] == 'valid', r.stderr)
    check('an improvement loosens nothing by itself', flow(site)['verdict'] == 'limit')
    check('N39: the same again is a replay', site.cli('peer', 'stand', 'vendor-cloud', good).returncode == 6)
    time.sleep(1.1)
    check('signed anew by both owners, it is what the statement lets it be', sign(site, path).returncode == 0
          and until(lambda: flow(site).get('state') == 'live' and flow(site)['verdict'] == 'allow', 15), json.dumps(flow(site)))
    before = flow(site)
    time.sleep(0.01)
    worse = statement(supplier, 'worse.json', 100, 'iac=2')  # si is gone; nothing else changes
    began = time.monotonic()
    site.cli('peer', 'stand', 'vendor-cloud', worse)
    narrowed = until(lambda: flow(site)['verdict'] == 'limit', 15)
    took = time.monotonic() - began
    check(f'the supplier says a control failed: narrowed here after {took:.3f} s', narrowed and took <= 2, json.dumps(flow(site)))
    check('in the record', until(lambda: len(site.entries('statement')) == 2, 15))
    check('by the lattice alone: the figure is as it was', flow(site)['rate_used_ppb'] == before['rate_used_ppb'] == 290000000)
    time.sleep(0.01)
    over = statement(supplier, 'over.json', 100, 'iac=2', verdict='over')
    check('over its own tolerance, nothing vouches for it', site.cli('peer', 'stand', 'vendor-cloud', over).returncode == 0
          and until(lambda: flow(site)['rate_used_ppb'] == 2000000000, 15))
    used = flow(site)['rate_used_ppb']
    site.stop()
    site.start()
    check('and after a restart as before', until(lambda: flow(site).get('state') == 'live' and flow(site)['rate_used_ppb'] == used and flow(site)['verdict'] == 'limit', 15))


main()
