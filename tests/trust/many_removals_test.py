# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: More than 20 removals in one swap wait for somebody to say yes, and are listed; until then nothing of the swap is done.

Limits: what commands remove isn't seen. What can't be told before (a source that another resource makes first) is refused when
it comes to it, resource by resource. Repairs of drift aren't counted.
"""

import json
import os
import subprocess

import mgmt_test
from mgmt_test import Agent, check, command, equal, folder, graph, read, run, save, wait_until


def fill(at, count, prefix="f"):
    os.makedirs(at, exist_ok=True)
    for number in range(count):
        mgmt_test.write(f"{at}/{prefix}{number:03}", "x")


def absent(at, count):
    return [{"name": f"a{n}", "path": f"{at}/f{n:03}", "state": "absent"} for n in range(count)]


def also(at):
    """What would be done beside the removals."""
    return {"name": "also", "path": at + "/also", "content": "x"}


def texts(agent):
    return [event["text"] for event in agent.all("notice", level="warning")]


def purge(at, **more):
    return {"name": "t", "path": at + "/tree/", "state": "exists", "recurse": True, "purge": True, **more}


def refused(at, count, what, shown):
    """Refused with --once; allowed with --allow-removals of as many, and not of one less."""
    for extra in ((), ("--allow-removals", str(count - 1))):
        status, agent = run("graph.yaml", "--once", *extra, cwd=at)
        equal(status, 6, f"exit status: {what}; {agent.tail()}")
        said = texts(agent)
        check(f"it would remove {count} entries" in said[0], said)
        check(any(line.startswith(f"would remove {shown}") for line in said), f"no {shown} in {said}")
        check(not os.path.exists(at + "/also"), "something of the graph was done")
    return lambda: run("graph.yaml", "--once", "--allow-removals", str(count), cwd=at)


def test_twenty_go_and_twenty_one_do_not():
    with folder() as at:
        fill(at + "/d", 20)
        mgmt_test.write(at + "/graph.yaml", graph(file=[*absent(at + "/d", 21), also(at)]))
        equal(run("graph.yaml", "--once", cwd=at)[0], 0, "exit status with 20 to go")
        equal(os.listdir(at + "/d"), [], "what is left")
        fill(at + "/d", 21)
        os.unlink(at + "/also")
        status, agent = refused(at, 21, "21 absent files", at + "/d/f000")()
        equal((status, os.listdir(at + "/d")), (0, []), f"with --allow-removals 21; {agent.tail()}")


def test_what_a_folder_holds_is_counted():
    with folder() as at:
        fill(at + "/tree/deep/er", 30)
        mgmt_test.write(at + "/graph.yaml", graph(file=[{"name": "t", "path": at + "/tree/", "state": "absent", "recurse": True}, also(at)]))
        status, agent = refused(at, 33, "a recursive removal", f"{at}/tree with all that it holds, 33 entries")()
        equal((status, os.path.exists(at + "/tree")), (0, False), f"allowed; {agent.tail()}")


def test_what_a_purge_removes_is_counted():
    with folder() as at:
        fill(at + "/tree/sub", 30)
        fill(at + "/source", 1, "kept")
        for more in ({}, {"source": at + "/source/"}):
            fill(at + "/tree/sub", 30)
            mgmt_test.write(at + "/graph.yaml", graph(file=[purge(at, **more), also(at)]))
            status, agent = refused(at, 31, "a purge", f"{at}/tree/sub with all that it holds, 31 entries")()
            equal((status, os.listdir(at + "/tree")), (0, ["kept000"] if more else []), f"allowed; {agent.tail()}")
            os.unlink(at + "/also")


def test_what_force_removes_is_counted():
    with folder() as at:
        fill(at + "/thing", 30)
        fill(at + "/tree/a", 30)
        mgmt_test.write(os.path.join(at, "a"), "")
        os.mkdir(at + "/source")
        mgmt_test.write(at + "/source/a", "file")
        for forced in ({"name": "f", "path": at + "/thing", "content": "x", "force": True},
                       {"name": "f", "path": at + "/tree/", "source": at + "/source/", "recurse": True, "force": True}):
            mgmt_test.write(at + "/graph.yaml", graph(file=[forced, also(at)]))
            status, agent = refused(at, 31, "force", at + ("/thing" if "content" in forced else "/tree/a"))()
            equal(status, 0, f"allowed; {agent.tail()}")
            os.unlink(at + "/also")
        equal((read(at + "/thing"), read(at + "/tree/a")), ("x", "file"), "what came in their place")


def test_the_list_is_bounded():
    with folder() as at:
        fill(at + "/d", 50)
        mgmt_test.write(at + "/graph.yaml", graph(file=absent(at + "/d", 50)))
        status, agent = run("graph.yaml", "--once", cwd=at)
        said = texts(agent)
        equal((status, len([line for line in said if line.startswith("would remove ")]), said[-1]), (6, 20, "and 30 more"), f"{said}")


def running(at):
    """An agent of a graph without removals, then edited to one with 30."""
    fill(at + "/d", 30)
    mgmt_test.write(at + "/graph.yaml", graph(file=[{"name": "kept", "path": at + "/kept", "content": "x"}]))
    agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
    agent.wait_for("converged")
    save(at + "/graph.yaml", graph(file=[*absent(at + "/d", 30), also(at)]))
    notice = agent.wait_for("notice", where=lambda e: "it would remove 30 entries" in e["text"])
    return agent, notice


def asked(at, *words):
    return command(*words, "--prefix", at + "/prefix")


def test_the_old_graph_goes_on_until_somebody_approves():
    with folder() as at:
        agent, notice = running(at)
        check("mgmt approve" in notice["hint"] and at + "/prefix" in notice["hint"], notice)
        # The old graph is kept to.
        os.unlink(at + "/kept")
        agent.wait_for("changed", resource="file[kept]", repair=True)
        equal((len(os.listdir(at + "/d")), os.path.exists(at + "/also")), (30, False), "what is there")
        waiting = json.loads(asked(at, "status", "--json").stdout)["asks"]
        equal((waiting["removals"], len(waiting["removes"])), (30, 30), f"{waiting}")
        check(f"mgmt approve {waiting['plan']}" in asked(at, "status").stdout, asked(at, "status").stdout)
        # Of another plan nobody knows.
        wrong = asked(at, "approve", "12345678")
        equal((wrong.returncode, waiting["plan"] in wrong.stderr), (1, True), wrong.stderr)
        equal(len(os.listdir(at + "/d")), 30, "what is there")
        equal(asked(at, "approve", waiting["plan"]).returncode, 0, "approve")
        agent.wait_for("converged", generation=2)
        equal((os.listdir(at + "/d"), read(at + "/also")), ([], "x"), "what is there")
        equal(agent.stop(), 0, "exit status")
        entries = [json.loads(line) for line in asked(at, "history", "--json").stdout.splitlines()]
        approval = [entry for entry in entries if entry["what"] == "approval"]
        equal([(entry["by"], entry["changes"][0]["after"]) for entry in approval], [("root", 30)], f"{entries}")
        equal(asked(at, "approve").returncode, 1, "approve where no agent runs")


def test_an_edit_takes_the_place_of_what_waits():
    with folder() as at:
        agent, _ = running(at)
        save(at + "/graph.yaml", graph(file=[*absent(at + "/d", 5), also(at)]))
        agent.wait_for("converged")
        equal((len(os.listdir(at + "/d")), read(at + "/also")), (25, "x"), "what is there")
        nothing = asked(at, "approve")
        equal((nothing.returncode, "nothing waits" in nothing.stderr), (1, True), nothing.stderr)


def test_what_was_approved_is_what_was_shown():
    with folder() as at:
        agent, _ = running(at)
        fill(at + "/tree", 25)
        save(at + "/graph.yaml", graph(name="next", file=[purge(at), also(at)]))
        agent.wait_for("notice", where=lambda e: "graph next" in e["text"] and "it would remove 25 entries" in e["text"])
        fill(at + "/tree", 40)
        equal(asked(at, "approve").returncode, 0, "approve")
        agent.wait_for("notice", where=lambda e: "it would remove 40 entries" in e["text"])
        equal(len(os.listdir(at + "/tree")), 40, "what is there")
        equal(asked(at, "approve").returncode, 0, "approve")
        agent.wait_for("changed", resource="file[t]")
        equal(os.listdir(at + "/tree"), [], "what is there")


def test_a_file_that_leaves_the_graph_and_falls_to_a_purge_is_counted():
    with folder() as at:
        files = [{"name": f"f{n}", "path": f"{at}/tree/{n}", "content": "x"} for n in range(25)]
        mgmt_test.write(at + "/graph.yaml", graph(file=[purge(at), *files]))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("converged")
        save(at + "/graph.yaml", graph(file=[purge(at), also(at)]))
        agent.wait_for("notice", where=lambda e: "it would remove 25 entries" in e["text"])
        equal(len(os.listdir(at + "/tree")), 25, "what is there")


def test_drift_afterwards_is_not_counted():
    with folder() as at:
        os.mkdir(at + "/tree")
        mgmt_test.write(at + "/graph.yaml", graph(file=[purge(at)]))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        fill(at + "/aside", 60)
        os.rename(at + "/aside", at + "/tree/aside")
        agent.wait_for("changed", resource="file[t]", repair=True)
        wait_until(lambda: os.listdir(at + "/tree") == [], "the purge of what came")
        equal(agent.all("failed"), [], "failures")


def test_what_could_not_be_told_before_is_refused_when_it_comes():
    with folder() as at:
        fill(at + "/tree", 30)
        # Its source isn't there yet: how much goes can't be said.
        graph_of = lambda: graph(exec=[{"name": "make", "cmd": f"mkdir -p {at}/source && touch {at}/source/new", "shell": "/bin/sh", "creates": at + "/source/new"}],
                                 file=[purge(at, source=at + "/source/")], edges=[("exec", "make", "file", "t")])
        mgmt_test.write(at + "/graph.yaml", graph_of())
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, len(os.listdir(at + "/tree"))), (4, 30), f"{agent.tail()}")
        check("it would remove 30 entries, which couldn't be told before" in agent.all("failed")[0]["error"], agent.tail())
        subprocess.run(["rm", "-r", at + "/source"], check=True)
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("settled")
        equal(len(os.listdir(at + "/tree")), 30, "what is there")
        equal(asked(at, "approve").returncode, 0, "approve")
        agent.wait_for("converged")
        equal(os.listdir(at + "/tree"), ["new"], "what is there")


def test_a_dry_run_a_plan_and_what_a_plan_says_wait_for_nobody():
    with folder() as at:
        fill(at + "/d", 30)
        mgmt_test.write(at + "/graph.yaml", graph(file=absent(at + "/d", 30)))
        equal(run("graph.yaml", "--once", "--noop", cwd=at)[0], 6, "exit status of noop")
        equal(command("plan", "graph.yaml", "--save", "plan", cwd=at).returncode, 6, "exit status of plan")
        equal(len(os.listdir(at + "/d")), 30, "what is there")
        applied = command("apply", "plan", cwd=at)
        equal((applied.returncode, os.listdir(at + "/d")), (0, []), f"apply: {applied.stdout}{applied.stderr}")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
