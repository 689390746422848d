#!/usr/bin/env python3
"""Writes the test vectors of sealed groups, from PROTOCOL.md §8 alone: it shares no code with the Rust
crates. XChaCha20-Poly1305 is libsodium's, by way of PyNaCl; Argon2id is that of its authors, by way of
argon2-cffi; HMAC-SHA256 and base32 are Python's own.

    python3 tests/vectors/make_sealed.py            writes sealed/* beside itself
    python3 tests/vectors/make_sealed.py --check    fails if they would change
"""
import base64
import hashlib
import hmac
import ipaddress
import pathlib
import struct
import sys

from argon2.low_level import Type, hash_secret_raw
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as xchacha20poly1305

DIRECTORY = pathlib.Path(__file__).parent / "sealed"
SECRET = bytes(range(32))
SENDER, SESSION = 0x2A, 0x0102030405060708


def keyed(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def derive(secret, address, port, name, label):
    """The first 32 octets of HKDF-SHA256, which are its first block."""
    octets = ipaddress.ip_address(address).packed
    group = bytes([len(octets)]) + octets + struct.pack(">H", port) + name
    return keyed(keyed(b"groupcast v1", secret), label + b"\0xchacha20poly1305\0" + group + b"\1")


def data(payload, sequence=0, channel=0):
    body = struct.pack(">BBBBI", channel, 0, 0, 0, sequence) + payload
    return struct.pack(">BBH", 0x10, 0, len(body)) + body


BYE = struct.pack(">BBHB", 0x02, 0, 1, 0)
MESSAGE = data(b"Hello, multicast!")
LONG = data(bytes(n * 7 % 256 for n in range(1150)))

# The bit of the datagram counter that says that it was sent to one member.
TO_ONE = 1 << 47


def vector(
    title, rules, frames, address="239.1.2.3", port=12345, name=b"kitchen", secret=SECRET, sender=SENDER,
    session=SESSION, counter=1, fate="opened", damage=None,
):
    tag = derive(secret, address, port, name, b"tag")[:2]
    sealing = derive(secret, address, port, name, b"enc")
    header = b"\xc1\x11" + tag + struct.pack(">IQ", sender, session) + counter.to_bytes(6, "big")
    nonce = struct.pack(">IQ", sender, session) + bytes(4) + counter.to_bytes(8, "big")
    sealed = bytearray(header + xchacha20poly1305(frames, header, nonce, sealing))
    if damage is not None:
        sealed[damage] ^= 0x10
    number = f"counter={counter & TO_ONE - 1}{' to_one' if counter & TO_ONE else ''}"
    where = f"[{address}]" if ":" in address else address
    lines = [
        f"# {title}",
        f"# rules: {rules}",
        f"group: {where}:{port}",
        f"name: {name.decode()}" if name else "name:",
        f"secret: {secret.hex()}",
        f"sealing key: {sealing.hex()}",
        f"header: tag={tag.hex()} sender={sender:08x} session={session:016x} {number}",
        f"fate: {fate}",
        f"clear: {frames.hex()}" if frames else "clear:",
    ]
    lines += [sealed[at : at + 16].hex(" ") for at in range(0, len(sealed), 16)]
    return "\n".join(lines) + "\n"


def base32(octets):
    return base64.b32encode(octets).decode().rstrip("=").lower()


def key_text(key):
    return f"gk1-{base32(key)}-{base32(hashlib.sha256(b'gk1-' + key).digest())[:4]}"


def key_of(passphrase, name):
    salt = hashlib.sha256(b"groupcast pass v1" + name).digest()[:16]
    return hash_secret_raw(passphrase, salt, 3, 64 * 1024, 4, 32, Type.ID, 0x13)


# The second key is that of the passphrase in the remark.
KEY_FILE = f"""\
# "correct horse battery staple" is what everybody tries first
group = "kitchen"
send = "{key_text(SECRET)}"
also = "{key_text(key_of(b"correct horse battery staple", b"kitchen"))}"
"""

VECTORS = {
    "message": vector("One message.", "K3", MESSAGE),
    "no-name": vector("A group without a name, another sender, two frames.", "K3", MESSAGE + BYE, name=b"",
                      sender=0xFEDCBA98, session=0xF0E1D2C3B4A59687, counter=0x010203040506),
    "ipv6": vector("An IPv6 group, another key.", "K3", BYE, address="ff02::1234", port=7,
                   secret=hashlib.sha256(b"another key").digest(), counter=7),
    "empty": vector("No frame at all, the last number of a session, sent to one member.", "W2", b"", counter=(1 << 48) - 1),
    "long": vector("A message that fills the datagram.", "K3", LONG, counter=2),
    "damaged-header": vector("One bit of the session turned over.", "K7", MESSAGE, fate="forged", damage=12),
    "damaged-frame": vector("One bit of a frame turned over.", "K7", MESSAGE, fate="forged", damage=30),
    "damaged-tag": vector("One bit of the tag turned over.", "K7", MESSAGE, fate="forged", damage=-1),
}


def main():
    changed = []
    texts = {f"{name}.hex": text for name, text in VECTORS.items()} | {"kitchen.keys": KEY_FILE}
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
