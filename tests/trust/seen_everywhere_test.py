# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: mounts over and under a watched path are seen, and file systems without complete events are polled every 60 s and named once.

Limits: inotify doesn't tell of a write through another hard link of a file, or of one through a mapping before that is closed;
the slow look of `--recheck` finds both. On an overlay what is done through it is seen; changing the folders below a mounted one
is what the kernel leaves undefined. Without /proc mounts aren't seen.
"""

import os

import fuse
import mgmt_test
import mounts
from mgmt_test import agent_of, equal, folder, graph, read, settle, wait_until, write


def declared(at, **more):
    """A folder and a file in it, below at/top."""
    return graph(file=[{"name": "d", "path": at + "/top/d/", "state": "exists"},
                       {"name": "f", "path": at + "/top/d/f", "content": "declared\n", **more}],
                 edges=[("file", "d", "file", "f")])


def is_there(at):
    return lambda: read(at + "/top/d/f") == "declared\n"


def test_a_mount_over_the_folder_of_a_file_is_seen_and_its_end_too():
    mounts.needed()
    with folder() as at:
        os.makedirs(at + "/top/d")
        os.mkdir(at + "/below")
        write(at + "/graph.yaml", declared(at))
        with agent_of(at):
            mounts.bind(at + "/top", at + "/below")  # where what a mount hides can be reached
            mounts.tmpfs(at + "/top/d")
            wait_until(is_there(at), "the file in what was mounted")
            write(at + "/top/d/f", "by hand\n")
            wait_until(is_there(at), "the file in what was mounted, repaired")
            write(at + "/below/d/f", "by hand, where nobody sees it\n")
            mounts.umount(at + "/top/d")
            wait_until(is_there(at), "the file that the mount had hidden, repaired")
            write(at + "/top/d/f", "by hand\n")
            wait_until(is_there(at), "the file repaired once more, as the folder is watched again")


def test_a_mount_far_above_a_file_is_seen():
    mounts.needed()
    with folder() as at:
        os.makedirs(at + "/top/d")
        write(at + "/graph.yaml", declared(at))
        with agent_of(at):
            mounts.tmpfs(at + "/top")
            wait_until(is_there(at), "the folder and the file in what was mounted")
            mounts.umount(at + "/top")
            os.unlink(at + "/top/d/f")
            wait_until(is_there(at), "the file below, repaired")


def test_a_mount_behind_a_symlink_is_seen():
    mounts.needed()
    with folder() as at:
        os.makedirs(at + "/real/d")
        os.symlink("real", at + "/top")
        write(at + "/graph.yaml", declared(at))
        with agent_of(at):
            mounts.tmpfs(at + "/real/d")
            wait_until(lambda: read(at + "/real/d/f") == "declared\n", "the file in what was mounted")
            write(at + "/real/d/f", "by hand\n")
            wait_until(is_there(at), "the file in what was mounted, repaired")


def test_a_file_that_something_is_mounted_on_is_watched_itself():
    mounts.needed()
    with folder() as at:
        os.makedirs(at + "/top/d")
        write(at + "/source", "not as declared\n")
        write(at + "/graph.yaml", declared(at))
        with agent_of(at) as agent:
            mounts.bind(at + "/source", at + "/top/d/f")
            agent.wait_for("failed", resource="file[f]")  # it can't be renamed over
            write(at + "/source", "declared\n")
            agent.wait_for("converged")
            write(at + "/source", "not as declared again\n")
            agent.wait_for("failed", resource="file[f]")
            mounts.umount(at + "/top/d/f")
            agent.wait_for("converged")


def test_what_was_mounted_read_only_is_repaired_once_it_is_writable():
    mounts.needed()
    with folder() as at:
        os.makedirs(at + "/top/d")
        os.mkdir(at + "/writable")
        write(at + "/graph.yaml", declared(at, meta={"retry": 0}))
        with agent_of(at) as agent:
            mounts.tmpfs(at + "/top/d")
            wait_until(is_there(at), "the file in what was mounted")
            mounts.bind(at + "/top/d", at + "/writable")
            mounts.read_only(at + "/top/d", True)
            equal(settle(at + "/prefix")[0], 0, "exit status of settle")
            write(at + "/writable/f", "by hand\n")
            agent.wait_for("failed", resource="file[f]")
            mounts.read_only(at + "/top/d", False)
            agent.wait_for("changed", resource="file[f]", repair=True)


def test_mounts_that_come_and_go_quickly_end_as_declared():
    mounts.needed()
    with folder() as at:
        os.makedirs(at + "/top/d")
        write(at + "/graph.yaml", declared(at))
        with agent_of(at):
            for count in (1, 2, 5, 50):
                for _ in range(count):
                    mounts.tmpfs(at + "/top/d")
                    mounts.umount(at + "/top/d")
                mounts.tmpfs(at + "/top/d")
                wait_until(is_there(at), "the file in the last mount")
                mounts.umount(at + "/top/d")


def test_only_what_lies_at_a_mount_is_looked_at_again():
    mounts.needed()
    with folder() as at:
        os.makedirs(at + "/top/d")
        os.makedirs(at + "/beside")
        both = [{"name": "f", "path": at + "/top/d/f", "content": "x"}, {"name": "g", "path": at + "/beside/g", "content": "x"}]
        write(at + "/graph.yaml", graph(file=both))
        with agent_of(at) as agent:
            before = len(agent.all("started", resource="file[g]"))
            mounts.tmpfs(at + "/top/d")
            agent.wait_for("changed", resource="file[f]")
            equal(settle(at + "/prefix")[0], 0, "exit status of settle")
            agent.drain()
            equal(len(agent.all("started", resource="file[g]")), before, "looks at what lies elsewhere")


def test_a_file_system_without_complete_events_is_named_once_and_what_changes_there_is_found():
    mounts.needed()
    with folder() as at:
        os.mkdir(at + "/served")
        served = fuse.OneFile(at + "/served", "f", b"declared\n")
        files = [{"name": "f", "path": at + "/served/f", "content": "declared\n", "meta": {"retry": 0}},
                 {"name": "none", "path": at + "/served/none", "state": "absent"},
                 {"name": "local", "path": at + "/local", "content": "x"}]
        runs = {"name": "runs", "cmd": f"echo ran >> {at}/log", "shell": "/bin/sh", "watchfiles": [at + "/served/f"]}
        write(at + "/graph.yaml", graph(file=files, exec=[runs]))
        with agent_of(at) as agent:
            equal((settle(at + "/prefix")[0], read(at + "/log")), (0, "ran\n"), "a poll is no event for the command that watches")
            texts = [e["text"] for e in agent.all("notice", level="warning")]
            equal(texts, [f"{at}/served (fuse) doesn't tell of every change: what lies there is looked at every 60 s"], "warnings")
            served.content = b"changed elsewhere\n"
            agent.wait_for("failed", resource="file[f]", seconds=70)  # nothing can be written there
            served.content = b"declared\n"
            equal(settle(at + "/prefix")[0], 0, "settle, which looks there at once")
            equal(len(agent.all("notice", level="warning")), 1, "warnings")
            # It comes behind the file that it watches, by an automatic edge.
            equal((settle(at + "/prefix")[0], read(at + "/log")), (0, "ran\n" * 2), "runs of the command, once what it watches is right")
            equal(len(agent.all("started", resource="file[local]")), 1, "looks at a local file")
        mounts.umount(at + "/served")


if __name__ == "__main__":
    mounts.in_own_namespace()
    mgmt_test.main(dict(globals()))
