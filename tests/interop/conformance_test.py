#!/usr/bin/env python3
"""What the public MQTT 3.1.1 and 5 interoperability suites ask of a broker, asked here in our own words over plain
sockets, of sekimorid-lab as it is given to them: sessions, wills, aliases, flow control, sizes, shares, refusals."""
import concurrent.futures
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time

from mqtt_raw import CONNACK, DISCONNECT, LAB, PUBACK, PUBLISH, PUBREC, PUBREL, SUBACK, Client, Lab, check, finish, packet, properties, text, tried

_n = iter(range(1, 10**6))
_lock = threading.Lock()


def fresh(word='t'):
    with _lock:
        return f'{word}-{next(_n)}'


BOTH, FIVE, OLD = (4, 5), (5,), (4,)
PARTS = []


def part(claim, versions=BOTH):
    def mark(fn):
        PARTS.extend((f'{claim} ({"3.1.1" if v == 4 else "5"})', fn, v) for v in versions)
        return fn
    return mark


class Ask:
    """A part's own lab clients and topics."""

    def __init__(self, lab, version):
        self.lab, self.v, self.base = lab, version, fresh('suite')

    def client(self, who=None, **how):
        return Client(self.lab.port, fresh('client') if who is None else who, self.v, **how)

    def lasting(self, who, seconds=1000, clean=False, **how):
        p = {**how.pop('p', {}), **({'session_expiry': seconds} if self.v == 5 else {})}
        return self.client(who, clean=clean and self.v == 5, p=p, **how)  # 3.1.1: a clean session never lasts

    def topic(self, rest):
        return f'{self.base}/{rest}'


# ---- what both versions have ----

@part('three levels of service come back to their publisher, in order')
def basic(a):
    # MQTT 5, 4.3.1-1, 4.3.2-4, 4.3.3-8 and 4.3.3-11
    c = a.client()
    assert c.connack.reason == 0 and not c.connack.present and c.subscribe(a.topic('TopicA')) == [2]
    for qos in range(3):
        c.publish(a.topic('TopicA'), f'qos {qos}', qos)
    assert [(m.payload, m.qos) for m in c.messages(3)] == [(b'qos 0', 0), (b'qos 1', 1), (b'qos 2', 2)] and c.quiet()


@part('a second CONNECT on one link ends it')
def twice(a):
    # MQTT 5, 3.1.0-2
    c = a.client()
    c.send(c.hello())
    assert c.parted() == (0x82 if a.v == 5 else 0)


@part('another protocol name, or a level nobody speaks, is refused')
def names(a):
    # MQTT 5, 3.1.2-1 and 3.1.2-2
    c = a.client(greet=False)
    c.send(c.hello(name='hj'))
    assert c.parted() == 0
    c = a.client(greet=False)
    c.send(c.hello(level=9 if a.v == 5 else 3))
    p = c.read()
    assert p.type == CONNACK and p.reason == (0x84 if a.v == 5 else 1) and c.parted() == 0


@part('the same client id again: the first link ends, the second goes on')
def takeover(a):
    # MQTT 5, 3.1.4-3
    who = fresh('client')
    first = a.client(who)
    second = a.client(who)
    assert first.parted() == (0x8E if a.v == 5 else 0)
    assert second.publish(a.topic('x'), 'x', 1) in (0, 0x10)
    for _ in range(20):
        second = a.client(who)
    assert second.publish(a.topic('x'), 'x', 1) in (0, 0x10)


@part('retained messages: kept, given to who comes, removed by an empty one')
def retained(a):
    # MQTT 5, 3.3.1-5, 3.3.1-6, 3.3.1-7 and 3.3.1-12
    c = a.client()
    mine = {'user': [('a', '2'), ('c', '3')]} if a.v == 5 else None
    for qos, name in enumerate(('TopicA/B', 'Topic/C', 'TopicA/C')):
        c.publish(a.topic(name), f'qos {qos}', qos, True, mine)
    assert c.subscribe(a.topic('+/+')) == [2]
    got = c.messages(3)
    assert sorted(m.qos for m in got) == [0, 1, 2] and all(m.retain for m in got)
    assert a.v == 4 or all(m.p['user'] == [(b'a', b'2'), (b'c', b'3')] for m in got)
    for qos, name in enumerate(('TopicA/B', 'Topic/C', 'TopicA/C')):
        c.publish(a.topic(name), b'', qos, True)
    assert [m.retain for m in c.messages(3)] == [False] * 3
    d = a.client()
    d.subscribe(a.topic('+/+'))
    assert d.quiet()


