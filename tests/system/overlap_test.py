# SPDX-License-Identifier: GPL-3.0-or-later
"""graph8 of the article of 2016 at a tenth of its time: three sleeps in a chain, one apart, then quiet."""

import os

import mgmt_test
from mgmt_test import check, equal, folder, read, run


def tenth_of_graph8(at):
    text = read(os.path.join(mgmt_test.REPO, "examples/article/graph8.yaml"))
    equal(text.count("sleep 10s"), 4, "sleeps in graph8.yaml")
    path = os.path.join(at, "graph8.yaml")
    mgmt_test.write(path, text.replace("sleep 10s", "sleep 1s"))
    return path


def times(agent, resource):
    started = agent.all("started", resource=resource)
    changed = agent.all("changed", resource=resource)
    equal((len(started), len(changed)), (1, 1), f"runs of {resource}")
    return started[0]["time"], changed[0]["time"]


def test_three_in_a_chain_and_one_apart_overlap():
    with folder() as at:
        tenth_of_graph8(at)
        status, agent = run("--file", "graph8.yaml", "--converged-timeout=0.5", cwd=at)
        equal(status, 0, "exit status")
        begin = {n: times(agent, f"exec[exec{n}]")[0] for n in (1, 2, 3, 4)}
        end = {n: times(agent, f"exec[exec{n}]")[1] for n in (1, 2, 3, 4)}
        check(end[1] <= begin[2] and end[2] <= begin[3], f"the chain isn't one after the other: {begin} {end}")
        check(begin[4] < end[1], f"exec4 waited for exec1, which nothing asked for: {begin} {end}")
        for one in (1, 2, 3, 4):
            check(end[one] - begin[one] >= 0.99, f"exec{one} slept for {end[one] - begin[one]} s only")
        # The article's arithmetic: the chain and the quiet time; what the fourth takes isn't added.
        quiet = agent.all("converged")[-1]["time"] - end[3]
        check(0.49 <= quiet, f"converged after {quiet} s without a change, 0.5 were asked for")
        summary = agent.all("summary")[0]
        check(summary["serial"] - summary["critical"] > 0.9, f"nothing overlapped: {summary}")
        equal(summary["critical_path"], ["exec[exec1]", "exec[exec2]", "exec[exec3]"], "critical path")
        mgmt_test.measured("graph8, a tenth (s)", summary["elapsed"])


def test_the_command_line_of_2016():
    with folder() as at:
        tenth_of_graph8(at)
        args = ["--file", "graph8.yaml", "--converged-timeout=0.5", "--graphviz=example1.dot"]
        status, agent = run(*args, cwd=at)
        equal(status, 0, "exit status")
        dot = read(os.path.join(at, "example1.dot"))
        check(dot is not None, "example1.dot wasn't written")
        check("digraph" in dot and dot.count("->") == 2 and "exec4" in dot, f"not graph8: {dot}")
        with open(os.path.join(at, "example1.dot.png"), "rb") as picture:
            equal(picture.read(8), b"\x89PNG\r\n\x1a\n", "first bytes of example1.dot.png")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
