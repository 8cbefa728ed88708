# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: without privileges, on a read-only root or a full disk errors are clear, nothing is half done, and the rest goes on.

Limits: on a full disk what has no room stays as it was until there is some: it is tried again with growing waits, and at the next
event.
"""

import contextlib
import os
import subprocess

import mgmt_test
import mounts
from mgmt_test import Agent, Skip, check, equal, folder, graph, leftovers, mgmt, read, run, wait_until, write

mounts.in_own_namespace()

AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def as_root():
    if os.geteuid() != 0:
        raise Skip("only root can take rights away from itself")


def said_of(agent):
    """The error of each resource that failed."""
    return {e["resource"]: e["error"] for e in agent.all("failed")}


def mixed(at):
    """One that anybody may write, one that is root's to give, one where nobody else may write, and one behind that."""
    files = [
        {"name": "own", "path": at + "/own/f", "content": "x\n"},
        {"name": "given", "path": at + "/own/given", "content": "x\n", "owner": "4321"},
        {"name": "locked", "path": at + "/locked/f", "content": "new\n"},
    ]
    return graph(
        file=files,
        exec=[{"name": "behind", "cmd": "true", "creates": at + "/never"}, {"name": "free", "cmd": f"touch {at}/own/free", "creates": at + "/own/free"}],
        edges=[("file", "locked", "exec", "behind")],
    )


def prepare(at, owner):
    os.chmod(at, 0o755)
    for name in ("own", "locked"):
        os.mkdir(f"{at}/{name}")
    write(at + "/locked/f", "old\n")
    os.chown(at + "/own", owner, owner)
    os.chmod(at + "/own", 0o700)
    os.chown(at + "/locked", 4321, 4321)
    os.chmod(at + "/locked", 0o755)
    os.chmod(at + "/locked/f", 0o644)
    write(at + "/graph.yaml", mixed(at))


def ends_well(at, agent, status):
    equal(status, 4, f"exit status{agent.tail()}")
    errors = said_of(agent)
    equal(sorted(errors), ["file[given]", "file[locked]"], "what failed")
    for name in ("given", "locked"):
        error = errors[f"file[{name}]"]
        # EPERM, EACCES; or, for root, that somebody else could replace it.
        check("ermi" in error or "is to belong to root" in error, f"no word of a permission: {errors}")
    equal((read(at + "/own/f"), os.path.exists(at + "/own/free")), ("x\n", True), "the rest")
    equal((read(at + "/locked/f"), os.path.exists(at + "/own/given")), ("old\n", False), "what failed is as it was")
    equal(leftovers(at), [], "temporary files")


def test_as_a_plain_user():
    as_root()
    with folder() as at:
        prepare(at, 65534)
        status, agent = run("graph.yaml", "--once", cwd=at, command=AS_NOBODY)
        ends_well(at, agent, status)


def test_as_root_of_a_container_without_a_capability():
    as_root()
    with folder() as at:
        prepare(at, 0)
        status, agent = run("graph.yaml", "--once", cwd=at, command=["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"])
        ends_well(at, agent, status)


def test_on_a_read_only_root_with_the_default_prefix():
    as_root()
    mounts.needed()
    with folder() as at:
        os.mkdir(at + "/root")
        subprocess.run(["mount", "--rbind", "/", at + "/root"], check=True)
        try:
            mounts.read_only(at + "/root", True)
            mounts.mount("tmpfs", at + "/root/tmp", "tmpfs", data="size=64m,mode=0755")
            mounts.mount("tmpfs", at + "/root/var/lib", "tmpfs", 1, "size=64k")  # nothing of this machine's own agent
            inside = at + "/root/tmp"
            # The one under test may lie in /tmp, which isn't there any more.
            subprocess.run(["cp", mgmt(), inside + "/mgmt"], check=True)
            files = [{"name": "etc", "path": "/etc/mgmt-odd-machine", "content": "x\n"}, {"name": "tmp", "path": "/tmp/f", "content": "x\n"}]
            write(inside + "/graph.yaml", graph(file=files))
            done = subprocess.run(
                ["chroot", at + "/root", "/tmp/mgmt", "run", "/tmp/graph.yaml", "--once", "--report", "lines"],
                capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            )
            equal((done.returncode, read(inside + "/f")), (4, "x\n"), f"exit status, the rest; it said {done.stdout}{done.stderr}")
            check("failed file[etc]" in done.stdout and "Read-only file system" in done.stdout, done.stdout)
            equal(os.path.exists("/etc/mgmt-odd-machine"), False, "the file of the read-only root")
        finally:
            with contextlib.suppress(OSError):
                mounts.umount(at + "/root")


def test_on_a_full_disk():
    mounts.needed()
    with folder() as at:
        os.mkdir(at + "/disk")
        mounts.mount("tmpfs", at + "/disk", "tmpfs", data="size=1m,mode=0755")
        try:
            write(at + "/disk/old", "old\n")
            write(at + "/disk/fill", "x" * 500_000)
            content = {f"f{n}": f"{n}" * 100_000 for n in range(1, 10)}
            files = [{"name": name, "path": f"{at}/disk/{name}", "content": text} for name, text in content.items()]
            files.append({"name": "old", "path": at + "/disk/old", "content": "n" * 200_000})
            files.append({"name": "elsewhere", "path": at + "/elsewhere", "content": "x\n"})
            write(at + "/graph.yaml", graph(file=files))
            agent = Agent("graph.yaml", cwd=at)
            agent.wait_for("settled", seconds=60)
            errors = said_of(agent)
            check(errors and all("No space left on device" in error for error in errors.values()), f"errors: {errors}")
            check("file[elsewhere]" not in errors and read(at + "/elsewhere") == "x\n", "the rest")
            for name, text in content.items():
                check(read(f"{at}/disk/{name}") in (None, text), f"{name} is half done")
            check(read(at + "/disk/old") in ("old\n", "n" * 200_000), "what was there is half done")
            equal(leftovers(at), [], "temporary files")
            # With room again, and an event, all comes right.
            os.unlink(at + "/disk/fill")
            mounts.mount("tmpfs", at + "/disk", "tmpfs", 32, "size=4m,mode=0755")  # MS_REMOUNT
            for name in content:
                with contextlib.suppress(OSError):
                    write(f"{at}/disk/{name}", "event")
            os.utime(at + "/disk/old")
            wait_until(lambda: agent.read_some(0.05) and all(read(f"{at}/disk/{name}") == text for name, text in content.items()), "all files", 60)
            agent.stop()
        finally:
            mounts.umount(at + "/disk")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
