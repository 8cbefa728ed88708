# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: what isn't declared stays: a replaced file keeps owner, group, mode, access list, attributes and label.

Limits: a replaced file is another inode: other names of it (hard links) keep the old content, which is said, and what
`chattr` or a project quota puts on the old inode isn't copied. Of attributes, `user.*` and `security.*` are kept;
`trusted.*`, NFSv4 lists and measures of the old content (IMA, EVM) are not.
"""

import contextlib
import os
import stat
import struct
import subprocess

import mgmt_test
from disk import disk
from mgmt_test import Agent, check, equal, folder, graph, leftovers, read, run, save, wait_until

NOBODY = 65534
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
USER_OBJ, USER, GROUP_OBJ, MASK, OTHER = 1, 2, 4, 16, 32
NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw=ep


def acl(*entries):
    """linux/posix_acl_xattr.h: (tag, permissions, id)..."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def acl_for(user, mask):
    everyone = 0xFFFFFFFF
    return acl((USER_OBJ, 6, everyone), (USER, 6, user), (GROUP_OBJ, 4, everyone), (MASK, mask, everyone), (OTHER, 0, everyone))


def mode_of(path):
    return f"{stat.S_IMODE(os.lstat(path).st_mode):04o}"


@contextlib.contextmanager
def place():
    """A folder for graphs, and one on a file system that can all of this."""
    with folder() as at, disk(at, "acl,user_xattr") as where:
        yield at, where.point


def once(at, *files, flags=(), **options):
    save(at + "/graph.yaml", graph(file=[{"name": os.path.basename(one["path"]), **one} for one in files]))
    os.chmod(at + "/graph.yaml", 0o644)  # what others can write, root doesn't run
    return run("graph.yaml", "--once", *flags, cwd=at, **options)


def make(path, text="old", mode=0o644):
    save(path, text)
    os.chmod(path, mode)


def change(agent, param):
    """What the report says of a parameter: (before, after)."""
    found = [c for event in agent.all("changed") for c in event["changes"] if c["param"] == param]
    return (found[0]["before"], found[0]["after"]) if found else None


def test_a_replaced_file_keeps_all_that_is_not_declared():
    with place() as (at, d):
        f = d + "/f"
        make(f)
        os.setxattr(f, "user.note", b"mine")
        os.setxattr(f, "security.selinux", b"system_u:object_r:etc_t:s0\0")
        os.chown(f, 1234, 4321)
        os.setxattr(f, ACCESS, acl_for(77, 6))
        before = (mode_of(f), os.getxattr(f, ACCESS))
        equal(once(at, {"path": f, "content": "new"})[0], 0, "exit status")
        equal(read(f), "new", "content")
        equal((mode_of(f), os.getxattr(f, ACCESS)), before, "mode and access list")
        equal((os.stat(f).st_uid, os.stat(f).st_gid), (1234, 4321), "owner and group")
        equal(os.getxattr(f, "user.note"), b"mine", "attribute")
        equal(os.getxattr(f, "security.selinux"), b"system_u:object_r:etc_t:s0\0", "label")


def test_a_new_file_is_0644_and_a_folder_0755_whatever_the_umask():
    for umask in (0o077, 0o000):
        with place() as (at, d):
            old = os.umask(umask)
            try:
                status, agent = once(at, {"path": d + "/f", "content": "x"}, {"path": d + "/d/", "state": "exists", "name": "d"})
            finally:
                os.umask(old)
            equal(status, 0, f"exit status: {agent.stderr()}")
            equal((mode_of(d + "/f"), mode_of(d + "/d")), ("0644", "0755"), f"modes with umask {umask:03o}")


