# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: Two resources of one entry, however their paths are written, are an error that names both, unless they declare the same.

Limits: what leads to one folder by two paths shows only on the machine: then the one that comes first in the graph has the entry, and
the other fails, perhaps after it has written once. Where folders are polled for want of inotify watches, or with `meta: poll`, such
links aren't noticed.
"""

import os
import subprocess

import mgmt_test
from mgmt_test import Agent, check, command, equal, folder, graph, read, run, wait_until


def put(at, *files, **more):
    mgmt_test.write(at + "/graph.yaml", graph(file=list(files), **more))


def file(name, path, content="", **more):
    return {"name": name, "path": path, **({"content": content} if content else {}), **more}


def failures(agent):
    return {event["resource"]: event for event in agent.all("failed")}


def names_both(failed, first, second):
    check(f"file[{first}]" in failed["error"] and "graph.yaml:" in failed["hint"] and failed["resource"] == f"file[{second}]", f"{failed}")


def test_one_path_written_in_two_ways_is_an_error_of_the_graph():
    with folder() as at:
        for one, other in (("/d/f", "/d//f"), ("/d/f", "/d/./f"), ("/d/f", "/d/e/../f"), ("/d/", "/d"), ("/d", "/d///")):
            put(at, file("a", at + one, state="exists"), file("b", at + other, state="exists", mode="0600"))
            checked = command("check", "graph.yaml", cwd=at)
            equal(checked.returncode, 2, f"{one}, {other}: {checked.stderr}")
            lines = [n for n, line in enumerate(read(at + "/graph.yaml").splitlines(), 1) if '"name":' in line]
            check(f"file[b] manages {at}/d" in checked.stderr and "as file[a] does" in checked.stderr, checked.stderr)
            for line in lines:
                check(any(f"graph.yaml:{n}:" in checked.stderr for n in (line - 1, line)), f"no place near line {line}: {checked.stderr}")


def test_two_that_declare_the_same_are_one():
    with folder() as at:
        put(at, file("a", at + "/f", "x", mode="0640"), file("b", at + "//f", "x", mode="640"),
            file("before", at + "/1", "x"), file("after", at + "/2", "x"),
            edges=[("file", "before", "file", "b"), ("file", "b", "file", "after"), ("file", "a", "file", "b")])
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, read(at + "/f")), (0, "x"), f"{agent.tail()}")
        equal(agent.all("graph")[0]["resources"], 3, "resources")
        order = [event["resource"] for event in agent.all("changed")]
        equal(order, ["file[before]", "file[a]", "file[after]"], "their order")
        check(any("they are one" in event["text"] for event in agent.all("notice")), "nothing is said of it")


def test_a_symlink_on_the_way_makes_one_of_two():
    with folder() as at:
        os.mkdir(at + "/real")
        os.symlink("real", at + "/link")
        for first, second in (("real", "link"), ("link", "real")):
            put(at, file("a", f"{at}/{first}/f", "first"), file("b", f"{at}/{second}/f", "second"))
            status, agent = run("graph.yaml", "--once", cwd=at)
            equal((status, read(at + "/real/f")), (4, "first"), f"{agent.tail()}")
            equal(list(failures(agent)), ["file[b]"], "what failed")
            names_both(failures(agent)["file[b]"], "a", "b")
            os.unlink(at + "/real/f")


def test_what_one_keeps_and_the_other_removes_is_one_as_well():
    with folder() as at:
        os.mkdir(at + "/real")
        os.symlink("real", at + "/link")
        put(at, file("a", at + "/real/f", "x"), file("b", at + "/link/f", state="absent"))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, read(at + "/real/f")), (4, "x"), f"{agent.tail()}")
        names_both(failures(agent)["file[b]"], "a", "b")


def test_two_that_declare_the_same_through_a_symlink_are_fine():
    with folder() as at:
        os.mkdir(at + "/real")
        os.symlink("real", at + "/link")
        put(at, file("a", at + "/real/f", "x"), file("b", at + "/link/f", "x"))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, read(at + "/real/f")), (0, "x"), f"{agent.tail()}")


def test_a_symlink_that_the_graph_makes_counts_too():
    with folder() as at:
        put(at, file("a", at + "/real/f", "first"), file("b", at + "/link/f", "second"),
            file("real", at + "/real/", state="exists"), file("link", at + "/link", symlink=True, source="real"))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, read(at + "/real/f")), (4, "first"), f"{agent.tail()}")
        names_both(failures(agent)["file[b]"], "a", "b")


def test_a_symlink_that_is_moved_while_it_runs_is_noticed():
    with folder() as at:
        os.mkdir(at + "/real")
        os.mkdir(at + "/other")
        os.symlink("other", at + "/link")
        put(at, file("a", at + "/real/f", "first"), file("b", at + "/link/f", "second"))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        equal((read(at + "/real/f"), read(at + "/other/f")), ("first", "second"), "the files")
        os.symlink("real", at + "/new")
        os.rename(at + "/new", at + "/link")
        names_both(agent.wait_for("failed", resource="file[b]"), "a", "b")
        wait_until(lambda: read(at + "/real/f") == "first", "the first one's content")
        os.symlink("other", at + "/new")
        os.rename(at + "/new", at + "/link")
        agent.wait_for("converged")
        equal((read(at + "/real/f"), read(at + "/other/f")), ("first", "second"), "the files")


def test_a_symlink_that_is_followed_is_what_it_leads_to():
    with folder() as at:
        os.mkdir(at + "/real")
        os.symlink("real/f", at + "/link")
        os.symlink("link", at + "/far")
        real, link, far = file("real", at + "/real/f", "real"), file("link", at + "/link", "link", follow=True), file("far", at + "/far", "far", follow=True)
        for first, second in ((real, link), (link, real), (real, far), (far, link)):
            put(at, first, second)
            status, agent = run("graph.yaml", "--once", cwd=at)
            equal((status, read(at + "/real/f")), (4, first["name"]), f"{first}, {second}; {agent.tail()}")
            names_both(failures(agent)[f"file[{second['name']}]"], first["name"], second["name"])
            os.unlink(at + "/real/f")
        # The link itself is another entry than what it points to; who only reads through it has neither.
        put(at, real, file("self", at + "/link", symlink=True, source="real/f"), file("copy", at + "/copy", source=at + "/link"))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, read(at + "/copy")), (0, "real"), f"{agent.tail()}")


def test_a_bind_mount_makes_one_of_two():
    with folder() as at:
        os.mkdir(at + "/real")
        os.mkdir(at + "/mount")
        put(at, file("a", at + "/real/f", "first"), file("b", at + "/mount/f", "second"))
        bound = ["unshare", "-m", "--propagation", "private", "sh", "-c", f'mount --bind {at}/real {at}/mount && exec "$@"', "sh"]
        status, agent = run("graph.yaml", "--once", cwd=at, command=bound)
        equal((status, read(at + "/real/f")), (4, "first"), f"{agent.tail()}")
        names_both(failures(agent)["file[b]"], "a", "b")


def source(at, name, *paths):
    for path in paths:
        os.makedirs(os.path.dirname(f"{at}/{name}/{path}"), exist_ok=True)
        mgmt_test.write(f"{at}/{name}/{path}", name)
    return {"source": f"{at}/{name}/", "recurse": True}


def test_a_file_with_a_content_of_its_own_is_passed_over_by_the_tree_around_it():
    with folder() as at:
        put(at, file("t", at + "/t/", **source(at, "outer", "f", "g")), file("f", at + "/t/f", "own"))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, read(at + "/t/f"), read(at + "/t/g")), (0, "own", "outer"), f"{agent.tail()}")


def test_two_trees_may_share_a_folder_and_not_an_entry():
    with folder() as at:
        put(at, file("o", at + "/t/", **source(at, "outer", "sub/a", "x")), file("i", at + "/t/sub/", **source(at, "inner", "b")))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal((status, sorted(os.listdir(at + "/t/sub"))), (0, ["a", "b"]), f"{agent.tail()}")
        source(at, "inner", "a")
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal(status, 4, f"{agent.tail()}")
        names_both(failures(agent)["file[o]"], "i", "o")


def test_what_a_tree_copies_and_another_removes_is_an_error():
    with folder() as at:
        for other in ({"state": "absent", "recurse": True}, {"state": "exists", "recurse": True, "purge": True}):
            put(at, file("o", at + "/t/", **source(at, "outer", "sub/a", "x")), file("i", at + "/t/sub/", **other))
            status, agent = run("graph.yaml", "--once", cwd=at)
            equal(status, 4, f"{agent.tail()}")
            names_both(failures(agent)["file[o]"], "i", "o")


def test_a_purge_and_a_file_in_its_folder_by_another_path_are_an_error():
    with folder() as at:
        os.mkdir(at + "/real")
        os.symlink("real", at + "/link")
        put(at, file("p", at + "/real/", state="exists", recurse=True, purge=True), file("f", at + "/link/f", "x"))
        status, agent = run("graph.yaml", "--once", cwd=at)
        equal(status, 4, f"{agent.tail()}")
        names_both(failures(agent)["file[f]"], "p", "f")


def test_what_is_collected_leaves_a_local_one_its_entry_and_says_so():
    with folder() as at:
        os.makedirs(at + "/real")
        os.symlink("real", at + "/link")
        os.makedirs(at + "/giver")
        mgmt_test.write(at + "/giver/graph.yaml", graph(file=[{"name": "@@given", "path": "/nowhere/f", "content": "given", "meta": {"export": ["*"]}}]))
        prefix = at + "/prefix"
        equal(run("graph.yaml", "--once", "--hostname", "giver", cwd=at + "/giver", prefix=prefix)[0], 0, "exit status of the giver")
        for into in ("real", "link"):
            put(at, file("own", at + "/real/f", "own"), collect=[{"kind": "file", "pattern": f"{at}/{into}/"}])
            agent = Agent("graph.yaml", "--hostname", "taker", cwd=at, prefix=prefix)
            agent.wait_for("notice", where=lambda e: e["level"] == "warning" and "file[own]" in e["text"] and "given" in e["text"])
            agent.wait_for("converged")
            equal((read(at + "/real/f"), agent.stop()), ("own", 0), f"content, exit status; {agent.tail()}")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
