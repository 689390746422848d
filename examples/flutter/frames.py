#!/usr/bin/env python3
"""groupcast.dart, function by function, checked against the project's test vectors.

    python3 examples/flutter/frames.py                         checks the vectors, and the numbers in groupcast.dart
    python3 examples/flutter/frames.py INTERFACE GROUP PORT    is in a group by the interface with this address for
                                                               5 s, prints what it hears, leaves
"""

import inspect
import math
import pathlib
import random
import re
import select
import socket
import sys
import time as clock
import typing

MAGIC = 0xC1
HEADER_LENGTH = 22
CRC_LENGTH = 4
LARGEST = 1472
USUAL = 1200
JOIN = 0x01
PROBE = 0x02
NO_STREAMS = 0x0001
# The round trip before it is measured: 10 ms.
GUESS = 106
BYES = [0, 10, 30, 60, 100, 150, 200]
# What the fixed fields of a frame take. HELLO and DATA are more than that.
LENGTHS = {
    0x01: 12, 0x02: 1, 0x03: 2, 0x04: 4, 0x10: 8, 0x11: 12, 0x12: 11, 0x13: 14, 0x14: 6, 0x15: 6, 0x16: 16, 0x17: 8,
}


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(0, 8):
            crc = (crc >> 1) ^ (0x82F63B78 if (crc & 1) != 0 else 0)
    return crc ^ 0xFFFFFFFF


def u16(value):
    return [value >> 8 & 0xFF, value & 0xFF]


def u32(value):
    return [*u16(value >> 16 & 0xFFFF), *u16(value & 0xFFFF)]


def u48(value):
    return [*u16(value >> 32 & 0xFFFF), *u32(value & 0xFFFFFFFF)]


def read_u16(octets, at):
    return octets[at] << 8 | octets[at + 1]


def read_u32(octets, at):
    return read_u16(octets, at) << 16 | read_u16(octets, at + 2)


def group_tag(address, port, name=""):
    crc = crc32c([*address, *u16(port), *name.encode()])
    return (crc >> 16) ^ (crc & 0xFFFF)


def is_after(first, second):
    ahead = second - first & 0xFFFFFFFF
    return ahead > 0 and ahead < 0x80000000


def datagram(tag, sender, session, number, to_one, frames):
    counter = number | 0x800000000000 if to_one else number
    octets = [MAGIC, 0x10, *u16(tag), *u32(sender), *session, *u48(counter)]
    for one in frames:
        octets.extend(one)
    return bytes([*octets, *u32(crc32c(octets))])


def frame(kind, flags, body):
    return [kind, flags, *u16(len(body)), *body]


def members_octet(members):
    return math.floor(4 * math.log2(members))


def interval(members):
    return min(max(members * 50, 1000), 60000)