@part('retained messages as a cleaner sees them: "#" at QoS 0, all of them, none of $')
def cleaner(a):
    # MQTT 5, 3.3.1-9
    c, d = a.client(), a.client('clean retained ' + fresh())
    for i in range(50):
        c.publish(a.topic(f'r/{i}'), 'x', 1, True)
    d.subscribe(('#', 0))
    seen = {m.topic for m in d.messages(50) if m.retain and m.qos == 0}
    while (m := d.receive(0.3)):
        seen.add(m.topic)
    mine = {t for t in seen if t.startswith(a.base)}
    assert len(mine) == 50 and not any(t.startswith('$') for t in seen)
    for t in mine:
        d.publish(t, b'', 0, True)
    d.disconnect()
    e = a.client()
    e.subscribe(a.topic('r/#'))
    assert e.quiet()


@part('a will: when the link is lost, not after DISCONNECT')
def will(a):
    # MQTT 5, 3.1.2-7, 3.1.2-8, 3.1.2-10, 3.1.2-14, 3.1.2-15 and 3.14.4-3
    see = a.client()
    see.subscribe(a.topic('will'))
    own = {'user': [('a', '2'), ('c', '3')], 'will_delay': 0} if a.v == 5 else None
    c = a.client(will=(a.topic('will'), 'gone', 2, False, own))
    c.s.shutdown(2)
    m = see.receive()
    assert m.payload == b'gone' and m.qos == 2 and (a.v == 4 or m.p['user'] == [(b'a', b'2'), (b'c', b'3')])
    a.client(will=(a.topic('will'), 'never', 1, False, None)).disconnect()
    a.client(will=(a.topic('will'), 'kept', 1, True, None)).drop()
    assert see.receive().payload == b'kept' and see.quiet()
    late = a.client()
    late.subscribe(a.topic('will'))
    assert late.receive().retain
    late.publish(a.topic('will'), b'', 1, True)


@part('who says nothing for 1.5 times its keep alive is parted, and its will goes')
def silence(a):
    # MQTT 5, 3.1.2-22 and 3.2.2-22
    see = a.client(keep_alive=0)
    see.subscribe(a.topic('/will'))
    began = time.monotonic()
    c = a.client(keep_alive=1, will=(a.topic('/will'), 'keepalive expiry', 0, False, None))
    assert see.receive().payload == b'keepalive expiry'
    assert 1.4 < time.monotonic() - began < 2.5 and c.parted() == (0x8D if a.v == 5 else 0) and see.quiet()


@part('what a session that lasts missed is there when it comes back')
def offline(a):
    # MQTT 5, 3.1.2-5, 3.1.2-6, 3.1.2-23, 3.2.2-2, 3.2.2-3 and 4.5.0-1
    who = fresh('client')
    c = a.lasting(who, clean=True)
    c.subscribe(a.topic('+/+'))
    c.disconnect()
    d = a.client()
    for qos, name in enumerate(('TopicA/B', 'Topic/C', 'TopicA/C')):
        d.publish(a.topic(name), f'qos {qos}', qos)
    c = a.lasting(who)
    assert c.connack.present and sorted(m.qos for m in c.messages(2)) == [1, 2] and c.quiet()
    c.disconnect()
    assert a.client(who).connack.present is False and a.lasting(who).connack.present is False


@part('what was sent and never acknowledged is sent again on the next link, once')
def redelivery(a):
    # MQTT 5, 4.4.0-1, 3.3.1-1 and 2.2.1-5
    who = fresh('client')
    c = a.lasting(who, clean=True)
    c.subscribe(a.topic('TopicA/#'))
    assert c.publish(a.topic('TopicA/B'), b'one', 1) == 0  # its own messages are never answered
    assert c.publish(a.topic('TopicA/C'), b'two', 2) == 0
    unanswered = [c.expect(PUBLISH) for _ in range(2)]
    assert not any(m.duplicate for m in unanswered)
    c.disconnect()
    c = a.lasting(who)
    again = c.messages(2)
    assert c.connack.present and [m.payload for m in again] == [b'one', b'two'] and all(m.duplicate for m in again)
    assert [m.id for m in again] == [m.id for m in unanswered] and c.quiet()


