# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: before anything is touched a plain user is told what needs root, and after convergence what is watched.

Limits: what needs root is guessed from owners, units and folders; a command may need it without saying so, and a right given by
other means (a capability, an ACL that a check by access(2) doesn't see) isn't known.
"""

import os
import re
import subprocess

import mgmt_test
from mgmt_test import Agent, Skip, check, equal, folder, graph, mgmt, write

AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def as_root():
    if os.geteuid() != 0:
        raise Skip("only root can become another user")


def lines_of(at, *args, prefix=()):
    done = subprocess.run(
        [*prefix, mgmt(), "run", "graph.yaml", "--report", "lines", "--tmp-prefix", *args],
        cwd=at, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr


def mixed(at):
    files = [
        {"name": "own", "path": at + "/own/f", "content": "x\n"},
        {"name": "given", "path": at + "/own/g", "content": "x\n", "owner": "root"},
        {"name": "locked", "path": at + "/locked/new/f", "content": "x\n", "recurse": False},
    ]
    return graph(file=files, exec=[{"name": "true", "cmd": "true", "user": "root", "creates": "/"}])


def test_a_plain_user_is_told_once_what_needs_root_before_anything_is_touched():
    as_root()
    with folder() as at:
        os.chmod(at, 0o755)
        os.makedirs(at + "/own")
        os.chown(at + "/own", 65534, 65534)
        os.makedirs(at + "/locked")
        write(at + "/graph.yaml", mixed(at))
        status, said = lines_of(at, "--once", prefix=AS_NOBODY)
        equal(status, 4, f"exit status; it said {said}")
        told = [line for line in said.splitlines() if "need root" in line]
        equal(len(told), 1, f"lines that say it in {said}")
        check("3 of 4 resources need root: " in told[0], told[0])
        for name, why in (("given", "owner root"), ("locked", f"{at}/locked isn't writable")):
            check(f"file[{name}] ({why})" in told[0], f"{name}: {told[0]}")
        check("exec[true] (runs as root)" in told[0], told[0])
        check(said.index("need root") < said.index("graph test:") and said.index("need root") < said.index("changed file[own]"), f"too late: {said}")
        check(os.path.exists(at + "/own/f"), "what needs no root was not done")


def test_root_and_a_dry_run_are_told_nothing_of_it():
    as_root()
    with folder() as at:
        os.chmod(at, 0o755)
        os.makedirs(at + "/own")
        os.makedirs(at + "/locked/new")
        write(at + "/graph.yaml", mixed(at))
        check("need root" not in lines_of(at, "--once", "--noop", prefix=AS_NOBODY)[1], "a dry run")
        check("need root" not in lines_of(at, "--once")[1], "root")


def test_after_convergence_it_says_what_is_watched():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": f"f{n}", "path": f"{at}/f{n}", "content": "x"} for n in range(10)]))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        told = agent.wait_for("converged")
        check(told["seconds"] > 0 and 10 <= told["watched"] <= 16 and told["polled"] == 0, f"{told}")
        agent.stop()


def test_as_a_line_it_has_the_time_and_the_numbers_once():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": f"{at}/f", "content": "x"}]))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix", report="lines")
        mgmt_test.wait_until(lambda: agent.read_some(0.05) and any(b"converged" in line for line in agent.broken_lines), "converged")
        write(at + "/f", "by hand")
        mgmt_test.wait_until(lambda: agent.read_some(0.05) and len([one for one in agent.broken_lines if b"converged" in one]) == 2, "converged again")
        first, second = [line.decode() for line in agent.broken_lines if b"converged" in line]
        check(re.search(r"converged in [\d.]+ m?s; watching \d+ paths \(0 polled\)$", first), first)
        check(second.endswith(" converged"), second)
        agent.stop()


def test_on_a_terminal_it_says_how_to_stop_it():
    import pty
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": f"{at}/f", "content": "x"}]))
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [mgmt(), "run", "graph.yaml", "--tmp-prefix"], cwd=at, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}
        )
        os.close(theirs)
        said = b""
        try:
            while b"converged" not in said or not said.endswith(b"\n"):
                said += os.read(ours, 4096)
            check(re.search(rb"converged.* in .*; watching \d+ paths? \(0 polled\); Ctrl-C stops", said), said)
        finally:
            process.terminate()
            process.wait(30)
            os.close(ours)


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
