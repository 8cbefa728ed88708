# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs: Durations accept `500ms`, `5s`, `2m`; a number alone is in the unit that it always had, and mgmt resources shows it."""

import json

import mgmt_test
from mgmt_test import check, command, equal, folder, graph, run


def elapsed_of_a_timeout(at, text):
    mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "cmd": "/bin/sleep 1000", "timeout": text}]))
    status, agent = run("graph.yaml", "--once", cwd=at)
    equal(status, 4, f"exit status{agent.tail()}")
    failed = agent.all("failed")[0]
    return failed["error"], failed["seconds"]


def test_a_parameter_takes_a_unit():
    with folder() as at:
        error, seconds = elapsed_of_a_timeout(at, "300ms")
        equal(error, "`/bin/sleep 1000` timed out after 300ms", "the failure")
        check(0.3 <= seconds < 1, f"it timed out after {seconds} s")
        error, seconds = elapsed_of_a_timeout(at, 1)
        equal(error, "`/bin/sleep 1000` timed out after 1s", "a number alone is in seconds there")
        check(seconds >= 1, f"it timed out after {seconds} s")


def test_a_meta_parameter_takes_a_unit():
    with folder() as at:
        for text, least in (("400ms", 0.4), ("1s", 1.0), (400, 0.4)):
            meta = {"retry": 1, "delay": text}
            mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "cmd": "/bin/false", "meta": meta}]))
            status, agent = run("graph.yaml", "--once", cwd=at)
            equal(status, 4, f"exit status{agent.tail()}")
            equal(agent.all("failed")[0]["retry_in"], least, f"`delay: {text}`, where a number alone is in milliseconds")
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "cmd": "/bin/echo polled", "meta": {"poll": "50ms"}}]))
        agent = mgmt_test.Agent("graph.yaml", cwd=at)
        for _ in range(5):
            agent.wait_for("output", line="polled")
        equal(agent.stop(), 0, "exit status")
        times = [event["time"] for event in agent.all("output")]
        check(times[4] - times[0] < 4, f"a poll of 50ms came at {times}")


def test_a_flag_takes_a_unit():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "cmd": "/bin/sleep 1000"}]))
        for text, least in (("300ms", 0.3), ("0.3", 0.3), ("1s", 1)):
            status, agent = run("graph.yaml", "--max-runtime", text, cwd=at)
            equal(status, 7, f"exit status{agent.tail()}")
            check(agent.events[-1]["elapsed"] >= least, f"--max-runtime {text}: {agent.events[-1]}")
        mgmt_test.write(at + "/graph.yaml", graph(noop=[{"name": "n"}]))
        status, agent = run("graph.yaml", "--converged-timeout=200ms", cwd=at)
        equal(status, 0, f"exit status{agent.tail()}")
        check(agent.events[-1]["elapsed"] >= 0.2, f"--converged-timeout 200ms: {agent.events[-1]}")
        done = command("run", "graph.yaml", "--max-runtime", "5 minutes", cwd=at)
        equal((done.returncode, done.stderr.splitlines()[0]), (2, "mgmt: --max-runtime must be a duration, not `5 minutes`"), "a bad one")


def test_two_that_mean_the_same_are_no_change():
    with folder() as at:
        def version(text, name):
            return graph(name=name, timer=[{"name": "t", "interval": text}], exec=[{"name": "x", "cmd": "/bin/true", "timeout": text}])

        mgmt_test.write(at + "/graph.yaml", version("120s", "a"))
        agent = mgmt_test.Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        mgmt_test.save(at + "/graph.yaml", version("2m", "b"))
        event = agent.wait_for("graph", name="b")
        equal((event["kept"], event["changed"]), (2, 0), "what an edit kept")
        equal(agent.stop(), 0, "exit status")


def test_what_is_no_duration_is_an_error_with_its_place():
    with folder() as at:
        mgmt_test.write(at + "/graph.yaml", "graph: g\nresources:\n  timer:\n  - name: t\n    interval: 5x\n")
        done = command("check", "graph.yaml", cwd=at)
        equal(done.returncode, 2, "exit status")
        check(done.stderr.startswith("graph.yaml:5:15: error: `interval`: `5x` is not a duration\n"), done.stderr)
        check("write 500ms, 5s, 2m or 1h; a number alone is in s" in done.stderr, done.stderr)


def test_the_unit_of_a_number_alone_is_shown():
    text = command("resources", "exec").stdout
    check("timeout (duration; a number alone is in s)" in text, text)
    text = command("resources").stdout
    check("delay (duration; a number alone is in ms)" in text and "poll (duration; a number alone is in s)" in text, text)
    schema = json.loads(command("resources", "timer", "--json").stdout)
    check("a number alone is in s" in json.dumps(schema), schema)


if __name__ == "__main__":
    mgmt_test.main(globals())
