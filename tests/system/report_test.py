# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on stdout: always whole JSON lines, and who reads it, or doesn't, never holds up the machine's state."""

import os
import signal
import subprocess

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, measured, read, run, wait_until


def peak_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


# Everything that hurts in a line: bytes that are no UTF-8, NUL, quotes, escapes, CR, no newline at the end.
NASTY = r"""printf 'a"b\\c\t\001\033[31m\n'; printf '\377\376 \303\050\n'; printf 'nul\000here\n' >&2; printf 'cr\rcr\r\n\n'; \
head -c 40000 /dev/zero | tr '\0' x; printf '\nno newline'"""


def test_every_line_is_json_whatever_is_in_it():
    with folder() as at:
        name = 'odd "name" \\ and ünïcode'
        mgmt_test.write(
            at + "/graph.yaml",
            graph(
                exec=[{"name": name, "shell": "/bin/sh", "cmd": NASTY}, {"name": "bad", "cmd": "ls /no/such/folder"}],
                file=[{"name": "f", "path": at + "/f", "content": '"\\\n\u0001\u2028'}],
                print=[{"name": "p", "msg": 'say "x"\n\\'}],
            ),
        )
        for flags in (["--noop"], [], ["--sema", "1"]):
            status, agent = run("graph.yaml", "--once", *flags, cwd=at)
            equal(status, 6 if flags == ["--noop"] else 4, f"exit status with {flags}{agent.tail()}")
            equal(agent.broken_lines, [], f"lines that aren't JSON with {flags}")
            equal(agent._rest, b"", "text after the last newline")
            for event in agent.events:
                check(isinstance(event["time"], float) and event["event"], f"no time or event: {event}")
            equal(agent.events[-1]["event"], "summary", "the last event")
            times = [event["time"] for event in agent.events]
            equal(times, sorted(times), "times, in order")
        lines = [e["line"] for e in agent.all("output", resource=f"exec[{name}]")]
        check('a"b\\c\t\x01\x1b[31m' in lines, f"the line with quotes isn't as it was printed: {lines[0]!r}")
        check("no newline" in lines, "the last line, which has no newline, is missing")


def keeper(at, cmd):
    """A graph that keeps one file and runs a command that prints much."""
    command = {"name": "loud", "shell": "/bin/sh", "cmd": cmd}
    return graph(exec=[command], file=[{"name": "kept", "path": at + "/kept", "content": "as declared\n"}])


def repaired_silently(at, times):
    """Drifts the file and waits by the file itself, as nobody reads the report."""
    for _ in range(times):
        os.unlink(at + "/kept")
        wait_until(lambda: read(at + "/kept") == "as declared\n", "a repair that nobody reads about")


def test_a_reader_that_leaves_doesnt_stop_it():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", keeper(at, "seq 1 100000"))
        agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at)
        agent.wait_for("changed", resource="file[kept]")
        agent.stdout.close()
        repaired_silently(at, 50)
        equal(agent.stop(), 0, "exit status")
        equal(agent.stderr().count("nobody reads the report any more"), 1, f"words about it: {agent.stderr()}")


def test_an_output_that_fails_is_said_and_is_status_1():
    for report in ("json", "lines"):
        with folder() as at:
            mgmt_test.write(at + "/graph.yaml", keeper(at, "seq 1 100"))
            with open("/dev/full", "wb") as full:
                agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at, report=report, pipe=full)
            wait_until(lambda: read(at + "/kept") == "as declared\n", "the file of a run whose output fails")
            repaired_silently(at, 5)  # the state is kept all the same
            equal(agent.stop(), 1, "exit status")
            equal(agent.stderr().count("No space left on device"), 1, f"words about it: {agent.stderr()}")
    with folder() as at:  # what says more stays
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "bad", "cmd": "false"}]))
        with open("/dev/full", "wb") as full:
            status, agent = run("graph.yaml", "--once", cwd=at, pipe=full)
        equal(status, 4, f"exit status of a failed resource{agent.tail()}")


