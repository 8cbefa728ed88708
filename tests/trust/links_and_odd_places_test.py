# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: links and other odd places are refused with a hint, or written as was declared; nobody leads root elsewhere.

As root, a path goes through folders that only root can change, and from there into the hands of one user; what is
declared there must be that user's own. In a sticky folder, what belongs to root is fine.

Limits: what is read (`source`, `fragments`) is read through links of anybody's. A file that is written in place can be
seen, and after a crash left, half-written. Who may write by an access list alone is seen only where the group's
permissions (its mask) show it.
"""

import os
import subprocess

from mgmt_test import Agent, Skip, check, equal, folder, graph, main, mgmt, read, run, write

NOBODY = 65534


def one(**params):
    return graph(file=[{"name": "f", "state": "exists", **params}])


def outcome(at, text, command=()):
    """Of a run to its end: (exit status, error and hint of f)."""
    write(f"{at}/graph.yaml", text)
    status, agent = run("graph.yaml", "--once", cwd=at, command=command)
    failed = agent.all("failed", resource="file[f]")
    return status, (failed[-1]["error"], failed[-1]["hint"]) if failed else None


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def refused(got, *texts):
    equal(got[0], 4, "exit status")
    for text in texts:
        check(text in " ".join(got[1]), lambda: f"{text!r} is not in {got[1]}")


def test_a_symlink_where_a_file_is_declared_is_an_error_with_a_hint():
    with folder() as at:
        write(at + "/target", "old")
        os.symlink("target", at + "/link")
        refused(outcome(at, one(path=at + "/link", content="new")), "is a symlink to target", "`follow: true`", "`force: true`")
        equal((os.readlink(at + "/link"), read(at + "/target")), ("target", "old"), "link and target")


def test_with_follow_the_link_stays_and_its_target_is_written():
    with folder() as at:
        os.mkdir(at + "/elsewhere")
        write(at + "/elsewhere/target", "old")
        os.symlink("elsewhere/target", at + "/second")
        os.symlink(at + "/second", at + "/link")
        equal(outcome(at, one(path=at + "/link", content="new", follow=True)), (0, None), "outcome")
        equal((os.readlink(at + "/link"), read(at + "/elsewhere/target")), (at + "/second", "new"), "link and target")
        equal(os.listdir(at + "/elsewhere"), ["target"], "what is in the target's folder")


def test_with_follow_a_missing_target_is_made():
    with folder() as at:
        os.mkdir(at + "/elsewhere")
        os.symlink("elsewhere/../elsewhere/target", at + "/link")
        equal(outcome(at, one(path=at + "/link", content="new", follow=True)), (0, None), "outcome")
        equal(read(at + "/elsewhere/target"), "new", "the target")


def test_with_follow_a_change_of_the_target_and_of_the_link_is_repaired():
    with folder() as at:
        write(at + "/a", "x")
        write(at + "/b", "other")
        os.symlink("a", at + "/link")
        write(at + "/graph.yaml", one(path=at + "/link", content="x", follow=True))
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("converged")
        write(at + "/a", "drift")
        agent.wait_for("changed", resource="file[f]")
        equal(read(at + "/a"), "x", "the target")
        os.symlink("b", at + "/new")
        os.rename(at + "/new", at + "/link")
        agent.wait_for("changed", resource="file[f]")
        equal((read(at + "/b"), os.readlink(at + "/link")), ("x", "b"), "the new target, and the link")
        agent.stop()


def test_with_force_the_link_itself_is_replaced():
    with folder() as at:
        write(at + "/target", "old")
        os.symlink("target", at + "/link")
        equal(outcome(at, one(path=at + "/link", content="new", force=True)), (0, None), "outcome")
        check(not os.path.islink(at + "/link"), "still a link")
        equal((read(at + "/link"), read(at + "/target")), ("new", "old"), "the file, and what the link led to")


def test_a_folder_that_everybody_may_write_is_refused():
    need_root()
    with folder() as at:
        os.chmod(at, 0o755)
        os.mkdir(at + "/drop")
        os.chmod(at + "/drop", 0o777)
        refused(outcome(at, one(path=at + "/drop/f", content="x")), at + "/drop may be written by everybody", "chmod")
        os.mkdir(at + "/drop/sub")
        refused(outcome(at, one(path=at + "/drop/sub/f", content="x")), at + "/drop may be written by everybody")
        os.chmod(at + "/drop", 0o770)
        os.chown(at + "/drop", 0, NOBODY)
        refused(outcome(at, one(path=at + "/drop/f", content="x")), "may be written by the group")
        equal(sorted(os.listdir(at + "/drop")), ["sub"], "what is in it")
        os.chmod(at + "/drop", 0o1777)
        equal(outcome(at, one(path=at + "/drop/f", content="x")), (0, None), "with the sticky bit")


def test_in_a_sticky_folder_what_is_another_users_is_refused_and_roots_own_is_fine():
    need_root()
    with folder() as at:
        os.chmod(at, 0o755)
        os.mkdir(at + "/tmp")
        os.chmod(at + "/tmp", 0o1777)
        as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        subprocess.run([*as_user, "mkdir", at + "/tmp/theirs"], check=True)
        subprocess.run([*as_user, "ln", "-s", "/etc", at + "/tmp/link"], check=True)
        subprocess.run([*as_user, "touch", at + "/tmp/f"], check=True)
        refused(outcome(at, one(path=at + "/tmp/theirs/f", content="x")), "in a folder of nobody's", "`owner: nobody`")
        refused(outcome(at, one(path=at + "/tmp/link/mgmt-test-f", content="x")), "in the hands of nobody")
        refused(outcome(at, one(path=at + "/tmp/f", content="x")), "belongs to nobody, in a folder where everybody")
        check(not os.path.exists("/etc/mgmt-test-f"), "written through the link")
        os.mkdir(at + "/tmp/roots")
        equal(outcome(at, one(path=at + "/tmp/roots/f", content="x")), (0, None), "in a folder of root's")
        equal(outcome(at, one(path=at + "/tmp/new", content="x")), (0, None), "a new file")
        equal(outcome(at, one(path=at + "/tmp/new", content="y")), (0, None), "root's own")


def test_a_file_of_a_users_in_his_own_folder_is_fine_and_one_of_roots_is_refused():
    need_root()
    with folder() as at:
        os.chmod(at, 0o755)
        home = at + "/home"
        os.mkdir(home)
        os.mkdir(home + "/.config")
        for path in (home, home + "/.config"):
            os.chown(path, NOBODY, NOBODY)
        mine = dict(path=home + "/.config/f", owner="nobody")
        refused(outcome(at, one(path=home + "/.config/f", content="x")), "is to belong to root", "`owner: nobody`")
        equal(outcome(at, one(**mine, content="x")), (0, None), "with his name")
        equal(outcome(at, one(**mine, content="y", mode="0600")), (0, None), "again")
        equal(outcome(at, one(path=home + "/.config/f", state="absent")), (0, None), "removed")
        # A hard link to a file of root's doesn't become the user's.
        write(at + "/shadow", "secret")
        os.chmod(at + "/shadow", 0o600)
        os.link(at + "/shadow", home + "/.config/f")
        refused(outcome(at, one(**mine, mode="0644")), "belongs to root, in a folder of nobody's")
        status = os.stat(at + "/shadow")
        equal((status.st_uid, status.st_mode & 0o777), (0, 0o600), "owner and mode of what the link is of")


def test_a_user_who_swaps_his_folder_for_a_link_gets_nothing_of_roots():
    need_root()
    with folder() as at:
        os.chmod(at, 0o755)
        for name in ("home", "home/a", "roots"):
            os.mkdir(f"{at}/{name}")
        for name in ("home", "home/a"):
            os.chown(f"{at}/{name}", NOBODY, NOBODY)
        write(at + "/roots/f", "root's")
        # He swaps as fast as he can while root's agent repairs.
        script = f"cd {at}/home; ln -s ../roots l; echo; while :; do mv -T a b; mv -T l a; mv -T a l; mv -T b a; echo x > a/f; done"
        user = subprocess.Popen(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sh", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            user.stdout.readline()
            write(at + "/graph.yaml", one(path=at + "/home/a/f", content="new", owner="nobody", mode="0644"))
            agent = Agent("graph.yaml", cwd=at, report="json")
            for _ in range(20):
                agent.wait_for(where=lambda event: event["event"] in ("changed", "failed"), what="a repair or a refusal")
            agent.stop()
        finally:
            user.kill()
            user.wait()
        equal((read(at + "/roots/f"), os.stat(at + "/roots/f").st_uid, os.listdir(at + "/roots")), ("root's", 0, ["f"]), "root's")


def mounted(at):
    """The command that makes `at`/f a mount point of its own, and then runs mgmt."""
    need_root()
    write(at + "/below", "old\n")
    write(at + "/f", "")
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", f'mount --bind {at}/below {at}/f && exec "$@"', "sh"]


def test_a_mount_point_cannot_be_renamed_over_and_the_error_names_what_can():
    with folder() as at:
        refused(outcome(at, one(path=at + "/f", content="new\n"), mounted(at)), "busy", "`write: inplace`")
        equal(read(at + "/below"), "old\n", "what is mounted")


def test_in_place_a_mount_point_is_written():
    with folder() as at:
        equal(outcome(at, one(path=at + "/f", content="new\n", write="inplace"), mounted(at)), (0, None), "outcome")
        equal(read(at + "/below"), "new\n", "what is mounted")


def test_in_place_the_file_stays_the_same_and_shorter_content_leaves_no_rest():
    with folder() as at:
        write(at + "/f", "a long content\n")
        os.chmod(at + "/f", 0o640)
        before = os.stat(at + "/f")
        os.link(at + "/f", at + "/other")
        equal(outcome(at, one(path=at + "/f", content="short\n", write="inplace")), (0, None), "outcome")
        after = os.stat(at + "/f")
        equal((read(at + "/other"), after.st_ino, after.st_mode), ("short\n", before.st_ino, before.st_mode), "the same file")


def test_an_ordinary_users_run_refuses_nothing_of_this():
    need_root()
    with folder() as at:
        os.chmod(at, 0o777)
        os.mkdir(at + "/home")
        os.chmod(at + "/home", 0o777)
        write(at + "/graph.yaml", one(path=at + "/home/f", content="x"))
        done = subprocess.run(
            ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", mgmt(), "run", at + "/graph.yaml", "--once", "--tmp-prefix"],
            capture_output=True,
            check=False,
        )
        equal(done.returncode, 0, f"exit status ({done.stdout} {done.stderr})")


if __name__ == "__main__":
    main(globals())
