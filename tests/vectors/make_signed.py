#!/usr/bin/env python3
"""Writes the test vectors of signed messages, from PROTOCOL.md §9 alone: it shares no code with the Rust
crates. Ed25519 is libsodium's, by way of PyNaCl; SHA-256 is Python's own.

    python3 tests/vectors/make_signed.py            writes signed/* beside itself
    python3 tests/vectors/make_signed.py --check    fails if they would change
"""
import hashlib
import ipaddress
import pathlib
import struct
import sys

from nacl.signing import SigningKey

DIRECTORY = pathlib.Path(__file__).parent / "signed"
SEED = bytes(range(32))
SENDER, SESSION = 0x2A, 0x0102030405060708
CLASSES = {"best-effort": 0x00, "latest": 0x10, "reliable-ordered": 0x02, "state": 0x03}
SIGNED = 0x20
# The order of the group of Ed25519's points.
ORDER = 2**252 + 27742317777372353535851937790883648493


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "big")


def pieces(octets, size):
    return [octets[at : at + size] for at in range(0, len(octets), size)]


def vector(
    title, rules, payload, address="239.1.2.3", port=12345, name=b"", seed=SEED, sender=SENDER, session=SESSION,
    channel=0, kind="best-effort", sequence=0, size=1162, fate="verified", damage=None, cut=None,
    sent_on=None,
):
    octets = ipaddress.ip_address(address).packed
    signed = hashlib.sha256(
        b"groupcast msg v1" + bytes([len(octets)]) + octets + struct.pack(">HB", port, len(name)) + name
        + struct.pack(">IIBBI", sender, session & 0xFFFFFFFF, CLASSES[kind], channel, sequence) + payload
    ).digest()
    key = SigningKey(seed)
    message = bytearray(payload + key.sign(signed).signature)
    if damage is not None:
        damage(message)
    message = bytes(message[:cut])
    last = len(pieces(message, size)) - 1
    frames = b""
    for number, piece in enumerate(pieces(message, size)):
        on = channel if sent_on is None else sent_on
        body = struct.pack(">BBBBI", on, 0, number, last, sequence + number) + piece
        frames += struct.pack(">BBH", 0x10, CLASSES[kind] | SIGNED, len(body)) + body
    crc = int.from_bytes(crc32c(octets + struct.pack(">H", port) + name), "big")
    tag = (crc >> 16) ^ (crc & 0xFFFF)
    clear = b"\xc1\x10" + struct.pack(">HIQ", tag, sender, session) + (1).to_bytes(6, "big") + frames
    datagram = clear + crc32c(clear)
    where = f"[{address}]" if ":" in address else address
    # What the application is given: none if the message is too short for a signature.
    given = message[: max(0, len(message) - 64)]
    lines = [
        f"# {title}",
        f"# rules: {rules}",
        f"group: {where}:{port}",
        f"name: {name.decode()}" if name else "name:",
        f"sender: {sender:08x}",
        f"session: {session:016x}",
        f"channel: {channel if sent_on is None else sent_on}",
        f"class: {kind}",
        f"sequence: {sequence}",
        f"seed: {seed.hex()}",
        f"public key: {key.verify_key.encode().hex()}",
        f"signed: {signed.hex()}",
        f"signature: {message[-64:].hex()}",
        f"fate: {fate}",
        f"payload: {given.hex()}" if given else "payload:",
    ]
    lines += [piece.hex(" ") for piece in pieces(datagram, 16)]
    return "\n".join(lines) + "\n"


def turn_over(at):
    def damage(message):
        message[at] ^= 0x10

    return damage


def raise_s(message):
    s = int.from_bytes(message[-32:], "little") + ORDER
    message[-32:] = s.to_bytes(32, "little")


HELLO = b"Hello, multicast!"
OTHER = hashlib.sha256(b"another key").digest()

VECTORS = {
    "message": vector("One message.", "P1", HELLO),
    "command": vector(
        "A command, in a group with a name.", "P1", b"off", name=b"kitchen", seed=OTHER, sender=0xFEDCBA98,
        session=0xF0E1D2C3B4A59687, channel=200, kind="reliable-ordered", sequence=0xFFFFFFFF),
    "value": vector(
        "A value of the class State, in an IPv6 group.", "P1", b"21.5", address="ff02::1234", port=7,
        channel=1, kind="state", sequence=258),
    "position": vector("A value of the class Latest.", "P1", b"3,4", channel=9, kind="latest", sequence=65536),
    "empty": vector("A message without a payload.", "P1 P2", b"", kind="reliable-ordered"),
    "fragments": vector(
        "Three fragments in one datagram; the signature is cut in two.", "P1", bytes(range(150)), channel=3,
        kind="reliable-ordered", sequence=7, size=100),
    "damaged-payload": vector("One bit of the payload turned over.", "P1", HELLO, fate="wrong", damage=turn_over(0)),
    "damaged-signature": vector(
        "One bit of the signature turned over.", "P1", HELLO, fate="wrong", damage=turn_over(-64)),
    "other-channel": vector("Signed for channel 0, sent on channel 1.", "P1", HELLO, fate="wrong", sent_on=1),
    "high-s": vector("S is larger than the order of the group.", "P4", HELLO, fate="wrong", damage=raise_s),
    "short": vector("63 octets.", "P2", b"", fate="malformed", cut=63),
}


def main():
    changed = []
    texts = {f"{name}.hex": text for name, text in VECTORS.items()}
    if "--check" not in sys.argv:
        DIRECTORY.mkdir(exist_ok=True)
    for name, text in texts.items():
        path = DIRECTORY / name
        if not path.exists() or path.read_text() != text:
            changed.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text)
    strangers = {path.name for path in DIRECTORY.iterdir()} - texts.keys()
    if strangers:
        sys.exit(f"nobody makes these vectors: {', '.join(sorted(strangers))}")
    if "--check" in sys.argv and changed:
        sys.exit(f"these vectors are not what PROTOCOL.md gives: {', '.join(changed)}")


main()