@part('QoS 2 half done: PUBREL is repeated, the message is not')
def half_done(a):
    # MQTT 5, 4.3.3-5 and 4.3.3-6
    who = fresh('client')
    c = a.lasting(who, clean=True)
    c.subscribe(a.topic('x'))
    a.client().publish(a.topic('x'), 'x', 2)
    m = c.expect(PUBLISH)
    c.answer(PUBREC, m.id)
    assert c.expect(PUBREL).id == m.id
    c.drop()
    c = a.lasting(who)
    p = c.read()
    assert p.type == PUBREL and p.id == m.id
    c.answer(7, m.id)
    assert c.quiet()


@part('overlapping filters: one copy, at the highest QoS')
def overlap(a):
    # MQTT 5, 3.3.4-2
    c = a.client()
    assert c.subscribe((a.topic('TopicA/#'), 2), (a.topic('TopicA/+'), 1)) == [2, 1]
    c.publish(a.topic('TopicA/C'), 'overlapping', 2)
    assert c.receive().qos == 2 and c.quiet()


@part('wildcards meet no $ topics; $SYS and $share are nobody\'s to write')
def dollar(a):
    # MQTT 5, 4.7.2-1
    c = a.client()
    c.subscribe('#', '+/+')
    marker = fresh('marker')
    for topic, want in (('$' + a.topic('x'), (0, 0x10)), ('$SYS/broker/uptime', (0x87, 0)), ('$share/g/x', (0x87, 0))):
        reason = c.publish(topic, marker, 1)
        assert reason in (want if a.v == 5 else (0,)), (topic, reason)
    c.publish(a.topic('end'), marker + ' end', 1)
    while (m := c.receive()).payload != marker.encode() + b' end':  # the other parts' messages pass too
        assert m.payload != marker.encode()
    d = a.client()
    d.subscribe('$SYS/broker/version')
    assert d.receive().topic == '$SYS/broker/version'


@part('a filter that nobody may have is refused with 0x80, the others are not')
def nosubscribe(a):
    # MQTT 5, 3.8.4-6, 3.8.4-7 and 3.9.3-1
    c = a.client()
    assert c.subscribe('test/nosubscribe') == [0x80] and c.subscribe('nosubscribe', a.topic('x')) == [0x80, 2]


@part('UNSUBSCRIBE: of one, of what never was')
def unsubscribe(a):
    # MQTT 5, 3.10.4-1, 3.10.4-2, 3.10.4-4, 3.10.4-6 and 3.11.3-1
    c, d = a.client(), a.client()
    for name in 'abc':
        c.subscribe(a.topic(name))
    assert c.unsubscribe(a.topic('a'), a.topic('none')) == ([0, 0x11] if a.v == 5 else [])
    for name in 'abc':
        d.publish(a.topic(name), name, 1)
    assert [m.payload for m in c.messages(2)] == [b'b', b'c'] and c.quiet()


@part('a user name and a password are taken and mean nothing here')
def password(a):
    assert a.client(user='somebody', password='secret').connack.reason == 0
    assert a.client(user='somebody').connack.reason == 0


@part('a topic of 200 slashes, an empty level, a space, text beyond ASCII')
def odd_topics(a):
    # MQTT 5, 4.7.3-4 and 1.5.4-1
    c = a.client()
    for topic in (a.base + '/' * 200, a.topic(''), a.topic('/x'), a.topic('qos 0'), a.topic('揚水機/圧力'), a.topic('😀')):
        assert c.subscribe(topic) == [2]
        c.publish(topic, topic, 1)
        assert c.receive().topic == topic


@part('many client ids, each with a session, cleaned up again')
def many(a):
    ids = [fresh('many') for _ in range(100)]
    for who in ids:
        a.lasting(who, clean=True).drop()
    assert all(a.lasting(who).connack.present for who in ids)
    assert not any(a.client(who).connack.present for who in ids)


@part('500 links at once: each is welcomed, each gets its message')
def crowd(a):
    links = [a.client(greet=False) for _ in range(500)]
    for c in links:
        c.send(c.hello() + packet(0x82, b'\0\1' + (b'\0' if a.v == 5 else b'') + text(a.topic('all')) + b'\0'))
    assert all(c.expect(CONNACK).reason == 0 for c in links) and all(c.expect(SUBACK).codes == [0] for c in links)
    links[0].publish(a.topic('all'), 'x', 1)
    assert all(c.receive().payload == b'x' for c in links)
    for c in links:
        c.drop()


@part('QoS 2, the same identifier again before its release: one delivery')
def once(a):
    # MQTT 5, 4.3.3-10 and 4.3.3-12
    c, see = a.client(), a.client()
    see.subscribe(a.topic('x'))
    for payload, duplicate in ((b'a', False), (b'a', True), (b'b', False)):
        c.send(c.message(a.topic('x'), payload, 2, n=77, duplicate=duplicate)[1])
        assert c.expect(PUBREC).id == 77
    c.answer(PUBREL, 77)
    assert c.expect(7).reason == 0 and see.receive().payload == b'a' and see.quiet()
    c.answer(PUBREL, 77)
    assert c.expect(7).reason == (0x92 if a.v == 5 else 0)


