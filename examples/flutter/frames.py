#!/usr/bin/env python3
"""The frames of groupcast.dart, function by function, checked against the project's test vectors.

    python3 examples/flutter/frames.py                         checks the vectors
    python3 examples/flutter/frames.py INTERFACE GROUP PORT    says hello to a group by the interface with
                                                               this address, prints what it hears for 5 s, leaves
"""

import pathlib
import random
import select
import socket
import sys
import time

MAGIC = 0xC1
HEADER_LENGTH = 22
CRC_LENGTH = 4


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
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


def datagram(tag, sender, session, counter, frames):
    octets = [MAGIC, 0x10, *u16(tag), *u32(sender), *session, *u48(counter)]
    for one in frames:
        octets.extend(one)
    return bytes([*octets, *u32(crc32c(octets))])


def frame(kind, flags, body):
    return [kind, flags, *u16(len(body)), *body]


def hello(name, joins):
    text = name.encode()
    fixed = [*u16(0), *u16(1473), *u16(0), *u16(100), 0, 0, 0, len(text)]
    return frame(0x01, 1 if joins else 0, [*fixed, *text])


def data(channel, sequence, payload):
    return frame(0x10, 0, [channel, 0, 0, 0, *u32(sequence), *payload])


def bye():
    return frame(0x02, 0, [0])


def parse(octets, tag):
    """What a datagram says: tuples that begin with bare, hello, bye or message."""
    if not octets:
        return []
    if octets[0] != MAGIC:
        return [("bare", bytes(octets))]
    end = len(octets) - CRC_LENGTH
    if end < HEADER_LENGTH or octets[1] != 0x10 or read_u16(octets, 2) != tag:
        return []
    sender = read_u32(octets, 4)
    if sender == 0 or read_u32(octets, end) != crc32c(octets[:end]):
        return []
    session = bytes(octets[8:16]).hex()
    arrivals = []
    at = HEADER_LENGTH
    while at + 4 <= end:
        kind = octets[at]
        begin = at + 4
        to = begin + read_u16(octets, at + 2)
        if to > end:
            break
        body = octets[begin:to]
        at = to
        if kind == 0x01 and len(body) >= 12 and len(body) >= 12 + body[11]:
            name = bytes(body[12:12 + body[11]]).decode(errors="replace")
            arrivals.append(("hello", sender, session, name))
        elif kind == 0x02 and body:
            arrivals.append(("bye", sender, session))
        elif kind == 0x10 and len(body) >= 8:
            # Messages in several fragments are left out.
            if body[3] == 0:
                arrivals.append(("message", sender, session, body[0], read_u32(body, 4), bytes(body[8:])))
        elif kind < 0x80 and kind not in (0x03, 0x04, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17):
            # A frame that must be understood (PROTOCOL W11): the rest is left out.
            break
    return arrivals


VECTORS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "vectors"
TAG = group_tag([239, 1, 2, 3], 12345)
SENDER, SESSION = 0x2A, "0102030405060708"
GREETING = b"Hello, multicast!"


def vector(name):
    lines = (VECTORS / f"{name}.hex").read_text().splitlines()
    return bytes.fromhex("".join(line for line in lines if ":" not in line and not line.startswith("#")))


def check():
    """Whether these functions make the vectors, and read them as what they are."""
    made = {
        "hello": (1, [hello("boiler", True)]),
        "data": (2, [data(0, 0, GREETING)]),
        "bye": (3, [bye()]),
        "coalesced": (1, [hello("boiler", True), data(0, 0, GREETING), data(7, 1, b"")]),
    }
    for name, (counter, frames) in made.items():
        octets = datagram(TAG, SENDER, bytes.fromhex(SESSION), counter, frames)
        assert octets == vector(name), f"{name}: {octets.hex()}"

    here = (SENDER, SESSION)
    said = ("hello", *here, "boiler")
    message = ("message", *here, 0, 0, GREETING)
    read = {
        "hello": [said],
        "data": [message],
        "bye": [("bye", *here)],
        "coalesced": [said, message, ("message", *here, 7, 1, b"")],
        "options": None,
        "unknown-optional": [message],
        "unknown-critical": [message],
        **{name: [] for name in
           ("sealed", "version-2", "damaged", "short", "sender-zero", "other-group", "sync", "nack", "skip", "ack", "time")},
    }
    for name, expected in read.items():
        arrivals = parse(vector(name), TAG)
        if expected is None:
            assert [arrival[0] for arrival in arrivals] == ["hello"], f"{name}: {arrivals}"
        else:
            assert arrivals == expected, f"{name}: {arrivals}"
    for length in range(len(vector("coalesced"))):
        assert parse(vector("coalesced")[:length], TAG) == []
    assert parse(b"Hello", TAG) == [("bare", b"Hello")]
    print(f"frames.py: {len(made)} vectors are made, and {len(read)} read as what they are")


def talk(interface, group, port):
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.bind(("", port))
    own = socket.inet_aton(interface)
    ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + own)
    mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    tag = group_tag(socket.inet_aton(group), port)
    sender, session, counter = random.randrange(1, 2**32), random.randbytes(8), 0

    def send(*frames):
        nonlocal counter
        counter += 1
        mouth.sendto(datagram(tag, sender, session, counter, frames), (group, port))

    send(hello("dart", True))
    send(data(0, 0, GREETING))
    heard, end = set(), time.monotonic() + 5
    beat = time.monotonic() + 1
    while (now := time.monotonic()) < end:
        if now >= beat:
            beat += 1
            send(hello("dart", False))
        if select.select([ear], [], [], max(0, min(beat, end) - now))[0]:
            for arrival in parse(ear.recv(65536), tag):
                if arrival[0] == "bare" or arrival[1] != sender and arrival not in heard:
                    heard.add(arrival)
                    print(*arrival, flush=True)
    send(bye())


if len(sys.argv) == 4:
    talk(sys.argv[1], sys.argv[2], int(sys.argv[3]))
else:
    check()
