#!/usr/bin/env python3
"""sandboxed.py ENOSYS recvmmsg,recvfrom COMMAND...: runs COMMAND where these system calls are refused with that
error, as container runtimes and sandboxes do it (seccomp)."""

import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {
    "x86_64": {"recvfrom": 45, "recvmmsg": 299},
    "aarch64": {"recvfrom": 207, "recvmmsg": 243},
}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def main():
    error, calls, *command = sys.argv[1:]
    # The number of the call stands first. Whoever asks for one of these gets the error, everybody else the call.
    code = [(LOAD, 0, 0, 0)]
    for call in calls.split(","):
        code += [(EQUAL, 0, 1, NUMBERS[platform.machine()][call]), (RETURN, 0, 0, ERRNO | getattr(errno, error))]
    code.append((RETURN, 0, 0, ALLOW))
    octets = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    program = Program(len(code), ctypes.addressof(octets))
    libc = ctypes.CDLL(None, use_errno=True)
    filtered = (PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(*filtered):
        raise OSError(ctypes.get_errno(), "there is no seccomp here")
    os.execvp(command[0], command)


main()
