#!/usr/bin/env python3
"""Writes the test vectors of open groups, from PROTOCOL.md alone: it shares no code with the Rust crates.
PROTOCOL §12 says what the files hold.

    python3 tests/vectors/make.py            writes *.hex and log2.txt beside itself
    python3 tests/vectors/make.py --check    fails if they would change
"""
import dataclasses
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
GROUP, PORT = (239, 1, 2, 3), 12345
SENDER, SESSION = 0x2A, 0x0102030405060708
# The bit of the datagram counter that says that it was sent to one member.
TO_ONE = 1 << 47
JOIN, PROBE = 1, 2
UNORDERED, ORDERED, STATE = 1, 2, 3
REPAIR, COPY, LATEST = 4, 8, 16
HALF = 1 << 31


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def tag(address=GROUP, port=PORT, name=b""):
    crc = crc32c(bytes(address) + struct.pack(">H", port) + name)
    return (crc >> 16) ^ (crc & 0xFFFF)


# Frames: octets, what they say, and what the application is told of them.


@dataclasses.dataclass
class Frame:
    octets: bytes
    text: str
    told: tuple = ()
    # Whether a member of this version writes it so.
    written: bool = True


def frame(kind, body, flags=0):
    return struct.pack(">BBH", kind, flags, len(body)) + body


def made(kind, body, text, flags=0, told=(), rest=b""):
    """`rest`: octets behind the last field."""
    return Frame(frame(kind, body + rest, flags), text, told, not rest)


def hexadecimal(octets):
    return octets.hex() or "-"


def hello(
    name=b"boiler", flags=0, options=b"", capabilities=0, max_datagram=1473, max_message=23, interval=100,
    burst=0, round_trip=106, size=0, challenge="-", sent_back="-", reserved=0,
):
    fixed = struct.pack(
        ">HHHHBBBB", capabilities, max_datagram, max_message, interval, burst, round_trip, size, len(name)
    )
    text = (
        f"hello join={flags & 1} probe={flags >> 1 & 1} capabilities={capabilities} "
        f"max_datagram={max_datagram} max_message={max_message} interval={interval} burst={burst} "
        f"rtt={round_trip} size={size} name={hexadecimal(name)} options={hexadecimal(options)} "
        f"challenge={challenge} sent_back={sent_back}"
    )
    written = made(0x01, fixed + name + options, text, flags | reserved, ("joined",))
    written.written = not reserved
    return written


def data(payload, sequence, channel=0, flags=0, horizon=0, fragment=0, last=0, reserved=0):
    text = (
        f"data class={flags & 3} latest={flags >> 4 & 1} repair={flags >> 2 & 1} copy={flags >> 3 & 1} "
        f"channel={channel} horizon={horizon} fragment={fragment}/{last} "
        f"sequence={sequence} payload={hexadecimal(payload)}"
    )
    body = struct.pack(">BBBBI", channel, horizon, fragment, last, sequence) + payload
    told = () if last else (message(payload, sequence, channel),)
    return Frame(frame(0x10, body, flags | reserved), text, told, not reserved)


def message(payload, sequence, channel=0):
    return f"message channel={channel} sequence={sequence} payload={hexadecimal(payload)}"


def gap(first, last):
    return f"gap first={first} last={last}"


def sync(following=0, low=0, round_trip=106, size=0, states=0, rest=b""):
    return made(
        0x12, struct.pack(">IIBBB", following, low, round_trip, size, states),
        f"sync next={following} low={low} rtt={round_trip} size={size} states={states}", rest=rest,
    )


