# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: where a drift came from a login's terminal, one line there says what was restored and how to pause it.

Limits: for root's agents alone, since the kernel tells nobody else who did it. A terminal of another mount namespace (in a
container) is left alone, and so is one that another user has by then. What a stopped terminal can't take is dropped.
"""

import contextlib
import os
import pty
import select

import mgmt_test
from mgmt_test import Skip, agent_of, check, equal, folder, graph, read, wait_until, write


@contextlib.contextmanager
def terminal():
    """A shell that is the leader of its own session on a terminal of its own; gives a call to type, and one to read."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ["PS1"] = ""
        os.execl("/bin/sh", "sh")
    os.set_blocking(master, False)
    seen = bytearray()

    def text():
        with contextlib.suppress(BlockingIOError, OSError):
            while select.select([master], [], [], 0)[0]:
                seen.extend(os.read(master, 65536))
        return seen.decode(errors="replace")

    try:
        yield lambda line: os.write(master, line.encode() + b"\n"), text
    finally:
        os.close(master)
        os.waitpid(pid, 0)


def files(at, count=1):
    write(at + "/graph.yaml", graph(file=[{"name": f"f{n}", "path": f"{at}/f{n}", "content": "declared\n"} for n in range(count)]))


def as_root():
    if os.geteuid() != 0:
        raise Skip("who did it is told to root alone")


def test_one_line_says_what_was_restored_by_which_line_and_how_to_pause_it():
    as_root()
    with folder() as at:
        files(at)
        with agent_of(at) as agent, terminal() as (type_in, text):
            type_in(f"echo drift > {at}/f0")
            agent.wait_for("changed", resource="file[f0]", repair=True)
            wait_until(lambda: "mgmt: repaired" in text(), lambda: f"a line on the terminal: {text()!r}")
            lines = [line for line in text().splitlines() if line.startswith("mgmt: ")]
            equal(len(lines), 1, f"lines: {lines}")
            check("file[f0] from " in lines[0] and "graph.yaml:" in lines[0], lines)
            check("`mgmt pause 'file[f0]' --for 30m`" in lines[0], lines)


def test_many_are_one_line_and_a_count():
    as_root()
    with folder() as at:
        files(at, 10)
        with agent_of(at) as agent, terminal() as (type_in, text):
            type_in(f"for n in 0 1 2 3 4 5 6 7 8 9; do echo drift > {at}/f$n; done")
            for _ in range(10):
                agent.wait_for("changed", repair=True)
            wait_until(lambda: " more; see" in text(), lambda: f"the count: {text()!r}", seconds=30)
            lines = [line for line in text().splitlines() if line.startswith("mgmt: ")]
            equal(len([line for line in lines if "repaired" in line]), 1, f"lines: {lines}")
            check(sum(int(line.split()[2]) for line in lines if " more; see" in line) == 9, lines)


def test_no_tell_turns_it_off():
    as_root()
    with folder() as at:
        files(at)
        with agent_of(at, "--no-tell") as agent, terminal() as (type_in, text):
            type_in(f"echo drift > {at}/f0")
            by = agent.wait_for("changed", resource="file[f0]", repair=True)["by"]
            check(by["terminal"].startswith("/dev/pts/"), f"it isn't known to be from a terminal: {by}")
            # The line would have been written before this report.
            type_in("echo end of $((1 + 1)) tests")
            wait_until(lambda: "end of 2 tests" in text(), "the shell's answer")
            check("mgmt:" not in text(), text())


def test_a_terminal_that_takes_nothing_holds_nobody_up():
    as_root()
    with folder() as at:
        files(at, 2)
        with agent_of(at) as agent, terminal() as (type_in, _):
            # Ctrl-S stops its output, and by these it is full.
            type_in("\x13")
            type_in(f"trap '' TTOU; (yes > /dev/tty) & echo drift > {at}/f0")
            agent.wait_for("changed", resource="file[f0]", repair=True)
            os.unlink(at + "/f1")
            agent.wait_for("changed", resource="file[f1]", repair=True)
            equal(read(at + "/f1"), "declared\n", "the file")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
