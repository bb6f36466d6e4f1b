"""./demo interconnect, seen from outside: a contractor's broker is linked, taken over, and put right; the plant runs on."""
import socket
import struct

from harness import Demo, check, finish, until


def minutes(demo):
    """The plant's own clock, asked of its controller."""
    with socket.create_connection(('127.0.0.1', demo.ports['plant']), timeout=5) as s:
        s.sendall(struct.pack('>HHHBBHH', 1, 0, 6, 1, 4, 7, 1))
        return struct.unpack('>H', s.recv(260)[9:11])[0]


def flow(demo, name):
    return next(f for p in demo.json('peer', 'list') for f in p['flows'] if f['flow'] == name)


def main():
    with Demo() as demo:
        check('the demo starts', demo.demo('start').returncode == 0)
        r = demo.demo('attack', 'vendor-cloud')
        check('an attack before the link says what to do first', r.returncode == 1 and './demo interconnect' in r.stdout, r.stdout)
        r = demo.demo('interconnect')
        check('linked by an agreement both owners signed', r.returncode == 0 and 'demand-in  in  live  allow' in r.stdout, r.stdout)
        check('status shows each flow', 'vendor-cloud/pump-help  in  live  limit' in demo.demo('status').stdout)
        before = minutes(demo)
        r = demo.demo('attack', 'vendor-cloud')
        check('the taken-over cloud: held, refused, and its flood outside', r.returncode == 0 and '20000 refused' in r.stdout
              and 'held for release 1' in r.stdout and '[verb-not-agreed]' in r.stdout, r.stdout)
        f = flow(demo, 'demand-in')
        check('narrowed to the cheapest set that suffices', f['verdict'] == 'limit' and [s['stage'] for s in f['stages']][3:] == ['schema'], str(f))
        check('status says so by its exit code', demo.demo('status').returncode == 7)
        check('no device of ours is limited', demo.json('limit', 'list') == [])
        check('the plant runs on', until(lambda: minutes(demo) != before, 10))
        r = demo.demo('fix')
        check('put right by both owners\' signatures', r.returncode == 0 and 'signed the agreement anew' in r.stdout and flow(demo, 'demand-in')['verdict'] == 'allow', r.stdout)
        check('its order was not sent', all(h['from'] == 'peer-vendor-cloud' for h in demo.json('status')['held']))
    finish()


main()
