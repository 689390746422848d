"""What labs with several hosts have in common: network namespaces on a bridge, and waiting."""

import os
import shutil
import subprocess
import time


class Failed(Exception):
    """Something is not as it should be."""


def check(condition, text):
    if not condition:
        raise Failed(text)


def run(*command, given=None, **options):
    command = [*map(str, command)]
    if given is not None:
        options["input"] = given
    done = subprocess.run(command, text=True, capture_output=True, **options)
    said = f"{done.stdout[-2000:]}{done.stderr[-2000:]}".strip()
    check(done.returncode == 0, f"{' '.join(command)[:200]}: {said}")
    return done.stdout


def await_that(condition, seconds, otherwise):
    """Waits until something holds. `otherwise` is the failure, or makes it."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(otherwise() if callable(otherwise) else otherwise)
        time.sleep(0.05)


def install(packages):
    """Installs the Debian packages of commands or files that are missing: install({"nft": "nftables"})."""
    missing = sorted({package for name, package in packages.items()
                      if not (os.path.exists(name) if name.startswith("/") else shutil.which(name))})
    if not missing:
        return
    check(os.getuid() == 0 and shutil.which("apt-get"), f"it needs {' '.join(missing)}, and cannot install them")
    print(f"installing {' '.join(missing)}", flush=True)
    options = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "stdin": subprocess.DEVNULL}
    apt = ["apt-get", "-qy", "--no-install-recommends", "install", *missing]
    run("apt-get", "-q", "update", **options)
    try:
        run(*apt, **options)
    except Failed:
        if "qemu-system-arm" not in missing:
            raise
        # A qemu-utils that is newer than Debian 12's stands in the way of its emulator.
        run(*apt, "--allow-downgrades", "qemu-utils/bookworm", **options)


def install_tools(**packages):
    """Installs iproute2, nftables and the Debian packages of other commands that are missing:
    install_tools(tmux="tmux")."""
    check(os.getuid() == 0, "this lab makes network namespaces and must run as root")
    install({"ip": "iproute2", "nft": "nftables", **packages})


class Network:
    """Hosts, each a network namespace, on a bridge in another one. They reach each other by `net0`, and
    nothing else."""

    def __init__(self, prefix, subnet, numbers):
        self.lab = f"{prefix}{os.getpid()}"
        self.switch = f"{self.lab}s"
        self.subnet, self.numbers = subnet, numbers

    def host(self, number):
        return f"{self.lab}h{number}"

    def within(self, namespace, *command, given=None):
        return run("ip", "netns", "exec", namespace, *command, given=given)

    def on_switch(self, *command, given=None):
        return self.within(self.switch, *command, given=given)

    def on_host(self, number, *command, given=None):
        return self.within(self.host(number), *command, given=given)

    def build(self):
        run("ip", "netns", "add", self.switch)
        self.on_switch("ip", "link", "add", "bridge", "type", "bridge", "mcast_snooping", "0")
        self.on_switch("ip", "link", "set", "bridge", "up")
        for n in self.numbers:
            run("ip", "netns", "add", self.host(n))
            self.on_switch("ip", "link", "add", f"port{n}", "type", "veth", "peer", "name", "net0",
                           "netns", self.host(n))
            self.on_switch("ip", "link", "set", f"port{n}", "master", "bridge", "up")
            self.on_host(n, "ip", "link", "set", "lo", "up")
            self.on_host(n, "ip", "addr", "add", f"{self.subnet}.{n}/24", "dev", "net0")
            self.on_host(n, "ip", "link", "set", "net0", "up")

    def rules(self, number, text):
        """Gives a host rules for nft."""
        self.on_host(number, "nft", "-f", "-", given=text)

    def plug(self, number, is_in):
        """Plugs a host's cable in or out at the switch."""
        self.on_switch("ip", "link", "set", f"port{number}", "up" if is_in else "down")

    def counter(self, number, name):
        """The packets of a named counter in the host's table `faults`."""
        words = self.on_host(number, "nft", "list", "counter", "inet", "faults", name).split()
        return int(words[words.index("packets") + 1])

    def remove(self):
        for namespace in [*map(self.host, self.numbers), self.switch]:
            subprocess.run(["ip", "netns", "del", namespace], stderr=subprocess.DEVNULL)
