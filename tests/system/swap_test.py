# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a running graph: swapped in, broken ones refused, and nothing leaks however often."""

import contextlib
import os

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, long_or_short, measured, read, save, wait_until, write

SWAPS = long_or_short(4000, 400)
FILES = 50


def version(at, number):
    """The graph of that edit: some resources stay, one changes, one comes and goes, with an edge and a command."""
    files = [{"name": f"f{n}", "path": f"{at}/files/f{n}", "content": f"{n}\n"} for n in range(FILES)]
    files.append({"name": "changing", "path": f"{at}/files/changing", "content": f"{number}\n"})
    files.append({"name": f"new{number}", "path": f"{at}/files/new{number % 7}", "content": f"{number}\n"})
    return graph(
        name=f"v{number}",
        file=files,
        exec=[{"name": "command", "cmd": f"true {number}", "watchfiles": [f"{at}/files/f1"]}],
        timer=[{"name": "timer", "interval": 3600}],
        edges=[("file", "f0", "file", "changing"), ("file", "changing", "exec", "command")],
    )


def holdings(pid):
    """(open descriptors, threads, resident KiB)"""
    with open(f"/proc/{pid}/status") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return len(os.listdir(f"/proc/{pid}/fd")), int(lines["Threads"]), int(lines["VmRSS"].split()[0])


def test_many_swaps_leak_nothing():
    with folder() as at:
        os.mkdir(at + "/files")
        path = at + "/graph.yaml"
        write(path, version(at, 0))
        agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at)

        def swap_to(number):
            # By rename, as editors do, and in place in turn.
            (save if number % 2 else write)(path, version(at, number))
            agent.wait_for("graph", name=f"v{number}", what=f"edit {number} swapped in")
            agent.wait_for("converged", what=f"convergence after edit {number}")
            equal(read(at + "/files/changing"), f"{number}\n", "the changed file")

        agent.wait_for("converged")
        warm = SWAPS // 5
        for number in range(1, warm + 1):
            swap_to(number)
        before = holdings(agent.pid)
        for number in range(warm + 1, warm + SWAPS + 1):
            swap_to(number)
        after = holdings(agent.pid)
        measured(f"descriptors, threads, resident KiB before and after {SWAPS} swaps", [before, after])
        equal(after[:2], before[:2], "descriptors and threads")
        check(after[2] <= before[2] + 1024, f"resident memory grew from {before[2]} to {after[2]} KiB")
        equal([e["error"] for e in agent.all("failed")], [], "failures")
        equal(agent.stop(), 0, "exit status")


def test_only_the_difference_is_applied():
    with folder() as at:
        os.mkdir(at + "/files")
        write(at + "/graph.yaml", version(at, 0))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        inodes = {n: os.stat(f"{at}/files/f{n}").st_ino for n in range(FILES)}
        save(at + "/graph.yaml", version(at, 1))
        swap = agent.wait_for("graph", name="v1")
        equal((swap["kept"], swap["added"], swap["changed"], swap["removed"]), (FILES + 1, 1, 2, 1), "the difference")
        start = agent.events.index(swap)
        agent.wait_for("converged")
        touched = {e["resource"] for e in agent.events[start:] if e["event"] == "changed"}
        equal(touched, {"file[changing]", "file[new1]", "exec[command]"}, "what was changed")
        equal({n: os.stat(f"{at}/files/f{n}").st_ino for n in range(FILES)}, inodes, "inodes of what is equal")
        equal(agent.stop(), 0, "exit status")


def test_a_broken_edit_is_reported_and_the_graph_goes_on():
    broken = {
        "syntax": "graph: [\n",
        "unknown key": graph(name="broken", file=[{"name": "x", "path": "/x", "contnet": "x"}]),
        "edge to nothing": graph(name="broken", noop=[{"name": "x"}], edges=[("noop", "x", "noop", "y")]),
        "empty": "",
    }
    with folder() as at:
        os.mkdir(at + "/files")
        path = at + "/graph.yaml"
        write(path, version(at, 0))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        for number, (what, text) in enumerate(broken.items(), 1):
            save(path, text)
            agent.wait_for("notice", level="error", text="graph.yaml can't be used as it is now: the running graph goes on")
            error = agent.wait_for("notice", level="error", what=f"an error with its place, for {what}")
            check(error["place"].startswith("graph.yaml:"), f"no place for {what}: {error}")
            os.unlink(at + "/files/f3")
            agent.wait_for("changed", resource="file[f3]", repair=True, what=f"a repair after a broken edit: {what}")
            save(path, version(at, number))
            agent.wait_for("graph", name=f"v{number}", what=f"a good edit after a broken one: {what}")
            agent.wait_for("converged")
        equal(agent.all("graph", name="broken"), [], "broken graphs that were taken")
        os.unlink(path)  # the file goes away: the graph goes on
        os.unlink(at + "/files/f3")
        agent.wait_for("changed", resource="file[f3]", repair=True, what="a repair while the graph's file is away")
        write(path, version(at, 9))
        agent.wait_for("graph", name="v9", what="the file that came back")
        equal(agent.stop(), 0, "exit status")


def test_swaps_amid_the_writing():
    """What is equal in both graphs is kept, also while it is being written: the right files, and no others."""
    count = 300
    with folder() as at:
        os.mkdir(at + "/files")
        files = [{"name": f"f{n}", "path": f"{at}/files/f{n}", "content": f"{n}\n"} for n in range(count)]
        later = lambda number: graph(name=f"v{number}", file=files, noop=[{"name": f"n{number}"}])
        write(at + "/graph.yaml", later(0))
        agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at)
        agent.wait_for("started")
        for number in range(1, 11):
            save(at + "/graph.yaml", later(number))
            for n in range(count):
                with contextlib.suppress(OSError):
                    os.unlink(f"{at}/files/f{n}")
            agent.wait_for("graph", name=f"v{number}", what=f"edit {number} swapped in amid the writing")
        agent.wait_for("converged")
        there = lambda: sorted(os.listdir(at + "/files")) == sorted(f"f{n}" for n in range(count))
        wait_until(lambda: (agent.read_some(0), there())[1], "all files, and no others", 10)
        entries = {name for name in os.listdir(at) if not name.startswith("stderr.")}
        equal(entries, {"files", "graph.yaml"}, "what is in the folder above")
        equal(agent.stop(), 0, "exit status")


def test_no_watch_keeps_the_graph():
    with folder() as at:
        os.mkdir(at + "/files")
        write(at + "/graph.yaml", version(at, 0))
        agent = Agent("graph.yaml", "--no-watch", cwd=at)
        agent.wait_for("converged")
        save(at + "/graph.yaml", version(at, 1))
        os.unlink(at + "/files/f3")
        agent.wait_for("changed", resource="file[f3]", repair=True)
        equal(agent.stop(), 0, "exit status")
        equal(len(agent.all("graph")), 1, "graphs that acted")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