def test_a_default_list_on_the_parent_gives_its_entries_and_the_mode_bounds_them():
    with place() as (at, d):
        os.setxattr(d, DEFAULT, acl_for(77, 7))
        files = [{"path": d + "/f", "content": "x"}, {"path": d + "/g", "content": "x", "mode": "0600"}]
        equal(once(at, *files, {"path": d + "/d/", "state": "exists", "name": "d"})[0], 0, "exit status")
        equal([mode_of(d + name) for name in ("/f", "/g", "/d")], ["0644", "0600", "0755"], "modes")
        check(struct.pack("<HHI", USER, 6, 77) in os.getxattr(d + "/f", ACCESS), "the entry of user 77 isn't there")
        check(struct.pack("<HHI", MASK, 4, 0xFFFFFFFF) in os.getxattr(d + "/f", ACCESS), "it is wider than the mode")
        # And it isn't given to a file that didn't have it.
        make(d + "/h")
        os.removexattr(d + "/h", ACCESS)
        os.chmod(d + "/h", 0o640)
        equal(once(at, {"path": d + "/h", "content": "new"})[0], 0, "exit status")
        equal((mode_of(d + "/h"), ACCESS in os.listxattr(d + "/h")), ("0640", False), "a replaced file")


def test_set_id_bits_that_are_not_declared_are_dropped_with_the_content_and_that_is_said():
    with place() as (at, d):
        make(d + "/f", mode=0o4755)
        make(d + "/g", mode=0o4755)
        files = [{"path": d + "/f", "content": "new"}, {"path": d + "/g", "content": "new", "mode": "4755"}]
        _, plan = once(at, *files, flags=["--noop"])
        equal(change(plan, "mode"), ("4755", "0755"), "the plan")
        equal((read(d + "/f"), mode_of(d + "/f")), ("old", "4755"), "after the plan")
        status, agent = once(at, *files)
        equal(status, 0, "exit status")
        equal(change(agent, "mode"), ("4755", "0755"), "the report")
        equal((mode_of(d + "/f"), mode_of(d + "/g")), ("0755", "4755"), "not declared, and declared")
        os.chmod(d + "/f", 0o4755)
        equal(once(at, files[0])[0], 0, "exit status")
        equal(mode_of(d + "/f"), "4755", "whose content is right")


def test_capabilities_are_dropped_with_the_content_and_that_is_said():
    with place() as (at, d):
        make(d + "/f", mode=0o755)
        os.setxattr(d + "/f", "security.capability", NET_RAW)
        equal(once(at, {"path": d + "/f", "content": "old", "owner": "1234"})[0], 0, "exit status")
        equal(os.getxattr(d + "/f", "security.capability"), NET_RAW, "the same content, another owner")
        file = {"path": d + "/f", "content": "new"}
        _, plan = once(at, file, flags=["--noop"])
        equal(change(plan, "capabilities"), ("cap_net_raw=ep", None), "the plan")
        status, agent = once(at, file)
        equal(status, 0, "exit status")
        equal(change(agent, "capabilities"), ("cap_net_raw=ep", None), "the report")
        check("security.capability" not in os.listxattr(d + "/f"), "they are still there")


def test_a_file_written_in_place_keeps_its_other_names():
    with place() as (at, d):
        make(d + "/f")
        os.link(d + "/f", d + "/other")
        status, agent = once(at, {"path": d + "/f", "content": "new", "write": "inplace"})
        equal(status, 0, "exit status")
        equal((read(d + "/f"), read(d + "/other")), ("new", "new"), "the two names")
        equal((change(agent, "links"), agent.all("notice", level="warning")), (None, []), "what is said of it")


def test_a_hard_linked_file_is_shown_in_the_plan_and_warned_of_once():
    with place() as (at, d):
        make(d + "/f")
        os.link(d + "/f", d + "/other")
        file = {"path": d + "/f", "content": "new"}
        _, plan = once(at, file, flags=["--noop"])
        equal(change(plan, "links"), (2, 1), "the plan")
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("notice", level="warning", where=lambda e: "hard links" in e["text"] and d + "/f" in e["text"])
        agent.wait_for("converged")
        equal((read(d + "/f"), read(d + "/other")), ("new", "old"), "the two names")
        os.unlink(d + "/f")
        make(d + "/f")
        agent.wait_for("changed", repair=True)
        wait_until(lambda: read(d + "/f") == "new", "the repair")
        os.unlink(d + "/other")
        os.link(d + "/f", d + "/other")
        with open(d + "/f", "w") as file:
            file.write("drift")
        agent.wait_for("changed", where=lambda e: any(c["param"] == "links" for c in e["changes"]))
        equal(agent.stop(), 0, "exit status")
        equal(len([e for e in agent.all("notice") if "hard links" in e["text"]]), 1, "warnings")


