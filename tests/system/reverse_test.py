# SPDX-License-Identifier: GPL-3.0-or-later
"""`meta: reverse`: what has left the graph is as it was found, also if it left while mgmt didn't run, and after a kill."""

import os
import signal

import mgmt_test
from mgmt_test import Agent, check, command, equal, folder, graph, read, run, save, wait_until, write

REVERSE = {"reverse": True}


def found(at):
    """What the tests find before mgmt comes."""
    write(at + "/text", "as it was\n")
    os.chmod(at + "/text", 0o640)
    write(at + "/gone", b"\xff\x00bytes".decode("latin-1"))
    os.symlink("text", at + "/link")


def declared(at):
    return graph(
        file=[
            {"name": "text", "path": at + "/text", "content": "declared\n", "mode": "0600", "meta": REVERSE},
            {"name": "new", "path": at + "/new", "content": "x", "meta": REVERSE},
            {"name": "folder", "path": at + "/d/", "state": "exists", "meta": REVERSE},
            {"name": "in it", "path": at + "/d/f", "content": "x", "meta": REVERSE},
            {"name": "gone", "path": at + "/gone", "state": "absent", "meta": REVERSE},
            {"name": "link", "path": at + "/link", "symlink": True, "source": "new", "meta": REVERSE},
            {"name": "stays", "path": at + "/stays", "content": "x"},
        ],
        exec=[{"name": "e", "cmd": f"touch {at}/done", "reverse_cmd": f"rm -f {at}/done", "meta": REVERSE}],
    )


def is_declared(at):
    return (read(at + "/text") == "declared\n" and read(at + "/new") == "x" and read(at + "/d/f") == "x"
            and not os.path.lexists(at + "/gone") and os.readlink(at + "/link") == "new" and os.path.exists(at + "/done"))


def wrong(at):
    """What isn't as it was found, "" if all is."""
    for name in ("new", "d", "done"):
        if os.path.lexists(f"{at}/{name}"):
            return f"{name} is there"
    if read(at + "/text") != "as it was\n" or os.stat(at + "/text").st_mode & 0o7777 != 0o640:
        return "text"
    if read(at + "/gone") != b"\xff\x00bytes".decode("latin-1"):
        return "gone"
    if not os.path.islink(at + "/link") or os.readlink(at + "/link") != "text":
        return "link"
    return "" if read(at + "/stays") == "x" else "what doesn't ask for it is undone too"


def empty():
    return graph(noop=[{"name": "n"}])


def test_what_leaves_a_running_graph_is_undone():
    with folder() as at:
        found(at)
        write(at + "/graph.yaml", declared(at))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("converged")
        check(is_declared(at), "as declared")
        save(at + "/graph.yaml", empty())
        wait_until(lambda: not wrong(at), lambda: wrong(at))
        agent.wait_for("graph", where=lambda event: event["resources"] == 1)
        # It is not kept undone: whoever makes it now may have it.
        write(at + "/new", "somebody's")
        equal(command("check", "graph.yaml", cwd=at).returncode, 0, "check")
        save(at + "/graph.yaml", declared(at))
        agent.wait_for("changed", resource="file[new]")
        save(at + "/graph.yaml", empty())
        wait_until(lambda: read(at + "/new") == "somebody's", "what was found the second time is brought back")
        equal(agent.stop(), 0, "exit status")


def test_what_leaves_while_nobody_runs_is_undone_by_the_next_run():
    with folder() as at:
        found(at)
        write(at + "/graph.yaml", declared(at))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "declared")
        check(is_declared(at), "as declared")
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "declared again: nothing is undone")
        check(is_declared(at), "still")
        write(at + "/graph.yaml", empty())
        status, agent = run("graph.yaml", "--once", "--noop", cwd=at, prefix=at + "/prefix")
        equal(status, 6, "a dry run says that something would change")
        check(agent.all("changed", resource="file[new]", dry=True), "which")
        check(is_declared(at), "and changes nothing")
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "undone")
        equal(wrong(at), "", "as it was found")
        status, agent = run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")
        equal((status, agent.all("changed")), (0, []), "once")


def test_a_killed_agent_forgets_nothing():
    for _ in range(mgmt_test.long_or_short(100, 10)):
        with folder() as at:
            found(at)
            write(at + "/graph.yaml", declared(at))
            agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
            wait_until(lambda: os.path.exists(at + "/new") or not os.path.lexists(at + "/gone"), "it has begun")
            agent.send(signal.SIGKILL)
            agent.wait()
            write(at + "/stays", "x")
            write(at + "/graph.yaml", empty())
            equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "undone")
            equal(wrong(at), "", "as it was found")


def test_a_path_that_another_resource_takes_over_is_not_undone():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "a", "path": at + "/x", "content": "a", "meta": REVERSE}]))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "made")
        write(at + "/graph.yaml", graph(file=[{"name": "b", "path": at + "/x", "content": "b"}]))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "taken over")
        equal(read(at + "/x"), "b", "the graph says what it holds")


def test_what_cannot_be_undone_is_refused_at_once():
    with folder() as at:
        for resource, words in (
            ({"svc": [{"name": "a", "state": "running", "meta": REVERSE}]}, "`reverse` is not for the kind svc"),
            ({"exec": [{"name": "a", "cmd": "true", "meta": REVERSE}]}, "write it as `reverse_cmd`"),
            ({"file": [{"name": at + "/d/", "state": "absent", "recurse": True, "meta": REVERSE}]}, "what the folder holds"),
            ({"file": [{"name": at + "/d/", "source": "/etc/", "recurse": True, "meta": REVERSE}]}, "isn't kept"),
        ):
            write(at + "/graph.yaml", graph(**resource))
            done = command("check", "graph.yaml", cwd=at)
            equal(done.returncode, 2, f"check of {resource}")
            check(words in done.stderr + done.stdout, f"{words}: {done.stderr}{done.stdout}")
        # More than is kept: found out before anything is changed.
        write(at + "/large", "x" * 600_000)
        write(at + "/graph.yaml", graph(file=[{"name": at + "/large", "content": "small", "meta": REVERSE}]))
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 4, "too large")
        equal(len(read(at + "/large")), 600_000, "its size")


mgmt_test.main(globals())
