# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs: a user, group or source that isn't there fails only its own resource, and is tried again when it appears.

Whether it is there is asked at each check, and never while the graph is read. /etc/passwd, /etc/group and the sources are
watched.

Limits: a name service on the network tells of nothing: a user who appears there is found at the next look at the resource
(`poll`, an event, a retry).
"""

import os

import mgmt_test
from mgmt_test import Agent, Skip, check, equal, folder, graph, read, wait_until, write

# A writable copy of /etc, for this agent alone.
OWN_ETC = ('mount -t tmpfs none "$1" && mkdir "$1/upper" "$1/work" && '
           'mount -t overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" none /etc && shift && exec "$@"')


def with_own_etc(at):
    if os.geteuid() != 0:
        raise Skip("only root can mount, and give files to others")
    os.mkdir(at + "/etc")
    return ["unshare", "--mount", "/bin/sh", "-c", OWN_ETC, "sh", at + "/etc"]


def add_line(agent, name, line):
    """As useradd and groupadd do it: a new file, renamed over the old one; in the agent's own /etc."""
    path = f"/proc/{agent.pid}/root/etc/{name}"
    text = read(path)
    write(path + "+", text + line + "\n")
    os.rename(path + "+", path)


def test_the_rest_of_the_graph_runs_and_once_says_which_failed():
    with folder() as at:
        write(at + "/g.yaml", graph(
            file=[{"name": "theirs", "path": at + "/theirs", "content": "x", "owner": "nosuchuser"},
                  {"name": "copy", "path": at + "/copy", "source": at + "/nosuchsource"},
                  {"name": "fine", "path": at + "/fine", "content": "x"}],
            exec=[{"name": "theirs", "cmd": "true", "user": "nosuchuser"}]))
        agent = Agent("g.yaml", "--once", cwd=at)
        equal(agent.wait(), 4, "exit status")
        equal(read(at + "/fine"), "x", "what doesn't depend on them")
        failed = {e["resource"]: e["error"] for e in agent.all("failed")}
        equal(sorted(failed), ["exec[theirs]", "file[copy]", "file[theirs]"], "what failed")
        check("nosuchuser" in failed["file[theirs]"] and "nosuchuser" in failed["exec[theirs]"], failed)


def test_a_user_and_a_group_who_appear_are_found_at_once():
    with folder() as at:
        files = [{"name": "u", "path": at + "/u", "content": "x", "owner": "latecomer"},
                 {"name": "g", "path": at + "/g", "content": "x", "group": "latecomers"}]
        commands = [{"name": "c", "cmd": "id -u", "user": "latecomer"}]
        tried_once = {"meta": {"retry": 0}}
        write(at + "/g.yaml", graph(file=[f | tried_once for f in files], exec=[c | tried_once for c in commands]))
        agent = Agent("g.yaml", cwd=at, command=with_own_etc(at))
        agent.wait_for("settled", failed=3)
        add_line(agent, "passwd", "latecomer:x:54321:54321::/:/bin/sh")
        wait_until(lambda: agent.drain() or len(agent.all("changed")) >= 2, "the file and the command of the user")
        equal(os.stat(at + "/u").st_uid, 54321, "owner")
        equal([e["line"] for e in agent.all("output", resource="exec[c]")], ["54321"], "whom the command ran as")
        add_line(agent, "group", "latecomers:x:54322:")
        agent.wait_for("changed", resource="file[g]")
        equal(os.stat(at + "/g").st_gid, 54322, "group")
        agent.wait_for("converged")
        equal(agent.stop(), 0, "exit status")


def test_a_user_who_gets_another_number_has_the_files_of_the_new_one():
    with folder() as at:
        write(at + "/g.yaml", graph(file=[{"name": "u", "path": at + "/u", "content": "x", "owner": "mover"}]))
        agent = Agent("g.yaml", cwd=at, command=with_own_etc(at))
        agent.wait_for("failed", resource="file[u]")
        add_line(agent, "passwd", "mover:x:54321:54321::/:/bin/sh")
        agent.wait_for("converged")
        path = f"/proc/{agent.pid}/root/etc/passwd"
        text = read(path).replace("mover:x:54321", "mover:x:54322")
        write(path + "+", text)
        os.rename(path + "+", path)
        wait_until(lambda: os.stat(at + "/u").st_uid == 54322, "the file to be the new one's")
        equal(agent.stop(), 0, "exit status")


def test_sources_that_appear_are_copied_at_once():
    with folder() as at:
        write(at + "/g.yaml", graph(file=[
            {"name": "copy", "path": at + "/copy", "source": "late/file", "meta": {"retry": 0}},
            {"name": "tree", "path": at + "/tree/", "source": "late/tree/", "recurse": True, "meta": {"retry": 0}},
            {"name": "parts", "path": at + "/parts", "fragments": [at + "/late/file"], "meta": {"retry": 0}}]))
        agent = Agent("g.yaml", cwd=at)
        agent.wait_for("settled", failed=3)
        os.makedirs(at + "/ready/tree")
        write(at + "/ready/file", "late")
        write(at + "/ready/tree/leaf", "late")
        os.rename(at + "/ready", at + "/late")
        agent.wait_for("converged")
        equal([read(at + p) for p in ("/copy", "/tree/leaf", "/parts")], ["late"] * 3, "contents")
        equal(agent.stop(), 0, "exit status")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
