# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: `mgmt whose PATH` names the resource, its line in the graph, and its last change and why; or says "nobody".

A folder lists all below it; `--unmanaged` lists what nobody manages in one. Without an agent it is told from what the last one
remembered.

Limits: without an agent, what is a part of a copied tree isn't known, and a machine on which nothing ever had to be changed has
nothing to be read.
"""

import json
import os

import mgmt_test
from mgmt_test import agent_of, check, command, equal, folder, graph, run, settle, write


def whose(at, *args):
    done = command("whose", *args, "--prefix", at + "/prefix", cwd=at)
    equal(done.returncode, 0, f"mgmt whose {args}: {done.stderr}")
    return done.stdout


def objects(at, *args):
    return [json.loads(line) for line in whose(at, *args, "--json").splitlines()]


def files_of(at):
    os.makedirs(at + "/etc/sub")
    os.makedirs(at + "/src/deep")
    write(at + "/src/deep/t", "t\n")
    write(at + "/etc/stray", "")
    write(at + "/etc/sub/stray", "")
    files = [
        {"name": "motd", "path": at + "/etc/motd", "content": "hello\n"},
        {"name": "below", "path": at + "/etc/sub/conf", "content": "x\n"},
        {"name": "tree", "path": at + "/etc/tree/", "source": at + "/src/", "recurse": True},
    ]
    write(at + "/graph.yaml", graph(file=files))


def line_of(at, name):
    lines = mgmt_test.read(at + "/graph.yaml").splitlines()
    return next(number for number, line in enumerate(lines, 1) if f'"name": "{name}"' in line)


def test_a_path_has_its_resource_its_line_and_its_last_change():
    with folder() as at:
        files_of(at)
        with agent_of(at) as agent:
            write(at + "/etc/motd", "by hand\n")
            agent.wait_for("changed", resource="file[motd]", repair=True)
            settle(at + "/prefix")
            said = whose(at, at + "/etc/motd")
            check(f"{at}/etc/motd: file[motd] at graph.yaml:" in said and "repaired file[motd]" in said and f"after {at}/etc/motd was " in said, said)
            one, = objects(at, "etc/../etc//motd")
            near = abs(int(one["place"].split(":")[1]) - line_of(at, "motd"))
            check(one["resource"] == "file[motd]" and near <= 1, f"{one}, declared at {line_of(at, 'motd')}")
            equal((one["last"]["what"], one["last"]["intent"]), ("change", "corrective"), "its last change")


def test_what_nobody_manages_is_said():
    with folder() as at:
        files_of(at)
        with agent_of(at):
            equal(whose(at, at + "/etc/stray"), f"{at}/etc/stray: nobody\n", "a stray file")
            equal(objects(at, at + "/etc/stray"), [{"path": at + "/etc/stray", "resource": None}], "the same as JSON")


def test_a_folder_lists_all_below_it():
    with folder() as at:
        files_of(at)
        with agent_of(at):
            equal([one["path"][len(at):] for one in objects(at, at + "/etc")], ["/etc/motd", "/etc/sub/conf", "/etc/tree"], "paths")


def test_a_part_of_a_copied_tree_is_its_resources():
    with folder() as at:
        files_of(at)
        with agent_of(at):
            write(at + "/etc/tree/own", "")
            equal([one["resource"] for one in objects(at, at + "/etc/tree/deep/t")], ["file[tree]"], "a copied file")
            equal([one["resource"] for one in objects(at, at + "/etc/tree/own")], [None], "one that the source doesn't have")


def test_unmanaged_lists_what_nobody_manages_and_whole_folders_as_one():
    with folder() as at:
        files_of(at)
        os.makedirs(at + "/etc/other/deep")
        write(at + "/etc/other/deep/file", "")
        os.symlink("/", at + "/etc/root")
        with agent_of(at):
            write(at + "/etc/tree/own", "")
            listed = [line[len(at):] for line in whose(at, "--unmanaged", at + "/etc").splitlines()]
            equal(listed, ["/etc/other/", "/etc/root", "/etc/stray", "/etc/sub/stray", "/etc/tree/own"], "unmanaged")


def test_without_an_agent_it_is_told_from_the_store():
    with folder() as at:
        files_of(at)
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "a run")
        said = whose(at, at + "/etc/motd")
        check(f"{at}/etc/motd: file[motd] at graph.yaml:" in said and "changed file[motd]" in said, said)
        check("/etc/stray" in whose(at, "--unmanaged", at + "/etc"), "unmanaged")
        # What has left the graph is nobody's.
        tree = json.loads(mgmt_test.read(at + "/graph.yaml"))
        del tree["resources"]["file"][0]
        write(at + "/graph.yaml", json.dumps(tree))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "a run without it")
        check("motd: nobody" in whose(at, at + "/etc/motd"), "after it left the graph")


def test_a_line_that_moved_is_the_new_one():
    with folder() as at:
        files_of(at)
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "a run")
        before = objects(at, at + "/etc/motd")[0]["place"]
        write(at + "/graph.yaml", "\n\n\n" + mgmt_test.read(at + "/graph.yaml"))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "a run after the edit")
        after = objects(at, at + "/etc/motd")[0]["place"]
        equal(int(after.split(":")[1]), int(before.split(":")[1]) + 3, f"{before}, then {after}")


def test_through_a_link_of_a_folder_it_is_found_too():
    with folder() as at:
        files_of(at)
        os.symlink(at + "/etc", at + "/link")
        with agent_of(at):
            equal([one["resource"] for one in objects(at, at + "/link/motd")], ["file[motd]"], "by way of a link")


def test_where_nothing_is_known_that_is_said():
    with folder() as at:
        done = command("whose", "/etc/passwd", "--prefix", at + "/prefix")
        check("nobody" in done.stdout and "no agent named" in done.stderr, done.stdout + done.stderr)


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
