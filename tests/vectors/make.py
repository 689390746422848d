#!/usr/bin/env python3
"""Writes the test vectors, from PROTOCOL.md alone: it shares no code with the Rust crates.

    python3 tests/vectors/make.py            writes *.hex beside itself
    python3 tests/vectors/make.py --check    fails if they would change
"""
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
GROUP, PORT = (239, 1, 2, 3), 12345
SENDER, SESSION = 0x2A, 0x0102030405060708


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# The bit of the datagram counter that says that it was sent to one member.
TO_ONE = 1 << 47


def tag(address=GROUP, port=PORT, name=b""):
    crc = crc32c(bytes(address) + struct.pack(">H", port) + name)
    return (crc >> 16) ^ (crc & 0xFFFF)


def datagram(frames, counter=1, version=1, suite=0, group_tag=None, sender=SENDER):
    group_tag = tag() if group_tag is None else group_tag
    header = struct.pack(">BBHIQ", 0xC1, version << 4 | suite, group_tag, sender, SESSION)
    body = header + counter.to_bytes(6, "big") + b"".join(frames)
    return body + (crc32c(body).to_bytes(4, "big") if suite == 0 else bytes(16))


def frame(kind, body, flags=0):
    return struct.pack(">BBH", kind, flags, len(body)) + body


def hello(name, flags=0, options=b""):
    fixed = struct.pack(">HHHHBBBB", 0, 1473, 0, 100, 0, 0, 0, len(name))
    text = (
        f'hello join={flags & 1} probe={flags >> 1 & 1} capabilities=0 max_datagram=1473 '
        f'max_message=0 interval=100 burst=0 rtt=0 size=0 name="{name.decode()}" '
        f"options={options.hex() or '-'}"
    )
    return frame(0x01, fixed + name + options, flags), text


def data(payload, sequence, channel=0, flags=0, horizon=0, fragment=0, last=0):
    text = (
        f"data class={flags & 3} latest={flags >> 4 & 1} repair={flags >> 2 & 1} copy={flags >> 3 & 1} "
        f"channel={channel} horizon={horizon} fragment={fragment}/{last} "
        f"sequence={sequence} payload={payload.hex() or '-'}"
    )
    body = struct.pack(">BBBBI", channel, horizon, fragment, last, sequence) + payload
    return frame(0x10, body, flags), text


def sync(following, low, round_trip, size, states):
    body = struct.pack(">IIBBB", following, low, round_trip, size, states)
    return frame(0x12, body), (
        f"sync next={following} low={low} rtt={round_trip} size={size} states={states}"
    )


