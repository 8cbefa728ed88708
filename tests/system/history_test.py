# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened, as `mgmt history` and `mgmt why` tell it of real runs: cause, intent, diff; what was left behind, and reap.

Who changes a file renames another over it: a write in two steps may be repaired in between, and then again.
"""

import json
import os

import mgmt_test
from mgmt_test import Agent, check, command, equal, folder, graph, read, run, save, write


def history(at, *more):
    done = command("history", "--json", "--prefix", at + "/p", *more)
    equal(done.returncode, 0, "exit status of history: " + done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def why(at, resource):
    done = command("why", "--json", resource, "--prefix", at + "/p")
    equal(done.returncode, 0, "exit status of why: " + done.stderr)
    return json.loads(done.stdout)


def one(at, name="f", content="right\nand good\n", **more):
    return {"name": name, "path": f"{at}/{name}", "content": content, **more}


def start(at, *flags, **resources):
    write(at + "/graph.yaml", graph(**resources))
    agent = Agent("graph.yaml", *flags, cwd=at, prefix=at + "/p")
    agent.wait_for("converged")
    return agent


def test_a_drift_is_a_repair_with_its_cause_and_its_diff():
    with folder() as at:
        agent = start(at, file=[one(at, show_diff=True)])
        save(at + "/f", "wrong\nand good\n")
        agent.wait_for("changed", resource="file[f]", repair=True)
        first, last = history(at)
        equal((first["what"], first["intent"], first["cause"], "diffs" in first), ("change", "intended", "first", False), "new file")
        equal((last["what"], last["intent"], last["cause"]), ("change", "corrective", "event"), "the repair")
        equal(last["diffs"], [{"param": "content", "item": "", "diff": "@@ -1,2 +1,2 @@\n-wrong\n+right\n and good\n"}], "diff")
        text = command("history", "--prefix", at + "/p", "--limit", "1").stdout
        check("repaired file[f]" in text and "    -wrong\n    +right\n" in text, text)
        # The report itself stays as short as it was.
        equal([e for e in agent.events if "diffs" in e], [], "events with diffs")


def test_the_history_shows_no_more_than_anybody_may_read():
    with folder() as at:
        agent = start(at, file=[one(at, mode="0600")])
        save(at + "/f", "wrong\nand good\n")
        agent.wait_for("changed", resource="file[f]", repair=True)
        told = json.dumps(history(at))
        check("wrong" not in told and "right" not in told, told)


def test_a_new_declaration_is_intended():
    with folder() as at:
        agent = start(at, file=[one(at)])
        save(at + "/graph.yaml", graph(file=[one(at, content="other\n")]))
        agent.wait_for("changed", resource="file[f]")
        entry = history(at, "--resource", "file[f]")[-1]
        equal((entry["intent"], entry["cause"]), ("intended", "declared"), "after an edit of the graph")


def test_what_changed_while_no_agent_ran_is_corrective():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[one(at)]))
        for content in (None, "wrong\n"):
            if content:
                save(at + "/f", content)
            equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/p")[0], 0, "exit status")
        equal([e["intent"] for e in history(at)], ["intended", "corrective"], "intents")


def test_a_secret_is_in_no_history():
    with folder() as at:
        write(at + "/secret", "hunter2hunter2")
        write(at + "/graph.yaml", f"graph: g\nresources:\n  file:\n  - {{name: f, path: {at}/f, content: !file {at}/secret}}\n")
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/p")
        agent.wait_for("converged")
        save(at + "/f", "hunter2hunter2 and more")
        agent.wait_for("changed", repair=True)
        entries = history(at)
        equal(len(entries), 2, "entries")
        check("hunter2" not in json.dumps(entries), json.dumps(entries))
        check(b"hunter2" not in b"".join(open(at + "/p/db/agent/" + f, "rb").read() for f in os.listdir(at + "/p/db/agent")
                                         if not f.endswith(".sock")), "it stands in the file")


def test_history_has_what_was_repaired_just_now():
    with folder() as at:
        agent = start(at, file=[one(at)])
        for count in range(2, 7):
            os.unlink(at + "/f")
            agent.wait_for("changed", resource="file[f]", repair=True)
            equal(len(history(at)), count, "entries right after a repair")


def test_what_was_sent_is_intended_and_names_its_sender():
    with folder() as at:
        write(at + "/in", "one\n")
        tree = {"graph": "g", "resources": {
            "exec": [{"name": "gen", "shell": "/bin/sh", "cmd": f"cat {at}/in", "watchfiles": [at + "/in"]}],
            "file": [{"name": "out", "path": at + "/out"}]},
            "edges": [{"from": {"kind": "exec", "name": "gen"}, "to": {"kind": "file", "name": "out"}, "send": {"stdout": "content"}}]}
        write(at + "/graph.yaml", json.dumps(tree))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/p")
        agent.wait_for("converged")
        save(at + "/in", "two\n")
        changed = agent.wait_for("changed", resource="file[out]")
        equal((changed["repair"], read(at + "/out")), (False, "two\n"), "repair, content")
        entry = history(at, "--resource", "file[out]")[-1]
        equal((entry["intent"], entry["cause"], entry["from"]), ("intended", "received", "exec[gen]"), "what was sent")
        chain = why(at, "file[out]")["chain"]
        equal([(e["resource"], e["cause"]) for e in chain], [("exec[gen]", "event"), ("file[out]", "received")], "why")
        # Somebody else's change of the same file is a drift all the same, by event and after a restart.
        save(at + "/out", "mine\n")
        agent.wait_for("changed", resource="file[out]", repair=True)
        equal(history(at, "--resource", "file[out]")[-1]["intent"], "corrective", "a drift of what was sent")
        agent.stop()
        save(at + "/out", "mine\n")
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/p")[0], 0, "exit status")
        equal(history(at, "--resource", "file[out]")[-1]["intent"], "corrective", "a drift while no agent ran")


def test_a_command_is_never_a_repair():
    with folder() as at:
        write(at + "/in", "")
        execs = [{"name": "polled", "cmd": "/bin/true", "meta": {"poll": 1}},
                 {"name": "woken", "cmd": "/bin/true", "watchfiles": [at + "/in"]}]
        # Were they repairs, the third would be a fight.
        agent = start(at, "--repair-limit", "2", exec=execs)
        for _ in range(5):
            save(at + "/in", "x")
            agent.wait_for("changed", resource="exec[woken]")
        for _ in range(2):
            agent.wait_for("changed", resource="exec[polled]")
        agent.drain()
        equal((agent.all("changed", repair=True), agent.all("notice")), ([], []), "repairs, notices")
        equal([e for e in history(at) if "intent" in e], [], "entries with an intent")
        equal(json.loads(command("status", "--json", "--prefix", at + "/p").stdout)["fights"], [], "fights")


def test_why_tells_the_steps():
    with folder() as at:
        tree = {"graph": "g", "resources": {
            "exec": [{"name": "reload", "cmd": "/bin/true", "refresh_only": True}],
            "file": [one(at, "conf"), one(at, "before")]},
            "edges": [{"from": {"kind": "file", "name": "before"}, "to": {"kind": "file", "name": "conf"}},
                      {"from": {"kind": "file", "name": "conf"}, "to": {"kind": "exec", "name": "reload"}, "notify": True}]}
        write(at + "/graph.yaml", json.dumps(tree))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/p")
        agent.wait_for("converged")
        save(at + "/conf", "wrong\n")
        agent.wait_for("changed", resource="exec[reload]")
        told = why(at, "exec[reload]")
        equal([(e["resource"], e["what"], e["cause"]) for e in told["chain"]],
              [("file[conf]", "change", "event"), ("exec[reload]", "refresh", "refresh")], "the chain")
        conf = told["chain"][0]
        equal(conf["event"], f"{at}/conf was moved there (MOVED_TO)", "the event")
        equal((conf["before"], conf["intent"]), (["file[before]"], "corrective"), "what came before it")
        check(0 < conf["check"] <= conf["seconds"] and 0 < conf["apply"] <= conf["seconds"], str(conf))
        equal([e["resource"] for e in why(at, "file[conf]")["then"]], ["exec[reload]"], "what it led to")
        # The history alone tells it too.
        agent.stop()
        text = command("why", "exec[reload]", "--prefix", at + "/p").stdout
        check("    had to come after file[before]\n" in text and "    check " in text and ", apply " in text, text)
        check("refreshed exec[reload]" in text and "after a refresh by file[conf]" in text, text)
        check(f"after {at}/conf was moved there (MOVED_TO), changed by " in text, text)


def test_why_names_the_event():
    with folder() as at:
        agent = start(at, file=[one(at), one(at, "t/g"), {"name": "t", "path": at + "/t/", "state": "exists"}],
                      exec=[{"name": "watching", "cmd": "/bin/true", "watchfiles": [at + "/seen"]}])

        def event_of(resource, act, **more):
            act()
            agent.wait_for("changed", resource=resource, **more)
            agent.wait_for("converged")
            return why(at, resource)["chain"][-1].get("event")

        equal(event_of("file[f]", lambda: os.unlink(at + "/f"), repair=True), f"{at}/f was removed (DELETE)", "rm")
        equal(event_of("file[t/g]", lambda: os.rename(at + "/t", at + "/away"), repair=True), f"{at}/t was moved away (MOVED_FROM)", "mv of the folder")
        equal(event_of("exec[watching]", lambda: save(at + "/seen", "x")), f"{at}/seen was moved there (MOVED_TO)", "what a command watches")
        text = command("why", "file[f]", "--prefix", at + "/p").stdout
        check(f"repaired file[f]" in text and f"after {at}/f was removed (DELETE)" in text, text)


def test_why_names_what_blocks():
    with folder() as at:
        tree = {"graph": "g", "resources": {"exec": [{"name": "bad", "cmd": "/bin/false", "meta": {"retry": 0}}],
                                            "file": [one(at, "a"), one(at, "b")]},
                "edges": [{"from": {"kind": "exec", "name": "bad"}, "to": {"kind": "file", "name": "a"}},
                          {"from": {"kind": "file", "name": "a"}, "to": {"kind": "file", "name": "b"}}]}
        write(at + "/graph.yaml", json.dumps(tree))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/p")
        agent.wait_for("settled")
        text = command("why", "file[b]", "--prefix", at + "/p").stdout
        check(text.startswith("file[b] is blocked by exec[bad], which failed\n"), text)
        status = json.loads(command("status", "--json", "--prefix", at + "/p").stdout)
        equal(status["blocked"], [{"resource": f"file[{n}]", "by": "exec[bad]"} for n in "ab"], "blocked")
        equal((status["state"], status["failures"]), ("settled with failures", 1), "state")


def test_a_nameless_resource_is_an_error():
    with folder() as at:
        done = command("why", "file[none]", "--prefix", at + "/p")
        equal((done.returncode, done.stdout), (1, ""), "exit status")
        equal(done.stderr, "mgmt: nothing is known of file[none]\n"
                           "  hint: resources are named as in the report: mgmt why 'file[motd]'\n", "what is said")


def test_reap_previews_what_it_then_does():
    with folder() as at:
        os.makedirs(at + "/source/sub")
        for name in ("a", "sub/b", "sub/c]: x]"):
            write(f"{at}/source/{name}", name)
        copy = {"name": "copy", "path": at + "/copy/", "source": at + "/source/", "recurse": True}
        write(at + "/graph.yaml", graph(file=[copy, one(at, "kept")]))
        place = {"cwd": at, "prefix": at + "/p"}
        equal(run("graph.yaml", "--once", **place)[0], 0, "exit status")
        write(at + "/other.yaml", graph(file=[one(at, "kept")]))
        equal(command("status", "--orphans", "--prefix", at + "/p").stdout, "nothing that mgmt made has left its graph\n", "before")
        equal(run("other.yaml", "--once", **place)[0], 0, "exit status")
        orphans = [json.loads(line)["path"] for line in command("status", "--orphans", "--json", "--prefix", at + "/p").stdout.splitlines()]
        equal(sorted(orphans), sorted(f"{at}/copy{n}" for n in ("", "/a", "/sub", "/sub/b", "/sub/c]: x]")), "orphans")
        # Somebody's own file among them: it stays, and the folders above it.
        write(at + "/copy/sub/mine", "x")
        reap = lambda *more: command("reap", "--json", "--prefix", at + "/p", *more)  # noqa: E731
        told = {line["path"]: (line["outcome"], line["why"]) for line in map(json.loads, reap().stdout.splitlines())}
        want = {f"{at}/copy{n}": ("would be removed", "") for n in ("/a", "/sub/b", "/sub/c]: x]")}
        want |= {f"{at}/copy{n}": ("left", "the folder isn't empty") for n in ("", "/sub")}
        equal(told, want, "preview")
        done = reap("--yes")
        did = {line["path"]: (line["outcome"].replace("removed", "would be removed"), line["why"])
               for line in map(json.loads, done.stdout.splitlines())}
        equal((done.returncode, did), (4, want), "reap --yes")
        equal(sorted(os.listdir(at + "/copy")), ["sub"], "what is left")
        os.unlink(at + "/copy/sub/mine")
        done = reap("--yes")
        equal((done.returncode, os.path.exists(at + "/copy")), (0, False), "the rest")
        equal(reap().stdout, "", "nothing more")


def test_a_tree_that_is_declared_is_no_orphan():
    with folder() as at:
        os.makedirs(at + "/source")
        write(at + "/source/a", "a")
        copy = {"name": "copy", "path": at + "/copy/", "source": at + "/source/", "recurse": True}
        agent = start(at, file=[copy])
        for name in ("b", "c"):
            save(at + "/graph.yaml", graph(file=[copy, one(at, name)]))
            agent.wait_for("changed", resource=f"file[{name}]")
            agent.wait_for("converged")
        left = json.dumps(command("status", "--orphans", "--json", "--prefix", at + "/p").stdout)
        check("/copy" not in left, left)


def test_a_plan_names_who_owes_a_refresh():
    with folder() as at:
        tree = {"graph": "g", "resources": {
            "exec": [{"name": "reload", "cmd": f"/usr/bin/test -e {at}/may", "refresh_only": True, "meta": {"retry": 0}}],
            "file": [one(at)]},
            "edges": [{"from": {"kind": "file", "name": "f"}, "to": {"kind": "exec", "name": "reload"}, "notify": True}]}
        write(at + "/graph.yaml", json.dumps(tree))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/p")[0], 4, "a refresh that fails")
        done = command("plan", "graph.yaml", "--prefix", at + "/p", cwd=at)
        equal(done.returncode, 6, "exit status of the plan")
        check(f"refresh /usr/bin/test -e {at}/may, because of file[f]\n" in done.stdout, done.stdout)


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
