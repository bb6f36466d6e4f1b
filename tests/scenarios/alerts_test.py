#!/usr/bin/env python3
"""Alerts out: by cause, taken in hand, muted; to a real rsyslog over TLS, a signed webhook, a mail server; retried, and in the end a
dead letter of the record; what a stranger chose never steers a reader (N60)."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import shutil
import socketserver
import sys
import threading

from harness import Site, check, finish, free_port, note, run, skip, text_of, until

SECRET = 'a secret of at least sixteen bytes'


class Hook(http.server.BaseHTTPRequestHandler):
    got, fail = [], [0]

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        refuse = Hook.fail[0] > 0
        Hook.fail[0] -= refuse
        if not refuse:
            Hook.got.append((dict(self.headers), body))
        self.send_response(503 if refuse else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Smtp(socketserver.StreamRequestHandler):
    got = []

    def handle(self):
        def say(line):
            self.wfile.write(line + b'\r\n')
        say(b'220 ready')
        envelope = []
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b''
            envelope.append(line.decode().strip())
            if word == b'EHLO':
                say(b'250-here')
                say(b'250 8BITMIME')
            elif word == b'DATA':
                say(b'354 go on')
                text = b''
                while (line := self.rfile.readline()) not in (b'.\r\n', b''):
                    text += line[1:] if line.startswith(b'.') else line
                Smtp.got.append((envelope, text))
                say(b'250 taken')
            else:
                say(b'250 well')


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def serve(handler, port):
    s = Server(('127.0.0.1', port), handler)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s


def rsyslog(site, port):
    """The real one, with its own CA, as a plant's log server has it."""
    at = site.path('rsyslog')
    os.mkdir(at)
    run('sh', '-c', f'''cd {at} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -subj /CN=log-ca -days 9 &&
printf 'subjectAltName=DNS:localhost\\nextendedKeyUsage=serverAuth\\n' >ext &&
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out csr -subj /CN=localhost &&
openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -out pem -days 9 -extfile ext''')
    with open(at + '/conf', 'w') as f:
        f.write(f'''global(workDirectory="{at}" defaultNetstreamDriverCAFile="{at}/ca.pem" defaultNetstreamDriverCertFile="{at}/pem"
  defaultNetstreamDriverKeyFile="{at}/key.pem" parser.escapeControlCharactersOnReceive="off")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
template(name="all" type="string" string="%PRI%|%TIMESTAMP:::date-rfc3339%|%HOSTNAME%|%APP-NAME%|%MSGID%|%STRUCTURED-DATA%|%msg%\\n")
input(type="imtcp" port="{port}")
action(type="omfile" file="{at}/all.log" template="all")
''')
    site.spawn('rsyslogd', '-n', '-f', at + '/conf', '-i', at + '/pid', log='rsyslog.log')
    shutil.copy(at + '/ca.pem', site.path('site/courier/syslog.ca.pem'))
    return at + '/all.log'


def causes(site):
    return {g['cause']: g for g in site.json('alert', 'list')}


def steps(site, step):
    return [e['payload'] for e in site.entries('alert') if e['payload'].get('step') == step]


def attack(site, con, topic='sk/v1/test/gw-1/m/level'):
    con.pub(topic, '{"v":9}', '-V', 'mqttv5', '-q', '1')


def arrives(site, con, log):
    attack(site, con)
    got = until(lambda: len(steps(site, 'sent')) >= 3, 20)
    check('one alert is delivered to all three places, each in the record', got and {s['to'] for s in steps(site, 'sent')} == {'syslog', 'webhook', 'mail'},
          (steps(site, 'sent'), site.json('alert', 'list')))
    line = until(lambda: text_of(log).strip(), 5) or ''
    check('rsyslog parsed it as RFC 5424, over TLS', re.match(r'107\|\d{4}-.*\|localhost\|sekimori\|outside-permit\|\[sekimori@32473 site="test" id="outside-permit.con-1.1"', line), line)
    check('in both languages', '作業許可の時間外' in line and 'no work permit covers' in line, line)
    head, body = Hook.got[0]
    mine = base64.b64encode(hmac.new(SECRET.encode(), f'{head["webhook-id"]}.{head["webhook-timestamp"]}.'.encode() + body, hashlib.sha256).digest()).decode()
    check('the webhook is signed', head['webhook-signature'] == 'v1,' + mine, head)
    event = json.loads(body)
    check('it is a CloudEvents event with an OCSF detection finding', event['specversion'] == '1.0' and event['data']['class_uid'] == 2004
          and event['data']['finding_info']['uid'] == 'outside-permit.con-1' and 'cloudevents+json' in head['Content-Type'], event)
    envelope, mail = Smtp.got[0]
    check('a mail went to whom it should', 'MAIL FROM:<seki@test.example> BODY=8BITMIME' in envelope and 'RCPT TO:<duty@test.example>' in envelope, envelope)
    check('and is one', b'Subject: =?UTF-8?B?' in mail and '作業許可の時間外'.encode() in mail, mail)


