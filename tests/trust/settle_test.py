# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: `mgmt settle` returns when every event older than the call has been seen and handled.

Limits: what a `watchcmd` has not yet printed when settle is called is not known to anybody; on a file system without events
everything is looked at anew instead.
"""

import json
import os
import random

import fuse
import mgmt_test
import mounts
from mgmt_test import Agent, agent_of, check, command, equal, folder, graph, long_or_short, read, save, settle, write

ROUNDS = long_or_short(2000, 100)


def files_graph(at, count, text="declared\n"):
    return graph(file=[{"name": f"f{n}", "path": f"{at}/files/{n}", "content": text, "mode": "0644"} for n in range(count)])


def test_what_was_done_to_files_before_the_call_is_undone_when_it_returns():
    with folder() as at:
        os.mkdir(at + "/files")
        write(at + "/graph.yaml", files_graph(at, 20))
        hands = [
            os.unlink,
            lambda path: write(path, "by hand\n"),
            lambda path: save(path, "by hand\n"),
            lambda path: os.chmod(path, 0o600),
            lambda path: os.rename(path, at + "/away"),
            lambda path: os.truncate(path, 1),
        ]
        with agent_of(at):
            for _ in range(ROUNDS):
                paths = random.sample([f"{at}/files/{n}" for n in range(20)], random.randint(1, 5))
                for path in paths:
                    random.choice(hands)(path)
                equal(settle(at + "/prefix")[0], 0, "exit status of settle")
                for path in paths:
                    equal((read(path), os.stat(path).st_mode & 0o777), ("declared\n", 0o644), f"{path} after settle")


def test_an_edit_of_the_graph_before_the_call_is_in_force_when_it_returns():
    with folder() as at:
        os.mkdir(at + "/files")
        write(at + "/graph.yaml", files_graph(at, 3))
        with agent_of(at):
            for edit in range(5):
                save(at + "/graph.yaml", files_graph(at, 3, f"edit {edit}\n"))
                equal(settle(at + "/prefix")[0], 0, "exit status of settle")
                equal([read(f"{at}/files/{n}") for n in range(3)], [f"edit {edit}\n"] * 3, "contents after settle")


def test_what_follows_from_an_event_is_waited_for():
    with folder() as at:
        write(at + "/graph.yaml", graph(
            file=[{"name": "f", "path": at + "/f", "content": "declared\n"}],
            exec=[{"name": "e", "cmd": f"sleep 0.3; echo ran >> {at}/log", "shell": "/bin/sh", "watchfiles": [at + "/f"]}]))
        with agent_of(at):
            before = read(at + "/log").count("ran")
            write(at + "/f", "by hand\n")
            equal(settle(at + "/prefix")[0], 0, "exit status of settle")
            check(read(at + "/log").count("ran") > before, "the command that watches the file had not run when settle returned")


def test_a_mount_before_the_call_is_seen():
    mounts.needed()
    with folder() as at:
        os.mkdir(at + "/files")
        write(at + "/graph.yaml", files_graph(at, 3))
        with agent_of(at):
            for _ in range(20):
                mounts.tmpfs(at + "/files")
                equal((settle(at + "/prefix")[0], len(os.listdir(at + "/files"))), (0, 3), "status, and files in the mount")
                mounts.umount(at + "/files")


def test_where_there_are_no_events_the_state_is_looked_at():
    mounts.needed()
    with folder() as at:
        os.mkdir(at + "/served")
        served = fuse.OneFile(at + "/served", "f", b"declared\n")
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/served/f", "content": "declared\n"}]))
        with agent_of(at):
            served.content = b"something else\n"
            status, said = settle(at + "/prefix")
            equal((status, said["failed_ones"]), (4, ["file[f]"]), "status: it is wrong, and can't be put right there")
            served.content = b"declared\n"
            equal(settle(at + "/prefix")[0], 0, "exit status once it is right again")
        mounts.umount(at + "/served")


def test_a_failure_is_status_4_and_named():
    with folder() as at:
        os.mkdir(at + "/f")
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "x", "meta": {"retry": 0}}]))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("settled")
        done = command("settle", "--prefix", at + "/prefix")
        equal((done.returncode, done.stdout), (4, "settled with failures: 1 of 1 resource failed: file[f]\n"), "settle")
        os.rmdir(at + "/f")
        done = command("settle", "--prefix", at + "/prefix")
        equal((done.returncode, done.stdout), (0, "settled: 1 resource as declared\n"), "settle, once nothing is in the way")
        agent.stop()


def test_not_yet_is_status_7_and_says_what_is_left():
    with folder() as at:
        os.mkfifo(at + "/gate")
        write(at + "/graph.yaml", graph(exec=[{"name": "e", "cmd": f"read line < {at}/gate", "shell": "/bin/sh"}]))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("started")
        done = command("settle", "--prefix", at + "/prefix", "--timeout", "50ms")
        equal((done.returncode, done.stdout), (7, "not yet: 1 of 1 resource still to do: exec[e]\n"), "settle")
        done = command("settle", "--prefix", at + "/prefix", "--timeout", "0", "--json")
        equal((done.returncode, json.loads(done.stdout)["settled"]), (7, False), "settle --json, asked for now")
        with open(at + "/gate", "w") as gate:
            gate.write("go\n")
        equal(settle(at + "/prefix")[0], 0, "exit status once the command has ended")
        done = command("settle", "--prefix", at + "/prefix", "--timeout", "0")
        equal(done.returncode, 0, "with no time at all, what is settled is so")
        agent.stop()


def test_without_an_agent_it_says_so():
    with folder() as at:
        done = command("settle", "--prefix", at + "/prefix", "--hostname", "web1")
        equal((done.returncode, done.stderr), (1, f"mgmt: no agent named `web1` runs under {at}/prefix\n"
              "  hint: --prefix and --hostname say which one is meant, as they did for `mgmt run`; a dry run leaves no trace, "
              "and can't be asked\n"), "settle without an agent")


if __name__ == "__main__":
    mounts.in_own_namespace()
    mgmt_test.main(dict(globals()))