def test_other_commands_end_as_their_reader_does():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", graph(noop=[{"name": f"n{number}"} for number in range(10000)]))
        for args in (["graph", "graph.yaml"], ["resources", "--json"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([mgmt_test.mgmt(), *args], cwd=at, stdout=full, stderr=subprocess.PIPE, check=False)
            equal(done.returncode, 1, f"exit status of {args} on a full disk: {done.stderr}")
            equal(done.stderr, b"mgmt: writing to stdout failed\n", "its words")
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([mgmt_test.mgmt(), "graph", "graph.yaml"], cwd=at, stdout=writer, stderr=subprocess.PIPE, check=False)
        os.close(writer)
        equal((done.returncode, done.stderr), (-signal.SIGPIPE, b""), "the end of `mgmt graph | head`")


def test_what_is_said_of_a_graph_that_runs_is_in_the_report():
    def version(n, **more):
        odd = {"name": "f", "path": at + "/f", "content": str(n), "mode": "0466", **more}
        return graph(name=f"v{n}", file=[odd], exec=[{"name": "e", "cmd": "true", "state": "present"}])

    texts = ["mode 0466 gives the owner less than others"]
    note = "`state` of exec does nothing here: mgmt of 2016 read it, and it had no effect"
    with folder() as at:
        path = at + "/graph.yaml"
        mgmt_test.write(path, version(1))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        equal([e["text"] for e in agent.all("notice", level="warning")], texts, "warnings at the start")
        equal([e["text"] for e in agent.all("notice", level="info")], [note], "notes at the start")
        check(all(e["place"].startswith("graph.yaml:") for e in agent.all("notice")), f"places: {agent.all('notice')}")
        check(agent.events.index(agent.all("notice")[-1]) < agent.events.index(agent.all("graph")[0]), "before the graph")
        # An edit says nothing of it again ...
        mgmt_test.save(path, version(2))
        agent.wait_for("graph", name="v2")
        agent.wait_for("converged")
        equal(len(agent.all("notice")), 2, f"notices after an edit: {agent.all('notice')}")
        # ... but what is new. A broken one is said each time.
        mgmt_test.save(path, version(3, mode="0046"))
        new = agent.wait_for("notice")
        equal(new["text"], "mode 0046 gives the owner less than others", "the news of an edit")
        agent.wait_for("graph", name="v3")
        for content in ("a", "b"):
            mgmt_test.save(path, version(content, contnet="x", recurse="maybe"))
            agent.wait_for("notice", level="error", text="graph.yaml can't be used as it is now: the running graph goes on")
            errors = [agent.wait_for("notice", level="error") for _ in range(2)]
            check("`contnet`" in errors[0]["text"] + errors[1]["text"], f"no unknown key in {errors}")
            check(all(e["place"].startswith("graph.yaml:") for e in errors), f"no places in {errors}")
        equal(agent.stop(), 0, "exit status")
        equal(agent.stderr(), "", "stderr")
        equal(len(agent.all("notice")), 2 + 1 + 2 * 3, f"all notices: {agent.all('notice')}")
        # Who asks for no report gets them all the same.
        mgmt_test.write(path, version(1))
        status, agent = run("graph.yaml", "--once", cwd=at, report="none")
        equal(status, 0, "exit status")
        check(all(f"warning: {text}" in agent.stderr() for text in texts), f"warnings are missing: {agent.stderr()}")


def test_a_reader_that_never_reads_doesnt_stop_it():
    with folder() as at:
        # 20 MB fill the pipe 300 times over.
        mgmt_test.write(at + "/graph.yaml", keeper(at, f"yes 0123456789 | head -c 20000000; touch {at}/printed"))
        agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at)
        wait_until(lambda: os.path.exists(at + "/printed"), "the end of a command whose output nobody reads", 60)
        repaired_silently(at, 50)
        agent.send(15)
        # It ends though its last lines find no reader.
        equal(agent.process.wait(10 * mgmt_test.PATIENCE), 0, "exit status")


def test_much_output_costs_bounded_memory():
    """50 MB of short lines, which is more than 200 MB of report: first to a reader, then to nobody."""
    loud = "yes 0123456789 | head -c 50000000; touch {}/printed; exec sleep 1000"
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "loud", "shell": "/bin/sh", "cmd": loud.format(at)}]))
        agent = Agent("graph.yaml", cwd=at, report="none", pipe=False)
        wait_until(lambda: os.path.exists(at + "/printed"), "50 MB of output", 60)
        measured("peak KiB after 50 MB of output that isn't reported", peak_kib(agent.pid))
        check(peak_kib(agent.pid) < 40 * 1024, f"peak {peak_kib(agent.pid)} KiB without a report")
        equal(agent.stop(), 0, "exit status")
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "loud", "shell": "/bin/sh", "cmd": loud.format(at)}]))
        agent = Agent("graph.yaml", cwd=at)
        wait_until(lambda: os.path.exists(at + "/printed"), "50 MB of output that nobody reads", 60)
        measured("peak KiB after 50 MB of output that nobody reads", peak_kib(agent.pid))
        check(peak_kib(agent.pid) < 48 * 1024, f"peak {peak_kib(agent.pid)} KiB with an unread report")
        # Whoever begins to read learns how much is missing, and every line is whole.
        dropped = agent.wait_for("dropped", what="how many events were dropped", seconds=60)
        check(dropped["count"] > 0, "no count of dropped events")
        equal(agent.broken_lines, [], "lines that aren't JSON")
        equal(agent.stop(), 0, "exit status")


def test_piped_lines_are_plain():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", graph(file=[{"name": "kept", "path": at + "/kept", "content": "x\n"}]))
        done = mgmt_test.command("run", "graph.yaml", "--once", "--tmp-prefix", cwd=at)
        equal(done.returncode, 0, "exit status")
        check("\033" not in done.stdout and "\r" not in done.stdout, f"control characters in {done.stdout!r}")
        check("changed file[kept]" in done.stdout and "converged" in done.stdout, f"not the lines: {done.stdout}")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
