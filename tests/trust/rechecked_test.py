# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: everything is looked at again slowly (`--recheck`, 30 min, jittered) as a net, and at once after a suspend.

Limits: no test can put a machine to sleep: what the kernel says at a resume is put in its mouth. What sleeps for less than a
second isn't told from a clock that is set.
"""

import contextlib
import mmap
import os

import mgmt_test
from mgmt_test import Agent, agent_of, check, command, equal, folder, graph, read, wait_until, write


@contextlib.contextmanager
def written_without_an_event(path):
    """Through a mapping that stays: inotify tells of it only when it goes."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[0:1] = b"X"
        yield


def test_a_change_that_no_event_told_of_is_found_by_the_slow_look():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "declared\n"}]))
        with agent_of(at, "--recheck", "0.5s") as agent, written_without_an_event(at + "/f"):
            wait_until(lambda: read(at + "/f") == "declared\n", "the file repaired")
            agent.wait_for("changed", resource="file[f]", repair=True)
            why = command("why", "file[f]", "--json", "--prefix", at + "/prefix").stdout
            check('"cause": "recheck"' in why, f"`mgmt why` doesn't say that it was the slow look: {why}")


def test_each_has_its_turn_before_one_is_looked_at_twice():
    with folder() as at:
        os.mkdir(at + "/files")
        count = 70
        names = [f"f{n}" for n in range(count)]
        write(at + "/graph.yaml", graph(file=[{"name": n, "path": f"{at}/files/{n}", "content": "x"} for n in names]))
        with agent_of(at, "--recheck", "1s") as agent:
            before = len(agent.events)
            for _ in range(3 * count):
                agent.wait_for("started")
            seen = [e["resource"] for e in agent.events[before:] if e["event"] == "started"][: 3 * count]
            for turn in range(3):
                equal(len(set(seen[turn * count : (turn + 1) * count])), count, f"resources looked at in round {turn}")


def test_a_command_that_has_succeeded_is_not_run_again_nor_a_text_printed_again():
    with folder() as at:
        write(at + "/graph.yaml", graph(
            exec=[{"name": "e", "cmd": f"echo ran >> {at}/log", "shell": "/bin/sh"},
                  {"name": "fails", "cmd": f"echo ran >> {at}/failed; exit 1", "shell": "/bin/sh", "meta": {"retry": 0}},
                  {"name": "guarded", "cmd": f"echo x > {at}/made", "shell": "/bin/sh", "nifcmd": f"test -e {at}/made"}],
            print=[{"name": "p", "msg": "hello"}]))
        agent = Agent("graph.yaml", "--recheck", "0.2s", cwd=at, prefix=at + "/prefix")
        agent.wait_for("settled")
        os.unlink(at + "/made")  # what only its guard knows, and no event tells
        for _ in range(10):
            agent.wait_for("started", resource="exec[e]")
        equal((read(at + "/log"), read(at + "/failed"), read(at + "/made")), ("ran\n", "ran\n", "x\n"), "what was run")
        equal(len(agent.all("output", stream="print")), 1, "texts printed")
        agent.stop()


def test_after_a_suspend_everything_is_looked_at_at_once():
    shim = os.environ.get("ASLEEP_LIBRARY") or os.path.join(mgmt_test.REPO, "build/release/tests/libasleep.so")
    with folder() as at:
        os.mkfifo(at + "/asleep")
        write(at + "/graph.yaml", graph(file=[{"name": n, "path": f"{at}/{n}", "content": "declared\n"} for n in "fg"]))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix", env={"LD_PRELOAD": shim, "ASLEEP": at + "/asleep"})
        agent.wait_for("converged")
        with written_without_an_event(at + "/f"):
            fifo = os.open(at + "/asleep", os.O_WRONLY)
            os.write(fifo, b".")
            agent.wait_for("notice", text="the machine was asleep: everything is looked at again")
            agent.wait_for("changed", resource="file[f]", repair=True)
            os.close(fifo)
        equal(read(at + "/f"), "declared\n", "the file")
        equal(agent.stop(), 0, "exit status")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
