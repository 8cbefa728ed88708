# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: what an agent of root's keeps is root's alone, and what can't be kept keeps it from nothing else.

The prefix is made with mode 0700; one that is looser, or somebody else's, is refused with the command that puts it right. A store
that is read-only, full, damaged (then it is set aside) or of a newer mgmt is said, and the machine is brought to its state
all the same; only what can't be done without it fails. It is opened with the first thing to be kept.

Limits: where the prefix can't be written, nobody can tell whether two agents run under one name.
"""

import contextlib
import os
import sqlite3

import mgmt_test
import mounts
from mgmt_test import Agent, Skip, check, command, equal, folder, graph, read, run, write

mounts.in_own_namespace()

NAME = ("--hostname", "a")


def as_root():
    if os.geteuid() != 0:
        raise Skip("only root's prefix is judged")


def one_file(at, content="x\n"):
    return graph(file=[{"name": "f", "path": at + "/f", "content": content}])


def warned(agent, text):
    return [e["text"] for e in agent.all("notice") if text in e["text"] and e["level"] == "warning"]


def once(at, *args):
    return run("graph.yaml", "--once", *NAME, *args, cwd=at, prefix=at + "/prefix")


def test_it_is_made_for_its_owner_alone():
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        before = os.umask(0)
        try:
            equal(once(at)[0], 0, "exit status")
        finally:
            os.umask(before)
        for name in ("", "/db", "/db/agent"):
            equal(oct(os.stat(at + "/prefix" + name).st_mode & 0o7777), "0o700", f"mode of the prefix{name}")


def test_one_that_others_can_read_is_refused_with_what_to_write():
    as_root()
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        os.mkdir(at + "/prefix")
        os.chmod(at + "/prefix", 0o755)
        status, agent = once(at)
        equal((status, read(at + "/f")), (2, None), "exit status, the file")
        check(f"hint: chmod 0700 {at}/prefix\n" in agent.stderr(), agent.stderr())
        equal(os.system(f"chmod 0700 {at}/prefix"), 0, "what it said to write")
        equal(once(at)[0], 0, "exit status then")


def test_somebody_elses_is_refused_with_what_to_write():
    as_root()
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        os.mkdir(at + "/prefix", 0o700)
        os.chown(at + "/prefix", 4321, 4321)
        status, agent = once(at)
        equal((status, read(at + "/f")), (2, None), "exit status, the file")
        check("belongs to the user 4321" in agent.stderr() and f"hint: chown -R root: {at}/prefix && chmod 0700 {at}/prefix\n" in agent.stderr(), agent.stderr())
        equal(run("graph.yaml", "--once", cwd=at)[0], 0, "--tmp-prefix is the way out")


def test_a_run_that_finds_all_as_declared_opens_no_store():
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        write(at + "/f", "x\n")
        equal(once(at)[0], 0, "exit status")
        equal([name for _, _, names in os.walk(at + "/prefix") for name in names if ".db" in name], [], "files of a store")


def test_check_plan_and_noop_take_no_lock_and_write_nothing():
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        agent = Agent("graph.yaml", *NAME, cwd=at, prefix=at + "/prefix")
        agent.wait_for("converged")
        place = ("--prefix", at + "/prefix", *NAME)
        equal(command("check", "graph.yaml", cwd=at).returncode, 0, "check beside an agent")
        equal(command("plan", "graph.yaml", *place, cwd=at).returncode, 0, "plan beside an agent")
        equal(command("run", "graph.yaml", "--noop", "--once", *place, cwd=at).returncode, 0, "noop beside an agent")
        agent.stop()
        write(at + "/graph.yaml", one_file(at, "other\n"))
        equal(command("run", "graph.yaml", "--noop", "--once", "--prefix", at + "/new", *NAME, cwd=at).returncode, 6, "noop")
        equal(os.path.exists(at + "/new"), False, "a prefix was made")


def test_a_prefix_on_a_read_only_file_system_is_said_and_the_state_is_reached():
    mounts.needed()
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        os.mkdir(at + "/prefix", 0o700)
        mounts.tmpfs(at + "/prefix")
        os.chmod(at + "/prefix", 0o700)
        mounts.read_only(at + "/prefix", True)
        try:
            status, agent = once(at)
        finally:
            mounts.umount(at + "/prefix")
        equal((status, read(at + "/f")), (0, "x\n"), f"exit status, the file{agent.tail()}")
        equal(len(warned(agent, "Read-only file system")) > 0, True, f"it isn't said: {agent.all('notice')}")


def test_a_full_one_is_said_and_the_state_is_reached():
    mounts.needed()
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        os.mkdir(at + "/prefix", 0o700)
        mounts.mount("tmpfs", at + "/prefix", "tmpfs", data="size=64k,mode=0700")
        try:
            fill = os.open(at + "/prefix/fill", os.O_WRONLY | os.O_CREAT)
            with contextlib.suppress(OSError):
                while os.write(fill, b"x" * 4096):
                    pass
            os.close(fill)
            status, agent = once(at)
        finally:
            mounts.umount(at + "/prefix")
        equal(read(at + "/f"), "x\n", f"the file{agent.tail()}")
        equal(status, 0, f"exit status{agent.tail()}")
        said = agent.stderr() + str(agent.all("notice"))
        check("full" in said or "No space left" in said, f"it isn't said: {said}")


def database(at):
    return at + "/prefix/db/agent/a.db"


def test_a_damaged_store_is_set_aside_and_the_state_is_reached():
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        equal(once(at)[0], 0, "the first run")
        for part in ("-wal", "-shm"):  # what is whole there would mend it
            with contextlib.suppress(FileNotFoundError):
                os.unlink(database(at) + part)
        write(database(at), "this is no database, and longer than a header of one would be" * 100)
        os.unlink(at + "/f")
        status, agent = once(at)
        equal((status, read(at + "/f")), (0, "x\n"), f"exit status, the file{agent.tail()}")
        check("is damaged" in str(agent.all("notice")) + agent.stderr(), f"it isn't said: {agent.tail()}")
        aside = [name for name in os.listdir(at + "/prefix/db/agent") if ".db.damaged-" in name]
        equal(len(aside) >= 1, True, f"set aside: {os.listdir(at + '/prefix/db/agent')}")


def test_a_newer_store_is_left_alone_and_the_state_is_reached():
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        equal(once(at)[0], 0, "the first run")
        with sqlite3.connect(database(at)) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
        os.unlink(at + "/f")
        status, agent = once(at)
        equal((status, read(at + "/f")), (0, "x\n"), f"exit status, the file{agent.tail()}")
        said = str(agent.all("notice")) + agent.stderr()
        check("made by a newer mgmt (format 99" in said, f"it isn't said: {said}")
        with sqlite3.connect(database(at)) as db:
            equal(db.execute("PRAGMA user_version").fetchone()[0], 99, "its format")
        db.close()


def test_only_what_needs_the_store_fails_and_is_named():
    mounts.needed()
    with folder() as at:
        files = [
            {"name": "plain", "path": at + "/plain", "content": "x\n"},
            {"name": "sender", "path": at + "/sender", "content": "x\n"},
            {"name": "shared", "path": at + "/shared", "content": "x\n", "meta": {"export": ["*"]}},
        ]
        edges = [{"name": "e", "from": {"kind": "file", "name": "sender"}, "to": {"kind": "exec", "name": "reload"}, "notify": True}]
        tree = {"graph": "g", "resources": {"file": files, "exec": [{"name": "reload", "cmd": "true", "creates": at}]}, "edges": edges}
        write(at + "/graph.yaml", mgmt_test.json.dumps(tree))
        os.mkdir(at + "/prefix", 0o700)
        mounts.tmpfs(at + "/prefix")
        os.chmod(at + "/prefix", 0o700)
        mounts.read_only(at + "/prefix", True)
        try:
            status, agent = once(at)
        finally:
            mounts.umount(at + "/prefix")
        equal((status, read(at + "/plain")), (4, "x\n"), f"exit status, what needs no store{agent.tail()}")
        failed = {e["resource"] for e in agent.all("failed")}
        check("file[shared]" in failed and "file[plain]" not in failed, f"failed: {failed}")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
