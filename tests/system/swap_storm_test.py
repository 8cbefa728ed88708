# SPDX-License-Identifier: GPL-3.0-or-later
"""A swap of the graph every 10 ms while somebody changes its files: no event is lost, nothing leaks or runs twice.

The engine runs in `swapper`, as mgmt takes an edit of a file only when it has rested for a moment.
"""

import contextlib
import json
import os
import random
import select
import signal
import time

import mgmt_test
from mgmt_test import REPO, Agent, check, equal, folder, long_or_short, measured, read, save, wait_until, write

SECONDS = long_or_short(60, 5)
WARM_UP = long_or_short(5, 2)
INTERVAL = 10  # milliseconds
GRAPHS = 20
FILES = 30


def swapper():
    path = os.environ.get("SWAPPER") or os.path.join(REPO, "build/release/tests/swapper")
    check(os.access(path, os.X_OK), f"there is no swapper at {path}: build it, or name it in $SWAPPER")
    return path


def alone(at, name, command):
    """A script that tells if it runs twice at once, or beside the other one that shares its lock."""
    return f"mkdir {at}/locks/{name} || echo {name} >> {at}/clashes; {command}; rmdir {at}/locks/{name}"


def version(at, number):
    """Some resources stay, some change, some come and go; edges turn round."""
    one_of = lambda names: [{"kind": kind, "name": name} for kind, name in names]
    # At most 3 of them at once.
    files = [{"name": f"f{n}", "path": f"{at}/files/f{n}", "content": f"{n}\n", "meta": {"sema": ["files:3"]}}
             for n in range(FILES)]
    files.append({"name": "changing", "path": f"{at}/files/changing", "content": f"{number}\n"})
    files.append({"name": f"new{number % 7}", "path": f"{at}/files/new{number % 7}", "content": f"{number}\n"})
    files.append({"name": "sent", "path": f"{at}/files/sent"})
    script = lambda name, **rest: {"name": name, "shell": "/bin/sh", **rest}
    execs = [
        script("number", cmd=f"echo {number}"),
        # These two share a lock, and are kept apart by a semaphore; the first is another one in each graph.
        script("slow", cmd=alone(at, "shared", f"sleep 0.03; echo {number} > {at}/slow"), meta={"sema": ["one:1"]}),
        script("follower", refresh_only=True, meta={"sema": ["one:1"]},
               cmd=alone(at, "shared", f"cat {at}/files/changing > {at}/follower.new; mv {at}/follower.new {at}/follower")),
        # Longer than the graphs last: refreshed again after each run.
        script("late", refresh_only=True,
               cmd=alone(at, "late", f"cat {at}/files/changing {at}/files/f0 > {at}/late.new; sleep 0.03; mv {at}/late.new {at}/late")),
    ]
    order = [("file", "f1"), ("file", "f2")]
    random.shuffle(order)
    edges = [
        {"from": one_of(order[:1]), "to": one_of(order[1:])},
        {"from": one_of([("file", "changing")]), "to": one_of([("exec", "follower"), ("exec", "late")]), "notify": True},
        {"from": one_of([("file", "f0")]), "to": one_of([("exec", "late")]), "notify": True},
        {"from": one_of([("exec", "number")]), "to": one_of([("file", "sent")]), "send": {"stdout": "content"}},
    ]
    return json.dumps({"graph": f"v{number}", "resources": {"file": files, "exec": execs}, "edges": edges})


def wrong_files(at):
    return [n for n in range(FILES) if read(f"{at}/files/f{n}") != f"{n}\n"]


def spoil(at):
    path = f"{at}/files/f{random.randrange(FILES)}"
    with contextlib.suppress(FileNotFoundError):
        random.choice([lambda: os.unlink(path), lambda: write(path, "drift\n"), lambda: save(path, "drift\n"),
                       lambda: os.chmod(path, 0o600)])()


def holdings(agent):
    """(open descriptors, threads, resident KiB)"""
    lines = dict(line.split(":", 1) for line in read(f"/proc/{agent.pid}/status").splitlines() if ":" in line)
    return len(os.listdir(f"/proc/{agent.pid}/fd")), int(lines["Threads"]), int(lines["VmRSS"].split()[0])


def storm(agent, at, seconds):
    """Swaps for so long, with events; returns the number of these when it rests again."""
    agent.send(signal.SIGUSR1)
    spoilt = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(100):
            spoil(at)
            spoilt += 1
            select.select([], [], [], random.random() / 500)
            agent.drain()
        # While the swaps go on: what is the same in each graph is kept right by its events alone.
        wait_until(lambda: (agent.drain(), not wrong_files(at))[1], lambda: f"repairs of {wrong_files(at)}{agent.tail()}")
    agent.send(signal.SIGUSR1)
    agent.wait_for("graph", name="v0", what="the graph at rest")
    agent.wait_for("converged", what="convergence at rest")
    return spoilt


def test_a_swap_every_10_ms_under_file_events():
    with folder() as at:
        os.mkdir(at + "/files")
        os.mkdir(at + "/locks")
        for number in range(GRAPHS + 1):
            write(f"{at}/{number}.yaml", version(at, number))
        agent = Agent(at + "/prefix", str(INTERVAL), *(f"{at}/{n}.yaml" for n in range(GRAPHS + 1)), cwd=at, program=swapper())
        agent.wait_for("converged")
        storm(agent, at, WARM_UP)
        before = holdings(agent)
        swaps = len(agent.all("graph"))
        spoilt = storm(agent, at, SECONDS)
        after = holdings(agent)
        equal(wrong_files(at), [], "files that are wrong though converged")
        equal([read(f"{at}/{name}") for name in ["files/changing", "files/sent", "slow", "follower", "late"]],
              ["0\n", "0\n", "0\n", "0\n", "0\n0\n"], "changing, sent, slow, follower, late after the last swap")
        equal(read(at + "/clashes"), None, "commands that ran at the same time as they must not")
        equal(agent.all("dropped"), [], "parts of the report that nobody took")
        equal(agent.all("failed"), [], "failures")
        equal([e["text"] for e in agent.all("notice")], [], "notices")
        equal([e["generation"] for e in agent.all("graph")], list(range(1, len(agent.all("graph")) + 1)), "generations")
        swaps = len(agent.all("graph")) - swaps
        measured(f"in {SECONDS} s: swaps, changes by others", [swaps, spoilt])
        measured("descriptors, threads, resident KiB before and after", [before, after])
        equal(after[:2], before[:2], "descriptors and threads")
        check(after[2] <= before[2] + 1024, f"resident memory grew from {before[2]} to {after[2]} KiB")
        equal(agent.stop(), 0, "exit status")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