# ---- 3.1.1 alone ----

@part('no client id: refused with 2 unless the session is clean', OLD)
def no_id_old(a):
    # MQTT 3.1.1, 3.1.3-7 and 3.1.3-8
    c = a.client('', clean=False)
    assert c.connack.reason == 2 and c.parted() == 0
    assert a.client('', clean=True).connack.reason == 0


@part('a reserved flag, a will of QoS 3, a password without a user name: closed', OLD)
def flags_old(a):
    # MQTT 3.1.1, 3.1.2-3, 3.1.2-14 and 3.1.2-22
    for flags in (3, 2 | 4 | 0x18, 2 | 0x40):
        c = a.client(greet=False)
        c.send(packet(0x10, text('MQTT') + bytes([4, flags, 0, 60]) + text('x') + text('') * 3))
        assert c.parted() == 0


# ---- 5 alone ----

@part('no client id: one is assigned, each its own', FIVE)
def assigned(a):
    # MQTT 5, 3.1.3-6, 3.1.3-7 and 3.2.2-16
    ids = [a.client('', clean=clean).connack.p['assigned_id'] for clean in (True, False, True)]
    assert len(set(ids)) == 3 and all(ids)
    named = a.client(fresh('client')).connack.p
    assert 'assigned_id' not in named


@part('the server\'s keep alive is 60 s for who asks for more, or for none', FIVE)
def server_keep_alive(a):
    # MQTT 5, 3.2.2-21
    assert a.client(keep_alive=120).connack.p['server_keep_alive'] == 60
    assert a.client(keep_alive=0).connack.p['server_keep_alive'] == 60
    assert 'server_keep_alive' not in a.client(keep_alive=30).connack.p


@part('what the server takes is announced, and CONNACK fits a small client', FIVE)
def announced(a):
    # MQTT 5, 3.1.2-24
    p = a.client().connack.p
    assert 1 <= p['receive_maximum'] <= 100 and p['alias_maximum'] > 0 and p['maximum_packet'] >= 65535
    assert all(p.get(name, 1) == 1 for name in ('retain', 'wildcards', 'subscription_ids', 'shared')) and p.get('maximum_qos', 2) == 2
    assert a.client(p={'maximum_packet': 40}).connack.size <= 38
    c = a.client(greet=False)
    c.send(c.hello(p={'maximum_packet': 2}))
    assert c.parted() == 0


@part('session expiry: at once, after its time, changed by DISCONNECT', FIVE)
def expiry(a):
    # MQTT 5, 3.1.2-23 and 4.1.0-2
    def come(seconds, clean=False):
        return a.client(who, clean=clean, p={'session_expiry': seconds})
    who = fresh('client')
    come(0, True).disconnect()
    assert not come(0).connack.present
    come(2, True).disconnect()
    c = come(2)
    assert c.connack.present
    c.disconnect()
    time.sleep(2.3)
    c = come(1, True)
    assert not c.connack.present
    c.disconnect(p={'session_expiry': 5})
    time.sleep(1.3)
    c = come(1)
    assert c.connack.present
    c.disconnect(p={'session_expiry': 0})
    c = come(0)
    assert not c.connack.present
    c.disconnect(p={'session_expiry': 5})  # 0 at CONNECT, not 0 at DISCONNECT: a protocol error
    assert not come(0).connack.present


@part('message expiry: late ones are not sent, the others with what is left', FIVE)
def message_expiry(a):
    # MQTT 5, 3.3.2-5 and 3.3.2-6
    who = fresh('client')
    c = a.lasting(who, clean=True)
    c.subscribe(a.topic('x'))
    c.disconnect(p={'session_expiry': 999999999})
    d = a.client()
    for seconds in (1, 6):
        for qos in (1, 2):
            d.publish(a.topic('x'), f'{seconds}', qos, p={'message_expiry': seconds})
    time.sleep(1.3)
    c = a.lasting(who)
    got = c.messages(2)
    assert [m.payload for m in got] == [b'6', b'6'] and all(0 < m.p['message_expiry'] < 6 for m in got) and c.quiet()


