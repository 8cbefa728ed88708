# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: Neither a terminal that goes nor a reader that leaves or sleeps does harm.

SIGHUP stops a run on a terminal as SIGTERM does, and makes a service read its graph again; nohup(1) is minded. SIGPIPE ends
nothing. A reader of the report that doesn't read stalls nothing: what waits for it is bounded, and how many lines it has missed is
printed.
"""

import os
import pty
import signal

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, read, wait_until

LONG = "seq 1 3000000"


def kept(at, text="as declared\n", name="g", **more):
    return graph(name=name, file=[{"name": "kept", "path": at + "/kept", "content": text}], **more)


def on_a_terminal(at, *words):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(at)
        command = [*words, mgmt_test.mgmt(), "run", "graph.yaml", "--tmp-prefix"]
        os.execvp(command[0], command)
    return pid, terminal


def test_a_terminal_that_goes_stops_the_run_as_sigterm_does():
    with folder() as at:
        cmd = f"trap 'echo told > {at}/told; exit' TERM; echo $$ > {at}/pid; while :; do sleep 0.05; done"
        mgmt_test.write(at + "/graph.yaml", kept(at, exec=[{"name": "x", "shell": "/bin/sh", "cmd": cmd}]))
        pid, terminal = on_a_terminal(at)
        wait_until(lambda: read(at + "/kept") and read(at + "/pid"), "the first repair")
        os.close(terminal)  # the kernel sends SIGHUP, and each write fails from here on
        _, status = os.waitpid(pid, 0)
        equal(os.waitstatus_to_exitcode(status), 0, "exit status, as after SIGTERM")
        equal(read(at + "/told"), "told\n", "what the command heard")


def test_under_nohup_a_terminal_that_goes_changes_nothing():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", kept(at))
        pid, terminal = on_a_terminal(at, "nohup")
        try:
            wait_until(lambda: read(at + "/kept"), "the first repair")
            os.close(terminal)
            for _ in range(20):
                os.unlink(at + "/kept")
                wait_until(lambda: read(at + "/kept") == "as declared\n", "a repair without a terminal")
        finally:
            os.kill(pid, signal.SIGTERM)
            _, status = os.waitpid(pid, 0)
        equal(os.waitstatus_to_exitcode(status), 0, "exit status")


def test_a_service_reads_its_graph_again():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", kept(at, "one\n", "one"))
        # As systemd starts it: a session without a terminal.
        agent = Agent("graph.yaml", "--no-watch", cwd=at, command=["setsid"])
        agent.wait_for("converged")
        mgmt_test.save(at + "/graph.yaml", kept(at, "two\n", "two"))
        agent.send(signal.SIGHUP)
        agent.wait_for("notice", text="SIGHUP: reading graph.yaml again")
        agent.wait_for("graph", name="two")
        agent.wait_for("converged")
        equal(read(at + "/kept"), "two\n", "what is kept from then on")
        # A broken one leaves what runs.
        mgmt_test.save(at + "/graph.yaml", "graph: [\n")
        agent.send(signal.SIGHUP)
        agent.wait_for("notice", level="error")
        os.unlink(at + "/kept")
        wait_until(lambda: read(at + "/kept") == "two\n", "a repair by the graph that runs")
        equal(agent.stop(), 0, "exit status")


def test_a_reader_that_leaves_ends_nothing():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", kept(at, exec=[{"name": "x", "shell": "/bin/sh", "cmd": "seq 1 1000"}]))
        reader, writer = os.pipe()
        process = mgmt_test.subprocess.Popen(
            [mgmt_test.mgmt(), "run", "graph.yaml", "--tmp-prefix"], cwd=at, stdin=mgmt_test.subprocess.DEVNULL, stdout=writer, stderr=writer)
        os.close(writer)
        os.close(reader)  # nobody reads stdout, nor stderr
        try:
            wait_until(lambda: read(at + "/kept"), "the first repair")
            for _ in range(50):
                os.unlink(at + "/kept")
                wait_until(lambda: read(at + "/kept") == "as declared\n", "a repair that nobody reads about")
        finally:
            process.terminate()
            status = process.wait()
        equal(status, 0, "exit status")


def test_a_reader_that_sleeps_stalls_nothing_and_is_told_how_much_it_missed():
    with folder() as at:
        loud = {"name": "loud", "shell": "/bin/sh", "cmd": f"{LONG}; echo over > {at}/over"}
        mgmt_test.write(at + "/graph.yaml", kept(at, exec=[loud]))
        agent = Agent("graph.yaml", cwd=at)
        # It prints 3,000,000 lines, and nobody reads one.
        wait_until(lambda: read(at + "/over"), "the end of a command whose output nobody reads", seconds=60)
        for _ in range(20):
            os.unlink(at + "/kept")
            wait_until(lambda: read(at + "/kept") == "as declared\n", "a repair while nobody reads")
        with open(f"/proc/{agent.pid}/status") as file:
            peak = int(next(line for line in file if line.startswith("VmHWM")).split()[1])
        mgmt_test.measured("peak", f"{peak} KiB")
        check(peak < 48 * 1024, f"{peak} KiB for what nobody reads")
        agent.send(signal.SIGTERM)
        equal(agent.wait(), 0, "exit status")
        dropped = sum(event["count"] for event in agent.all("dropped"))
        shown = len(agent.all("output"))
        check(dropped > 0, "nothing was dropped, or its number is missing")
        equal(shown + dropped >= 3_000_000, True, f"{shown} lines shown and {dropped} dropped, of 3,000,000")
        equal(agent.broken_lines, [], "lines that aren't JSON")


if __name__ == "__main__":
    mgmt_test.main(globals())