def nack(target, session, base, attempt, numbers):
    words = [0] * ((max(numbers) - base) // 32 + 1)
    for number in numbers:
        words[(number - base) // 32] |= 1 << (number - base) % 32
    body = struct.pack(">IIIBB", target, session, base, attempt, len(words))
    body += b"".join(word.to_bytes(4, "big") for word in words)
    return frame(0x13, body), (
        f"nack target={target} session={session} attempt={attempt} "
        f"missing={','.join(map(str, numbers))}"
    )


def time(stamp, *echoes):
    body = struct.pack(">I", stamp) + b"".join(struct.pack(">III", *echo) for echo in echoes)
    listed = " ".join("/".join(map(str, echo)) for echo in echoes)
    return frame(0x04, body), f"time stamp={stamp} echoes={listed or '-'}"


SKIP = frame(0x14, struct.pack(">IH", 70000, 3)), "skip first=70000 count=3"
ACKREQ = frame(0x15, struct.pack(">IH", 9, 500)), "ackreq sequence=9 spread=500"
ACK = (
    frame(0x16, struct.pack(">IIII", 7, 0x05060708, 4, 10)),
    "ack target=7 session=84281096 since=4 next=10",
)
ASK = frame(0x17, struct.pack(">II", 7, 0x05060708)), "ask target=7 session=84281096"
START = frame(0x11, struct.pack(">III", 7, 0x05060708, 0xFFFFFFFE)), "start target=7 session=84281096 next=4294967294"
BUSY = frame(0x03, struct.pack(">H", 250)), "busy wait=250"
REPAIR, COPY, LATEST = 4, 8, 16


BYE = frame(0x02, b"\0"), "bye reason=0"
OPTIONAL = frame(0x80, b"\1\2\3"), "skipped 80"
CRITICAL = frame(0x7F, b"\1\2\3"), "error 7f"
JOIN, PROBE = 1, 2
MESSAGE = data(b"Hello, multicast!", 0)


def vectors():
    def taken(title, *frames, counter=1):
        return title, "accepted", counter, [text for _, text in frames], datagram(
            [octets for octets, _ in frames], counter
        )

    def dropped(title, reason, octets):
        return title, reason, None, [], octets

    alone = datagram([MESSAGE[0]], 2)
    damaged = bytearray(alone)
    damaged[40] ^= 0x20
    yield "hello", taken("The first HELLO of boiler.", hello(b"boiler", JOIN))
    yield "data", taken("One message.", MESSAGE, counter=2)
    yield "coalesced", taken(
        "HELLO and two messages, the second empty and on channel 7.",
        hello(b"boiler", JOIN),
        MESSAGE,
        data(b"", 1, channel=7),
    )
    yield "probe", taken("A question: are you there?", hello(b"", PROBE), counter=TO_ONE | 0x010203040506)
    yield "bye", taken("The sender leaves.", BYE, counter=3)
    yield "sync", taken("Where a stream stands.", sync(0x01020304, 0x01020300, 80, 13, 2))
    yield "nack", taken(
        "What is missing, over two words and beyond the wrap.",
        nack(7, 0x05060708, 0xFFFFFFF0, 3, [0xFFFFFFF0, 0xFFFFFFF0 + 15]),
        nack(7, 0x05060708, 100, 0, [100, 131, 132, 163]),
    )
    yield "skip", taken("Values nobody needs any more.", SKIP)
    yield "ack", taken("A question, an answer, a request.", ACKREQ, ACK, ASK)
    yield "start", taken("From where on a member is counted in, with where the stream stands.", sync(1, 0, 0, 0, 0), START)
    yield "time", taken("Clocks, and a pause.", time(123456), time(5, (7, 8, 9), (10, 11, 12)), BUSY)
    yield "classes", taken(
        "One of each class.",
        data(b"a", 1),
        data(b"b", 2, 1, LATEST),
        data(b"c", 0, 2, 3, 0),
        data(b"d", 1, 3, 1 | COPY, 1),
        data(b"e", 3, 4, 2 | REPAIR, 3, 1, 3),
    )
    yield "unknown-optional", taken("A frame that may be skipped.", OPTIONAL, MESSAGE)
    # What follows the frame that is not known is not read.
    title, fate, counter, texts, octets = taken(
        "A frame that may not be skipped.", MESSAGE, CRITICAL, data(b"never", 1)
    )
    yield "unknown-critical", (title, fate, counter, texts[:2], octets)
    yield "options", taken("A HELLO of a later version.", hello(b"boiler", 0, b"\x09\x02ab"))
    yield "sealed", dropped("Suite 1.", "wrong_suite", datagram([MESSAGE[0]], suite=1))
    yield "version-2", dropped("Version 2.", "wrong_version", datagram([MESSAGE[0]], version=2))
    yield "damaged", dropped("One bit turned over.", "corrupt", bytes(damaged))
    yield "short", dropped("One octet short of an empty datagram.", "truncated", datagram([])[:25])
    yield "sender-zero", dropped("Nobody sent it.", "malformed", datagram([MESSAGE[0]], sender=0))
    yield "other-group", dropped(
        "Of the group 239.1.2.4.", "other_group", datagram([MESSAGE[0]], group_tag=tag((239, 1, 2, 4)))
    )


def number(counter):
    """The number in a datagram counter, and whether its datagram was sent to one member."""
    return f"counter={counter & TO_ONE - 1}{' to_one' if counter & TO_ONE else ''}"


def main():
    changed = []
    for name, (title, fate, counter, frames, octets) in vectors():
        lines = [f"# {title}", f"group: {'.'.join(map(str, GROUP))}:{PORT}", f"fate: {fate}"]
        if fate == "accepted":
            lines.append(
                f"header: tag={tag():04x} sender={SENDER:08x} session={SESSION:016x} {number(counter)}"
            )
            lines += [f"frame: {text}" for text in frames]
        lines += [octets[at : at + 16].hex(" ") for at in range(0, len(octets), 16)]
        text = "\n".join(lines) + "\n"
        path = HERE / f"{name}.hex"
        if not path.exists() or path.read_text() != text:
            changed.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if "--check" in sys.argv and changed:
        sys.exit(f"these vectors are not what PROTOCOL.md gives: {', '.join(changed)}")


if __name__ == "__main__":
    main()