@part('a payload\'s properties arrive as they were sent, in their order', FIVE)
def as_sent(a):
    # MQTT 5, 3.3.2-4, 3.3.2-17, 3.3.2-18 and 3.3.2-20
    c = a.client()
    c.subscribe(a.topic('x'))
    p = {'format': 1, 'content_type': 'My name', 'user': [('a', '2'), ('c', '3'), ('a', '2')]}
    for qos in range(3):
        c.publish(a.topic('x'), b'', qos, p=p)
    for m in c.messages(3):
        assert m.p['format'] == 1 and m.p['content_type'] == b'My name' and m.p['user'] == [(b'a', b'2'), (b'c', b'3'), (b'a', b'2')]
    c.publish(a.topic('x'), b'\xff', 0, p={'format': 0xED})  # MQTT 5, 3.3.2-4: unaltered
    assert c.receive().p['format'] == 0xED


@part('subscribe options: no local, retain as published, retain handling', FIVE)
def options(a):
    # MQTT 5, 3.8.3-3, 3.3.1-9, 3.3.1-10, 3.3.1-11, 3.3.1-12, 3.3.1-13 and 3.8.4-4
    c, d = a.client(), a.client()
    c.subscribe((a.topic('x'), 2 | 4))
    d.subscribe((a.topic('x'), 2 | 4))
    c.publish(a.topic('x'), 'no local', 1)
    assert d.receive().payload == b'no local' and c.quiet()
    c = a.client()
    c.subscribe((a.topic('y'), 2 | 8))
    c.publish(a.topic('y'), 'no', 1)
    c.publish(a.topic('y'), 'yes', 1, True)
    assert [m.retain for m in c.messages(2)] == [False, True]
    for qos in range(3):
        c.publish(a.topic(f'r/{qos}'), 'kept', qos, True)
    for handling, first, again in ((1, 3, 0), (2, 0, 0), (0, 3, 3)):
        e = a.client()
        for n in (first, again):
            e.subscribe((a.topic('r/+'), 2 | handling << 4))
            assert sorted(m.qos for m in e.messages(n)) == list(range(n)) and e.quiet(0.2)
    for qos in range(3):
        c.publish(a.topic(f'r/{qos}'), b'', 0, True)


@part('subscription identifiers: each client\'s own, all that meet the topic', FIVE)
def identifiers(a):
    # MQTT 5, 3.3.4-3, 3.3.4-4 and 3.8.4-3
    c, d = a.client(), a.client()
    c.subscribe(a.topic('x'), p={'subscription_id': 456789})
    d.subscribe(a.topic('x'), p={'subscription_id': 2})
    d.subscribe(a.topic('x/#'), p={'subscription_id': 3})
    d.publish(a.topic('x'), 'x', 1)
    assert c.receive().p['subscription_id'] == [456789]
    assert sorted(d.receive().p['subscription_id']) == [2, 3] and d.quiet()
    d.subscribe(a.topic('x'))  # again without one: it is gone
    d.publish(a.topic('x'), 'x', 1)
    assert d.receive().p['subscription_id'] == [3]


@part('request and response: topic and correlation go there and back', FIVE)
def request(a):
    # MQTT 5, 3.3.2-15 and 3.3.2-16
    c, d = a.client(p={'request_response': 1}), a.client()
    assert c.connack.p['response_information']
    for s in (c, d):
        s.subscribe((a.topic('x'), 2 | 4))
    c.publish(a.topic('x'), 'request', 1, p={'response_topic': a.topic('x'), 'correlation': b'334'})
    m = d.receive()
    assert m.p['response_topic'] == a.topic('x').encode() and m.p['correlation'] == b'334'
    d.publish(m.p['response_topic'].decode(), 'response', 1, p={'correlation': m.p['correlation']})
    m = c.receive()
    assert m.payload == b'response' and m.p['correlation'] == b'334'


@part('topic aliases of the client: learnt, used, of the link alone', FIVE)
def aliases_in(a):
    # MQTT 5, 3.3.2-7, 3.3.2-8, 3.3.2-9 and 3.3.2-12
    for alias in (0, 11, 65535):
        c = a.client()
        c.send(c.message(a.topic('x'), 'x', 1, p={'alias': alias})[1])
        assert c.parted() == 0x94
    who = fresh('client')
    c = a.lasting(who, clean=True, p={'alias_maximum': 0})
    assert c.connack.p['alias_maximum'] >= 1
    c.subscribe(a.topic('x'), a.topic('y'))
    c.publish(a.topic('x'), '1', 1, p={'alias': 1})
    c.publish('', '2', 1, p={'alias': 1})
    c.publish(a.topic('y'), '3', 1, p={'alias': 1})
    c.publish('', '4', 1, p={'alias': 1})
    got = c.messages(4)
    assert [(m.topic, m.payload) for m in got] == [(a.topic('x'), b'1'), (a.topic('x'), b'2'), (a.topic('y'), b'3'), (a.topic('y'), b'4')]
    assert not any('alias' in m.p for m in got)
    c.disconnect()
    c = a.lasting(who)
    c.publish(a.topic('x'), '5', 1)
    assert c.receive().payload == b'5'
    c.send(c.message('', '6', 1, p={'alias': 1})[1])
    assert c.parted() == 0x82  # MQTT 5, 3.3.4: an alias of nothing


