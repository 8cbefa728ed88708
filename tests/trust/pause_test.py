# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: a pause reports what differs and repairs nothing; it ends by itself, survives restarts, and is in status.

What was being done when a pause began is finished. New and changed resources of a graph that is loaded meanwhile are paused
like the rest if all is. When a pause ends, all that it covered is looked at.

Limits: the end of a pause is a time of the wall's clock; who sets that clock moves it.
"""

import json
import os

import mgmt_test
from mgmt_test import agent_of, Agent, check, command, equal, folder, graph, read, run, save, settle, write


def two_files(at, **more):
    return graph(file=[{"name": name, "path": f"{at}/{name}", "content": f"{name}\n", "mode": "0644"} for name in ("a", "b")], **more)


def mgmt(at, name, *args):
    done = command(name, *args, "--prefix", at + "/prefix")
    equal(done.returncode, 0, f"mgmt {name} {args}: {done.stderr}")
    return done.stdout


def drift(at, name, text="by hand\n"):
    save(f"{at}/{name}", text)  # at once: an emptied file is another difference than a filled one


def test_a_paused_resource_is_reported_once_and_not_repaired_and_the_others_are():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        with agent_of(at) as agent:
            said = mgmt(at, "pause", "file[a]", "--for", "30m", "--reason", "moving disks")
            check(said.startswith("file[a] is paused until "), f"it says {said!r}")
            drift(at, "a")
            drift(at, "b")
            agent.wait_for("changed", resource="file[a]", dry=True)
            equal(settle(at + "/prefix")[0], 0, "settle")
            equal((read(at + "/a"), read(at + "/b")), ("by hand\n", "b\n"), "the paused file, the other")
            os.utime(at + "/a")  # the same difference again is no news
            settle(at + "/prefix")
            agent.drain()
            equal(len([e for e in agent.all("changed", resource="file[a]") if e["dry"]]), 1, "reports of one drift")


def test_the_end_of_a_pause_repairs_what_differs():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        with agent_of(at) as agent:
            mgmt(at, "pause", "--for", "1s")
            drift(at, "a")
            agent.wait_for("changed", resource="file[a]", dry=True)
            # By itself.
            agent.wait_for("changed", resource="file[a]", dry=False, repair=True)
            equal(read(at + "/a"), "a\n", "the file after the pause")
            check("PAUSED" not in mgmt(at, "status"), "status still shows it")


def test_resume_ends_it_at_once():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        with agent_of(at) as agent:
            mgmt(at, "pause", "file[a]", "--for", "1h")
            drift(at, "a")
            agent.wait_for("changed", resource="file[a]", dry=True)
            equal(mgmt(at, "resume", "file[a]"), "file[a] is no longer paused\n", "what resume says")
            equal(settle(at + "/prefix")[0], 0, "settle")
            equal(read(at + "/a"), "a\n", "the file after resume")
            equal(command("resume", "--prefix", at + "/prefix").returncode, 1, "status of a resume of nothing")


def test_status_shows_it_with_its_reason():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        with agent_of(at):
            mgmt(at, "pause", "--for", "2h", "--reason", "the \x1b[31mdisks\x1b[0m move")
            said = mgmt(at, "status")
            check("PAUSED until " in said and "disks" in said and "\x1b" not in said, f"status says {said!r}")
            paused = json.loads(mgmt(at, "status", "--json"))["paused"]
            equal([(one["resource"], one["by"]) for one in paused], [("", "pause")], "paused, as JSON")


def test_it_survives_a_restart_and_kill_9():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("converged")
        mgmt(at, "pause", "--for", "1h", "--reason", "moving disks")
        agent.kill()
        drift(at, "a")
        with agent_of(at) as again:
            equal(read(at + "/a"), "by hand\n", "the file after a restart")
            notices = [e["text"] for e in again.all("notice") if "moving disks" in e["text"]]
            equal(len(notices), 1, f"notices of the pause at the start: {again.all('notice')}")
            mgmt(at, "resume")
            settle(at + "/prefix")
            equal(read(at + "/a"), "a\n", "the file after resume")


def test_without_an_agent_it_is_for_the_next_run():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        check("next run" in mgmt(at, "pause", "file[a]", "--for", "1h"), "it doesn't say that no agent runs")
        status, agent = run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")
        equal(status, 6, "status of a run that left a difference")
        equal((read(at + "/a"), read(at + "/b")), (None, "b\n"), "the paused file, the other")
        equal(agent.all("summary")[0]["withheld"], 1, "differences that were left")
        mgmt(at, "resume", "file[a]")
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "status of the next run")
        equal(read(at + "/a"), "a\n", "the file after resume")


def test_what_a_new_graph_brings_while_all_is_paused_waits_too():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        with agent_of(at) as agent:
            mgmt(at, "pause", "--for", "1h")
            more = json.loads(two_files(at))
            more["resources"]["file"].append({"name": "c", "path": at + "/c", "content": "c\n"})
            save(at + "/graph.yaml", json.dumps(more))
            agent.wait_for("changed", resource="file[c]", dry=True)
            equal(read(at + "/c"), None, "a file of the new graph")
            mgmt(at, "resume")
            settle(at + "/prefix")
            equal(read(at + "/c"), "c\n", "the same after resume")


def test_a_refresh_that_is_due_waits_for_the_end_of_the_pause():
    with folder() as at:
        tree = json.loads(two_files(at))
        tree["resources"]["exec"] = [{"name": "reload", "cmd": f"touch {at}/first", "creates": at + "/first", "refresh_cmd": f"touch {at}/refreshed"}]
        tree["edges"] = [{"name": "e", "from": {"kind": "file", "name": "a"}, "to": {"kind": "exec", "name": "reload"}, "notify": True}]
        write(at + "/graph.yaml", json.dumps(tree))
        with agent_of(at) as agent:
            settle(at + "/prefix")
            if os.path.exists(at + "/refreshed"):
                os.unlink(at + "/refreshed")
            mgmt(at, "pause", "exec[reload]", "--for", "1h")
            drift(at, "a")
            agent.wait_for("changed", resource="file[a]", repair=True)
            settle(at + "/prefix")
            equal(os.path.exists(at + "/refreshed"), False, "the refresh of what is paused was done")
            mgmt(at, "resume")
            settle(at + "/prefix")
            equal(os.path.exists(at + "/refreshed"), True, "the refresh was done after the pause")


def test_a_pause_without_an_end_or_of_what_is_not_there_is_refused():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        equal(command("pause").returncode, 2, "without --for")
        equal(command("pause", "--for", "soon").returncode, 2, "an end that isn't understood")
        with agent_of(at):
            done = command("pause", "file[nosuch]", "--for", "1h", "--prefix", at + "/prefix")
            equal(done.returncode, 1, "status for a resource that isn't there")
            check("file[nosuch] isn't in the running graph" in done.stderr, f"it says {done.stderr!r}")


def test_a_damaged_file_of_pauses_is_said_and_pauses_nothing():
    with folder() as at:
        write(at + "/graph.yaml", two_files(at))
        mgmt(at, "pause", "--for", "1h")
        at_file = [name for name in os.listdir(at + "/prefix/db/agent") if name.endswith(".pauses")]
        write(f"{at}/prefix/db/agent/{at_file[0]}", "{half")
        status, agent = run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")
        equal((status, read(at + "/a")), (0, "a\n"), "status, the file")
        check(any("what is paused can't be told" in e["text"] for e in agent.all("notice")), f"it isn't said: {agent.all('notice')}")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
