# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: What is removed is what was declared to go: never through a symlink, never across a mount, never because a source is gone.

Limits: with `force`, a source that is missing or empty empties the folder, as said; one that can't be read never does. Who may write
to a folder that is being removed may see what they move into it go as well.
"""

import os
import subprocess
import sys

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, long_or_short, read, run, wait_until


def make(at, *paths):
    for path in paths:
        os.makedirs(os.path.dirname(f"{at}/{path}"), exist_ok=True)
        mgmt_test.write(f"{at}/{path}", path)


def names(at):
    return sorted(os.path.relpath(os.path.join(base, name), at) for base, folders, files in os.walk(at) for name in folders + files)


def once(at, *files, command=()):
    mgmt_test.write(at + "/graph.yaml", graph(file=list(files)))
    return run("graph.yaml", "--once", "--allow-removals", "1000", cwd=at, command=command)


def error_of(agent):
    return agent.all("failed")[0]["error"]


def mounted(*mounts):
    """In a mount namespace of its own, with these mounted."""
    script = " && ".join(f"mount {mount}" for mount in mounts)
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", script + ' && exec "$@"', "sh"]


def test_without_purge_nothing_undeclared_goes():
    with folder() as at:
        make(at, "source/a", "source/sub/b", "tree/own", "tree/sub/own", "tree/other/own")
        status, agent = once(at, {"name": "t", "path": at + "/tree/", "source": at + "/source/", "recurse": True, "force": True})
        equal(status, 0, f"exit status; {agent.tail()}")
        equal(names(at + "/tree"), ["a", "other", "other/own", "own", "sub", "sub/b", "sub/own"], "the tree")
        status, agent = once(at, {"name": "t", "path": at + "/tree/", "state": "exists", "recurse": True, "force": True})
        equal((status, len(names(at + "/tree"))), (0, 7), "a folder without a source")


def test_a_purge_removes_the_link_and_never_what_it_points_to():
    with folder() as at:
        make(at, "source/a", "tree/junk/deep/x", "outside/kept")
        os.symlink(at + "/outside", at + "/tree/link")
        os.symlink(at + "/outside", at + "/tree/junk/deep/link")
        status, agent = once(at, {"name": "t", "path": at + "/tree/", "source": at + "/source/", "recurse": True, "purge": True})
        equal(status, 0, f"exit status; {agent.tail()}")
        equal((names(at + "/tree"), read(at + "/outside/kept")), (["a"], "outside/kept"), "the tree, and what lies outside")


def test_a_recursive_removal_removes_the_link_and_never_what_it_points_to():
    with folder() as at:
        make(at, "tree/deep/x", "outside/kept")
        os.symlink(at + "/outside", at + "/tree/deep/link")
        status, agent = once(at, {"name": "t", "path": at + "/tree/", "state": "absent", "recurse": True})
        equal(status, 0, f"exit status; {agent.tail()}")
        equal((os.path.exists(at + "/tree"), read(at + "/outside/kept")), (False, "outside/kept"), "the tree, and what lies outside")


def test_a_mount_at_any_depth_stops_a_recursive_removal_before_it_begins():
    with folder() as at:
        make(at, "tree/a", "tree/deep/er/x", "outside/kept", "tree/z")
        before = names(at + "/tree")
        absent = {"name": "t", "path": at + "/tree/", "state": "absent", "recurse": True}
        for mount in (f"-t tmpfs none {at}/tree/deep/er", f"--bind {at}/outside {at}/tree/deep/er", f"--bind {at}/outside/kept {at}/tree/deep/er/x"):
            status, agent = once(at, absent, command=mounted(mount))
            equal(status, 4, f"exit status with mount {mount}; {agent.tail()}")
            check("is a mount point" in error_of(agent), error_of(agent))
            equal((names(at + "/tree"), read(at + "/outside/kept")), (before, "outside/kept"), "the tree, and what was mounted")


def test_a_mount_at_any_depth_stops_a_purge_before_it_begins():
    with folder() as at:
        make(at, "source/a", "source/m/a", "tree/a", "tree/junk/er/x", "tree/m/a", "outside/kept", "tree/z")
        before = names(at + "/tree")
        purge = {"name": "t", "path": at + "/tree/", "source": at + "/source/", "recurse": True, "purge": True}
        for where in ("junk/er", "junk", "m"):
            # In `m` the source has what it has; what is mounted there has something else.
            status, agent = once(at, purge, command=mounted(f"--bind {at}/outside {at}/tree/{where}"))
            equal(status, 4, f"exit status with a mount on {where}; {agent.tail()}")
            check("mount" in error_of(agent), error_of(agent))
            equal((names(at + "/tree"), read(at + "/outside/kept")), (before, "outside/kept"), "the tree, and what was mounted")


def test_a_purge_stops_at_a_source_that_is_missing_or_empty_unless_forced():
    with folder() as at:
        make(at, "tree/a", "tree/sub/b")
        before = names(at + "/tree")
        purge = {"name": "t", "path": at + "/tree/", "source": at + "/source/", "recurse": True, "purge": True}
        for said in ("No such file or directory", "is empty, so a purge would empty"):
            status, agent = once(at, purge)
            equal(status, 4, f"exit status; {agent.tail()}")
            check(said in error_of(agent), error_of(agent))
            equal(names(at + "/tree"), before, "the tree")
            os.makedirs(at + "/source", exist_ok=True)
        status, agent = once(at, {**purge, "force": True})
        equal((status, names(at + "/tree")), (0, []), f"with force; {agent.tail()}")


def test_a_purge_stops_at_a_source_that_cannot_be_read():
    with folder() as at:
        make(at, "source/a", "source/sub/b", "tree/a", "tree/sub/c")
        before = names(at + "/tree")
        subprocess.run(["chown", "-R", "65534:65534", at], check=True)
        os.chmod(at, 0o755)
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        for unreadable in ("source/sub", "source"):
            os.chmod(f"{at}/{unreadable}", 0)
            for force in (False, True):
                purge = {"name": "t", "path": at + "/tree/", "source": at + "/source/", "recurse": True, "purge": True, "force": force}
                status, agent = once(at, purge, command=nobody)
                equal(status, 4, f"exit status; {agent.tail()}")
                check("Permission denied" in error_of(agent), error_of(agent))
                equal(names(at + "/tree"), before, "the tree")


# Exchanges folders of the tree for symlinks, in one step of the kernel's, as fast as it can, and fills it anew. It works on
# descriptors, so that it is never led outside itself.
RACER = """
import ctypes, os, random, sys, time
at, seed = sys.argv[1], int(sys.argv[2])
random.seed(seed)
libc = ctypes.CDLL(None, use_errno=True)
def within(fd, name, call):
    try:
        inner = os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
    except OSError:
        return
    try:
        call(inner)
    finally:
        os.close(inner)