def grouped(site, con, log):
    before = len(Hook.got)
    for n in range(3):
        attack(site, con, f'sk/v1/test/gw-1/m/x{n}')
    until(lambda: causes(site)['outside-permit.con-1']['count'] == 4, 5)
    site.cli('alert', 'test')
    until(lambda: len(Hook.got) > before, 10)
    check('more of a cause within ten minutes is counted, not sent; another cause is', causes(site)['outside-permit.con-1']['count'] == 4
          and [json.loads(b)['subject'] for _, b in Hook.got[before:]] == ['drill.root'], Hook.got[before:])
    r = site.cli('alert', 'ack', 'outside-permit.con-1')
    check('a reason is asked for', r.returncode == 2, r.stderr)
    r = site.cli('alert', 'ack', 'outside-permit.con-1', '--reason', 'calling the company')
    check('taken in hand, by whom', r.returncode == 0 and causes(site)['outside-permit.con-1']['state'] == 'acknowledged', r.stderr)
    r = site.cli('alert', 'mute', 'drill.root', '--minutes', '60', '--reason', 'exercise')
    g = causes(site)['drill.root']
    check('muted until a time', r.returncode == 0 and g['state'] == 'muted' and g['muted_until'], (r.stderr, g))
    before = len(Hook.got)
    site.cli('alert', 'test')
    until(lambda: causes(site)['drill.root']['count'] == 2, 5)
    check('a muted cause is recorded and not sent', causes(site)['drill.root']['count'] == 2 and len(Hook.got) == before)
    check('an unknown cause', site.cli('alert', 'ack', 'nothing', '--reason', 'x').returncode == 5)


def strange(site, log):
    """A topic with ESC and line ends, from a contractor: one line, one event, no escape sequence anywhere."""
    con = site.enrol('con-2', role='contractor')
    lines, before = len(text_of(log).splitlines()), len(Hook.got)
    m = con.mqtt()
    evil = b'sk/v1/test/x/m/\x1b[31m\n<13>1 - forged'
    m.publish(evil.decode(), '1')
    got = until(lambda: 'outside-permit.con-2' in causes(site) and len(Hook.got) > before and len(text_of(log).splitlines()) > lines, 10)
    if not got:
        check('a topic with control characters is refused as such', 'outside-permit.con-2' not in causes(site))
        return
    check('one line more in rsyslog, nothing forged', len(text_of(log).splitlines()) == lines + 1 and '\x1b' not in text_of(log) and '\\x1b' in text_of(log), text_of(log)[-300:])
    check('nor in the event or the list', b'\x1b' not in Hook.got[-1][1] and '\x1b' not in site.cli('alert', 'list').stdout)


def refused(site):
    """A receiver that fails: tried again, then a dead letter; another cause so that it is sent at once."""
    Hook.fail[0] = 2
    before = len(Hook.got)
    con = site.enrol('con-3', role='contractor')
    attack(site, con)
    got = until(lambda: len(Hook.got) > before, 15)
    check('refused twice, delivered at the third', got and Hook.fail[0] == 0 and Hook.got[-1][0]['webhook-id'] == 'outside-permit.con-3.1')
    Hook.fail[0] = 99
    con = site.enrol('con-4', role='contractor')
    attack(site, con)
    dead = until(lambda: [s for s in steps(site, 'dead') if s['cause'] == 'outside-permit.con-4'], 20) or []
    check('after the last try a dead letter of the record, with why', [(s['to'], s['why']) for s in dead] == [('webhook', 'http-503')], dead)
    check('and the list says so', causes(site)['outside-permit.con-4']['dead'] == 1)


def again(site):
    """What was not taken is sent after a restart."""
    con = site.enrol('con-5', role='contractor')
    attack(site, con)
    until(lambda: [g for g in causes(site).get('outside-permit.con-5', {}).get('waiting', []) if g['to'] == 'webhook'], 5)
    site.stop()
    Hook.fail[0] = 0
    before = len(Hook.got)
    site.start()
    got = until(lambda: any(h['webhook-id'] == 'outside-permit.con-5.1' for h, _ in Hook.got[before:]), 15)
    check('after a restart, under the same id', got, [h['webhook-id'] for h, _ in Hook.got[before:]])
    check('who has it in hand, and what is muted, stand', causes(site)['outside-permit.con-1']['state'] == 'acknowledged' and causes(site)['drill.root']['state'] == 'muted')


