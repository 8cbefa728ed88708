# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: one cause on many resources is one line with a count, repeats are said at 1, 2, 4, 8…, and the journal gets priorities.

JSON (`--report json`) stays complete: a program counts itself.

Limits: causes are told apart by their words, without names and paths. The first failure of a cause is said in full, at once.
"""

import os
import re
import subprocess

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, mgmt, run, write


def run_lines(at, *args, env=None, stdout=None):
    command = [mgmt(), "run", "graph.yaml", "--tmp-prefix", "--once", *args]
    return subprocess.run(command, cwd=at, stdin=subprocess.DEVNULL, stdout=stdout or subprocess.PIPE, text=True, check=False, env={**os.environ, **(env or {})})


def many_that_fail(at, count=500):
    """Their folder is a file: one cause, in words that each differ."""
    write(at + "/blocked", "a file")
    return graph(file=[{"name": f"f{n}", "path": f"{at}/blocked/f{n}", "content": "x", "meta": {"retry": 0}} for n in range(count)])


def test_five_hundred_failures_of_one_cause_are_one_in_full_and_one_line_with_their_number():
    with folder() as at:
        write(at + "/graph.yaml", many_that_fail(at))
        said = run_lines(at, "--report", "lines").stdout
        lines = [line for line in said.splitlines() if "failed" in line and "settled" not in line and "resources, " not in line]
        check(len([line for line in lines if re.search(r" failed file\[f\d+\]", line)]) <= 3, f"too many in full: {lines[:10]}")
        counted = [int(found[1]) for line in lines if (found := re.search(r"(\d+) more resources failed for the same reason: file\[f\d+\], file\[f\d+\], file\[f\d+\] and \d+ more", line))]
        full = len([line for line in lines if re.search(r" failed file\[f\d+\]", line)])
        equal(sum(counted) + full, 500, f"failures that are said: {lines[:10]}")


def test_json_has_each_of_them():
    with folder() as at:
        write(at + "/graph.yaml", many_that_fail(at))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, len({e["resource"] for e in agent.all("failed")})), (4, 500), "exit status, failures")


def test_the_same_failure_again_and_again_is_said_at_one_two_four_eight():
    with folder() as at:
        write(at + "/graph.yaml", graph(exec=[{"name": "x", "cmd": "false", "meta": {"retry": 19, "delay": 1}}]))
        agent = Agent("graph.yaml", cwd=at, report="lines")
        mgmt_test.wait_until(lambda: agent.read_some(0.05) and any(b"settled" in line for line in agent.broken_lines), "the last try")
        agent.stop()
        said = [line.decode() for line in agent.broken_lines if b" failed exec[x]" in line]
        times = [int(found[1]) if (found := re.search(r"(\d+) times in a row", line)) else 1 for line in said]
        equal(times, [1, 2, 4, 8, 16], f"the tries that are said, of 20: {said}")


def test_under_the_journal_lines_have_their_priority_and_no_time():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "x"}], exec=[{"name": "x", "cmd": "false", "meta": {"retry": 0}}]))
        with open(at + "/journal", "wb") as journal:
            status = os.fstat(journal.fileno())
            run_lines(at, env={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, stdout=journal)
        lines = mgmt_test.read(at + "/journal").splitlines()
        check(all(re.match(r"<[3-7]>", line) for line in lines), f"lines without a priority: {lines}")
        check(not any(re.search(r"\d\d:\d\d:\d\d", line) for line in lines), f"lines with a time: {lines}")
        priority = lambda text: [line[1] for line in lines if text in line]
        equal((priority("changed file[f]"), priority("failed exec[x]"), priority("graph test")), (["5"], ["3"], ["6"]), f"{lines}")


def test_another_file_than_the_journals_has_the_time():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "x"}]))
        first = run_lines(at, env={"JOURNAL_STREAM": "1:2"}).stdout.splitlines()[0]
        check(re.match(r"\d{4}-\d\d-\d\dT\S+ graph test", first), first)


def test_no_color_is_minded():
    import pty
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "x"}]))
        for value, colored in (("1", False), ("", True)):
            ours, theirs = pty.openpty()
            process = subprocess.Popen(
                [mgmt(), "run", "graph.yaml", "--tmp-prefix", "--once"], cwd=at, stdin=theirs, stdout=theirs, stderr=theirs,
                env={**os.environ, "TERM": "xterm", "NO_COLOR": value},
            )
            os.close(theirs)
            said = b""
            try:
                while piece := os.read(ours, 4096):
                    said += piece
            except OSError:  # EIO: its end
                pass
            process.wait(30)
            os.close(ours)
            equal(re.search(rb"\x1b\[[\d;]*m", said) is not None, colored, f"NO_COLOR={value}: {said}")


def test_quiet_says_only_what_is_wrong():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "x"}]))
        equal(run_lines(at, "-q").stdout, "", "what a run without a failure says")
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "y"}], exec=[{"name": "x", "cmd": "false", "meta": {"retry": 0}}]))
        said = run_lines(at, "--quiet").stdout
        check("failed exec[x]" in said and "1 failed" in said, said)
        check("changed file[f]" not in said and "converged" not in said.replace("settled", ""), said)


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
