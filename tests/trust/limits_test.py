# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: A swap that would go beyond the `limits` of its graph does none of it, shows what it would do, and waits for `mgmt approve`.

Limits: `changes` counts what can be told before; what can't is refused when it comes. `protect` is for what resources do that manage
paths: a command may write where it likes. It sees through symlinks, and not through a bind mount of what is protected to elsewhere.
"""

import json
import os

import mgmt_test
from mgmt_test import Agent, check, command, equal, folder, read, run, save


def put(at, limits, *files, name="limited", **more):
    text = json.dumps({"graph": name, "limits": limits, "resources": {"file": list(files), **more}}, indent=1)
    save(at + "/graph.yaml", text)


def new(at, count, prefix="f"):
    return [{"name": f"{prefix}{n}", "path": f"{at}/{prefix}{n}", "content": "x"} for n in range(count)]


def there(at):
    return sorted(name for name in os.listdir(at) if not name.startswith(("graph.yaml", "stderr", "prefix")))


def said(agent):
    return "\n".join(event["text"] for event in agent.all("notice", level="warning"))


def asked(at, *words):
    return command(*words, "--prefix", at + "/prefix")


def test_more_changes_than_it_allows_are_none():
    with folder() as at:
        put(at, {"changes": 3}, *new(at, 4))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, there(at)), (6, []), f"exit status, what is there; {agent.tail()}")
        check("it would change 4 things, and its `limits` allow 3" in said(agent), said(agent))
        put(at, {"changes": 4}, *new(at, 4))
        equal(run("graph.yaml", "--once", cwd=at)[0], 0, "exit status of as many as it allows")
        equal(len(there(at)), 4, "what is there")


def test_what_is_right_already_is_no_change():
    with folder() as at:
        put(at, {}, *new(at, 4))
        equal(run("graph.yaml", "--once", cwd=at)[0], 0, "exit status")
        put(at, {"changes": 1}, *new(at, 4), *new(at, 1, "g"))
        equal(run("graph.yaml", "--once", cwd=at)[0], 0, "exit status")


def test_each_entry_of_a_tree_is_a_change():
    with folder() as at:
        os.mkdir(at + "/source")
        for number in range(5):
            mgmt_test.write(f"{at}/source/{number}", "x")
        put(at, {"changes": 5}, {"name": "t", "path": at + "/tree/", "source": at + "/source/", "recurse": True})
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, there(at)), (6, ["source"]), f"{agent.tail()}")
        check("it would change 6 things" in said(agent), said(agent))


def test_a_command_is_a_change():
    with folder() as at:
        commands = [{"name": f"c{n}", "cmd": f"touch {at}/c{n}", "shell": "/bin/sh"} for n in range(2)]
        put(at, {"changes": 1}, exec=commands)
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, there(at)), (6, []), f"{agent.tail()}")


def test_fewer_removals_may_be_allowed_than_twenty_and_more():
    with folder() as at:
        for allowed, count, status in ((2, 3, 6), (3, 3, 0), (30, 30, 0), (30, 31, 6)):
            for name in range(count):
                mgmt_test.write(f"{at}/r{name}", "")
            put(at, {"removals": allowed}, *[{"name": f"r{n}", "path": f"{at}/r{n}", "state": "absent"} for n in range(count)])
            got, agent = run("graph.yaml", "--once", cwd=at)
            equal((got, len(there(at))), (status, count if status else 0), f"{count} removals, {allowed} allowed; {agent.tail()}")


def test_the_old_graph_goes_on_until_somebody_approves():
    with folder() as at:
        put(at, {"changes": 2}, *new(at, 2))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("converged")
        put(at, {"changes": 2}, *new(at, 2), *new(at, 3, "g"))
        notice = agent.wait_for("notice", where=lambda e: "it would change 3 things" in e["text"])
        check("mgmt approve" in notice["hint"], notice)
        os.unlink(at + "/f0")
        agent.wait_for("changed", resource="file[f0]", repair=True)
        equal(there(at), ["f0", "f1"], "what is there")
        equal(asked(at, "approve").returncode, 0, "approve")
        agent.wait_for("converged", generation=2)
        equal(len(there(at)), 5, "what is there")
        equal(agent.stop(), 0, "exit status")


def test_repairs_of_drift_are_not_counted():
    with folder() as at:
        put(at, {"changes": 2}, *new(at, 2))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        for _ in range(3):
            for name in ("f0", "f1"):
                os.unlink(f"{at}/{name}")
                agent.wait_for("changed", resource=f"file[{name}]", repair=True)
        equal(agent.all("failed"), [], "failures")


def kept(at):
    """A folder and a file that are protected, and are not as they would be declared."""
    os.makedirs(at + "/etc/ssh")
    mgmt_test.write(at + "/etc/ssh/config", "theirs")
    mgmt_test.write(at + "/etc/fstab", "theirs")
    os.symlink(at + "/etc", at + "/link")
    os.symlink(at + "/etc/fstab", at + "/linked")
    return {"protect": [at + "/etc/ssh", at + "/etc/fstab/"]}


def test_what_is_protected_is_neither_changed_nor_removed_whatever_leads_there():
    with folder() as at:
        limits = kept(at)
        os.makedirs(at + "/source/ssh")
        mgmt_test.write(at + "/source/ssh/config", "ours")
        other = {"name": "other", "path": at + "/other", "content": "x"}
        for file in (
            {"path": at + "/etc/ssh/config", "content": "ours"},
            {"path": at + "/etc/ssh/config", "mode": "0600"},
            {"path": at + "/etc/ssh/new", "content": "ours"},
            {"path": at + "/link/ssh/config", "content": "ours"},
            {"path": at + "/linked", "content": "ours", "follow": True},
            {"path": at + "/etc/fstab", "state": "absent"},
            {"path": at + "/link/fstab", "state": "absent"},
            {"path": at + "/etc/", "state": "absent", "recurse": True},
            {"path": at + "/etc/", "state": "exists", "recurse": True, "purge": True},
            {"path": at + "/link/", "source": at + "/source/", "recurse": True},
            {"path": at + "/etc/", "source": at + "/source/", "recurse": True},
            {"path": at + "/etc", "content": "x", "force": True},
        ):
            put(at, limits, {"name": "f", **file}, other)
            status, agent = run("graph.yaml", "--once", cwd=at)
            if file["path"] == at + "/link/":
                # A symlink where a folder is declared is an error of its own.
                equal(status, 4, f"{file}; {agent.tail()}")
                os.unlink(at + "/other")
            else:
                equal(status, 6, f"{file}; {agent.tail()}")
                check("which its `limits` protect" in said(agent), said(agent))
            equal((read(at + "/etc/ssh/config"), read(at + "/etc/fstab"), os.listdir(at + "/etc/ssh")), ("theirs", "theirs", ["config"]), f"after {file}")
            equal(read(at + "/other"), None, "what else the graph declares")


def test_what_is_protected_may_be_declared_as_it_is():
    with folder() as at:
        limits = kept(at)
        put(at, limits, {"name": "f", "path": at + "/etc/fstab", "content": "theirs"})
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        mgmt_test.write(at + "/etc/fstab", "drift")
        failed = agent.wait_for("failed", resource="file[f]")
        check("is protected by the `limits` of the graph" in failed["error"], failed)
        equal(read(at + "/etc/fstab"), "drift", "the file")
        mgmt_test.write(at + "/etc/fstab", "theirs")
        agent.wait_for("converged")


def test_a_plan_says_what_is_protected():
    with folder() as at:
        put(at, kept(at), {"name": "f", "path": at + "/etc/fstab", "content": "ours"})
        plan = command("plan", "graph.yaml", "--json", cwd=at)
        equal(plan.returncode, 4, f"exit status; {plan.stderr}")
        resource = json.loads(plan.stdout)["resources"][0]
        check(f"{at}/etc/fstab is protected" in resource["error"], f"{resource}")


def test_what_is_protected_changes_once_somebody_approves():
    with folder() as at:
        limits = kept(at)
        put(at, limits, {"name": "f", "path": at + "/etc/fstab", "content": "ours"})
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("notice", where=lambda e: f"it would change {at}/etc/fstab" in e["text"])
        equal(asked(at, "approve").returncode, 0, "approve")
        agent.wait_for("converged")
        equal(read(at + "/etc/fstab"), "ours", "the file")
        # And is kept as it was approved.
        mgmt_test.write(at + "/etc/fstab", "drift")
        agent.wait_for("changed", resource="file[f]", repair=True)
        equal(read(at + "/etc/fstab"), "ours", "the file")
        put(at, limits, {"name": "f", "path": at + "/etc/fstab", "content": "other"})
        agent.wait_for("notice", where=lambda e: f"it would change {at}/etc/fstab" in e["text"])
        equal((agent.stop(), read(at + "/etc/fstab")), (0, "ours"), "exit status and the file")


def test_limits_are_checked_when_they_are_read():
    with folder() as at:
        for limits, error in (
            ({"changes": "many"}, "`changes` must be an int"),
            ({"removals": -1}, "removals"),
            ({"protect": ["etc/ssh"]}, "`protect` must hold absolute paths, not `etc/ssh`"),
            ({"protect": "/etc"}, "`protect` must be a list of paths"),
            ({"chnages": 3}, "did you mean `changes`?"),
        ):
            put(at, limits)
            checked = command("check", "graph.yaml", cwd=at)
            equal(checked.returncode, 2, f"{limits}")
            check(error in checked.stderr, f"{limits}: {checked.stderr}")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
