# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic edges with the real binary: they order a run, and `check` and `graph` tell of them."""

import json
import os

import mgmt_test
from mgmt_test import check, command, equal, folder, run, write


def test_files_are_made_after_their_folders():
    with folder() as at:
        # Children first: without an order many of them would find no folder, and fail.
        lines = ["graph: g", "resources:", "  file:"]
        for number in range(200):
            lines.append(f"  - {{name: {at}/top/{number}/file, content: x}}")
            lines.append(f"  - {{name: {at}/top/{number}/, state: exists}}")
        lines.append(f"  - {{name: {at}/top/, state: exists}}")
        write(at + "/graph.yaml", "\n".join(lines))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, agent.all("failed")), (0, []), "exit status, failures")
        equal(mgmt_test.read(at + "/top/199/file"), "x", "the file")


def test_what_is_removed_goes_before_its_folder():
    with folder() as at:
        os.makedirs(at + "/old/sub")
        write(at + "/old/sub/file", "x")
        write(at + "/graph.yaml", f"""graph: g
resources:
  file:
  - {{name: {at}/old/, state: absent}}
  - {{name: {at}/old/sub/, state: absent}}
  - {{name: {at}/old/sub/file, state: absent}}
""")
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, agent.all("failed")), (0, []), "exit status, failures")
        check(not os.path.exists(at + "/old"), "it is still there")


GRAPH = """graph: g
resources:
  file:
  - {name: /srv/x, content: y}
  - {name: /srv/, state: exists}
  - {name: /etc/loop, content: z}
  exec:
  - {name: e, cmd: /etc/loop, cwd: /srv}
edges:
- {name: mine, from: {kind: exec, name: e}, to: {kind: file, name: /srv/x}}
- {from: {kind: file, name: /srv/x}, to: {kind: file, name: /etc/loop}}
"""
NOTE = ("graph.yaml: note: no automatic edge file[/etc/loop] -> exec[e] (the program that it runs): exec[e] comes before "
        "file[/etc/loop] already\n")


def test_check_counts_them_and_notes_what_is_left_out():
    with folder() as at:
        write(at + "/graph.yaml", GRAPH)
        done = command("check", "graph.yaml", cwd=at)
        equal((done.returncode, done.stdout), (0, "graph.yaml: fine: 4 resources, 2 edges, 2 automatic edges\n"), "check")
        equal(done.stderr, NOTE, "what is left out")


def test_explain_says_why_each_edge_is_there():
    with folder() as at:
        write(at + "/graph.yaml", GRAPH)
        done = command("graph", "--explain", "graph.yaml", cwd=at)
        equal((done.returncode, done.stdout.splitlines()), (0, [
            "exec[e] -> file[/srv/x]: written at graph.yaml:10:3 as `mine`",
            "file[/srv/x] -> file[/etc/loop]: written at graph.yaml:11:3",
            "file[/srv/] -> file[/srv/x]: automatic: its parent folder",
            "file[/srv/] -> exec[e]: automatic: the folder that it works in",
        ]), "explain")
        edges = json.loads(command("graph", "--explain", "--json", "graph.yaml", cwd=at).stdout)["edges"]
        equal(edges[0], {"from": "exec[e]", "to": "file[/srv/x]", "place": "graph.yaml:10:3", "name": "mine"}, "written")
        equal(edges[2], {"from": "file[/srv/]", "to": "file[/srv/x]", "automatic": "its parent folder"}, "automatic")
        dot = command("graph", "graph.yaml", cwd=at).stdout
        equal(dot.count("style=dashed, color=gray"), 2, "automatic edges drawn differently")


def test_explain_and_a_picture_are_two_things():
    with folder() as at:
        write(at + "/graph.yaml", GRAPH)
        equal(command("graph", "--explain", "-o", "a.dot", "graph.yaml", cwd=at).returncode, 2, "--explain with -o")
        equal(command("graph", "--json", "graph.yaml", cwd=at).returncode, 2, "--json alone")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
