#!/usr/bin/env python3
"""A member of a group in Python, by `groupcast pipe`. It says what is typed, and prints what the others say.

    python3 examples/pipe/member.py --name python

Whatever stands behind it are options of `groupcast pipe`.
"""
import json
import os
import subprocess
import sys
import threading


class Member:
    def __init__(self, *options):
        command = [os.environ.get("GROUPCAST", "groupcast"), "pipe", "--json", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")

    def send(self, text, **how):
        """`how`: channel, class, confirm. It waits while the group takes no more."""
        self.process.stdin.write(json.dumps({"text": text, **how}) + "\n")
        self.process.stdin.flush()

    def events(self):
        """Read them all the time: who does not is held up."""
        return map(json.loads, self.process.stdout)

    def leave(self):
        """What was sent still arrives; the events end when it has."""
        self.process.stdin.close()


member = Member(*sys.argv[1:])
somebody = threading.Event()


def speak():
    somebody.wait()
    for line in sys.stdin:
        member.send(line.rstrip("\n"), **{"class": "reliable-ordered", "confirm": True})
    member.leave()


threading.Thread(target=speak, daemon=True).start()
for event in member.events():
    match event["event"]:
        case "joined":
            somebody.set()
        case "message":
            print(f"{event['from']}: {event.get('text')}", flush=True)
        case "confirmed" | "unconfirmed" | "error" | "gap":
            print(json.dumps(event), file=sys.stderr, flush=True)
sys.exit(member.process.wait())
