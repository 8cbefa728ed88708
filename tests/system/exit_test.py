# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ends: the exit statuses, and that nothing is left behind."""

import os
import signal
import time

import mgmt_test
from mgmt_test import PATIENCE, Agent, check, command, equal, folder, graph, processes_with, run, wait_until


def file_in(at, text, name="graph.yaml"):
    path = os.path.join(at, name)
    mgmt_test.write(path, text)
    return path


def sleeper(name, seconds=1000):
    return {"name": name, "cmd": f"sleep {seconds}"}


def alive(pid):
    """Runs still: neither gone nor a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_converged_is_0():
    with folder() as at:
        file_in(at, graph(noop=[{"name": "a"}]))
        equal(run("graph.yaml", "--once", cwd=at)[0], 0, "--once")
        equal(run("graph.yaml", "--converged-timeout=0.1", cwd=at)[0], 0, "--converged-timeout")
        equal(run("graph.yaml", "--converger-timeout", "0.1", "--converged-exit", cwd=at)[0], 0, "--converger-timeout")


def test_a_bad_file_or_command_line_is_2():
    with folder() as at:
        file_in(at, graph(noop=[{"name": "a"}, {"name": "b"}], edges=[("noop", "a", "noop", "b"), ("noop", "b", "noop", "a")]))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal(status, 2, "a cycle")
        check("noop[a]" in agent.stderr() and "cycle" in agent.stderr(), f"no cycle named: {agent.stderr()}")
        equal(run("nothing.yaml", "--once", cwd=at)[0], 2, "a file that isn't there")
        file_in(at, "graph: [")
        equal(run("graph.yaml", "--once", cwd=at)[0], 2, "a syntax error")
        equal(command("run", "--no-such-flag", "graph.yaml").returncode, 2, "an unknown flag")
        equal(command("nonsense").returncode, 2, "an unknown command")
        equal(command("check", "graph.yaml", cwd=at).returncode, 2, "check of a bad file")


def test_a_failed_resource_is_4_and_isnt_called_converged():
    with folder() as at:
        file_in(
            at,
            graph(
                exec=[{"name": "bad", "cmd": "false"}],
                noop=[{"name": "after"}],
                file=[{"name": at + "/apart", "content": "x"}],
                edges=[("exec", "bad", "noop", "after")],
            ),
        )
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal(status, 4, "exit status")
        equal(agent.all("converged"), [], "converged events")
        settled = agent.all("settled")[-1]
        equal((settled["failed"], settled["blocked"]), (1, 1), "failed, blocked")
        equal(mgmt_test.read(at + "/apart"), "x", "what doesn't depend on it")
        place = agent.all("failed")[0]["place"]
        check(place.startswith("graph.yaml:"), f"no place: {place}")


def test_a_resource_that_keeps_failing_doesnt_block_once():
    with folder() as at:
        bad = {"name": "bad", "cmd": "false", "meta": {"retry": -1, "delay": 10}}
        file_in(at, graph(exec=[bad]))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal(status, 4, "exit status")
        check(len(agent.all("failed")) >= 2, "settled before the second failure")


def test_max_runtime_is_7():
    with folder() as at:
        file_in(at, graph(exec=[sleeper("long")]))
        status, agent = run("graph.yaml", "--once", "--max-runtime", "0.3", cwd=at)
        equal(status, 7, "exit status")
        check(agent.all("summary")[0]["elapsed"] >= 0.3, "ended too early")


def test_a_signal_before_the_asked_convergence_is_130_or_143():
    for number, want in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with folder() as at:
            file_in(at, graph(exec=[sleeper("long")]))
            agent = Agent("graph.yaml", "--once", cwd=at)
            agent.wait_for("started", resource="exec[long]")
            equal(agent.stop(number), want, f"exit status after signal {number}")


def test_a_signal_is_0_where_no_convergence_was_asked_for():
    for number in (signal.SIGINT, signal.SIGTERM):
        with folder() as at:
            file_in(at, graph(exec=[sleeper("long")]))
            agent = Agent("graph.yaml", cwd=at)
            agent.wait_for("started", resource="exec[long]")
            equal(agent.stop(number), 0, f"exit status after signal {number}")


def test_a_taken_name_is_1_and_names_the_first():
    with folder() as at:
        file_in(at, graph(file=[{"name": "@@x", "path": at + "/x", "content": "x"}]))
        first = Agent("graph.yaml", "--hostname", "a", cwd=at, prefix=at + "/prefix")
        first.wait_for("converged")
        status, second = run("graph.yaml", "--once", "--hostname", "a", cwd=at, prefix=at + "/prefix")
        equal(status, 1, f"the second of the name; it said {second.stderr()}")
        check(str(first.pid) in second.stderr(), f"the first ({first.pid}) isn't named: {second.stderr()}")
        check("--tmp-prefix" in second.stderr(), f"no way out is offered: {second.stderr()}")
        equal(run("graph.yaml", "--noop", "--once", "--hostname", "a", cwd=at, prefix=at + "/prefix")[0], 0, "noop")
        equal(first.stop(), 0, "the first's exit status")
        equal(run("graph.yaml", "--once", "--hostname", "a", cwd=at, prefix=at + "/prefix")[0], 0, "after its end")


# Ignores SIGTERM, and so does what it starts; says when it is ready.
STUBBORN = "trap '' TERM INT; echo ready; sleep {seconds} & wait; sleep {seconds}; sleep {seconds}"


def stubborn(at):
    """An agent with a child that ignores signals, and a word by which the child's processes are known."""
    marker = f"{os.getpid()}{time.monotonic_ns() % 1000000}"
    file_in(at, graph(exec=[{"name": "s", "shell": "/bin/sh", "cmd": STUBBORN.format(seconds=f"1000.{marker}")}]))
    agent = Agent("graph.yaml", cwd=at)
    agent.wait_for("output", line="ready")
    check(processes_with(marker), "the test doesn't find the child")
    return agent, marker


def test_a_stop_takes_less_than_a_second_and_leaves_no_child():
    took = []
    for _ in range(2):
        with folder() as at:
            agent, marker = stubborn(at)
            start = time.monotonic()
            equal(agent.stop(), 0, "exit status")
            took.append(time.monotonic() - start)
            equal(processes_with(marker), [], "processes left behind")
    check(min(took) < 1 * PATIENCE, f"stops took {took} s, less than 1 is promised")


def test_a_second_signal_ends_it_at_once():
    with folder() as at:
        agent, marker = stubborn(at)
        agent.send(signal.SIGTERM)
        agent.send(signal.SIGINT)
        agent.wait(5)
        try:
            wait_until(lambda: not processes_with(marker), "no process of the command is left after a second signal", 5)
        finally:
            for pid in processes_with(marker):
                os.kill(pid, signal.SIGKILL)


def test_kill_9_of_the_agent_ends_its_direct_children():
    with folder() as at:
        file_in(at, graph(exec=[{"name": "s", "shell": "/bin/sh", "cmd": "echo $$; exec sleep 1000"}]))
        agent = Agent("graph.yaml", cwd=at)
        child = int(agent.wait_for("output")["line"])
        check(alive(child), "the child doesn't run")
        agent.kill()
        wait_until(lambda: not alive(child), "the end of the child of a killed agent")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