@part('topic aliases of the server: as many as the client takes, none for who takes none', FIVE)
def aliases_out(a):
    # MQTT 5, 3.1.2-26, 3.1.2-27 and 3.3.2-11
    c = a.client(p={'alias_maximum': 1})
    c.subscribe(a.topic('x'), a.topic('y'))
    for qos in range(3):
        c.publish(a.topic('x'), 'x', qos)
    first, *rest = c.messages(3)
    assert first.topic == a.topic('x') and first.p['alias'] == 1 and all(m.topic == '' and m.p['alias'] == 1 for m in rest)
    c.publish(a.topic('y'), 'y', 1)
    m = c.receive()
    assert m.topic == a.topic('y') and 'alias' not in m.p
    for p in (None, {'alias_maximum': 0}):
        c = a.client(p=p)
        c.subscribe(a.topic('x'))
        for qos in range(3):
            c.publish(a.topic('x'), 'x', qos)
        assert all(m.topic == a.topic('x') and 'alias' not in m.p for m in c.messages(3))


@part('a client\'s maximum packet size: what is larger is not sent, and counts as sent', FIVE)
def packet_size(a):
    # MQTT 5, 3.1.2-24 and 3.1.2-25
    c = a.client(p={'maximum_packet': 64})
    c.subscribe('m')
    c.publish('m', b'.' * 32, 0)
    assert len(c.receive().payload) == 32
    assert c.publish('m', b'.' * 64, 1) == 0 and c.quiet()
    c.publish('m', b'after', 1)
    assert c.receive().payload == b'after'


@part('the server\'s maximum packet size: more is 0x95', FIVE)
def server_packet_size(a):
    c = a.client()
    most = c.connack.p['maximum_packet']
    try:
        c.send(c.message(a.topic('x'), b'.' * most)[1])
    except OSError:
        pass  # closed while it was still being sent
    assert c.parted() in (0x95, 0)
    c = a.client()
    c.send(bytes([0x30]) + b'\xff\xff\xff\x7f')
    assert c.parted() == 0x95


@part('the client\'s receive maximum: no more at once than it takes', FIVE)
def receive_maximum(a):
    # MQTT 5, 3.3.4-9, 3.3.4-10, 4.9.0-2 and 4.9.0-3
    c = a.client(p={'receive_maximum': 2})
    c.subscribe(a.topic('x'))
    for i in range(5):
        c.send(c.message(a.topic('x'), f'{i}', 1)[1])
    got, acks = [], 0
    while len(got) < 2 or acks < 5:
        p = c.read()
        got += [p] if p.type == PUBLISH else []
        acks += p.type == PUBACK
    assert c.read(0.5) is None
    for i in range(2, 5):
        c.answer(PUBACK, got[i - 2].id)
        got.append(c.expect(PUBLISH))
        assert got[i].payload == str(i).encode() and c.read(0.2) is None


@part('the server\'s receive maximum: one QoS 2 too many is 0x93', FIVE)
def server_receive_maximum(a):
    # MQTT 5, 3.3.4-7
    c = a.client()
    for _ in range(c.connack.p['receive_maximum']):
        c.send(c.message(a.topic('x'), 'x', 2)[1])
    assert c.read(0.2) is not False
    c.send(c.message(a.topic('x'), 'x', 2)[1])
    assert c.parted() == 0x93