def metrics(site):
    """As Prometheus reads them: its client library's own parser of OpenMetrics."""
    check('/metrics asks who it is', site.http('https', '/metrics')[0] == '401')
    site.cli('user', 'new', 'hanako', '--role', 'auditor', '--reason', 'x')
    token = site.json('token', 'new', 'prometheus', '--user', 'hanako', '--scope', 'read', '--days', '1', '--reason', 'x')['token']
    status, body = site.http('https', '/metrics', '-H', 'Authorization: Bearer ' + token)
    sys.path.append('/usr/lib/python3/dist-packages')  # where Debian's are, for another python than Debian's
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
    except ImportError:
        return skip('metrics parse', 'no prometheus_client')
    families = {f.name: f for f in parse(body + ('' if body.endswith('\n') else '\n'))}
    alerts = {s.labels['cause']: s.value for s in families['sekimori_alerts'].samples}
    check('a Prometheus parser reads them', status == '200' and families['sekimori_links'].type == 'gauge' and families['sekimori_ledger_entries'].samples[0].value > 40, body[:300])
    check('alerts by cause', alerts['outside-permit.con-1'] == 4 and alerts['drill.root'] == 2, alerts)


def found(site, check_id):
    """(state, who) of one standing check."""
    row = next(r for r in site.json('watch', 'checks') if r['check'] == check_id)
    return row['state'], [f['who'] for f in row['found']]


def provoked(site, con):
    """What the standing checks are to find: two programs of one name, somebody refused again and again, one who comes again and again, a
    stream nobody records."""
    first = site.cli('watch', 'checks')
    check('standing checks: a new site has nothing to mend', first.returncode == 0 and 'identity' in first.stdout and '■' not in first.stdout, [l for l in first.stdout.splitlines() if not l.startswith('●')])
    gw = site.enrol('gw-1', 'device')
    links = [gw.mqtt() for _ in range(5)]  # each displaces the one before
    for _ in range(12):
        con.mqtt().publish('sk/v1/test/con-1/m/x', '1')
    for _ in range(30):
        gw.mqtt('gw-1/again').close()
    links[-1].close()
    streams = site.path('s.yaml')
    with open(streams, 'w', encoding='utf-8') as f:
        f.write('streams:\n  - {name: chatter, pattern: "sk/v1/test/+/chat/#", owner: asset-owner, label: internal, recorded: false}\n')
    declared = site.cli('stream', 'apply', streams)
    check('a stream is declared that nobody records', declared.returncode == 0, declared.stderr)


def standing(site):
    for what, who in (('identity-conflict', 'gw-1'), ('refused-operations', 'con-1'), ('many-connections', 'gw-1'), ('stream-unrecorded', 'chatter')):
        check(f'standing checks: {what} finds {who}', until(lambda: found(site, what)[0] == 'bad' and who in found(site, what)[1], 10), found(site, what))
    check('standing checks: nobody revoked is connected', found(site, 'revoked-connected') == ('good', []))
    check('standing checks: what needs time says so', found(site, 'silent')[0] == 'unknown' and found(site, 'grant-unused')[0] == 'unknown')
    r = site.cli('watch', 'checks')
    check('they say what to do, and the command ends with 7', r.returncode == 7 and 'quarantine it' in r.stdout, r.stdout)
    check('what is found anew is an alert', until(lambda: any(k.startswith('identity-conflict') for k in causes(site)), 30), list(causes(site)))
    check('what is only for a reader is none', not any(k.startswith('stream-unrecorded') for k in causes(site)))


def main():
    ports = {k: free_port() for k in ('syslog', 'webhook', 'mail')}
    config = f'''[alerts]
syslog = localhost:{ports['syslog']}
webhook = http://127.0.0.1:{ports['webhook']}/alerts
mail = 127.0.0.1:{ports['mail']}
mail-from = seki@test.example
mail-to = duty@test.example
tries = 3
'''
    if not shutil.which('rsyslogd'):
        skip('alerts out', 'no rsyslogd')
        return finish()
    with Site(config=config) as site:
        os.makedirs(site.path('site/courier'), mode=0o700, exist_ok=True)
        with open(site.path('site/courier/webhook.secret'), 'w') as f:
            f.write(SECRET + '\n')
        log = rsyslog(site, ports['syslog'])
        serve(Hook, ports['webhook'])
        serve(Smtp, ports['mail'])
        site.start()
        con = site.enrol('con-1', role='contractor')
        arrives(site, con, log)
        grouped(site, con, log)
        strange(site, log)
        refused(site)
        again(site)
        metrics(site)
        provoked(site, con)
        standing(site)
        check('the record verifies', site.cli('ledger', 'verify').returncode == 0)
        note(f'{len(text_of(log).splitlines())} lines at rsyslog, {len(Hook.got)} events, {len(Smtp.got)} mails')
    finish()


main()
