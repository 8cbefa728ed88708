# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: before the first overwrite of content that mgmt did not write, it is kept; `mgmt restore` brings it back.

Kept under the prefix (`backup/`, 0600, by its SHA-256), before the change: overwriting, removal, purge and force. Bounded:
16 MiB a file (a larger one is said not to be kept), 256 MiB in all, 90 days, ten contents of a path.

Limits: who truncates a file and then writes it may find it repaired between the two, and what he writes is in no file
then. With `--tmp-prefix` what is kept goes with the prefix. Content, mode and owner come back, attributes and access list don't.
Of a tree, content that mgmt wrote in an earlier run is kept too. Of what goes with a folder that is removed with all that
it holds, a thousand files are kept.
"""

import hashlib
import json
import os
import stat

from mgmt_test import Agent, check, command, equal, folder, graph, main, read, run, save, wait_until, write


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def once(at, *resources, status=0):
    write(f"{at}/graph.yaml", graph(file=list(resources)))
    got, agent = run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")
    equal(got, status, f"exit status{agent.tail()}")
    return agent


def restore(at, *args):
    return command("restore", *args, "--prefix", at + "/prefix", cwd=at)


def kept(at):
    """{path: [content sums, the oldest first]}"""
    listed = {}
    for line in restore(at, "--json").stdout.splitlines():
        one = json.loads(line)
        listed.setdefault(one["path"].removeprefix(at + "/"), []).append(one["sha256"])
    return listed


def test_what_was_there_before_is_kept_and_comes_back_with_mode_and_owner():
    with folder() as at:
        write(at + "/f", "precious\n")
        os.chmod(at + "/f", 0o640)
        if os.geteuid() == 0:
            os.chown(at + "/f", 65534, 65534)
        before = os.stat(at + "/f")
        once(at, {"name": "f", "path": at + "/f", "content": "new\n", "mode": "0644", "owner": str(os.geteuid())})
        equal(read(at + "/f"), "new\n", "the file")
        equal(kept(at), {"f": [sha("precious\n")]}, "what is kept")
        copy = os.stat(f"{at}/prefix/backup/" + sha("precious\n"))
        equal(stat.S_IMODE(copy.st_mode), 0o600, "the copy's mode")
        done = restore(at, at + "/f")
        equal(done.returncode, 0, done.stderr)
        after = os.stat(at + "/f")
        equal(read(at + "/f"), "precious\n", "the file")
        equal((after.st_mode, after.st_uid, after.st_gid), (before.st_mode, before.st_uid, before.st_gid), "mode and owner")
        check("file[f] manages it: the next run will undo this" in done.stderr, done.stderr)


def test_what_mgmt_wrote_is_not_kept():
    with folder() as at:
        for content in ("one\n", "two\n", "three\n"):
            once(at, {"name": "f", "path": at + "/f", "content": content})
        once(at, {"name": "f", "path": at + "/f", "state": "absent"})
        equal((read(at + "/f"), kept(at)), (None, {}), "the file, and what is kept")


def test_a_secret_that_mgmt_wrote_is_not_kept_when_it_is_another():
    with folder() as at:
        for secret in ("hunter2hunter2", "swordfish", "correct horse"):
            write(at + "/graph.yaml", f"graph: g\nresources:\n  file:\n  - {{name: f, path: {at}/f, content: !secret '{secret}'}}\n")
            equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "exit status")
        equal((read(at + "/f"), kept(at)), ("correct horse", {}), "the file, and what is kept")


def test_new_files_make_no_backup_folder():
    with folder() as at:
        once(at, *({"name": f"f{n}", "path": f"{at}/f{n}", "content": "x"} for n in range(10)))
        check(not os.path.exists(at + "/prefix/backup"), "there is one")


def test_a_change_by_hand_is_kept_before_the_repair():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "declared\n"}]))
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("converged")
        save(at + "/f", "by hand\n")
        agent.wait_for("changed", resource="file[f]", repair=True)
        equal((read(at + "/f"), kept(at).get("f")), ("declared\n", [sha("by hand\n")]), "the file, and what is kept")
        # What the agent remembers is written a moment later.
        wait_until(lambda: "file[f]" in command("history", "--prefix", at + "/prefix", cwd=at).stdout, "it is in the history")
        done = restore(at, at + "/f")
        equal(done.returncode, 0, done.stderr)
        check("file[f] manages it, and the agent is running: that will undo this" in done.stderr, done.stderr)
        wait_until(lambda: read(at + "/f") == "declared\n", "the agent undoes it")
        agent.stop()


def test_removal_purge_and_force_count_as_overwriting():
    with folder() as at:
        write(at + "/absent", "absent\n")
        write(at + "/link", "link\n")
        write(at + "/tree-file", "in the way\n")
        for path in ("purged/sub", "all/sub", "source"):
            os.makedirs(f"{at}/{path}")
        write(at + "/purged/a", "purged a\n")
        write(at + "/purged/sub/b", "purged b\n")
        write(at + "/all/sub/c", "all c\n")
        write(at + "/source/d", "new d\n")
        os.mkdir(at + "/tree")
        write(at + "/tree/d", "old d\n")
        once(
            at,
            {"name": "absent", "path": at + "/absent", "state": "absent"},
            {"name": "link", "path": at + "/link", "symlink": True, "source": "elsewhere", "force": True},
            {"name": "folder", "path": at + "/tree-file/", "state": "exists", "force": True},
            {"name": "purged", "path": at + "/purged/", "state": "exists", "recurse": True, "purge": True},
            {"name": "all", "path": at + "/all/", "state": "absent", "recurse": True},
            {"name": "tree", "path": at + "/tree/", "source": at + "/source/", "recurse": True},
        )
        want = {
            "absent": "absent\n", "link": "link\n", "tree-file": "in the way\n", "purged/a": "purged a\n",
            "purged/sub/b": "purged b\n", "all/sub/c": "all c\n", "tree/d": "old d\n",
        }  # fmt: skip
        equal(kept(at), {path: [sha(text)] for path, text in want.items()}, "what is kept")
        for path in ("absent", "purged/a"):
            equal(restore(at, f"{at}/{path}").returncode, 0, path)
            equal(read(f"{at}/{path}"), want[path], path)


def test_a_dry_run_and_a_plan_keep_nothing():
    with folder() as at:
        write(at + "/f", "mine\n")
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": "x"}]))
        equal(run("graph.yaml", "--once", "--noop", cwd=at, prefix=at + "/prefix")[0], 6, "exit status")
        equal(command("plan", "graph.yaml", "--prefix", at + "/prefix", cwd=at).returncode, 6, "exit status")
        check(not os.path.exists(at + "/prefix/backup"), "something is kept")


def test_an_older_one_comes_back_by_its_sum_and_a_restore_can_be_undone():
    with folder() as at:
        for text in ("first\n", "second\n"):
            write(at + "/f", text)
            once(at, {"name": "f", "path": at + "/f", "content": "declared\n"})
        equal(kept(at), {"f": [sha("first\n"), sha("second\n")]}, "what is kept")
        equal(restore(at, at + "/f", sha("first\n")[:8]).returncode, 0, "exit status")
        equal(read(at + "/f"), "first\n", "the file")
        write(at + "/f", "third\n")
        answer = json.loads(restore(at, at + "/f", "--json").stdout)
        equal((answer["outcome"], answer["sha256"], answer["managed_by"], answer["running"]),
              ("restored", sha("second\n"), "file[f]", False), "the answer")  # fmt: skip
        equal(read(at + "/f"), "second\n", "the file")
        check(sha("third\n") in kept(at)["f"], "what the restore overwrote isn't kept")


def test_what_is_too_large_is_said_not_to_be_kept():
    with folder() as at:
        with open(at + "/f", "wb") as file:
            file.truncate((16 << 20) + 1)
        agent = once(at, {"name": "f", "path": at + "/f", "content": "x"})
        notices = [event["text"] for event in agent.all("notice", level="warning")]
        check(any(f"what was in {at}/f (16 MiB) is not kept" in text for text in notices), notices)
        equal(kept(at), {}, "what is kept")


def test_where_it_cannot_be_kept_the_old_file_stays():
    with folder() as at:
        write(at + "/f", "mine\n")
        os.makedirs(at + "/prefix", 0o700)
        write(at + "/prefix/backup", "in the way")
        agent = once(at, {"name": "f", "path": at + "/f", "content": "x"}, {"name": "new", "path": at + "/new", "content": "x"}, status=4)
        error = agent.all("failed", resource="file[f]")[0]["error"]
        check(f"keeping what is in {at}/f before it is overwritten" in error, error)
        equal((read(at + "/f"), read(at + "/new")), ("mine\n", "x"), "the files")


def test_a_path_of_which_nothing_is_kept_is_said():
    with folder() as at:
        done = restore(at, at + "/f")
        equal(done.returncode, 1, "exit status")
        check(f"nothing is kept of {at}/f" in done.stderr, done.stderr)
        check("nothing is kept" in restore(at).stdout, "the list")


def test_the_list_names_path_size_mode_owner_and_who_overwrote_it():
    with folder() as at:
        write(at + "/f", "precious\n")
        os.chmod(at + "/f", 0o640)
        once(at, {"name": "f", "path": at + "/f", "content": "x"})
        line = restore(at).stdout.splitlines()[0]
        text = f"{sha('precious' + chr(10))[:8]} {at}/f (9 bytes, mode 0640, owner {os.geteuid()}:{os.getegid()}), before file[f]"
        check(line.endswith(text), line)


if __name__ == "__main__":
    main(globals())