@part('a will\'s delay: its time, or the session\'s end if that is sooner', FIVE)
def will_delay(a):
    # MQTT 5, 3.1.2-8 and 3.1.3-9
    see = a.client()
    see.subscribe(a.topic('+'))
    for delay, lasts, least, most in ((1, 3, 1, 2), (3, 0, 0, 1), (3, 1, 1, 2)):
        who, name = fresh('client'), fresh('w')
        c = a.client(who, p={'session_expiry': lasts}, will=(a.topic(name), 'gone', 1, False, {'will_delay': delay}))
        began = time.monotonic()
        c.drop()
        m = see.receive()
        assert m.topic == a.topic(name) and least - 0.05 < time.monotonic() - began < most, (delay, lasts, time.monotonic() - began)
    who = fresh('client')
    a.lasting(who, clean=True, will=(a.topic('back'), 'gone', 1, False, {'will_delay': 1})).drop()
    a.lasting(who)
    assert see.read(1.4) is None  # back within the delay
    c = a.client(will=(a.topic('said'), 'said', 0, False, None))
    c.disconnect(4)
    assert see.receive().payload == b'said'


@part('a share: each message once, in turn; plain subscribers each get theirs', FIVE)
def shares(a):
    # MQTT 5, 4.8.2-3 and 3.8.3-4
    members = [a.client() for _ in range(3)]
    filters = (f'$share/name/{a.topic("x")}', a.topic('y'))
    for c in members:
        assert c.subscribe(*filters) == [2, 2]
    d = a.client()
    d.publish(a.topic('y'), 'all', 1)
    assert [c.receive().payload for c in members] == [b'all'] * 3
    for i in range(6):
        d.publish(a.topic('x'), f'{i}', 1)
    got = [c.messages(2) for c in members]
    assert sorted(m.payload for ms in got for m in ms) == [str(i).encode() for i in range(6)] and all(c.quiet(0.1) for c in members)
    d.send(packet(0x82, b'\0\1\0' + text(filters[0]) + b'\6'))
    assert d.parted() == 0x82  # MQTT 5, 3.8.3-4: no local on a share


@part('reason codes: each refusal says the standard\'s, with words unless they are not wanted', FIVE)
def reasons(a):
    # MQTT 5, 3.8.1-1, 3.8.3-2, 3.8.3-5, 3.3.2-2, 3.3.1-4, 3.3.4-6, 4.7.1-1, 4.13.1-1, 3.1.2-29 and 4.12.0-1
    def parted_by(b, **how):
        c = a.client(**how)
        c.send(b)
        p = c.read()
        assert p and p.type == DISCONNECT
        return p
    rows = ((packet(0x82, b'\0\0\0' + text('a') + b'\1'), 0x81), (packet(0x82, b'\0\1\0' + text('a/#/b') + b'\1'), 0x81),
            (packet(0x82, b'\0\1\0' + text('a') + b'\3'), 0x82), (packet(0x82, b'\0\1\0' + text('a') + b'\x31'), 0x82),
            (packet(0x82, b'\0\1\0' + text('a') + b'\x41'), 0x81), (packet(0x82, b'\0\1\0'), 0x82),
            (packet(0x82, b'\0\1' + properties({'subscription_id': 0}) + text('a') + b'\1'), 0x82),
            (packet(0x80, b'\0\1\0' + text('a') + b'\1'), 0x81), (packet(0x30, text('a/#') + b'\0x'), 0x81),
            (packet(0x30, text('') + b'\0x'), 0x82), (packet(0x36, text('a') + b'\0\1\0x'), 0x81),
            (packet(0x30, text('a') + properties({'subscription_id': 1}) + b'x'), 0x82), (packet(0xF0, b'\x18\0'), 0x82),
            (packet(0x20, b'\0\0\0'), 0x82), (packet(0xA2, b'\0\1\0' + text('#/a')), 0x81), (b'\x30\xff\xff\xff\xff\1', 0x81))
    for b, want in rows:
        p = parted_by(b)
        assert p.reason == want, (b, hex(p.reason))
    assert parted_by(rows[1][0]).p.get('reason') and 'reason' not in parted_by(rows[1][0], p={'request_problem': 0}).p
    c = a.client()
    c.send(packet(0x82, b'\0\1\0' + text('/' * 65000) + b'\1' + text('a') + b'\1'))
    assert c.read().codes == [0x8F, 1]
    c.send(packet(0x32, text('/' * 65000) + b'\0\2\0x'))
    assert c.parted() == 0x90
    assert a.client(p={'auth_method': 'none'}).connack.reason == 0x8C
    twice = a.client(greet=False)
    twice.send(packet(0x10, text('MQTT') + bytes([5, 2, 0, 60]) + b'\x06\x21\0\1\x21\0\1' + text('x')))
    assert twice.read().reason == 0x82


@part('an acknowledgement of another kind ends the link with 0x82', BOTH)
def wrong_kind(a):
    for qos, kind in ((1, PUBREC), (1, 7), (2, PUBACK), (2, 7)):
        c = a.client()
        c.subscribe((a.topic('x'), qos))
        a.client().publish(a.topic('x'), 'x', qos)
        c.answer(kind, c.expect(PUBLISH).id)
        assert c.parted() == (0x82 if a.v == 5 else 0)


