# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift demonstration of the article of 2016, by a real shell: every drift is repaired, and reported.

How often the shell's next command already reads the repaired state is a race; it is measured, not asserted.
"""

import os
import subprocess

import mgmt_test
from mgmt_test import Agent, check, equal, folder, long_or_short, measured, read, wait_until

REPEATS = long_or_short(10_000, 1000)


class Shell:
    """A bash that runs the same line each time it is told to go on; the loop is its own."""

    def __init__(self, line, cwd):
        loop = f"while read -r go; do ( {line} ) 2>&1; echo \"=$?\"; done"
        self.process = subprocess.Popen(
            ["bash", "-c", loop], cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def go(self):
        """(what the line printed, its exit status)"""
        self.process.stdin.write("go\n")
        text = ""
        while True:
            one = self.process.stdout.readline()
            check(one, "the shell ended")
            if one.startswith("="):
                return text, int(one[1:])
            text += one

    def close(self):
        self.process.stdin.close()
        equal(self.process.wait(), 0, "the shell's status")
        self.process.stdout.close()


def drift(line, resource, seen, restored):
    """Repeats the line; seen(text, status): it read the repaired state; restored(folder): the state is as declared."""
    with folder() as at:
        text = read(os.path.join(mgmt_test.REPO, "examples/article/drift.yaml"))
        mgmt_test.write(os.path.join(at, "drift.yaml"), text.replace("/tmp/mgmt/", at + "/files/"))
        files = os.path.join(at, "files")
        os.mkdir(files)
        agent = Agent("drift.yaml", "--repair-limit=1000000", cwd=at)
        agent.wait_for("converged")
        shell = Shell(line, files)
        in_time = 0
        for turn in range(REPEATS):
            in_time += seen(*shell.go())
            repaired = agent.wait_for("changed", resource=resource, what=f"repair {turn + 1} of {resource} by `{line}`")
            check(repaired["repair"] is True, f"not called a repair: {repaired}")
            wait_until(lambda: restored(files), f"the state after repair {turn + 1} of `{line}`")
        shell.close()
        agent.drain()
        equal(agent.stop(), 0, "exit status")
        check(restored(files), "the end state isn't the declared one")
        check(len(agent.all("changed", resource=resource, repair=True)) >= REPEATS, "repairs were not reported")
        summary = agent.all("summary")[0]
        equal(summary["failed"], 0, "failed resources")
        check(summary["repaired"] >= REPEATS, f"the summary counts {summary['repaired']} repairs, {REPEATS} were made")
        equal([e["error"] for e in agent.all("failed")], [], "failures")
        for name in ("f1", "f3"):
            equal(read(os.path.join(files, name)), f"i am {name}\n", name)
        measured(f"`{line}` read the repaired state, of {REPEATS}", in_time)


def f2_is_right(files):
    return read(os.path.join(files, "f2")) == "i am f2\n"


def test_a_removed_file_is_there_again():
    drift("rm -f f2 && cat f2", "file[file2]", lambda text, status: text == "i am f2\n", f2_is_right)


def test_an_overwritten_file_has_its_content_again():
    drift("echo blah > f2 && cat f2", "file[file2]", lambda text, status: text == "i am f2\n", f2_is_right)


def test_a_file_that_must_not_be_is_gone():
    gone = lambda files: not os.path.lexists(os.path.join(files, "f4"))
    drift("touch f4 && stat f4", "file[file4]", lambda text, status: status != 0, gone)


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
