# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs: a graph may be several files, a folder of them, or standard input; a relative source is beside its file.

A folder is its *.yaml in the order of their names, followed with what comes and goes. What is declared twice is an error that
names both places. Edges and collects may cross files.

Limits: standard input is read once, and can't be followed; a plan of it can't be saved.
"""

import os
import subprocess

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, mgmt, read, save, write


def part(at, *names, **more):
    return graph(file=[{"name": name, "path": f"{at}/out-{name}", "content": name} for name in names], **more)


def run(at, *args, **keys):
    return subprocess.run([mgmt(), *args], cwd=at, capture_output=True, text=True, check=False, **keys)


def test_several_files_are_one_graph_and_edges_cross_them():
    with folder() as at:
        write(at + "/a.yaml", part(at, "a", name="first", edges=[("file", "b", "file", "a")]))
        write(at + "/b.yaml", part(at, "b", name="second"))
        for command in (["check"], ["plan"], ["graph"]):
            check(run(at, *command, "a.yaml", "b.yaml").returncode in (0, 6), f"status of {command}")
        agent = Agent("a.yaml", "b.yaml", "--once", cwd=at)
        equal(agent.wait_for("graph")["name"], "first", "the graph's name")
        equal(agent.wait(), 0, "exit status")
        equal([e["resource"] for e in agent.all("changed")], ["file[b]", "file[a]"], "order")


def test_what_is_declared_twice_names_both_places():
    with folder() as at:
        os.mkdir(at + "/web")
        write(at + "/web/10.yaml", "graph: a\nresources:\n  noop:\n  - name: n\n")
        write(at + "/web/20.yaml", "graph: b\n\nresources:\n  noop:\n  - name: n\n")
        done = run(at, "check", "web")
        equal(done.returncode, 2, "status")
        check("web/20.yaml:5:11: error: noop[n] is declared twice" in done.stderr, done.stderr)
        check("web/10.yaml:4:11" in done.stderr, done.stderr)


def test_files_of_a_followed_folder_come_change_and_go():
    with folder() as at:
        os.mkdir(at + "/web")
        write(at + "/web/10.yaml", part(at, "a"))
        agent = Agent("web", cwd=at)
        equal(agent.wait_for("graph")["name"], "web", "the graph's name")
        agent.wait_for("converged")
        write(at + "/web/20.yaml", part(at, "b"))
        agent.wait_for("changed", resource="file[b]")
        save(at + "/web/20.yaml", part(at, "c"))
        agent.wait_for("changed", resource="file[c]")
        os.unlink(at + "/web/10.yaml")
        event = agent.wait_for("graph")
        equal((event["resources"], event["removed"]), (1, 1), "resources that are left, and that went")
        os.unlink(at + "/web/20.yaml")
        agent.wait_for("notice", level="error", where=lambda e: "there is no *.yaml in the folder web" in e["text"])
        os.unlink(at + "/out-c")
        agent.wait_for("changed", resource="file[c]", repair=True)
        write(at + "/web/.hidden.yaml", "no graph")
        write(at + "/web/30.yaml", part(at, "c", "d"))
        agent.wait_for("changed", resource="file[d]")
        equal(agent.stop(), 0, "exit status")


def test_each_of_several_files_is_followed():
    with folder() as at:
        write(at + "/a.yaml", part(at, "a"))
        write(at + "/b.yaml", part(at, "b"))
        agent = Agent("a.yaml", "b.yaml", cwd=at)
        agent.wait_for("converged")
        save(at + "/b.yaml", part(at, "b", "c"))
        agent.wait_for("changed", resource="file[c]")
        save(at + "/a.yaml", part(at, "a", "d"))
        agent.wait_for("changed", resource="file[d]")
        equal(agent.stop(), 0, "exit status")


def test_a_file_of_a_folder_that_is_a_link_is_followed_to_what_it_means():
    with folder() as at:
        os.mkdir(at + "/web")
        write(at + "/elsewhere.yaml", part(at, "a"))
        os.symlink("../elsewhere.yaml", at + "/web/10.yaml")
        agent = Agent("web", cwd=at)
        agent.wait_for("converged")
        save(at + "/elsewhere.yaml", part(at, "a", "b"))
        agent.wait_for("changed", resource="file[b]")
        equal(agent.stop(), 0, "exit status")


def test_standard_input_is_a_graph():
    with folder() as at:
        text = part(at, "a")
        equal(run(at, "check", "-", input=text).returncode, 0, "status of check")
        done = run(at, "plan", "-", input=text)
        equal((done.returncode, "file[a]" in done.stdout), (6, True), f"plan: {done.stderr}")
        equal(run(at, "plan", "-", "--save", "p", input=text).returncode, 2, "status of a plan that can't be saved")
        done = run(at, "run", "-", "--once", "--tmp-prefix", input=text)
        equal((done.returncode, read(at + "/out-a")), (0, "a"), f"run: {done.stderr}")
        done = run(at, "check", "-", input="graph: g\nfile: []\n")
        check("<stdin>:2:1: error" in done.stderr, done.stderr)


def test_a_plan_of_several_files_is_applied_as_it_was_made():
    with folder() as at:
        os.mkdir(at + "/web")
        write(at + "/web/10.yaml", part(at, "a"))
        write(at + "/b.yaml", part(at, "b"))
        equal(run(at, "plan", "web", "b.yaml", "--save", "p").returncode, 6, "status of the plan")
        save(at + "/b.yaml", part(at, "c"))
        done = run(at, "apply", "p", "--prefix", at + "/prefix")
        equal(done.returncode, 4, f"status after an edit: {done.stderr}")
        save(at + "/b.yaml", part(at, "b"))
        done = run("/", "apply", at + "/p", "--prefix", at + "/prefix")
        equal((done.returncode, read(at + "/out-a"), read(at + "/out-b")), (0, "a", "b"), f"apply: {done.stderr}")


def test_a_relative_source_is_beside_the_file_that_names_it():
    with folder() as at:
        os.makedirs(at + "/web/files/tree")
        write(at + "/web/files/motd", "beside")
        write(at + "/web/files/tree/leaf", "leaf")
        write(at + "/web/10.yaml", graph(file=[
            {"name": "f", "path": at + "/out", "source": "files/motd"},
            {"name": "t", "path": at + "/tree/", "source": "./files/tree/", "recurse": True},
            {"name": "l", "path": at + "/link", "source": "out", "symlink": True},
        ]))
        done = run("/", "run", at + "/web", "--once", "--tmp-prefix")
        equal(done.returncode, 0, f"status: {done.stderr}")
        equal((read(at + "/out"), read(at + "/tree/leaf")), ("beside", "leaf"), "contents")
        equal(os.readlink(at + "/link"), "out", "the text of a link stays as it is written")


def test_what_is_exported_has_its_source_wherever_it_is_taken():
    with folder() as at:
        os.mkdir(at + "/a")
        write(at + "/a/motd", "beside")
        write(at + "/a/a.yaml", graph(file=[{"name": "@@f", "path": at + "/there/out", "source": "motd", "meta": {"export": ["*"]}}]))
        os.mkdir(at + "/b")
        os.mkdir(at + "/taken")
        write(at + "/b/b.yaml", graph(collect=[{"kind": "file", "pattern": at + "/taken/"}]))
        a = Agent("a/a.yaml", "--hostname", "a", cwd=at, prefix=at + "/prefix")
        a.wait_for("converged")
        b = Agent("b/b.yaml", "--hostname", "b", cwd=at, prefix=at + "/prefix")
        b.wait_for("converged", where=lambda e: os.path.exists(at + "/taken/out"))
        equal(read(at + "/taken/out"), "beside", "content")
        equal((a.stop(), b.stop()), (0, 0), "exit statuses")


def test_without_a_file_a_relative_source_is_an_error():
    with folder() as at:
        done = run(at, "check", "-", input=graph(file=[{"name": "f", "path": at + "/out", "source": "motd"}]))
        equal(done.returncode, 2, "status")
        check("`source` `motd` is not absolute" in done.stderr, done.stderr)


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
