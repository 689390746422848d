"""Where cargo puts what it builds: it alone knows, since variables and files can say so. For labs; a shell
script asks by

    python3 tests/labs/programs.py PROGRAM ARGUMENT_OF_CARGO_BUILD…
    python3 tests/labs/programs.py --target-directory
    python3 tests/labs/programs.py --bare-metal
"""

import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from network import Failed, check, run

ROOT = pathlib.Path(__file__).resolve().parents[2]


def target_directory():
    """The directory for all that is built."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    check(done.returncode == 0, "cargo metadata failed, see above")
    return pathlib.Path(json.loads(done.stdout)["target_directory"])


def built_all(*arguments, command=("cargo", "build", "--quiet", "--locked"), **options):
    """Builds, and returns where each program is, by name. `command` passes on what cargo is told and says."""
    command = [*map(str, command), "--message-format=json-render-diagnostics", *map(str, arguments)]
    options = {"cwd": ROOT} | options
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            print(line, flush=True)
    check(done.returncode == 0, f"it does not build: {' '.join(command)}\n{done.stderr[-2000:]}")
    programs = {message["target"]["name"]: pathlib.Path(message["executable"])
                for message in messages if message.get("executable")}
    for program in programs.values():
        check(program.is_file(), f"cargo says that {program} is built, but it is not there")
    return programs


def built(name, *arguments, **options):
    """Builds, and returns where the program of this name is."""
    programs = built_all(*arguments, **options)
    check(name in programs, f"cargo builds no {name} by {' '.join(map(str, arguments))}, but {sorted(programs)}")
    return programs[name]


def bare_metal():
    """The target directory for all that is built for microcontrollers: the standard library is there once."""
    return target_directory() / "bare-metal"


def cargo_for(*targets):
    """The command that builds for these targets here, and its options for a standard library, without and with an
    allocator. See toolchain.sh."""
    script = """
        say() { :; }
        fail() { printf '%s\\n' "$*" >&2; exit 1; }
        . tests/labs/toolchain.sh
        choose_toolchain "$@"
        printf '%s\\n' "${cargo[@]}" -- "${build_std[@]}" -- "${build_std_alloc[@]}" """
    lines = run("bash", "-euc", script, "cargo_for", *targets, cwd=ROOT).splitlines()
    first, second = (at for at, line in enumerate(lines) if line == "--")
    return lines[:first], lines[first + 1:second], lines[second + 1:]


def firmware(name, *arguments, board="board"):
    """Builds a program of a board, and returns where a copy of it is: cargo puts what is built with other
    arguments or for another board, maybe by another lab at the same time, into the same place."""
    place = bare_metal() / "firmware" / hashlib.sha256(repr((board, arguments)).encode()).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    with open(place.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = built(name, "--bin", name, "--target-dir", bare_metal(), *arguments,
                        command=[ROOT / f"examples/{board}/build"])
        # In one step, since another lab may be running the copy of before.
        shutil.copy(program, place / f"{name}.new")
        os.replace(place / f"{name}.new", place / name)
    return place / name


def main():
    match sys.argv[1:]:
        case ["--target-directory"]:
            print(target_directory())
        case ["--bare-metal"]:
            print(bare_metal())
        case [name, *arguments]:
            print(built(name, *arguments))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"FAILED: {failed}")
