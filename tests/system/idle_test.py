# SPDX-License-Identifier: GPL-3.0-or-later
"""An idle agent costs nothing: no CPU time, no wake-up, with 1,000 files watched (./dev soak: 10,000)."""

import contextlib
import os
import select
import sys

import mgmt_test
from mgmt_test import Agent, Skip, check, equal, folder, graph, long_or_short, wait_until

FILES = long_or_short(10000, 1000)
SECONDS = long_or_short(60, 3)


def switches(pid):
    """Per thread: how often it gave up the CPU or was taken off it, and its CPU ticks."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
        with open(f"/proc/{pid}/task/{thread}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        counts = int(lines["voluntary_ctxt_switches"]), int(lines["nonvoluntary_ctxt_switches"])
        found[thread] = (*counts, int(fields[11]) + int(fields[12]))
    return found


def quiet(agent, seconds):
    """Measures a span in which the agent reports nothing; the test waits on the report, which is to stay silent."""
    before = switches(agent.pid)
    ready, _, _ = select.select([agent.stdout], [], [], seconds)
    check(not ready, "the agent reported something while idle")
    return before, switches(agent.pid)


def at_rest(agent):
    before, after = quiet(agent, 0.2)
    return before == after


def test_no_wake_up_with_files_watched():
    mgmt_test.userns()  # skips where there are no namespaces
    with folder("/dev/shm") as at:
        os.mkdir(at + "/files")
        files = [{"name": f"f{n}", "path": f"{at}/files/f{n}", "content": f"{n}\n"} for n in range(FILES)]
        mgmt_test.write(at + "/graph.yaml", graph(file=files))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        agent.wait_for("durable")
        wait_until(lambda: at_rest(agent), "the threads at rest after the last report")
        before, after = quiet(agent, SECONDS)
        equal(after, before, f"switches and CPU ticks by thread, after {SECONDS} s idle")
        os.unlink(f"{at}/files/f7")
        agent.wait_for("changed", resource="file[f7]", repair=True)
        equal(agent.stop(), 0, "exit status")


def in_a_quiet_place():
    """Starts this file anew where nobody else can be: the folders on the way to a file are watched too, /dev/shm or /tmp
    as well, and there any other program may be busy. Returns where there are no namespaces; the test says so."""
    with contextlib.suppress(Skip):
        shell = ["/bin/sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && exec "$@"', "sh"]
        command = [*mgmt_test.userns(), "unshare", "--mount", *shell, sys.executable, "-B", *sys.argv]
        os.environ["MGMT_QUIET_PLACE"] = "1"
        os.execvp(command[0], command)


if __name__ == "__main__":
    if "MGMT_QUIET_PLACE" not in os.environ:
        in_a_quiet_place()
    mgmt_test.main(dict(globals()))