def hello(name, flags, members):
    text = name.encode()
    fixed = [*u16(NO_STREAMS), *u16(LARGEST), *u16(0), *u16(interval(members) // 10), 0, GUESS, members_octet(members)]
    return frame(0x01, flags, [*fixed, len(text), *text])


def time(micros):
    return frame(0x04, 0, u32(micros & 0xFFFFFFFF))


def sync(members):
    return frame(0x12, 0, [*u32(0), *u32(0), GUESS, members_octet(members), 0])


def data(channel, sequence, payload):
    return frame(0x10, 0, [channel, 0, 0, 0, *u32(sequence), *payload])


def ask(sender, life):
    return frame(0x17, 0, [*u32(sender), *u32(life)])


def bye():
    return frame(0x02, 0, [0])


def is_datagram(octets, tag):
    """Whether it is sound, and of this group."""
    end = len(octets) - CRC_LENGTH
    if end < HEADER_LENGTH or octets[0] != MAGIC or octets[1] != 0x10 or read_u16(octets, 2) != tag:
        return False
    number = read_u16(octets, 16) & 0x7FFF | read_u32(octets, 18)
    return read_u32(octets, 4) != 0 and number != 0 and read_u32(octets, end) == crc32c(octets[0:end])


def is_sound(kind, body):
    """Whether a frame of a type that is known is built as that demands."""
    if len(body) < LENGTHS[kind]:
        return False
    if kind == 0x01:
        at = 12 + body[11]
        if body[11] > 32 or len(body) < at or not is_utf8(body[12:at]):
            return False
        while at + 2 <= len(body):
            at += 2 + body[at + 1]
        return at == len(body)
    if kind == 0x04:
        return (len(body) - 4) % 12 == 0
    if kind == 0x10:
        return body[2] <= body[3]
    if kind == 0x13:
        return body[13] >= 1 and body[13] <= 8 and len(body) >= 14 + 4 * body[13]
    return True


def is_utf8(octets):
    try:
        bytes(octets).decode()
    except UnicodeDecodeError:
        return False
    return True


def frames_of(octets):
    """Type, flags and body of the frames of a datagram, up to one behind which nothing is to be read."""
    found = []
    at, end = HEADER_LENGTH, len(octets) - CRC_LENGTH
    while at + 4 <= end:
        kind, flags, begin = octets[at], octets[at + 1], at + 4
        at = begin + read_u16(octets, at + 2)
        if at > end:
            break
        body = octets[begin:at]
        if kind in LENGTHS:
            if not is_sound(kind, body):
                break
            found.append((kind, flags, body))
        elif kind < 0x80:
            break
    return found


class Peer:
    """What is known of another member."""

    def __init__(self, session):
        self.session = session
        self.name = None
        self.address = None
        self.limit = LARGEST
        self.interval = 1000
        self.heard = 0
        self.answered = -1000
        # The newest number of each class and channel, and the State channels whose newest value is known.
        self.values = {}
        self.known = set()
        # Before which number of its stream none is lacking, from which on values are the newest, and about asking.
        self.next = None
        self.told = self.asks = self.asked = 0
        self.seen = set()
        self.left = False


class Waiting(typing.NamedTuple):
    """What waits to be sent: when, and to whom; None is the group."""

    when: float
    frames: list
    to: object


class Member:
    """A member that takes no reliable streams, without sockets. Times are in ms."""

    def __init__(self, tag, name, now):
        self.tag, self.name = tag, name
        self.id = random.randrange(1, 0x100000000)
        self.session = random.randbytes(8)
        self.number = self.sequence = self.hellos = self.reliable = 0
        self.said_hello = -100
        self.next_hello = now
        self.peers = {}
        self.outbox = []
        self.leaving = False

    def members(self):
        return 1 + sum(peer.name is not None for peer in self.peers.values())

    def say(self, now, channel, payload):
        """Queues a message. False if it is too large for somebody."""
        limits = [peer.limit for peer in self.peers.values() if peer.name is not None]
        if len(payload) + 38 > min([USUAL, *limits]):
            return False
        self.outbox.append(Waiting(now, [data(channel, self.sequence, payload)], None))
        self.sequence = self.sequence + 1 & 0xFFFFFFFF
        return True

    def leave(self, now):
        self.leaving = True
        last = [sync(self.members()), bye()]
        self.outbox = [Waiting(now + later, last, None) for later in BYES]

    def due(self, now):
        """What is to be sent now, each with where to, None for the group."""
        if not self.leaving:
            for sender in [sender for sender, peer in self.peers.items() if now - peer.heard > 3.5 * peer.interval]:
                del self.peers[sender]
            if now >= self.next_hello:
                self.greet(now)
        ready = [one for one in self.outbox if one.when <= now]
        self.outbox = [one for one in self.outbox if one.when > now]
        sent = []
        for one in ready:
            self.number += 1
            sent.append((datagram(self.tag, self.id, self.session, self.number, one.to is not None, one.frames), one.to))
        return sent

    def greet(self, now):
        members = self.members()
        greeting = hello(self.name, JOIN if self.hellos < 2 else 0, members)
        # Before all that waits: a session begins with it.
        self.outbox.insert(0, Waiting(now, [greeting, time(now * 1000), sync(members)], None))
        self.hellos += 1
        self.said_hello = now
        self.next_hello = now + interval(members) * random.uniform(0.75, 1.25)

    def hear(self, octets, source, now):
        """What a datagram says that is news: raw, hello, bye, message, or that it cannot take what is reliable."""
        if not octets:
            return []
        if octets[0] != MAGIC:
            return [("raw", bytes(octets))]
        sender = read_u32(octets, 4) if is_datagram(octets, self.tag) else self.id
        if sender == self.id:
            return []
        session = bytes(octets[8:16])
        peer = self.peers.get(sender)
        if peer is None or peer.session != session:
            peer = self.peers[sender] = Peer(session)
        number, to_one = bytes(octets[16:22]), octets[16] >= 0x80
        if number in peer.seen or peer.left:
            return []
        peer.seen.add(number)
        if len(peer.seen) > 4096:
            peer.seen.clear()
        peer.heard = now
        news = []
        for kind, flags, body in frames_of(octets):
            if kind == 0x01:
                name = bytes(body[12:12 + body[11]]).decode()
                if name != peer.name:
                    news.append(("hello", sender, name))
                peer.name, peer.address = name, source
                peer.limit = max(read_u16(body, 2), 512)
                peer.interval = max(read_u16(body, 6) * 10, 1000)
                self.answer(flags, peer, now)
            elif kind == 0x02 and not to_one:
                if peer.name is not None:
                    news.append(("bye", sender))
                peer.name, peer.left = None, True
            elif kind == 0x10:
                news.extend(self.take(sender, peer, flags, body))
            elif kind == 0x12 and not to_one:
                self.compare(sender, peer, body, now)
        return news

    def answer(self, flags, peer, now):
        """JOIN asks for the next HELLO soon, PROBE for one at once, to the one who asks."""
        within = max(500, self.members() * 50)
        if flags & JOIN != 0 and self.next_hello > now + within:
            self.next_hello = max(now + random.uniform(0, within), self.said_hello + 100)
        if flags & PROBE != 0 and now - peer.answered >= 100:
            peer.answered = now
            members = self.members()
            self.outbox.append(Waiting(now, [hello(self.name, 0, members), sync(members)], peer.address))

    def take(self, sender, peer, flags, body):
        """A message of one fragment, if it is best effort, or a value that is newer."""
        kind, channel, sequence = flags & 3, body[0], read_u32(body, 4)
        # An answer to ASK says nothing of the stream (V6).
        is_answer = kind == 3 and flags & 4 != 0 and body[1] == 255
        if is_answer:
            peer.known.add(channel)
            peer.asks = 0
        elif kind != 0 and (peer.next is None or peer.next == sequence):
            peer.next = sequence + 1 & 0xFFFFFFFF
        if kind == 1 or kind == 2:
            self.reliable += 1
            return [("reliable", sender)] if self.reliable == 1 else []
        if body[3] != 0:
            return []
        if kind == 3 or flags & 16 != 0:
            key = kind << 8 | channel
            newest = peer.values.get(key)
            if newest is not None and not is_after(newest, sequence):
                return []
            peer.values[key] = sequence
            if kind == 3 and not is_answer:
                # What was sent before something else was lost may not be the newest.
                (peer.known.discard if is_after(sequence, peer.told) else peer.known.add)(channel)
        return [("message", sender, channel, sequence, bytes(body[8:]))]

    def compare(self, sender, peer, body, now):
        """Asks for State values, if some may be missing (V4, E5)."""
        following, states = read_u32(body, 0), body[10]
        if peer.next is None or is_after(peer.next, following):
            peer.next = peer.told = following
            peer.known.clear()
        if states == 0 or len(peer.known) >= states or now < peer.asked:
            return
        spread = 3 if self.members() <= 8 else 5.3 * (math.log(self.members()) + 1)
        peer.asked = now + random.uniform(0, spread) + (0 if peer.asks < 16 else 4000)
        peer.asks += 1
        self.outbox.append(Waiting(peer.asked, [ask(sender, read_u32(peer.session, 4))], None))


HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parents[1] / "tests" / "vectors"
TAG = group_tag([239, 1, 2, 3], 12345)
SENDER, SESSION = 0x2A, bytes.fromhex("0102030405060708")
GREETING = b"Hello, multicast!"


def vectors(name):
    """The datagrams of a file, each as (what is said of it, its octets); the form is told in PROTOCOL §12."""
    found = []
    for line in (VECTORS / f"{name}.hex").read_text().splitlines():
        key, colon, value = line.partition(": ")
        if key == "fate":
            found.append(({"fate": value, "frame": [], "told": []}, bytearray()))
        elif found and key in ("frame", "told"):
            found[-1][0][key].append(value)
        elif found and not colon and not line.startswith("#"):
            found[-1][1].extend(bytes.fromhex(line))
    return found


def check_made():
    """These functions make the vectors."""
    greeting = [hello("dart", JOIN, 1), time(1000), sync(1)]
    made = {
        "first-streamless": [(1, False, greeting)],
        "data": [(2, False, [data(0, 0, GREETING)])],
        "counters": [(2**at + more, to_one, [data(0, sequence, b"")]) for sequence, (at, more, to_one) in enumerate(
            [(31, 0, False), (32, -1, False), (32, 0, False), (32, 1, False), (40, 0x010203040506 - 2**40, False),
             (40, 0x010203040507 - 2**40, True), (47, -2, False), (47, -1, True)])],
    }
    for name, expected in made.items():
        datagrams = [octets for _, octets in vectors(name)]
        for octets, (number, to_one, frames) in zip(datagrams, expected, strict=True):
            ours = datagram(TAG, SENDER, SESSION, number, to_one, frames)
            assert ours == octets, f"{name}: {ours.hex()}"
    return len(made)


def described(kind, flags, body):
    """The beginning of what a vector says of such a frame."""
    if kind == 0x01:
        name = body[12:12 + body[11]].hex() or "-"
        return (f"hello join={flags & JOIN} probe={(flags & PROBE) // PROBE} capabilities={read_u16(body, 0)} "
                f"max_datagram={read_u16(body, 2)}", f" name={name} ")
    if kind == 0x10:
        return (f"data class={flags & 3} latest={flags >> 4 & 1} ",
                f"channel={body[0]} horizon={body[1]} fragment={body[2]}/{body[3]} sequence={read_u32(body, 4)} "
                f"payload={body[8:].hex() or '-'}")
    if kind == 0x12:
        return f"sync next={read_u32(body, 0)} low={read_u32(body, 4)} rtt={body[8]} size={body[9]} states={body[10]}", ""
    words = {0x02: "bye", 0x03: "busy", 0x04: "time", 0x11: "start", 0x13: "nack", 0x14: "skip", 0x15: "ackreq",
             0x16: "ack", 0x17: "ask"}
    return words[kind] + " ", ""


def check_read():
    """These functions read all vectors of open groups as what they are."""
    count = 0
    for path in sorted(VECTORS.glob("*.hex")):
        for nth, (said, octets) in enumerate(vectors(path.stem), 1):
            where = f"{path.stem} {nth}"
            is_ours = said["fate"] not in ("empty", "raw", "truncated", "wrong_version", "wrong_suite", "malformed",
                                           "other_group", "corrupt")
            assert is_datagram(octets, TAG) == is_ours, where
            count += 1
            if not is_ours or said["fate"] == "oversized":
                continue
            lines = [line for line in said["frame"] if not line.startswith(("malformed", "skipped", "error"))]
            for one, line in zip(frames_of(octets), lines, strict=True):
                begin, inside = described(*one)
                assert line.startswith(begin) and inside in line, f"{where}: {begin} {inside}, not {line}"
    for length in range(len(vectors("coalesced")[0][1])):
        assert not is_datagram(vectors("coalesced")[0][1][:length], TAG)
    return count


def check_member():
    """A member delivers what a receiver of values and best effort is to deliver (V1, E4, E5)."""
    member = Member(TAG, "dart", 0)
    first, _ = member.due(0)[0]
    assert [kind for kind, _, _ in frames_of(first)] == [0x01, 0x04, 0x12]
    told = {"hello": lambda name: "joined", "bye": lambda: "left", "reliable": lambda: "reliable_dropped",
            "message": lambda *said: "message channel={} sequence={} payload={}".format(*said[:2], said[2].hex() or "-")}
    for name in ("streamless", "values", "leaving", "fragmented-values", "trailing", "malformed", "coalesced"):
        for said, octets in vectors(name):
            heard = [told[kind](*rest) for kind, _, *rest in member.hear(octets, None, 0)]
            assert sorted(heard) == sorted(said["told"]), f"{name}: {heard}, not {said['told']}"
        member = Member(TAG, "dart", 0)
    value = frame(0x10, 3, [0, 0, 0, 0, *u32(2)])
    answer = frame(0x10, 7, [0, 255, 0, 0, *u32(2)])
    stated = lambda number: frame(0x12, 0, [*u32(number), *u32(0), 0, 0, 1])  # noqa: E731
    # No value; one with its number; another number that did not come; the answer; nothing new.
    for at, (frames, asks) in enumerate((([stated(2)], 1), ([value, stated(3)], 0), ([stated(4)], 1), ([answer], 0),
                                         ([stated(4)], 0)), 1):
        member.hear(datagram(TAG, 7, SESSION, at, False, frames), None, at * 100)
        asked = [bytes(body).hex() for octets, _ in member.due(at * 100 + 50)
                 for kind, _, body in frames_of(octets) if kind == 0x17]
        assert asked == ["0000000705060708"] * asks, f"{at}: {asked}"
    probe = datagram(TAG, 8, SESSION, 1, True, [hello("ana", PROBE, 1)])
    assert member.hear(probe, "there", 600) == [("hello", 8, "ana")]
    answers = [(to, octets[16] >= 0x80) for octets, to in member.due(600) if to]
    assert answers == [("there", True)], answers
    assert member.say(700, 0, bytes(USUAL - 38)) and not member.say(700, 0, bytes(USUAL - 37))
    member.leave(1000)
    assert [len(member.due(1000 + at)) for at in range(0, 201, 10)].count(1) == len(BYES)


SAME = [crc32c, u16, u32, u48, read_u16, read_u32, group_tag, is_after, datagram, frame, members_octet, interval, hello,
        time, sync, data, ask, bye, is_datagram, is_sound, frames_of,
        *(getattr(Member, name) for name in ("say", "leave", "due", "greet", "hear", "answer", "take", "compare"))]


def numbers(text, remark):
    """The numbers of a program's text, without what is said about it."""
    text = re.sub(rf'""".*?"""|{remark}[^\n]*|"[^"\n]*"|\'[^\'\n]*\'', "", text, flags=re.DOTALL)
    found = re.findall(r"(?<![\w.])(0x[0-9A-Fa-f]+|\d+(?:\.\d+)?)", text)
    return sorted(float(int(number, 16) if number.startswith("0x") else number) for number in found)


def part(text, pattern):
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found, f"groupcast.dart has nothing like {pattern}"
    return found[0]


def check_dart():
    """groupcast.dart cannot be run here: at least its constants and functions have the same numbers."""
    dart, ours = (HERE / "groupcast.dart").read_text(), pathlib.Path(__file__).read_text()
    pairs = {"constants": (part(ours, r"^MAGIC.*?^def"), part(dart, r"^const int magic.*?^/// CRC"))}
    for function in SAME:
        words = function.__name__.split("_")
        name = words[0] + "".join(word.capitalize() for word in words[1:])
        text = part(dart, rf"^( *)(?!return)[A-Za-z][\w<>?, ()]* {name}\(.*?(?=^\1[^ }})\n]|^}})")
        pairs[name] = (inspect.getsource(function), text)
    for name, (text, other) in pairs.items():
        here, there = numbers(text, "#"), numbers(other, "//")
        assert here == there, f"{name} has the numbers {there} in groupcast.dart, and {here} here"
    return len(pairs)


def check():
    made, read = check_made(), check_read()
    check_member()
    print(f"frames.py: {made} vectors are made, and {read} datagrams read as what they are; "
          f"{check_dart()} parts of groupcast.dart have the same numbers")


def talk(interface, group, port):
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.bind(("", port))
    own = socket.inet_aton(interface)
    ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + own)
    # What is sent to this member alone comes back to the socket that it sends from.
    mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    mouth.bind((interface, 0))
    now = lambda: clock.monotonic_ns() // 1000000  # noqa: E731
    member = Member(group_tag(socket.inet_aton(group), port), "dart", now())
    member.say(now(), 0, GREETING)
    end = now() + 5000
    while not member.leaving or member.outbox:
        if now() >= end and not member.leaving:
            member.leave(now())
        for octets, to in member.due(now()):
            mouth.sendto(octets, to or (group, port))
        for heard in select.select([ear, mouth], [], [], 0.005)[0]:
            octets, source = heard.recvfrom(65536)
            for news in member.hear(octets, source, now()):
                print(*news, flush=True)


if len(sys.argv) == 4:
    talk(sys.argv[1], sys.argv[2], int(sys.argv[3]))
else:
    check()
