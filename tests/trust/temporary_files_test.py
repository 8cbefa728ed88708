# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: temporary files are nobody else's business, and those of this agent's dead runs are removed.

Limits: what a killed run left on a file system that isn't mounted when the next one begins stays there. A run with
`--tmp-prefix`, or one that can't write its prefix, remembers nothing, so what it leaves when it is killed stays.
"""

import os
import signal
import subprocess

import mgmt_test
from mgmt_test import Agent, Skip, check, equal, folder, graph, leftovers, read, run, save, wait_until

SIZE = 256 << 20


def big(at, **more):
    """A file whose replacement takes a while."""
    os.makedirs(at + "/files", exist_ok=True)
    with open(at + "/source", "wb") as file:
        file.truncate(SIZE)
    save(at + "/files/big", "old")
    return graph(file=[{"name": "big", "path": at + "/files/big", "source": at + "/source", **more}])


def halt_amid(at, *args, **options):
    """An agent that is stopped while it writes; and the name of its temporary file."""
    agent = Agent(*args, cwd=at, **options)
    name = wait_until(lambda: leftovers(at + "/files"), "a temporary file")[0]
    agent.send(signal.SIGSTOP)
    check(os.path.exists(name), "it was written before it could be stopped")
    return agent, name


def killed(at, prefix):
    save(at + "/graph.yaml", big(at))
    agent, name = halt_amid(at, "graph.yaml", "--once", prefix=prefix)
    agent.kill()
    check(os.path.exists(name), "no temporary file is left")
    equal(read(at + "/files/big"), "old", "the file")
    return name


def records(prefix):
    return [name for name in os.listdir(prefix + "/db/agent") if ".run-" in name]


def test_the_next_run_removes_what_a_killed_one_left():
    with folder() as at:
        killed(at, at + "/prefix")
        check(records(at + "/prefix"), "the run isn't recorded")
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "the next run")
        equal(os.path.getsize(at + "/files/big"), SIZE, "the size")
        equal(leftovers(at + "/files"), [], "temporary files")
        equal(records(at + "/prefix"), [], "records")


def test_also_where_the_next_graph_manages_nothing_any_more():
    with folder() as at:
        killed(at, at + "/prefix")
        save(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "x"}]))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "the next run")
        equal(leftovers(at + "/files"), [], "temporary files")


def test_also_without_a_prefix_being_named():
    with folder() as at:
        env = {"STATE_DIRECTORY": at + "/state"}  # as systemd sets it; else it is /var/lib/mgmt
        save(at + "/graph.yaml", big(at))
        run_plain = [mgmt_test.mgmt(), "run", "graph.yaml", "--once", "--report", "json"]
        agent = Agent(*run_plain[1:], cwd=at, program=run_plain[0], env=env)
        name = wait_until(lambda: leftovers(at + "/files"), "a temporary file")[0]
        agent.kill()
        check(os.path.exists(name), "no temporary file is left")
        agent = Agent(*run_plain[1:], cwd=at, program=run_plain[0], env=env)
        equal(agent.wait(), 0, "the next run")
        equal(leftovers(at + "/files"), [], "temporary files")


def test_other_agents_leave_it():
    with folder() as at:
        name = killed(at, at + "/prefix")
        save(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/files/f", "content": "x"}]))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/another")[0], 0, "another prefix")
        equal(run("graph.yaml", "--once", "--hostname", "another", cwd=at, prefix=at + "/prefix")[0], 0, "another name")
        equal(leftovers(at + "/files"), [name], "temporary files")


def test_a_purge_leaves_what_another_agent_is_writing():
    with folder() as at:
        save(at + "/one.yaml", big(at))
        one, name = halt_amid(at, "one.yaml", "--once", prefix=at + "/one")
        save(at + "/files/stray", "x")
        purge = [
            {"name": "d", "path": at + "/files/", "recurse": True, "purge": True, "state": "exists"},
            {"name": "big", "path": at + "/files/big", "state": "exists"},
        ]
        save(at + "/two.yaml", graph(file=purge))
        equal(run("two.yaml", "--once", cwd=at, prefix=at + "/two")[0], 0, "the purge")
        equal(os.path.exists(at + "/files/stray"), False, "what is not declared")
        equal(leftovers(at + "/files"), [name], "what is being written")
        one.send(signal.SIGCONT)
        equal(one.wait(), 0, "the one that was writing")
        equal(os.path.getsize(at + "/files/big"), SIZE, "the size")


def test_a_tree_does_not_copy_it():
    with folder() as at:
        name = os.path.basename(killed(at, at + "/prefix"))
        tree = {"name": "t", "path": at + "/copy/", "source": at + "/files/", "recurse": True}
        save(at + "/tree.yaml", graph(file=[tree]))
        equal(run("tree.yaml", "--once", cwd=at, prefix=at + "/another")[0], 0, "the copy")
        equal(os.listdir(at + "/copy"), ["big"], f"what was copied, and not {name}")


def test_run_parts_cron_and_sudo_pass_over_its_name():
    with folder() as at:
        name = os.path.basename(killed(at, at + "/prefix"))
        # sudoers(5): what has a dot or ends with ~; cron(8) and run-parts(8): what isn't letters, digits, _ and -.
        check(name.startswith(".") and name.endswith("~"), name)
        os.chmod(f"{at}/files/{name}", 0o755)
        save(at + "/files/script", "#!/bin/sh\n")
        os.chmod(at + "/files/script", 0o755)
        try:
            done = subprocess.run(["run-parts", "--test", at + "/files"], capture_output=True, check=True, text=True)
        except FileNotFoundError:
            raise Skip("there is no run-parts") from None
        equal(done.stdout.split(), [at + "/files/script"], "what run-parts would run")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
