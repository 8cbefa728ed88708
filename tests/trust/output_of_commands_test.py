# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands: What a command prints, however much and whatever it is, costs bounded memory and leaves the report whole.

200 MB cost less than 10 MB. A line of more than 16 KiB is cut, and that is said; bytes that are no text are escaped; the last ten
lines are kept for the message of a failure.

Limits: where a command prints faster than the report's reader reads, lines of output are dropped, and their number is printed.
"""

import os
import re
import select
import subprocess

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, measured, run


def let_go(path):
    """Ends the wait of a command for a line from this pipe."""
    with open(path, "w") as pipe:
        pipe.write("now\n")


def memory(pid, key):
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith(key)).split()[1])


def costs(at, cmd):
    """By how much (KiB) the peak of mgmt's memory grows while the command prints, and how many lines were shown or counted."""
    small = {"name": "small", "shell": "/bin/sh", "cmd": "seq 1 20000"}  # warms all up
    big = {"name": "big", "shell": "/bin/sh", "cmd": f"read x < {at}/go; {cmd}"}
    os.mkfifo(at + "/go")
    mgmt_test.write(at + "/graph.yaml", graph(exec=[small, big], edges=[("exec", "small", "exec", "big")]))
    agent = Agent("graph.yaml", cwd=at)
    agent.wait_for("started", resource="exec[big]")
    before = memory(agent.pid, "VmRSS")
    with open(f"/proc/{agent.pid}/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    let_go(at + "/go")
    # Not as JSON: python would be what takes most of the time.
    lines, rest, ended = 0, agent._rest, False
    while not ended:
        check(select.select([agent.stdout], [], [], 60 * mgmt_test.PATIENCE)[0], f"nothing is reported any more{agent.tail()}")
        data = rest + os.read(agent.stdout.fileno(), 1 << 20)
        check(len(data) > len(rest), f"mgmt ended{agent.tail()}")
        whole, _, rest = data.rpartition(b"\n")
        lines += whole.count(b'"event": "output"') + sum(map(int, re.findall(rb'"event": "dropped", "count": (\d+)', whole)))
        check(b'"event": "failed"' not in whole, "a command failed")
        ended = b'"event": "changed", "resource": "exec[big]"' in whole
    grown = memory(agent.pid, "VmHWM") - before
    agent._rest = rest
    equal(agent.stop(), 0, "exit status")
    equal(agent.broken_lines, [], "lines that aren't JSON")
    return grown, lines


def test_200_MB_cost_less_than_10_MB():
    for name, cmd, least in (
        ("lines of 100 bytes", "yes $(head -c 99 /dev/zero | tr '\\0' x) | head -c 200000000", 2_000_000),
        ("lines that are too long", "yes $(head -c 99999 /dev/zero | tr '\\0' x) | head -c 200000000", 2_000),
        ("one line", "head -c 200000000 /dev/zero", 1),
        ("empty lines", "yes '' | head -n 500000", 500_000),
    ):
        with folder() as at:
            grown, lines = costs(at, cmd)
            measured(name, f"{grown} KiB")
            check(grown < 10 * 1024, f"{name}: mgmt's memory grew by {grown} KiB")
            check(lines >= least, f"{name}: {lines} lines were shown or counted as dropped, of {least}")


def test_a_long_line_is_cut_and_that_is_said():
    with folder() as at:
        cmd = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo next"
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "shell": "/bin/sh", "cmd": cmd}]))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal(status, 0, f"exit status{agent.tail()}")
        lines = [event["line"] for event in agent.all("output")]
        equal(lines, ["x" * 16384 + " [cut: the line is longer than 16 KiB]", "next"], "the lines")


def test_bytes_that_are_no_text_are_escaped():
    cmd = "printf 'gr\\374n\\n\\033[2J\\000\\n\\303\\274\\n'"
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "shell": "/bin/sh", "cmd": cmd}]))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, agent.broken_lines), (0, []), f"exit status, and lines that aren't JSON{agent.tail()}")
        done = subprocess.run(
            [mgmt_test.mgmt(), "run", "graph.yaml", "--once", "--tmp-prefix", "--report", "lines"], cwd=at, capture_output=True, check=True)
        said = [line.split(b"exec[x]: ", 1)[1] for line in done.stdout.split(b"\n") if b"exec[x]: " in line]
        equal(said, [b"gr\\xfcn", b"\\x1b[2J\\x00", b"\xc3\xbc"], "what a person sees of them")


def test_a_failure_shows_the_last_lines():
    with folder() as at:
        cmd = "seq 1 100000; echo what went wrong >&2; exit 3"
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "shell": "/bin/sh", "cmd": cmd}]))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal(status, 4, f"exit status{agent.tail()}")
        hint = agent.all("failed")[0]["hint"]
        check("what went wrong" in hint and "100000" in hint and len(hint.split("\n")) == 11, f"the failure's hint: {hint}")


if __name__ == "__main__":
    mgmt_test.main(globals())
