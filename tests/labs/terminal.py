"""Programs on terminals that a lab types on and looks at: panes of tmux. For labs; needs tmux."""

import os
import re
import shlex
import signal
import subprocess

from network import Failed, await_that, check
from svg import svg


class Terminals:
    """The panes of a tmux of its own."""

    def __init__(self, columns, rows):
        self.command = ["tmux", "-u", "-L", f"groupcast-lab-{os.getpid()}", "-f", "/dev/null"]
        self.size, self.panes = (columns, rows), []

    def tmux(self, *arguments):
        environment = {k: v for k, v in os.environ.items() if k not in ("TMUX", "NO_COLOR")}
        environment["LC_ALL"] = "C.UTF-8"
        done = subprocess.run([*self.command, *arguments], text=True, capture_output=True,
                              env=environment)
        check(done.returncode == 0, f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.removesuffix("\n")

    def open(self, name, *program):
        """Starts a program in another pane."""
        line = "exec " + shlex.join(program)
        if self.panes:
            pane = self.tmux("split-window", "-t", "lab", "-P", "-F", "#{pane_id}", line)
        else:
            columns, rows = map(str, self.size)
            pane = self.tmux("new-session", "-d", "-s", "lab", "-x", columns, "-y", rows, "-P", "-F",
                             "#{pane_id}", line)
            # The pane of a program that has ended stays.
            self.tmux("set-option", "-g", "remain-on-exit", "on")
        self.tmux("select-layout", "-t", "lab", "tiled")
        self.panes.append(Pane(self, name, pane, line))
        return self.panes[-1]

    def resize(self, columns, rows):
        """Gives the window another size, and so all panes."""
        self.tmux("resize-window", "-t", "lab", "-x", str(columns), "-y", str(rows))
        self.tmux("select-layout", "-t", "lab", "tiled")

    def close(self):
        subprocess.run([*self.command, "kill-server"], stderr=subprocess.DEVNULL)


class Pane:
    """A terminal with a program."""

    def __init__(self, terminals, name, pane, line):
        self.terminals, self.name, self.pane, self.line = terminals, name, pane, line

    def tmux(self, command, *arguments):
        return self.terminals.tmux(command, "-t", self.pane, *arguments)

    def ask(self, what):
        return self.tmux("display-message", "-p", "#{" + what + "}")

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def say(self, text):
        self.type(text)
        self.press("Enter")

    def again(self):
        """Starts the program again."""
        self.tmux("respawn-pane", "-k", self.line)

    def pid(self):
        return int(self.ask("pane_pid"))

    def ended(self):
        return self.ask("pane_dead") == "1"

    def code(self, seconds=60):
        """The exit code of a program that has ended."""
        def known():
            if not self.ask("pane_dead_status"):
                # tmux may have missed that its child has ended.
                os.kill(int(self.ask("pid")), signal.SIGCHLD)
            return self.ask("pane_dead_status")
        await_that(known, seconds, lambda: f"{self.name} ended without a code")
        return self.ask("pane_dead_status")

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def shows(self, pattern):
        """Whether the screen matches a regular expression, of which `.` stays in its line."""
        return re.search(pattern, self.screen(), re.MULTILINE) is not None

    def await_shown(self, *patterns, seconds=60):
        """Waits until all of it is on the screen at once."""
        for pattern in patterns:
            await_that(lambda: self.shows(pattern), seconds,
                       lambda: f"{self.name} does not show {pattern!r} but\n{self.screen()}")

    def await_gone(self, pattern, seconds=60):
        """Waits until something is on the screen no more."""
        await_that(lambda: not self.shows(pattern), seconds,
                   lambda: f"{self.name} still shows {pattern!r}:\n{self.screen()}")

    def refuse(self, pattern):
        if self.shows(pattern):
            raise Failed(f"{self.name} shows {pattern!r}:\n{self.screen()}")

    def picture(self, title):
        shown = self.ask("cursor_flag") == "1"
        cursor = (int(self.ask("cursor_x")), int(self.ask("cursor_y"))) if shown else None
        return svg(self.tmux("capture-pane", "-e", "-N", "-p"), title, cursor)
