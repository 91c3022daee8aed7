#!/usr/bin/env python3
"""filtered.py UNIT COMMAND…: becomes COMMAND with the system calls that the unit's SystemCallFilter= leaves it, the others being EPERM.

What systemd does with seccomp, done with the same library and systemd's own table of groups; for tests where no systemd runs.
"""
import ctypes
import os
import pathlib
import re
import subprocess
import sys

ALLOW, ERRNO_EPERM = 0x7fff0000, 0x00050000 | 1


def groups():
    """{"@name": [call or @group, …]} as `systemd-analyze syscall-filter` prints it."""
    told = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    found, group = {}, None
    for line in told.splitlines():
        if line.startswith("@"):
            group = found.setdefault(line.split()[0], [])
        elif line.startswith("    ") and group is not None and not line.strip().startswith("#"):
            group.append(line.strip())
    return found


def allowed(unit):
    """The calls that a unit may make, as systemd.exec(5) adds and takes the lines together."""
    known = groups()

    def calls(name):
        return set().union(*(calls(part) for part in known[name])) if name.startswith("@") else {name}

    left = calls("@default")
    for value in re.findall(r"(?m)^SystemCallFilter=(.*)$", pathlib.Path(unit).read_text()):
        for name in value.lstrip("~").split():
            left = left - calls(name) if value.startswith("~") else left | calls(name)
    return left


def confine(names):
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    context = library.seccomp_init(ERRNO_EPERM)
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and library.seccomp_rule_add(context, ALLOW, number, 0) != 0:
            raise OSError(name)
    if library.seccomp_load(context) != 0:
        raise OSError("seccomp_load")


if __name__ == "__main__":
    confine(allowed(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
