# SPDX-License-Identifier: GPL-3.0-or-later
"""Too few inotify instances or watches, in a user namespace of its own: all is there nevertheless, and said."""

import os

import mgmt_test
from mgmt_test import Agent, equal, folder, graph, long_or_short, read, run, userns

FILES = long_or_short(10_000, 1000)


def thousand(at):
    os.mkdir(at + "/files")
    # Ten folders, so that the watches don't all fall on one.
    for number in range(10):
        os.mkdir(f"{at}/files/{number}")
    files = [{"name": f"f{n}", "path": f"{at}/files/{n % 10}/{n}", "content": f"{n}\n"} for n in range(FILES)]
    mgmt_test.write(at + "/graph.yaml", graph(file=files))


def missing(at):
    return [n for n in range(FILES) if read(f"{at}/files/{n % 10}/{n}") != f"{n}\n"]


def converge_and_repair(limit, value, polls):
    prefix = userns((limit, value))
    with folder() as at:
        thousand(at)
        status, agent = run("graph.yaml", "--once", cwd=at, command=prefix)
        equal(status, 0, f"exit status with {limit} = {value}; {agent.tail()}")
        equal(len(agent.all("converged")), 1, "converged events")
        equal(missing(at), [], "files that aren't there after `converged`")

        agent = Agent("graph.yaml", cwd=at, command=prefix)
        agent.wait_for("converged")
        os.unlink(f"{at}/files/3/13")
        mgmt_test.write(f"{at}/files/7/17", "drift\n")
        gone = {"file[f13]", "file[f17]"}
        while gone:
            gone.discard(agent.wait_for("changed", repair=True, what=f"repairs of {gone}")["resource"])
        equal(missing(at), [], "files that aren't there after the repairs")
        warnings = [e["text"] for e in agent.all("notice", level="warning")]
        equal(len(warnings), 1 if polls else 0, f"warnings, of one kind: {warnings}")
        equal(agent.stop(), 0, "exit status")


def test_a_folder_made_by_another_is_seen_before_the_end():
    prefix = userns(("max_inotify_instances", 0))
    with folder() as at:
        # Without edges, the wrong way round: each has to be tried again when the one above it is there.
        mgmt_test.write(at + "/graph.yaml", graph(file=[
            {"name": "file", "path": f"{at}/d/e/f", "content": "x"},
            {"name": "inner", "path": f"{at}/d/e/", "state": "exists"},
            {"name": "outer", "path": f"{at}/d/", "state": "exists"},
        ]))
        status, agent = run("graph.yaml", "--once", cwd=at, command=prefix)
        equal((status, read(f"{at}/d/e/f")), (0, "x"), f"exit status and content; {agent.tail()}")


def test_no_instance():
    converge_and_repair("max_inotify_instances", 0, polls=True)


def test_one_instance():
    converge_and_repair("max_inotify_instances", 1, polls=False)


def test_no_watch():
    converge_and_repair("max_inotify_watches", 0, polls=True)


def test_one_watch():
    converge_and_repair("max_inotify_watches", 1, polls=True)


def test_the_hosts_limits_stay_as_they_are():
    names = ["max_user_instances", "max_user_watches", "max_queued_events"]
    limits = lambda: {name: read(f"/proc/sys/fs/inotify/{name}") for name in names}
    before = limits()
    with folder() as at:
        thousand(at)
        equal(run("graph.yaml", "--once", cwd=at)[0], 0, "exit status")
    equal(limits(), before, "limits of the host")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