def restarts():
    """--state: what was promised is there after SIGTERM and after kill -9."""
    with tempfile.TemporaryDirectory() as state, Lab('--state', state + '/lab') as lab:
        c = Client(lab.port, 'lasting', 5, p={'session_expiry': 1000})
        c.subscribe('x')
        Client(lab.port, 'p', 5).publish('kept', 'kept', 1, True)
        for how in (lab.stop, lambda: (lab.p.kill(), lab.p.wait())):
            c.drop()
            Client(lab.port, 'p', 5).publish('x', 'missed', 2)
            how()
            lab.start()
            c = Client(lab.port, 'lasting', 5, clean=False, p={'session_expiry': 1000})
            assert c.connack.present and c.receive().payload == b'missed' and c.quiet(0.1)
            d = Client(lab.port, 'see', 4)
            d.subscribe('kept')
            assert d.receive().retain


def policies():
    """--grants: a policy as the site has them; names are user names or client ids."""
    row = {'id': 'w', 'subject': 'writer', 'action': 'publish', 'stream': ['sk/v1/lab/#']}
    see = {'id': 's', 'subject': 'any', 'action': 'subscribe', 'stream': ['sk/v1/lab/#']}
    no = {'id': 'n', 'subject': 'guest', 'action': 'subscribe', 'stream': ['sk/v1/lab/x/m/secret'], 'deny': True}
    with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
        json.dump({'schema': 'sekimori-grants/1', 'site': 'lab', 'grants': [row, see, no]}, f)
        f.flush()
        with Lab('--grants', f.name) as lab:
            writer, guest = Client(lab.port, 'anything', 5, user='writer', password='x'), Client(lab.port, 'guest', 5)
            assert guest.subscribe('sk/v1/lab/x/m/+', 'other', 'sk/v1/lab/x/m/secret') == [2, 0x87, 0x87]
            assert writer.publish('sk/v1/lab/x/m/secret', '1', 1) in (0, 0x10) and writer.publish('sk/v1/lab/x/m/flow', '2', 1) == 0
            assert guest.receive().payload == b'2' and guest.quiet(0.1)
            assert guest.publish('sk/v1/lab/x/m/flow', '3', 1) == 0x87 and writer.publish('other', '4', 1) == 0x87
            assert Client(lab.port, 'anything', 5, user='guest').connack.reason == 0x87 and writer.quiet(0.1)


def arguments():
    for argv in ([], ['abc'], ['0'], ['70000'], ['1883', '--ws'], ['1883', '--nope', 'x'], ['1883', '1884']):
        r = subprocess.run([LAB, *argv], capture_output=True, text=True, timeout=10)
        assert r.returncode == 2 and 'error[SK-' in r.stderr and 'usage: sekimorid-lab PORT' in r.stderr, argv
    r = subprocess.run([LAB, '--help'], capture_output=True, text=True, timeout=10)
    assert r.returncode == 0 and 'usage' in r.stdout
    r = subprocess.run([LAB, '1883', '--grants', '/nowhere'], capture_output=True, text=True, timeout=10)
    assert r.returncode == 78 and '/nowhere' in r.stderr


def main():
    chosen = [arg for arg in sys.argv[1:] if not arg.startswith('-')]
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    began = time.monotonic()
    with Lab() as lab, concurrent.futures.ThreadPoolExecutor(12) as pool:
        said = open(lab.log.name, encoding='utf-8').read()
        check('the lab says that it is not for use, in both languages', '試験専用' in said and 'Do not use' in said)
        rows = [(claim, fn, v) for claim, fn, v in PARTS if not chosen or fn.__name__ in chosen]
        jobs = [pool.submit(tried, claim, lambda fn=fn, v=v: fn(Ask(lab, v))) for claim, fn, v in rows]
        if not chosen:
            jobs += [pool.submit(tried, claim, fn) for claim, fn in (
                ('--state: sessions, retained and queued messages live through SIGTERM and kill -9', restarts),
                ('--grants: who may what, by user name or client id', policies), ('bad arguments are named, with the usage', arguments))]
        for job in jobs:
            check(*job.result())
        check('the lab is still there, and ends with 0', lab.p.poll() is None and lab.stop() == 0)
    print(f'# {time.monotonic() - began:.1f} s')
    finish()


if __name__ == '__main__':
    main()
