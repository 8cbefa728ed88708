# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running agent answers on its socket: status that is true at the moment, fights, the graph; and to whom."""

import json
import os
import socket
import stat
import subprocess

import mgmt_test
from mgmt_test import Agent, Skip, check, command, equal, folder, graph, save, wait_until, write


def status(at):
    done = command("status", "--json", "--prefix", at + "/p", "--hostname", "host")
    equal(done.returncode, 0, "exit status of status: " + done.stderr)
    return json.loads(done.stdout)


def start(at, text, *flags):
    write(at + "/graph.yaml", text)
    return Agent("graph.yaml", "--hostname", "host", *flags, cwd=at, prefix=at + "/p")


def ask(at, question):
    """One line of JSON on the socket itself; what it answers."""
    with socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(20 * mgmt_test.PATIENCE)
        os.chdir(at + "/p/db/agent")
        agent.connect("host.sock")
        agent.sendall(question + b"\n")
        answer = b""
        while data := agent.recv(65536):
            answer += data
    return json.loads(answer)


def test_a_broken_file_is_told_as_long_as_it_is_broken():
    with folder() as at:
        good = graph(file=[one(at)])
        agent = start(at, good)
        agent.wait_for("converged")
        check("broken" not in status(at), "nothing is broken")
        save(at + "/graph.yaml", graph(file=[{**one(at), "contnet": "x"}]))
        agent.wait_for("notice", level="error")
        wait_until(lambda: "broken" in status(at), "that it is told")
        told = status(at)["broken"]
        check(told["files"] == "graph.yaml" and told["place"].startswith("graph.yaml:") and "contnet" in told["error"], f"{told}")
        text = command("status", "--prefix", at + "/p", "--hostname", "host").stdout
        check("BROKEN since " in text and "unknown parameter `contnet` of file" in text and "the graph that was good before runs on" in text, text)
        # One that starts now goes on with the last good one, and says so as well.
        agent.stop()
        agent = Agent("graph.yaml", "--hostname", "host", cwd=at, prefix=at + "/p")
        agent.wait_for("converged")
        again = status(at)["broken"]
        equal((again["place"], again["error"]), (told["place"], told["error"]), "after a start")
        save(at + "/graph.yaml", good + "\n")
        wait_until(lambda: "broken" not in status(at), "that it is whole")
        agent.stop()


def one(at):
    return {"name": "f", "path": at + "/f", "content": "right\n"}


def save_0644(path, text):
    write(path + ".new", text)
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def test_it_is_working_while_something_runs():
    with folder() as at:
        os.mkfifo(at + "/gate")
        # While `shut` is there, it runs until somebody writes into the gate.
        slow = [{"name": "slow", "shell": "/bin/sh", "cmd": f"[ ! -e {at}/shut ] || read line < {at}/gate", "watchfiles": [at + "/again"]}]
        write(at + "/shut", "")
        agent = start(at, graph(exec=slow))
        for again in (True, False):
            agent.wait_for("started", resource="exec[slow]")
            told = status(at)
            equal((told["state"], [r["resource"] for r in told["running"]]), ("working", ["exec[slow]"]), "while it runs")
            # Waits for it to read: before that, it mustn't find that nothing is shut.
            subprocess.run(["/bin/sh", "-c", f"echo go > {at}/gate"], check=True)
            os.unlink(at + "/shut")
            agent.wait_for("converged")
            equal(status(at)["running"], [], "after it")
            if again:
                write(at + "/shut", "")
                os.mkdir(at + "/again")  # one event


def test_it_is_working_while_a_fight_leaves_something_wrong():
    with folder() as at:
        agent = start(at, graph(file=[one(at)]), "--repair-limit", "2", "--repair-period", "30")
        agent.wait_for("converged")
        for _ in range(3):
            os.unlink(at + "/f")
            agent.wait_for("changed", resource="file[f]", repair=True)
        notice = agent.wait_for("notice")
        check("was changed back more than 2 times in 30 s" in notice["text"], notice["text"])
        # For a second from now on it is left alone.
        os.unlink(at + "/f")
        told = wait_until(lambda: (s := status(at)) and s["held"] and s, "it is held")
        equal(told["held"], [{"resource": "file[f]", "why": "it was changed back more than 2 times in 30 s"}], "held")
        equal(told["state"], "working", "state while the file is wrong")
        agent.wait_for("changed", resource="file[f]", repair=True)


def test_the_period_of_the_limit_can_be_set():
    for bad in ("0", "-1", "soon"):
        done = command("run", "--repair-period", bad, "graph.yaml")
        equal(done.returncode, 2, "exit status")
        check("--repair-period" in done.stderr, done.stderr)


