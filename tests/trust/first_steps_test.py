# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: `mgmt init` writes a first graph that runs as it is, and bare `mgmt` shows five examples."""

import os
import shlex
import subprocess

import mgmt_test
from mgmt_test import Agent, Skip, check, equal, folder, mgmt, read, write

AS_OTHER = ["setpriv", "--reuid", "4321", "--regid", "4321", "--clear-groups"]


def run(at, *args, command=()):
    return subprocess.run([*command, mgmt(), *args], cwd=at, capture_output=True, text=True, check=False)


def from_nothing(at, command=()):
    done = run(at, "init", command=command)
    equal(done.returncode, 0, f"status of init: {done.stderr}")
    done = run(at, "check", "graph.yaml", command=command)
    equal((done.returncode, done.stderr), (0, ""), "check")
    equal(run(at, "plan", "graph.yaml", command=command).returncode, 6, "status of plan")
    done = run(at, "run", "graph.yaml", "--once", "--tmp-prefix", command=command)
    equal((done.returncode, done.stderr), (0, ""), f"run: {done.stdout}")
    check("Hello from mgmt" in read(at + "/hello/greeting"), "the file isn't there")
    equal(run(at, "plan", "graph.yaml", command=command).stdout.count("file["), 0, "files that would change still")


def test_what_init_writes_is_right_and_runs_as_it_is():
    with folder() as at:
        os.umask(0o002)  # root would not run what its group may write
        from_nothing(at)
        equal(sorted(os.listdir(at)), ["graph.yaml", "hello"], "what there is now")
        comments = [line for line in read(at + "/graph.yaml").splitlines() if line.strip().startswith("#")]
        check(len(comments) >= 6, f"only {len(comments)} lines of comment")


def test_it_runs_for_any_user_in_any_folder():
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    with folder() as top:
        os.chmod(top, 0o755)
        at = top + "/a folder: 'of' \"{mine}\" $x"
        os.mkdir(at)
        os.chown(at, 4321, 4321)
        from_nothing(at, command=AS_OTHER)


def test_a_removed_greeting_is_there_again_and_counted():
    with folder() as at:
        run(at, "init", "first.yaml")
        agent = Agent("first.yaml", cwd=at)
        agent.wait_for("converged")
        os.unlink(at + "/hello/greeting")
        agent.wait_for("changed", resource="file[greeting]", repair=True)
        agent.wait_for("output", resource="exec[count]")
        equal(agent.stop(), 0, "exit status")


def test_init_overwrites_nothing():
    with folder() as at:
        write(at + "/graph.yaml", "mine")
        done = run(at, "init")
        equal((done.returncode, read(at + "/graph.yaml")), (2, "mine"), "status, and what is there")
        check("is there already" in done.stderr, done.stderr)
        os.symlink("nowhere", at + "/link.yaml")
        equal((run(at, "init", "link.yaml").returncode, os.path.exists(at + "/nowhere")), (2, False), "status of a link")


def test_bare_mgmt_shows_five_examples_of_commands_that_there_are():
    with folder() as at:
        done = run(at)
        equal((done.returncode, done.stderr), (0, ""), "status")
        examples = [line.strip() for line in done.stdout.splitlines() if line.startswith("  mgmt ")]
        equal(len(examples), 5, f"examples in {done.stdout}")
        for example in examples:
            words = shlex.split(example.split("  ")[0])
            equal(run(at, words[1], "--help").returncode, 0, f"status of {words[1]} --help")
        equal(run(at, *shlex.split(examples[0].split("  ")[0])[1:]).returncode, 0, "status of the first one")
        equal(run(at, *shlex.split(examples[1].split("  ")[0])[1:]).returncode, 6, "status of the second one")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
