# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands: A stop ends what a command runs within the second, unless its `stop` says otherwise.

By default a command's process group gets SIGTERM, and SIGKILL before the second is over. `stop: wait` lets it finish, `stop: leave`
hands it over to init.

Limits: after `kill -9` of mgmt the kernel ends the processes that mgmt started itself, but neither what these have started nor a
set-uid program. What a command leaves in the background when it ends is left alone, as is what has left the command's process
group. Under systemd the unit decides about both (KillMode=): with control-group, its default, `stop: leave` leaves nothing.
"""

import os
import signal
import time

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, processes_with, read, wait_until


def let_go(path):
    """Ends the wait of a command for a line from this pipe."""
    with open(path, "w") as pipe:
        pipe.write("now\n")


def started(at, cmd, report="json", **params):
    """An agent whose command has printed `ready`; its pid is in pid."""
    params = {"name": "x", "shell": "/bin/sh", "cmd": cmd, **params}
    mgmt_test.write(at + "/graph.yaml", graph(exec=[params]))
    agent = Agent("graph.yaml", cwd=at, report=report)
    agent.wait_for("output", line="ready")
    return agent


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def number(path):
    return int(wait_until(lambda: (read(path) or "").strip(), f"a number in {path}"))


def gone(pid, what):
    wait_until(lambda: not alive(pid), f"the end of {what}")


def test_a_command_and_its_group_are_told_and_then_killed():
    with folder() as at:
        deaf = f"trap 'echo told >> {at}/told' TERM; echo $$ > {at}/leader; while :; do sleep 0.05; done"
        agent = started(at, f"sh -c \"trap '' TERM; echo \\$\\$ > {at}/member; echo ready; while :; do sleep 0.05; done\" & {deaf}")
        leader, member = number(at + "/leader"), number(at + "/member")
        start = time.monotonic()
        equal(agent.stop(), 0, "exit status")
        mgmt_test.measured("seconds", round(time.monotonic() - start, 2))
        equal(read(at + "/told"), "told\n", "what the command heard")
        check(not alive(leader) and not alive(member), "something of the command lives on")


def test_wait_lets_it_finish_and_says_what_it_waits_for():
    with folder() as at:
        os.mkfifo(at + "/go")
        agent = started(at, f"trap 'echo told > {at}/told' TERM; echo ready; read x < {at}/go; echo whole > {at}/done", stop="wait")
        agent.send(signal.SIGTERM)
        agent.wait_for("notice", text="waiting for the end of exec[x] (`stop: wait`)", hint="a second signal kills what runs")
        # Longer than a stop takes otherwise: it says so again.
        agent.wait_for("notice", text="waiting for the end of exec[x] (`stop: wait`)")
        check(agent.process.poll() is None and read(at + "/done") is None, "it didn't wait")
        let_go(at + "/go")
        equal(agent.wait(), 0, "exit status")
        equal((read(at + "/done"), read(at + "/told")), ("whole\n", None), "what the command did, and heard")
        check(agent.all("changed", resource="exec[x]"), f"how it ended isn't said{agent.tail()}")


def test_a_second_signal_kills_what_is_waited_for():
    with folder() as at:
        agent = started(at, f"echo $$ > {at}/pid; echo ready; while :; do sleep 0.05; done", stop="wait")
        agent.send(signal.SIGTERM)
        agent.wait_for("notice", text="waiting for the end of exec[x] (`stop: wait`)")
        agent.send(signal.SIGTERM)
        equal(agent.wait(), 143, "exit status")
        gone(number(at + "/pid"), "the command")


def outlives(at, end):
    os.mkfifo(at + "/go")
    # More than a pipe holds, and after its reader has gone.
    rest = f"read x < {at}/go; seq 1 200000; seq 1 200000 >&2; echo whole > {at}/done"
    agent = started(at, f"echo $$ > {at}/pid; echo ready; echo bad >&2; {rest}", stop="leave")
    agent.wait_for("output", line="bad", stream="stderr")
    end(agent)
    pid = number(at + "/pid")
    check(alive(pid), "the command has ended with mgmt")
    with open(f"/proc/{pid}/stat") as file:
        check(file.read().rpartition(")")[2].split()[1] != str(agent.pid), "it is still a child of mgmt")
    let_go(at + "/go")
    wait_until(lambda: read(at + "/done") == "whole\n", "the end of what the command does")
    gone(pid, "the command")


def test_leave_hands_it_over_to_init():
    with folder() as at:
        outlives(at, lambda agent: equal(agent.stop(), 0, "exit status"))
        equal(processes_with(at), [], "processes that stay")


def test_what_is_to_be_left_survives_a_kill_of_mgmt_too():
    with folder() as at:
        outlives(at, lambda agent: agent.kill())


def test_what_is_to_be_left_is_reported_as_any_other_while_mgmt_runs():
    with folder() as at:
        cmd = "seq 1 3; echo last words >&2; exit 3"
        missing = {"name": "missing", "cmd": "no-such-program", "stop": "leave"}
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "shell": "/bin/sh", "cmd": cmd, "stop": "leave"}, missing]))
        status, agent = mgmt_test.run("graph.yaml", "--once", cwd=at)
        equal(status, 4, f"exit status{agent.tail()}")
        equal([e["line"] for e in agent.all("output", resource="exec[x]")[:4]], ["1", "2", "3", "last words"], "its output")
        failed = agent.all("failed", resource="exec[x]")[0]
        check("ended with status 3" in failed["error"] and "last words" in failed["hint"], f"its failure: {failed}")
        error = agent.all("failed", resource="exec[missing]")[0]["error"]
        equal(error, "starting `no-such-program`: No such file or directory", "what is said of one that isn't there")


def test_after_a_kill_of_mgmt_its_children_end_too():
    for stop in ("kill", "wait"):
        with folder() as at:
            mgmt_test.write(at + "/graph.yaml", graph(exec=[
                {"name": "plain", "cmd": "/bin/sleep 1000", "stop": stop},
                {"name": "x", "shell": "/bin/sh", "cmd": f"echo $$ > {at}/pid; echo ready; while :; do sleep 0.05; done", "stop": stop}]))
            agent = Agent("graph.yaml", cwd=at)
            agent.wait_for("output", line="ready")
            pid = number(at + "/pid")
            children = wait_until(lambda: children_of(agent.pid, 2), "two children")
            check(pid in children, f"{pid} isn't among {children}")
            agent.kill()
            for child in children:
                gone(child, "a child of a killed mgmt")


def children_of(pid, at_least):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        found += map(int, (read(f"/proc/{pid}/task/{task}/children") or "").split())
    return found if len(found) >= at_least else None


def test_what_a_command_leaves_in_the_background_is_left_alone():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", graph(exec=[
            {"name": "x", "shell": "/bin/sh", "cmd": f"sleep 1000 >/dev/null 2>&1 & echo $! > {at}/pid"}]))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        equal(agent.stop(), 0, "exit status")
        pid = number(at + "/pid")
        check(alive(pid), "what the command left running has ended")
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    mgmt_test.main(globals())