def test_a_slow_fight_is_the_same_change_five_times_and_outlives_a_restart():
    with folder() as at:
        text = graph(file=[one(at), {"name": "g", "path": at + "/g", "content": "right\n", "mode": "0644"}])
        agent = start(at, text)
        agent.wait_for("converged")
        # Five repairs of g, but three of its content and two of its mode.
        content, mode = lambda: save_0644(at + "/g", "wrong\n"), lambda: os.chmod(at + "/g", 0o600)
        for change in (content, mode, content, mode, content):
            change()
            agent.wait_for("changed", resource="file[g]", repair=True)
        for _ in range(4):
            save(at + "/f", "wrong\n")
            agent.wait_for("changed", resource="file[f]", repair=True)
        equal(status(at)["fights"], [], "four are no fight yet")
        agent.stop()
        agent = start(at, text)
        agent.wait_for("converged")
        save(at + "/f", "wrong\n")
        agent.wait_for("changed", resource="file[f]", repair=True)
        fight, = status(at)["fights"]
        equal((fight["resource"], fight["param"], fight["repairs"]), ("file[f]", "content", 5), "the fight")
        said = command("status", "--prefix", at + "/p", "--hostname", "host").stdout
        check("fight file[f]: content was changed back 5 times, last " in said, said)
        check(said.rstrip().endswith("writes it too"), said)


def test_the_socket_answers_each_question():
    with folder() as at:
        agent = start(at, graph(file=[one(at)], noop=[{"name": "n"}], edges=[("file", "f", "noop", "n")]))
        agent.wait_for("converged")
        equal(ask(at, b'{"ask": "status"}')["state"], "converged", "status")
        equal(ask(at, b'{"ask": "why", "resource": "file[f]"}')["now"], "idle", "why")
        entry, = ask(at, b'{"ask": "history", "resource": "file[f]"}')["entries"]
        equal((entry["resource"], entry["what"]), ("file[f]", "change"), "history")
        equal(ask(at, b'{"ask": "history", "limit": 0}'), {"entries": []}, "history, none")
        check('v0 -> v1' in ask(at, b'{"ask": "graph"}')["dot"], "graph")
        equal(ask(at, b'{"ask": "weather"}'), {"error": "this agent doesn't know that question"}, "another")
        check("no JSON" in ask(at, b"status")["error"], "no JSON")
        check("too long" in ask(at, b'"' + b"x" * 10000)["error"], "too long")


def test_the_running_graph_is_explained():
    with folder() as at:
        agent = start(at, graph(file=[one(at)], noop=[{"name": "n"}], edges=[("file", "f", "noop", "n")]))
        agent.wait_for("converged")
        place = ["--prefix", at + "/p", "--hostname", "host"]
        text = command("graph", "--running", "--explain", *place).stdout
        check(text.startswith("file[f] -> noop[n]: written at graph.yaml:"), text)
        edges = json.loads(command("graph", "--running", "--explain", "--json", *place).stdout)["edges"]
        equal([(e["from"], e["to"]) for e in edges], [("file[f]", "noop[n]")], "as JSON")
        equal(command("graph", "--running", "--json", *place).returncode, 2, "--json alone")


def test_only_its_own_user_and_root_may_ask():
    if os.geteuid() != 0:
        raise Skip("needs root, to ask as somebody else")
    with folder() as at:
        agent = start(at, graph(file=[one(at)]))
        agent.wait_for("converged")
        path = at + "/p/db/agent/host.sock"
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the socket")
        # Even where somebody opens the way, who asks is looked at.
        for name in (at, at + "/p", at + "/p/db", at + "/p/db/agent"):
            os.chmod(name, 0o755)
        os.chmod(path, 0o666)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", mgmt_test.mgmt(), "status",
                               "--prefix", at + "/p", "--hostname", "host"], capture_output=True, text=True, check=False)
        equal((done.returncode, done.stdout), (1, ""), "exit status, answer")
        equal(done.stderr, "mgmt: the agent says: it answers the user that it runs as, and root\n", "what is said")
        equal(status(at)["state"], "converged", "it still answers")


def test_without_an_agent_it_says_so():
    with folder() as at:
        done = command("status", "--prefix", at + "/p", "--hostname", "host")
        equal(done.returncode, 1, "exit status")
        check(done.stderr.startswith(f"mgmt: no agent named `host` runs under {at}/p\n  hint: "), done.stderr)


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
