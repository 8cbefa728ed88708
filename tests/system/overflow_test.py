# SPDX-License-Identifier: GPL-3.0-or-later
"""More file events than the kernel's queue takes, so that some are lost: all is put right, and it is said once.

The queue's length is the machine's and nobody else's to lower, so the agent is stopped while they are made.
"""

import contextlib
import os
import random
import shutil
import signal

import mgmt_test
from mgmt_test import Agent, Skip, check, equal, folder, graph, long_or_short, measured, read, save, wait_until, write

FOLDERS = 20
FILES = 1000
EVENTS = long_or_short(200_000, 20_000)
LARGEST = 1_000_000


def events_to_make():
    """So many that the queue can't hold them."""
    length = max(int(read(f"/proc/sys/fs/{api}/max_queued_events")) for api in ("inotify", "fanotify"))
    if 2 * length > LARGEST:
        raise Skip(f"the kernel's queue holds {length} events here")
    return max(EVENTS, 2 * length)


def path_of(at, number):
    return f"{at}/files/{number % FOLDERS}/f{number}"


def a_thousand_files(at):
    files = [{"name": path_of(at, n), "content": f"{n}\n"} for n in range(FILES)]
    files += [{"name": f"{at}/files/{n}/", "state": "exists"} for n in range(FOLDERS)]
    files += [{"name": f"{at}/files/", "state": "exists"}]
    write(at + "/graph.yaml", graph(file=files))


def wrong_ones(at):
    return [n for n in range(FILES) if read(path_of(at, n)) != f"{n}\n"]


def many_events(at, count):
    """That tell of nothing. Each of another name, as the kernel merges those of one (fanotify all that it still has)."""
    for number in range(count):
        with contextlib.suppress(FileNotFoundError):
            path = f"{at}/files/{number % FOLDERS}/noise{number}"
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            os.unlink(path)


def drift(at):
    """Every kind of it; the numbers of what is wrong now."""
    spoilt = random.sample(range(FOLDERS, FILES), 300)
    for number in spoilt[:100]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path_of(at, number))
    for number in spoilt[100:200]:
        with contextlib.suppress(FileNotFoundError):
            write(path_of(at, number), "drift\n")
    for number in spoilt[200:]:
        with contextlib.suppress(FileNotFoundError):
            save(path_of(at, number), "drift\n")
    # The watches are on what went: they have to be made anew.
    for name in random.sample(range(FOLDERS), 4):
        shutil.rmtree(f"{at}/files/{name}", ignore_errors=True)  # an agent that runs fills it again
    os.makedirs(f"{at}/files/{name}", exist_ok=True)
    return wrong_ones(at)


def all_right(agent, at, what):
    wait_until(lambda: (agent.drain(), not wrong_ones(at))[1], what, 60)


def warnings(agent):
    return [event["text"] for event in agent.all("notice", level="warning")]


def test_events_that_are_lost():
    with folder() as at:
        a_thousand_files(at)
        agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at)
        agent.wait_for("converged")
        equal(warnings(agent), [], "warnings before")
        count = events_to_make()
        repaired = 0
        for time in range(2):
            agent.send(signal.SIGSTOP)
            os.waitid(os.P_PID, agent.pid, os.WSTOPPED)
            many_events(at, count)
            # The queue is full by now: nothing tells of this.
            repaired += len(drift(at))
            agent.send(signal.SIGCONT)
            agent.wait_for("converged", what=f"convergence after overflow {time + 1}", seconds=60)
            equal(wrong_ones(at), [], "what is wrong though converged")
        equal(len(warnings(agent)), 1, f"warnings: {warnings(agent)}")
        check("max_queued_events" in warnings(agent)[0], warnings(agent))
        equal(agent.all("failed"), [], "failures")
        # It watches again, in the folders that were made anew too.
        for number in range(FOLDERS):
            os.unlink(path_of(at, number))
        all_right(agent, at, "the repair of a file in each folder after it")
        measured("events while it was stopped, files that were wrong", [2 * count, repaired])
        equal(agent.stop(), 0, "exit status")


def test_a_storm_of_events_while_it_runs():
    """Whether the queue overflows is the machine's; that all is right in the end isn't."""
    with folder() as at:
        a_thousand_files(at)
        agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at)
        agent.wait_for("converged")
        for _ in range(10):
            many_events(at, EVENTS // 10)
            drift(at)
            agent.drain()
        all_right(agent, at, lambda: f"all of it again; wrong: {wrong_ones(at)[:20]}")
        check(len(warnings(agent)) <= 1, f"warnings: {warnings(agent)}")
        equal(agent.stop(), 0, "exit status")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