def test_an_immutable_file_says_so():
    with place() as (at, d):
        make(d + "/f")
        make(d + "/m")
        os.mkdir(d + "/d")
        fixed = [d + "/f", d + "/m", d + "/d"]
        subprocess.run(["chattr", "+i", *fixed], check=True)
        try:
            status, agent = once(at, {"path": d + "/f", "content": "new"}, {"path": d + "/d/new", "content": "x"},
                                 {"path": d + "/m", "mode": "0600"})
            equal(status, 4, "exit status")
            errors = {event["resource"]: (event["error"], event["hint"]) for event in agent.all("failed")}
            hint = f"`chattr -i {d}/%s` lets it be changed"
            equal(errors["file[f]"],
                  (f"putting {d}/f in its place: Operation not permitted: {d}/f is immutable (chattr +i)", hint % "f"), "the content")
            equal(errors["file[m]"], (f"setting the mode of {d}/m: Operation not permitted: {d}/m is immutable (chattr +i)", hint % "m"), "the mode")
            equal(errors["file[new]"], (f"creating {d}/d/new: Operation not permitted: {d}/d is immutable (chattr +i)",
                                        hint % "d"), "the folder")
            equal((read(d + "/f"), leftovers(d)), ("old", []), "what is there")
        finally:
            subprocess.run(["chattr", "-i", *fixed], check=True)


def test_what_can_not_be_kept_without_root_fails_and_the_old_file_stays():
    with place() as (at, d):
        os.chmod(at, 0o777)
        os.chown(d, NOBODY, NOBODY)
        make(d + "/owned")  # root's, in a folder of nobody's
        make(d + "/labelled")
        os.chown(d + "/labelled", NOBODY, NOBODY)
        label = b"system_u:object_r:etc_t:s0\0"
        os.setxattr(d + "/labelled", "security.selinux", label)
        status, agent = once(
            at, {"path": d + "/owned", "content": "new"}, {"path": d + "/labelled", "content": "new"},
            {"path": d + "/fine", "content": "new"},
            command=["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"])
        equal(status, 4, "exit status")
        errors = {event["resource"]: event["error"] for event in agent.all("failed")}
        check("Operation not permitted" in errors["file[owned]"], errors)
        equal([read(d + name) for name in ("/owned", "/fine")], ["old", "new"], "contents")
        # A kernel without any security module lets everybody keep a label; else it takes root.
        failed = "security.selinux" in errors.get("file[labelled]", "")
        equal((read(d + "/labelled"), os.getxattr(d + "/labelled", "security.selinux")),
              ("old" if failed else "new", label), f"the labelled file: {errors}")
        equal(leftovers(d), [], "temporary files")


def test_no_moment_is_wider_than_the_end():
    with place() as (at, d):
        with open(at + "/source", "wb") as file:
            file.truncate(64 << 20)
        make(d + "/f", mode=0o600)
        os.chown(d + "/f", NOBODY, NOBODY)
        save(at + "/graph.yaml", graph(file=[{"name": "f", "path": d + "/f", "source": at + "/source", "mode": "0644"}]))
        agent = Agent("graph.yaml", cwd=at)
        seen = set()
        while not agent.all("converged"):
            agent.read_some(0)
            for name in leftovers(d):
                with contextlib.suppress(FileNotFoundError):
                    status = os.lstat(name)
                    if status.st_size < 64 << 20:
                        seen.add(stat.S_IMODE(status.st_mode))
        equal(seen, {0o600}, "modes of the file while it is written")
        equal(mode_of(d + "/f"), "0644", "in the end")
        agent.stop()


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
