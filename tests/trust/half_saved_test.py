# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs: a followed file is read when it has been saved, never half-saved; a broken, empty or vanished one changes nothing.

It is read again after it was written and closed, or renamed into place, and once it has been unchanged for 100 ms while nobody
has it open for writing.

Limits: a graph is run as it stands when mgmt starts, whoever writes then. Who writes a file in place and never closes it is never read; after 5 s that is said. On a file system that tells of no
change (a network's), the close of a writer on another host isn't seen: there a save is taken once it has been unchanged for
100 ms, so save by renaming.
"""

import os
import subprocess
import time

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, mgmt, read, save, write


def files(at, *names):
    return graph(file=[{"name": name, "path": f"{at}/{name}", "content": name} for name in names])


def still_kept(agent, at, name):
    os.unlink(f"{at}/{name}")
    agent.wait_for("changed", resource=f"file[{name}]", repair=True)


def started(at, *names):
    write(at + "/web.yaml", files(at, *names))
    agent = Agent("web.yaml", cwd=at)
    agent.wait_for("converged")
    return agent


def test_half_a_graph_is_not_taken_while_its_writer_goes_on():
    with folder() as at:
        agent = started(at, "one", "two")
        half, whole = files(at, "one"), files(at, "one", "two", "three")
        with open(at + "/web.yaml", "w") as file:
            file.write(half)  # a whole graph to YAML, but not what will stand there
            file.flush()
            until = time.monotonic() + 1
            while time.monotonic() < until:  # ten times as long as a save has to be quiet
                still_kept(agent, at, "two")
            equal(agent.all("graph", generation=2), [], "graphs that were taken meanwhile")
            file.seek(0)
            file.write(whole)
        agent.wait_for("changed", resource="file[three]")
        equal(len(agent.all("graph")), 2, "graphs in all")
        equal([e for e in agent.all("notice") if e["level"] == "error"], [], "errors")
        equal(agent.stop(), 0, "exit status")


def test_a_file_that_is_written_in_many_short_saves_ends_as_the_last():
    with folder() as at:
        agent = started(at, "n0")
        for number in range(1, 30):
            write(at + "/web.yaml", files(at, *(f"n{i}" for i in range(number + 1))))
        agent.wait_for("changed", resource="file[n29]")
        agent.wait_for("converged")
        equal([e for e in agent.all("notice") if e["level"] == "error"], [], "errors")
        equal(agent.stop(), 0, "exit status")


def test_a_rename_into_place_is_a_save():
    with folder() as at:
        agent = started(at, "one")
        save(at + "/web.yaml", files(at, "one", "two"))
        agent.wait_for("changed", resource="file[two]")
        equal(agent.stop(), 0, "exit status")


def test_an_empty_a_vanished_and_a_headless_file_are_errors_and_not_empty_graphs():
    with folder() as at:
        agent = started(at, "one")
        for broken in ("", "# nothing yet\n", "resources:\n  noop:\n  - name: n\n", "graph: web\n"):
            save(at + "/web.yaml", broken)
            agent.wait_for("notice", level="error", where=lambda e: "the running graph goes on" in e["text"])
            still_kept(agent, at, "one")
            done = subprocess.run([mgmt(), "run", "web.yaml", "--once", "--tmp-prefix"], cwd=at, capture_output=True, check=False)
            equal(done.returncode, 2, f"status of a run of {broken!r}")
        os.unlink(at + "/web.yaml")
        agent.wait_for("notice", level="error", where=lambda e: "No such file" in e["text"])
        still_kept(agent, at, "one")
        save(at + "/web.yaml", files(at, "one", "two"))
        agent.wait_for("changed", resource="file[two]")
        equal(read(at + "/two"), "two", "the file of the graph that came back")
        equal(agent.stop(), 0, "exit status")


def test_one_that_stays_open_for_writing_is_named():
    with folder() as at:
        agent = started(at, "one")
        with open(at + "/web.yaml", "w") as file:
            file.write(files(at, "one", "two"))
            file.flush()
            agent.wait_for("notice", level="warning", where=lambda e: "web.yaml was changed, and is still open for writing" in e["text"])
        agent.wait_for("changed", resource="file[two]")
        equal(agent.stop(), 0, "exit status")


def test_where_the_kernel_tells_nothing_of_writers_their_close_is_waited_for():
    as_other = ["setpriv", "--reuid", "4321", "--regid", "4321", "--clear-groups"]
    if os.geteuid() != 0:
        raise mgmt_test.Skip("only root can become another user")
    with folder() as at:
        # The file is root's, and a lease is its owner's to take.
        os.chmod(at, 0o755)
        os.mkdir(at + "/theirs")
        os.chown(at + "/theirs", 4321, 4321)
        write(at + "/web.yaml", files(at + "/theirs", "one", "two"))
        agent = Agent("web.yaml", cwd=at, command=as_other)
        agent.wait_for("converged")
        with open(at + "/web.yaml", "w") as file:
            file.write(files(at + "/theirs", "one"))
            file.flush()
            until = time.monotonic() + 1
            while time.monotonic() < until:
                still_kept(agent, at + "/theirs", "two")
            equal(agent.all("graph", generation=2), [], "graphs that were taken meanwhile")
            file.seek(0)
            file.write(files(at + "/theirs", "one", "two", "three"))
        agent.wait_for("changed", resource="file[three]")
        check(len(agent.all("graph")) == 2, "graphs in all")
        equal(agent.stop(), 0, "exit status")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