def exchange(a, b):
    return lambda fd: libc.renameat2(fd, a.encode(), fd, b.encode(), 2)
def quietly(call, *args, **named):
    try: call(*args, **named)
    except OSError: pass
def fill_one(fd):
    quietly(lambda: os.close(os.open("junk", os.O_CREAT | os.O_NOFOLLOW, dir_fd=fd)))
def fill(fd):
    quietly(os.symlink, at + "/outside", "l", dir_fd=fd)
    for e in range(3):
        quietly(os.mkdir, f"e{e}", dir_fd=fd)
        within(fd, f"e{e}", fill_one)
def race(fd):
    for d in range(4):
        quietly(os.mkdir, f"d{d}", dir_fd=fd)
        quietly(os.symlink, at + "/outside", f"l{d}", dir_fd=fd)
        within(fd, f"d{d}", fill)
    for _ in range(random.randrange(60)):
        d = random.randrange(4)
        exchange(f"d{d}", f"l{d}")(fd)
        within(fd, f"d{d}", exchange(f"e{random.randrange(3)}", "l"))
print("racing", flush=True)
while True:
    quietly(os.mkdir, at + "/tree")
    within(None, at + "/tree", race)
    if random.random() < 0.2:
        time.sleep(random.random() / 100)  # a removal is to succeed now and then
"""


def race(declared, rounds, expected):
    with folder() as at:
        outside = [f"outside/e{e}/{name}" for e in range(3) for name in ("junk", "kept")]
        make(at, "source/a", *outside)
        os.mkdir(at + "/tree")
        mgmt_test.write(at + "/graph.yaml", graph(file=[{"name": "t", "path": at + "/tree/", "recurse": True, "meta": {"retry": -1, "delay": 1}, **declared(at)}]))
        agent = Agent("graph.yaml", "--allow-removals", "1000", "--repair-limit", "4000000000", cwd=at)
        agent.wait_for("converged")
        racer = subprocess.Popen([sys.executable, "-c", RACER, at, "1"], stdout=subprocess.PIPE)
        try:
            racer.stdout.readline()
            # A removal that was disturbed too often fails, and is tried again.
            while rounds > 0 or len(agent.all("changed")) < 5:
                rounds -= 1
                agent.wait_for(where=lambda e: e["event"] in ("changed", "failed"), what="a removal amid the race", seconds=60)
        finally:
            racer.kill()
            racer.wait()
        wait_until(lambda: expected(at), lambda: f"the tree as declared, and not {names(at + '/tree')}; {agent.tail()}")
        equal([path for path in outside if read(f"{at}/{path}") != path], [], "files outside that went")
        done = len(agent.all("changed")), len(agent.all("failed"))
        mgmt_test.measured("removals, failures", done)
        equal(agent.stop(), 0, "exit status")


def test_who_exchanges_folders_for_symlinks_meanwhile_leads_no_recursive_removal_astray():
    race(lambda at: {"state": "absent"}, long_or_short(5000, 40), lambda at: not os.path.exists(at + "/tree"))


def test_who_exchanges_folders_for_symlinks_meanwhile_leads_no_purge_astray():
    race(lambda at: {"source": at + "/source/", "purge": True}, long_or_short(20_000, 200), lambda at: names(at + "/tree") == ["a"])


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