def nack(target, session, base, attempt, numbers, rest=b""):
    words = [0] * ((max(numbers, default=base) - base) // 32 + 1)
    for number in numbers:
        words[(number - base) // 32] |= 1 << (number - base) % 32
    body = struct.pack(">IIIBB", target, session, base, attempt, len(words))
    body += b"".join(word.to_bytes(4, "big") for word in words)
    missing = ",".join(str(number % 2**32) for number in numbers) or "-"
    return made(0x13, body, f"nack target={target} session={session} attempt={attempt} missing={missing}", rest=rest)


def time(stamp, *echoes):
    body = struct.pack(">I", stamp) + b"".join(struct.pack(">III", *echo) for echo in echoes)
    listed = " ".join("/".join(map(str, echo)) for echo in echoes)
    return made(0x04, body, f"time stamp={stamp} echoes={listed or '-'}")


def skip(first, count, rest=b""):
    return made(0x14, struct.pack(">IH", first % 2**32, count), f"skip first={first % 2**32} count={count}", rest=rest)


def bye(reason=0, told=("left",), rest=b""):
    return made(0x02, bytes([reason]), f"bye reason={reason}", told=told, rest=rest)


def busy(wait, rest=b""):
    return made(0x03, struct.pack(">H", wait), f"busy wait={wait}", rest=rest)


def start(following, rest=b""):
    body = struct.pack(">III", 7, 0x05060708, following)
    return made(0x11, body, f"start target=7 session=84281096 next={following}", rest=rest)


def ackreq(rest=b""):
    return made(0x15, struct.pack(">IH", 9, 500), "ackreq sequence=9 spread=500", rest=rest)


def ack(rest=b""):
    return made(
        0x16, struct.pack(">IIII", 7, 0x05060708, 4, 10), "ack target=7 session=84281096 since=4 next=10", rest=rest
    )


def ask(rest=b""):
    return made(0x17, struct.pack(">II", 7, 0x05060708), "ask target=7 session=84281096", rest=rest)


def unknown(kind):
    word = "skipped" if kind >= 0x80 else "error"
    return Frame(frame(kind, b"\1\2\3"), f"{word} {kind:02x}", written=False)


def malformed(reason, octets):
    return Frame(octets, f"malformed {octets[0]:02x} {reason}", written=False)


def option(kind, value):
    return bytes([kind, len(value)]) + value


# Datagrams: header, frames, and what becomes of them.


@dataclasses.dataclass
class Datagram:
    frames: list
    counter: int = 1
    fate: str = "accepted"
    why: str = ""
    # What the application is told of it, if that is not what its frames say.
    told: object = None
    # Milliseconds after the one before.
    after: int = 0
    sender: int = SENDER
    session: int = SESSION
    version: int = 1
    suite: int = 0
    tag: int = tag()
    # Which bit is turned over, of which octet.
    damage: object = None
    # All of it, if it is not built as it should be.
    raw: object = None

    def octets(self):
        if self.raw is not None:
            return self.raw
        header = struct.pack(">BBHIQ", 0xC1, self.version << 4 | self.suite, self.tag, self.sender, self.session)
        body = header + self.counter.to_bytes(6, "big") + b"".join(one.octets for one in self.frames)
        octets = bytearray(body + (crc32c(body).to_bytes(4, "big") if self.suite == 0 else bytes(16)))
        if self.damage is not None:
            octets[self.damage] ^= 0x20
        return bytes(octets)

    def read(self):
        """The frames that are read: none behind one that ends it."""
        for one in self.frames:
            yield one
            if one.text.startswith(("error", "malformed")):
                return

    def lines(self, joined):
        yield ""
        if self.why:
            yield f"# {self.why}"
        if self.after:
            yield f"after: {self.after}"
        yield f"fate: {self.fate}"
        if self.fate in SOUND:
            to_one = " to_one" if self.counter & TO_ONE else ""
            yield (
                f"header: tag={self.tag:04x} sender={self.sender:08x} session={self.session:016x} "
                f"counter={self.counter & TO_ONE - 1}{to_one}"
            )
            if not all(one.written for one in self.frames):
                yield "written: no"
            yield from (f"frame: {one.text}" for one in self.read())
        told = self.told
        if told is None:
            told = [line for one in self.read() for line in one.told] if self.fate == "accepted" else []
            # A member joins once.
            told = [line for line in told if line != "joined" or not joined]
        joined.extend(line for line in told if line == "joined")
        yield from (f"told: {line}" for line in told)
        octets = self.octets()
        yield from (octets[at : at + 16].hex(" ") for at in range(0, len(octets), 16))


# What is dropped for what is sound in itself.
SOUND = ("accepted", "own", "claims_own_id", "postponed", "duplicate", "stale")

GREETING = b"Hello, multicast!"
MESSAGE = data(GREETING, 0)
BEFORE, AFTER = data(b"before", 1), data(b"after", 2)


def hello_to_group(following=0, low=None, **stated):
    """HELLO, and what goes with it (M2)."""
    return [hello(**stated), time(1000), sync(following, following if low is None else low)]


def say(text, sequence, *flags, **fields):
    return data(text.encode(), sequence, 0, sum(flags), **fields)


def single():
    first = hello_to_group(flags=JOIN)
    yield "first", "The first datagram of boiler, a board.", "M1 M2 M4 W2", [Datagram(first)]
    yield "first-streamless", "The first datagram of a member that takes no reliable streams.", "E3", [
        Datagram([hello(b"dart", JOIN, capabilities=1, max_datagram=1472, max_message=0), time(1000), sync()])
    ]
    yield "hello", "A later HELLO of boiler, in a group of a hundred: two echoes, and a START.", "W10", [
        Datagram([hello(interval=500, burst=4, round_trip=79, size=26), time(123456, (7, 8, 9), (10, 11, 12)),
                  sync(70000, 69900, 79, 26, 2), start(69990)], 300)
    ]
    yield "data", "One message.", "W10", [Datagram([MESSAGE], 2)]
    yield "coalesced", "HELLO and two messages, the second empty and on channel 7.", "W10", [
        Datagram([*first, MESSAGE, data(b"", 1, channel=7)])
    ]
    yield "probe", "A question: are you there?", "", [
        Datagram([hello(b"", PROBE), sync()], TO_ONE | 0x010203040506)
    ]
    yield "bye", "The sender leaves.", "", [Datagram([sync(), bye(told=())], 3)]
    yield "sync", "Where a stream stands.", "", [Datagram([sync(0x01020304, 0x01020300, 80, 13, 2)])]
    yield "nack", "What is missing: over two words, beyond the wrap, over eight words, and nothing.", "W15", [
        Datagram([nack(7, 0x05060708, 0xFFFFFFF0, 3, [0xFFFFFFF0, 0xFFFFFFF0 + 15, 2**32 + 3])]),
        Datagram([nack(8, 0x05060708, 100, 0, [100, 131, 132, 163]),
                  nack(9, 0x05060708, 2**32 - 1, 255, [2**32 - 1, 2**32 + 254]),
                  nack(10, 0x05060708, 5, 1, [])], 2),
    ]
    yield "ack", "A question, an answer, a request, which no member sends together.", "", [
        Datagram([ackreq(), ack(), ask()])
    ]
    yield "start", "To one member: from where on it is counted in, and where the stream stands.", "", [
        Datagram([sync(1, 0), start(0xFFFFFFFE)], TO_ONE | 1)
    ]
    yield "time", "Clocks.", "", [Datagram([time(123456), time(2**32 - 1, (7, 8, 9), (10, 11, 12))])]
    yield "busy", "Pauses. What is beyond 500 ms counts as 500 ms.", "", [
        Datagram([busy(wait)], at) for at, wait in enumerate((0, 250, 500, 501, 65535), 1)
    ]
    yield "classes", "One of each class; the last one is a fragment, repaired.", "", [Datagram([
        data(b"a", 1), data(b"b", 2, 1, LATEST), data(b"c", 0, 2, STATE), data(b"d", 1, 3, UNORDERED | COPY, 1),
        data(b"e", 3, 4, ORDERED | REPAIR, 255, 1, 3),
    ])]
    yield "unknown-optional", "A frame that may be skipped.", "W11", [Datagram([unknown(0x80), unknown(0xFF), MESSAGE])]
    yield "unknown-critical", "Frames that may not be skipped: what follows is not read.", "W11 W14", [
        Datagram([MESSAGE, unknown(kind), data(b"never", 1)], at) for at, kind in enumerate((0x7F, 0x20, 0x00), 1)
    ]
    yield "name", "A name of 32 octets, with what controls a screen.", "W12", [
        Datagram(hello_to_group(name="\x1b[31mred\x07\r\n\x00\x7f\u202e\U0001f525 0123456789a".encode()))
    ]
    yield "capabilities", "Capabilities: each that is defined, one that is not, all.", "E1 E3", [
        Datagram(hello_to_group(capabilities=bits), at) for at, bits in enumerate((1, 2, 4, 0x8000, 0xFFFF), 1)
    ]
    yield "options", "Options of HELLO.", "E1", options()
    yield "counters", "Numbers of datagrams, up to the highest, to the group and to one member.", "W2", [
        Datagram([data(b"", at)], counter) for at, counter in enumerate(
            (2**31, 2**32 - 1, 2**32, 2**32 + 1, 0x010203040506, TO_ONE | 0x010203040507, 2**47 - 2, TO_ONE | 2**47 - 1)
        )
    ]
    yield "flags", "Flags that are not defined, and LATEST where it says nothing.", "W13", [
        Datagram([hello(reserved=0xFC), time(1000), sync(), data(b"a", 1, reserved=0xC0),
                  data(b"b", 0, 0, UNORDERED | LATEST)])
    ]
    yield "trailing", "Octets behind the last field.", "W13 W14 E1", [
        Datagram([one, data(b"said", at)], at) for at, one in enumerate(
            (sync(rest=b"?"), nack(7, 1, 5, 0, [5], rest=bytes(4)), skip(5, 1, b"??"), ackreq(b"?"), ack(bytes(9)),
             ask(b"?"), busy(0, b"?"), start(4, b"???"), bye(told=(), rest=b"?")), 1)
    ]
    yield "malformed", "Frames that are not built as their type demands: the rest is not read.", "W12 W14", [
        # What would follow a part of a header would be taken for the rest of it.
        Datagram([data(b"before", at), malformed(reason, octets), *[data(b"never", 99)][: len(octets) // 4]], at, why=why)
        for at, (why, reason, octets) in enumerate(malformed_frames(), 1)
    ]
    yield "fragmented-values", "Latest and State in two fragments: dropped; the rest of the datagram stands.", "V1", [
        Datagram([data(b"a", 1, 0, LATEST, last=1), data(b"b", 1, 0, STATE, last=1), data(b"c", 2)])
    ]


def options():
    challenge, other = bytes(range(1, 9)), b"\xff" * 8
    cases = (
        ("A challenge for everybody.", option(1, challenge), "0102030405060708/all", "-"),
        ("One for a certain member.", option(1, challenge + bytes([0, 0, 0, 7])), "0102030405060708/00000007", "-"),
        ("Of two only the first is looked at.", option(1, challenge) + option(1, other), "0102030405060708/all", "-"),
        ("Also if it says nothing, for the id is 0.", option(1, challenge + bytes(4)) + option(1, other), "-", "-"),
        ("Of another length it says nothing.", option(1, challenge[:7]), "-", "-"),
        ("Of another length it says nothing.", option(1, challenge + b"\1"), "-", "-"),
        ("Challenges sent back, in two options.", option(2, challenge + other) + option(2, b"\xee" * 8), "-",
         "0102030405060708,ffffffffffffffff,eeeeeeeeeeeeeeee"),
        ("Of less than 8 octets nothing, and behind 8 nothing.", option(2, other[:7]) + option(2, challenge + b"???"), "-",
         "0102030405060708"),
        ("Types that are not known.", option(0, b"") + option(9, b"ab") + option(255, bytes(255)), "-", "-"),
    )
    for at, (why, octets, challenge, sent_back) in enumerate(cases, 1):
        yield Datagram(hello_to_group(options=octets, challenge=challenge, sent_back=sent_back), at, why=why)


def malformed_frames():
    """Why, the reason in one word, and the octets."""
    fixed = struct.pack(">HHHHBBB", 0, 512, 0, 100, 0, 0, 0)
    yield "HELLO without the length of the name.", "short", frame(0x01, fixed)
    yield "A name of 33 octets.", "name", frame(0x01, fixed + b"\x21" + b"n" * 33)
    yield "A name that is cut off.", "short", frame(0x01, fixed + b"\x02n")
    yield "A name that is no UTF-8.", "name", frame(0x01, fixed + b"\x01\xff")
    yield "A name with a surrogate.", "name", frame(0x01, fixed + b"\x03\xed\xa0\x80")
    yield "An option without a length.", "short", frame(0x01, fixed + b"\x00\x09")
    yield "An option that is cut off.", "short", frame(0x01, fixed + b"\x00\x09\x02\x00")
    yield "A fragment behind the last one.", "fragment", frame(0x10, struct.pack(">BBBBI", 0, 0, 2, 1, 7) + b"late")
    yield "NACK without words.", "words", frame(0x13, bytes(13) + b"\x00")
    yield "NACK with nine words.", "words", frame(0x13, bytes(13) + b"\x09" + bytes(36))
    yield "NACK with fewer words than it states.", "short", frame(0x13, bytes(13) + b"\x02" + bytes(7))
    yield "TIME with a part of an echo.", "short", frame(0x04, bytes(15))
    lengths = {
        "BYE": (0x02, 1), "BUSY": (0x03, 2), "TIME": (0x04, 4), "DATA": (0x10, 8), "START": (0x11, 12),
        "SYNC": (0x12, 11), "NACK": (0x13, 14), "SKIP": (0x14, 6), "ACKREQ": (0x15, 6), "ACK": (0x16, 16), "ASK": (0x17, 8),
    }
    for name, (kind, length) in lengths.items():
        yield f"{name} that lacks an octet.", "short", frame(kind, bytes(length - 1))
    yield "A frame that is longer than what is left.", "short", b"\x80\x00\x04\x00"
    yield "One octet where a frame should begin.", "short", b"\x80"
    yield "Three octets where a frame should begin.", "short", b"\x80\x00\x00"


def dropped():
    """What one datagram is dropped for."""
    yield "sealed", "Suite 1, and one that is reserved, in an open group.", "W18", [
        Datagram([MESSAGE], suite=1, fate="wrong_suite"), Datagram([MESSAGE], suite=2, fate="wrong_suite")
    ]
    yield "version-2", "Version 2.", "W18", [Datagram([MESSAGE], version=2, fate="wrong_version")]
    yield "damaged", "One bit turned over: in the payload, in the number, in the checksum.", "W6 W18", [
        Datagram([MESSAGE], 2, damage=at, fate="corrupt") for at in (40, 21, -1)
    ]
    yield "short", "One octet short of an empty datagram, and only the first one.", "W7 W18", [
        Datagram([], raw=Datagram([]).octets()[:25], fate="truncated"), Datagram([], raw=b"\xc1", fate="truncated")
    ]
    yield "sender-zero", "Nobody sent it.", "W18", [Datagram([MESSAGE], sender=0, fate="malformed")]
    yield "number-zero", "Number 0, to the group and to one member.", "W2 W18", [
        Datagram([MESSAGE], 0, fate="malformed"), Datagram([MESSAGE], TO_ONE, fate="malformed")
    ]
    yield "other-group", "Of the group 239.1.2.4, and of one of the same address with a name.", "W5 W18", [
        Datagram([MESSAGE], tag=tag((239, 1, 2, 4)), fate="other_group"),
        Datagram([MESSAGE], tag=tag(name=b"kitchen"), fate="other_group"),
    ]
    yield "empty", "No octet.", "W7 W18", [Datagram([], raw=b"", fate="empty")]
    yield "raw", "Not framed: text, and what begins with C0.", "W7 W18", [
        Datagram([], raw=raw, fate="raw", told=[f"raw payload={raw.hex()}"]) for raw in (GREETING, b"\xc0\x10" + GREETING)
    ]
    yield "oversized", "As large as the buffer, and larger.", "W18", [
        Datagram([data(bytes(600 - 38), 1)]), Datagram([data(bytes(601 - 38), 2)], 2, "oversized"),
    ], ["buffer: 600"]
    yield "largest", "1472 octets, for whoever can receive them.", "W9", [Datagram([data(bytes(1472 - 38), 1)])]
    yield "several", "Several things are wrong: the first step that finds one counts.", "W18", [
        Datagram([MESSAGE], raw=Datagram([], version=2, sender=0).octets()[:25], fate="truncated"),
        Datagram([MESSAGE], tag=0, damage=-1, fate="other_group"),
        Datagram([MESSAGE], sender=0, damage=-1, fate="malformed"),
        Datagram(hello_to_group()),
        Datagram(hello_to_group(), damage=-1, fate="corrupt"),
    ]


def sequences():
    """What depends on what came before."""
    yield "duplicates", "Datagrams that come twice or late, in two records.", "W2 W18 W19", [
        Datagram(hello_to_group(), 200),
        Datagram([data(b"other", 1)], 200, "duplicate", "A number that was used, with other octets."),
        Datagram([data(b"127 below", 2)], 73),
        Datagram([data(b"127 below", 2)], 73, "duplicate"),
        Datagram([data(b"128 below", 3)], 72, "stale"),
        Datagram([data(b"199", 4)], 199),
        Datagram([data(b"150", 5)], TO_ONE | 150, why="To one member, below what came to the group."),
        Datagram([data(b"150", 5)], TO_ONE | 150, "duplicate"),
        Datagram([data(b"149", 6)], TO_ONE | 149, "stale", "Of these, nothing below the highest."),
        Datagram([data(b"5000", 7)], TO_ONE | 5000),
        Datagram([data(b"201", 8)], 201, why="The group's record knows nothing of it."),
        Datagram([data(b"327", 9)], 327),
        Datagram([data(b"200", 10)], 200, "duplicate"),
        Datagram([data(b"198", 11)], 198, "stale", "129 below by now; it was not seen."),
        Datagram([data(b"highest", 12)], 2**47 - 1),
        Datagram([data(b"before it", 13)], 2**47 - 2),
        Datagram([data(b"328", 14)], 328, "stale"),
    ]
    sessions = [high << 32 | 0x05060708 for high in (1, 2, 2**31 + 1, 2**31 - 1)]
    yield "sessions", "Sessions of one life: a later one takes the place of the one before.", "W1 M22 M24 R9", [
        Datagram([*hello_to_group(), say("one", 0, ORDERED)], 7, session=sessions[0]),
        Datagram([say("two", 1, ORDERED)], 1, session=sessions[1], why="The stream goes on in it."),
        Datagram([say("late", 0)], 8, "stale", session=sessions[0]),
        Datagram([say("three", 2, ORDERED)], 1, session=sessions[2], why="2^31 − 1 further."),
        Datagram([say("late", 1)], 2, "stale", session=sessions[1]),
        Datagram([say("late", 2)], 1, "stale", session=sessions[3], why="2 before it, and never heard."),
    ]
    old, new = 9 << 32 | 7, 5 << 32 | 3
    yield "restart", "Another life of the same id, and then both: two members have it.", "M23 M24 M27 M28", [
        Datagram(hello_to_group(), 5, session=old),
        Datagram(hello_to_group(), 1, session=new, told=["restarted"]),
        Datagram([say("late", 0)], 4, "stale", session=old),
        Datagram([say("late", 1)], 6, "stale", "Higher than any, but soon: it may be late.", session=old),
        Datagram([say("here", 2)], 2, after=100, session=new),
        Datagram([say("here, too", 3)], 7, "stale", "The lower session keeps the id.", ["duplicate_id"], 1500, session=old),
    ]
    yield "returned", "Another life was late: it is not heard again, and the one before it is.", "M27", [
        Datagram(hello_to_group(), 5, session=old),
        Datagram(hello_to_group(), 1, session=new, told=["restarted"]),
        Datagram([say("here", 0)], 6, session=old, after=1500, told=["restarted", message(b"here", 0)]),
        Datagram([say("late", 1)], 2, "stale", session=new),
    ]
    # Of the life before, 0 is missing and "second" waits for it.
    yield "postponed", "Another life, while messages of the one before are to be delivered.", "W18 R12", [
        Datagram([*hello_to_group(), say("second", 1, ORDERED, horizon=1)], 1, told=["joined"], session=old),
        Datagram(hello_to_group(), 1, "postponed", told=[gap(0, 0), message(b"second", 1)], session=new),
        Datagram(hello_to_group(), 1, told=["restarted"], session=new, why="It comes again, or another does."),
    ]
    member = [f"receiver: sender={SENDER:08x} session={SESSION:016x} sent=3"]
    yield "own", "Heard by the member itself, which has sent three datagrams.", "W18 M26", [
        Datagram([MESSAGE], 1, "own"), Datagram([MESSAGE], TO_ONE | 2, "own"),
        Datagram([MESSAGE], 1, "claims_own_id", "Another session.", session=old),
    ], member
    yield "clone", "A number that was not used yet: there is a clone.", "W18 M29 M30", [
        Datagram([MESSAGE], 4, "claims_own_id", told=["duplicate_id"]),
        Datagram([MESSAGE], 1, "own", "It is another session by now: this is of the one before."),
        Datagram([MESSAGE], 5, "claims_own_id", "It is counted only."),
    ], member
    yield "clone-of-the-last", "The number used last, with other octets: there is a clone.", "M29", [
        Datagram([MESSAGE], 3, "claims_own_id", told=["duplicate_id"]),
    ], member
    yield "leaving", "BYE: to one member, and for a reason that is not defined with a message behind it.", "M17 W18", [
        Datagram(hello_to_group()),
        Datagram([bye(told=())], TO_ONE | 2),
        Datagram([say("still here", 0)], 3),
        Datagram([bye(200), say("last", 1)], 4),
        Datagram([say("late", 2)], 5, "stale"),
    ]
    yield "far", "Numbers half way round, and further, say nothing of a stream.", "W15 R6", [
        Datagram(hello_to_group()),
        Datagram([sync(HALF)], 2),
        Datagram([sync(HALF + 1)], 3),
        Datagram([say("half way", HALF, UNORDERED)], 4, told=[]),
        Datagram([say("before", 2**32 - 1, UNORDERED)], 5, told=[]),
        Datagram([say("one", 0, ORDERED), say("two", 1, ORDERED)], 6),
    ]
    yield "wrap", "A stream whose numbers wrap.", "W15 W17", [
        Datagram(hello_to_group(2**32 - 2)),
        Datagram([say(text, number % 2**32, ORDERED) for number, text in enumerate(("a", "b", "c", "d"), 2**32 - 2)], 2),
    ]
    yield "copies", "Copies and repairs: each message is delivered once.", "", [
        Datagram(hello_to_group()),
        Datagram([say("one", 0, ORDERED)], 2),
        Datagram([sync(1), say("one", 0, ORDERED, COPY)], 3, told=[]),
        Datagram([sync(2), say("two", 1, ORDERED, COPY, horizon=1)], 4),
        Datagram([say("two", 1, ORDERED, REPAIR, horizon=1)], 5, told=[]),
    ]
    yield "horizon", "What can be repaired.", "R7", [
        Datagram(hello_to_group()),
        Datagram([say("four", 3, UNORDERED, horizon=255)], 2, why="255 says nothing: 0 to 2 are missing."),
        Datagram([say("five", 4, UNORDERED, horizon=1)], 3, why="They are a gap.",
                 told=[message(b"five", 4), gap(0, 2)]),
    ]
    yield "skip", "Numbers that nobody waits for. One SKIP names 256 at most.", "V3", [
        Datagram(hello_to_group()),
        Datagram([say("three", 2, ORDERED, horizon=2)], 2, told=[]),
        Datagram([skip(0, 0)], 3),
        Datagram([skip(-256, 65535)], 4, why="Up to −1."),
        Datagram([skip(-254, 257)], 5, told=[message(b"three", 2)], why="Up to 1."),
        Datagram([skip(3, 1)], 6, why="It is not known to be missing."),
        Datagram([say("four", 3, ORDERED)], 7),
    ]
    yield "values", "Only newer values count, for each class and channel.", "V1 W15", [
        Datagram(hello_to_group(10)),
        Datagram([say("a", 10, STATE), say("b", 11, STATE)], 2),
        Datagram([say("b", 11, STATE, COPY), say("a", 10, STATE, REPAIR)], 3, told=[]),
        Datagram([data(b"asked for", 4, 1, STATE | REPAIR, 255)], 4, why="Below what is next."),
        Datagram([say("c", 7, LATEST), say("d", 6, LATEST)], 5, told=[message(b"c", 7)]),
        Datagram([say("e", 7 + HALF - 1, LATEST)], 6),
        Datagram([say("half way", 7 + 2 * HALF - 1 & 2**32 - 1, LATEST)], 7, told=[]),
    ]
    yield "streamless", "For a member that takes no reliable streams: they are dropped, which is told once.", "E4 V1", [
        Datagram(hello_to_group()),
        Datagram([say("one", 0, ORDERED), say("two", 1, UNORDERED)], 2, told=["reliable_dropped"]),
        Datagram([say("one", 0, ORDERED, REPAIR), say("two", 1, UNORDERED, COPY)], 3, told=[]),
        Datagram([say("a", 2, STATE), say("b", 4, STATE)], 4, why="3 is missing, which stops nothing."),
        Datagram([say("b", 4, STATE, COPY), say("c", 3, STATE, REPAIR)], 5, told=[]),
        Datagram([data(b"asked for", 1, 1, STATE | REPAIR, 255), say("d", 1, LATEST), say("e", 0)], 6),
        Datagram([say("in ", 1, last=1), say("two", 2, fragment=1, last=1)], 7, why="It has no room for it.", told=[]),
    ], ["streams: none"]
    pieces = lambda first, texts, horizon, *flags: [  # noqa: E731
        say(text, first + at, *flags, fragment=at, last=len(texts) - 1, horizon=at * horizon)
        for at, text in enumerate(texts)
    ]
    one, two = pieces(5, ("one ", "mess", "age"), 0), pieces(0, ("in ", "two"), 1, ORDERED)
    yield "fragments", "Messages in fragments: best effort in any order, reliable ordered.", "F1 F3", [
        Datagram(hello_to_group()),
        Datagram([one[2], one[0]], 2),
        Datagram([one[1]], 3, told=[message(b"one message", 5)]),
        Datagram([two[1]], 4),
        Datagram([two[0]], 5, told=[message(b"in two", 0)]),
        Datagram(pieces(20, ("long", "er", "est"), 0), 6, why="The first two differ in length: it is dropped."),
    ]


def log2():
    """8·log2 and 4·log2, rounded down: for each octet the numbers that are stated so, and what it stands for."""
    yield "# Logarithms in one octet."
    yield "# rules: W16"
    yield "# octet: µs from-to (- if none) stand for; members from-to stand for"

    def least(octet, steps):
        """The least number whose logarithm is no less, in integers."""
        number = int(2 ** (octet / steps))
        while number > 1 and (number - 1) ** steps >= 2**octet:
            number -= 1
        while number**steps < 2**octet:
            number += 1
        return number

    for octet in range(256):
        columns = []
        for steps in (8, 4):
            first, beyond = least(octet, steps), least(octet + 1, steps)
            span = f"{first}-{beyond - 1}" if first < beyond else "-"
            columns.append(f"{span} {2 ** (octet / steps):.6g}")
        yield f"{octet}: {'; '.join(columns)}"


def texts():
    for name, title, rules, datagrams, *head in [*single(), *dropped(), *sequences()]:
        lines = [f"# {title}"]
        if rules:
            lines.append(f"# rules: {rules}")
        lines.append(f"group: {'.'.join(map(str, GROUP))}:{PORT}")
        lines += head[0] if head else []
        joined = []
        for datagram in datagrams:
            lines += datagram.lines(joined)
        yield f"{name}.hex", "\n".join(lines) + "\n"
    yield "log2.txt", "\n".join(log2()) + "\n"


def main():
    changed, made_here = [], dict(texts())
    for name, text in made_here.items():
        path = HERE / name
        if not path.exists() or path.read_text() != text:
            changed.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    strangers = {path.name for pattern in ("*.hex", "*.txt") for path in HERE.glob(pattern)} - made_here.keys()
    if strangers:
        sys.exit(f"nobody makes these vectors: {', '.join(sorted(strangers))}")
    if "--check" in sys.argv and changed:
        sys.exit(f"these vectors are not what PROTOCOL.md gives: {', '.join(changed)}")


if __name__ == "__main__":
    main()
