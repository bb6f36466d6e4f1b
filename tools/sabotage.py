#!/usr/bin/env python3
"""Breaks each room once, on purpose, and shows that its tests turn red; then that they are green without.

usage: tools/sabotage.py [ROOM]...
Works on the last commit in a scratch folder with a build of its own; what is here stays as it is. Exit 1: a break stayed green, a pattern is no longer there exactly once, or the unbroken tree is red."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# room, what no longer holds, file, the text as it is (once), what it becomes, the test that must turn red
BREAKS = [
    ('base', 'a reader may take more than there is', 'src/base/bytes.c',
     'if (in->n < n) return REFUSE(E_SHORT);', 'if (in->n + 1 < n) return REFUSE(E_SHORT);', 'base/bytes_test'),
    ('base', 'secrets of one length are all equal', 'src/base/bytes.c',
     'return differ == 0;', 'return true;', 'base/bytes_test'),
    ('crypto', 'every signature is good', 'src/crypto/sign.c',
     'EVP_DigestVerify(c, signature.at, signature.n, message.at, message.n) != 1', 'EVP_DigestVerify(c, signature.at, signature.n, message.at, message.n) > 1',
     'crypto/sign_test'),
    ('crypto', 'the seal signs two heads of one size', 'src/crypto/seal_keys.c',
     'if (size < n.size || (size == n.size && !same)) return REFUSE(E_CONFLICT);', '', 'crypto/seal_keys_test'),
    ('wire', 'a length need not be minimal', 'src/wire/mqtt_frame.c',
     'if (shift > 0 && byte == 0) return REFUSE(E_MALFORMED);', '', 'wire/mqtt_test'),
    ('wire', 'what is signed does not name its type', 'src/wire/dsse.c',
     'strlen(type), type, payload.n);', 'strlen(type), "t", payload.n);', 'wire/dsse_test'),
    ('risk', 'the bypass floor is dropped', 'src/risk/engine.c',
     'return RISK_BETA + risk_mul(RISK_PPB - RISK_BETA, through);', 'return through;', 'risk/engine_test'),
    ('risk', 'evidence never gets too old', 'src/risk/engine.c',
     'if (age_ms >= stale_ms) return 0;', 'if (age_ms >= stale_ms) return RISK_PPB;', 'risk/engine_test'),
    ('ledger', 'durable is told before the disk has it', 'src/ledger/commit.c',
     '    TRY(write_batch(l, b));\n    struct tree_edge', '    atomic_store(&l->durable, l->edge.size + b->n);\n    TRY(write_batch(l, b));\n    struct tree_edge',
     'ledger/io_test'),
    ('ledger', 'bytes after the end are not looked at', 'src/ledger/verify.c',
     'if (format_is_zero(bytes_of(b, n))) continue;', 'continue;', 'ledger/verify_test'),
    ('platform', 'egress lets everything pass', 'src/platform/deliver.c',
     'struct verdict v = access_judge(x->access, &q);', 'struct verdict v = access_judge(x->access, &q);\n    v.ruling = RULING_ALLOW;',
     'platform/exchange_test'),
    ('platform', 'an enforced hold holds nothing', 'src/platform/access.c',
     'settle(j, RULING_HOLD, "limit");', '', 'platform/access_test'),
    ('gate', 'any first packet is taken', 'src/gate/front.c',
     'if (in.n && in.at[0] >> 4 != MQTT_CONNECT) return refuse(LINK_FIRST_PACKET);', '', 'gate/front_test'),
    ('gate', 'one source may open every connection', 'src/gate/guard.c',
     'if (s && s->n >= g->caps.per_source) return REFUSE(E_DENIED);', '', 'gate/guard_test'),
    ('fleet', 'a revoked device is admitted', 'src/fleet/enrol.c',
     'if (who->trust == TRUST_REVOKED) return ADMIT_REVOKED;', '', 'fleet/enrol_test'),
    ('fleet', 'an expired certificate is admitted', 'src/fleet/enrol.c',
     'if (now_ms >= not_after_ms) return ADMIT_EXPIRED;', '(void)now_ms, (void)not_after_ms;', 'fleet/enrol_test'),
    ('fleet', 'a quote may answer an old nonce', 'src/fleet/appraise.c',
     'if (!bytes_equal(q->nonce, bytes_of(nonce, 32))) return APPRAISE_NONCE;', '(void)nonce;', 'fleet/appraise_test'),
    ('assurance', 'facts of strangers count', 'src/assurance/evidence.c',
     'if (!f->authenticated) {', 'if (false) {', 'assurance/evidence_test'),
    ('assurance', 'an expired decision is accepted', 'src/assurance/decision.c',
     'if (d->expires_ms <= w->now_ms) return', 'if (d->expires_ms < 0) return', 'assurance/decision_test'),
    ('service', 'nobody needs a session', 'src/service/service.c',
     'if (r->need == NEED_NOTHING || c->kind == CALLER_LOCAL_ROOT) return true;', 'if (r->need != NEED_ROOT || c->kind == CALLER_LOCAL_ROOT) return true;',
     'service/service_test'),
    ('service', 'a one-time link works twice', 'src/service/sessions.c',
     'once->until_ms = 0;', '', 'service/service_test'),
    ('node', 'whoever has a certificate is admitted', 'src/node/links.c',
     'if (a != ADMIT || !ok(', 'if (!ok(', 'node/links_test'),
    ('node', 'what must be durable is only written', 'src/node/record.c',
     'if (durable) TRY(ledger_sync(c->ledger));', '(void)durable;', 'node/links_test'),
    ('node', 'the plain console listens to the world', 'src/node/config.c',
     'if (console->port && !loopback(console->host))', 'if (console->port && !console->host[0] && !loopback(console->host))', 'node/config_test'),
    ('cli', 'a reviewed file may say a thing twice', 'src/cli/yaml.c',
     'if (p->key && doc_get(p->parent, p->key)) return', 'if (!p->key) return', 'cli/cli_test'),
    ('cli', 'a broken record exits 0', 'src/cli/record.c',
     'return r.findings ? EXIT_VERIFY : EXIT_OK;', 'return EXIT_OK;', 'cli/cli_test'),
    ('device', 'a command is carried out twice', 'device/agent/command.c',
     'if (c->id[0] != 0 && seen_before(seen, c->id)) return COMMAND_DUPLICATE;', '(void)seen, (void)seen_before;', 'device/command_test'),
    ('device', 'an expired command is carried out', 'device/agent/command.c',
     'if (c->expires_ms != 0 && now_ms >= c->expires_ms) return COMMAND_EXPIRED;', '(void)now_ms;', 'device/command_test'),
]


def run(command, folder, log, timeout=900):
    with open(log, 'ab') as out:
        try:
            return subprocess.run(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=timeout).returncode
        except subprocess.TimeoutExpired:
            return 124


class Scratch:
    def __init__(self, folder):
        self.folder, self.build, self.log = folder, os.path.join(folder, 'build-sabotage'), os.path.join(folder, 'sabotage.log')
        made = subprocess.run(f'git archive HEAD | tar -x -C {folder}', shell=True, cwd=ROOT)
        if made.returncode or run(['meson', 'setup', self.build, '-Doptimization=1'], folder, self.log):
            raise SystemExit(f'cannot set up {folder}: see {self.log}')

    def tail(self):
        return open(self.log, encoding='utf-8', errors='replace').read()[-1500:]

    def make(self, tests):
        """Builds only what these tests are."""
        return run(['ninja', '-C', self.build] + sorted({t.replace('/', '-') for t in tests}), self.folder, self.log) == 0

    def green(self, test):
        return run(['meson', 'test', '-C', self.build, '--no-rebuild', test], self.folder, self.log, 300) == 0


def sabotage(s, row):
    """None when the break turned its test red and the test is green again; else what is wrong."""
    _, _, path, was, becomes, test = row
    full = os.path.join(s.folder, path)
    with open(full, encoding='utf-8') as f:
        text = f.read()
    if text.count(was) != 1:
        return f'{path}: the text to break is there {text.count(was)} times: {was[:60]}'
    try:
        with open(full, 'w', encoding='utf-8') as f:
            f.write(text.replace(was, becomes))
        if not s.make([test]):
            return f'{path}: the break does not compile\n{s.tail()}'
        if s.green(test):
            return f'{path}: broken, and {test} stayed green'
    finally:
        with open(full, 'w', encoding='utf-8') as f:
            f.write(text)
    return None


def main():
    rows = [r for r in BREAKS if len(sys.argv) < 2 or r[0] in sys.argv[1:]]
    folder, bad, stayed = tempfile.mkdtemp(prefix='sekimori-sabotage-'), [], []
    try:
        s = Scratch(folder)
        tests = sorted({r[5] for r in rows})
        before = time.monotonic()
        if not s.make(tests):
            raise SystemExit('the unbroken tree does not build\n' + s.tail())
        red = [t for t in tests if not s.green(t)]
        bad += [f'{t}: red without any break' for t in red]
        print(f'unbroken: {len(tests) - len(red)} of {len(tests)} tests green ({time.monotonic() - before:.0f} s)', flush=True)
        for row in rows:
            wrong = sabotage(s, row)
            stayed += [wrong] if wrong else []
            print(f"{'ok' if not wrong else 'not ok'} - {row[0]}: {row[1]}: {row[5]} {'turns red' if not wrong else wrong}", flush=True)
        if not s.make(tests) or not all(s.green(t) for t in tests if t not in red):
            bad.append('not green again after the breaks were taken back')
        print(f"{len(rows)} breaks in {len({r[0] for r in rows})} rooms, {len(rows) - len(stayed)} red; {time.monotonic() - before:.0f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in bad + stayed:
        print('failed:', line)
    print(f'{len(rows) - len(stayed)} passed, {len(bad) + len(stayed)} failed, 0 skipped')
    return 1 if bad or stayed else 0


sys.exit(main())
