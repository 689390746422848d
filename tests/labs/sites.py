"""What the labs `bridge` and `gateway` have in common: programs on hosts, a broker, and a way to it that can be slow."""

import asyncio
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from network import Failed, Network, await_that, check, install_tools
from programs import built

ROOT = pathlib.Path(__file__).resolve().parents[2]
# How long is waited for what must come. It comes much sooner, save on a machine that is very busy.
PATIENCE = 90


class Process:
    """A program on a host of a lab."""

    def __init__(self, lab, number, name, *command, stdin=subprocess.DEVNULL):
        self.name, self.log, self.err = name, lab.work / name, lab.work / f"{name}.err"
        hidden = ("GROUPCAST_", "SSL_CERT")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
        self.popen = subprocess.Popen(["ip", "netns", "exec", lab.network.host(number), *map(str, command)], stdin=stdin,
                                      stdout=self.log.open("wb"), stderr=self.err.open("wb"), env=environment)
        lab.processes.append(self.popen)

    def said(self):
        return self.err.read_text(errors="replace")

    def await_said(self, text, times=1):
        await_that(lambda: self.said().count(text) >= times, PATIENCE,
                   lambda: f"{self.name} does not say '{text}': {self.said()[-3000:]}")

    def is_running(self):
        return self.popen.poll() is None

    def end(self, with_signal=None):
        """Waits for the end. Returns the exit code."""
        if with_signal:
            self.popen.send_signal(with_signal)
        try:
            return self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} does not end: {self.said()[-3000:]}") from error

    def kill(self):
        return self.end(signal.SIGKILL)


def seconds_of(pid):
    """Seconds of processor time that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Lab:
    """Hosts, a directory for files, and all that was started."""

    def __init__(self, name, prefix, subnet, numbers, broker):
        self.name, self.network, self.broker_host = name, Network(prefix, subnet, numbers), broker
        self.address = f"{subnet}.{broker}"
        self.work = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.processes = []
        self.started = time.monotonic()

    def start(self, number, name, *command, **options):
        return Process(self, number, name, *command, **options)

    def broker(self, name="broker", configuration="mosquitto.conf"):
        broker = self.start(self.broker_host, name, "mosquitto", "-c", self.work / configuration)
        broker.await_said("running")
        return broker

    def relay(self, port, target, delay, name=None):
        """A way to the broker that takes so many seconds each way."""
        command = [sys.executable, pathlib.Path(__file__), "relay", port, target, delay]
        relay = self.start(self.broker_host, name or f"relay-{port}", *command)
        relay.await_said("ready")
        return relay

    def passed(self, text):
        print(f"ok: {time.monotonic() - self.started:5.1f} s: {text}", flush=True)

    def run(self, main, release=False, **tools):
        """Builds what is needed and the hosts, runs `main`, and leaves nothing behind."""
        options = ["--release"] if release else []
        failed = None
        try:
            install_tools(mosquitto="mosquitto", openssl="openssl", **tools)
            self.groupcast = built("groupcast", *options, "-p", "groupcast-cli", "--bin", "groupcast")
            self.bridge = built("groupcast-bridge", *options, "-p", "groupcast-bridge", "--bin", "groupcast-bridge")
            self.started = time.monotonic()
            self.network.build()
            main()
            print(f"{self.name}: all passed in {time.monotonic() - self.started:.1f} s")
        except Failed as error:
            failed = error
        finally:
            for process in self.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            self.network.remove()
            if os.environ.get("KEEP"):
                print(f"logs are in {self.work}")
            else:
                shutil.rmtree(self.work)
        if failed:
            sys.exit(f"FAILED: {failed}")

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], cwd=self.work, capture_output=True, text=True)
        check(done.returncode == 0, f"openssl {arguments}: {done.stderr}")


async def relay(port, target, delay):
    """Passes on what comes to a port, so many seconds later, both ways."""

    async def carry(reader, writer):
        loop, waiting = asyncio.get_running_loop(), asyncio.Queue()

        async def write():
            while (item := await waiting.get()) is not None:
                await asyncio.sleep(item[0] - loop.time())
                writer.write(item[1])
            writer.close()

        writing = asyncio.create_task(write())
        try:
            while chunk := await reader.read(1 << 16):
                waiting.put_nowait((loop.time() + delay, chunk))
        except ConnectionError:
            pass
        waiting.put_nowait(None)
        await writing

    async def accept(reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    async with await asyncio.start_server(accept, "0.0.0.0", port) as server:
        print("ready", file=sys.stderr, flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
