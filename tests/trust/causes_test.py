# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: What the system refuses is said with its cause.

Limits: a security module and a file system of its own mind (FUSE, NFS) say no more than "no": then mgmt says that.
"""

import os
import subprocess

import mgmt_test
from mgmt_test import Skip, check, equal, folder, graph, run

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def mounted(options, *, then="true", fs="tmpfs"):
    """A prefix that mounts over `mnt` of the working folder, in a mount namespace."""
    return ["unshare", "-m", "sh", "-c", f"mount -t {fs} -o {options} mgmt-test mnt && {then} && exec \"$@\"", "sh"]


def refused(at, name, prefix=(), **params):
    """The failure of a file resource, and its hint."""
    file = {"name": "f", "path": name, **({} if "source" in params else {"content": "as declared\n"}), **params}
    mgmt_test.write(at + "/graph.yaml", graph(file=[file]))
    status, agent = run("graph.yaml", "--once", cwd=at, command=prefix)
    equal(status, 4, f"exit status{agent.tail()}")
    failed = agent.all("failed")[0]
    return failed["error"], failed["hint"]


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def test_an_immutable_file_and_folder():
    need_root()
    with folder() as at:
        mgmt_test.write(at + "/f", "old\n")
        os.mkdir(at + "/d")
        mgmt_test.write(at + "/d/f", "old\n")
        subprocess.run(["chattr", "+i", at + "/f", at + "/d"], check=True)
        try:
            error, hint = refused(at, at + "/f")
            check(error.endswith(f"Operation not permitted: {at}/f is immutable (chattr +i)"), error)
            check(f"chattr -i {at}/f" in hint, hint)
            error, hint = refused(at, at + "/d/f")
            check(error.endswith(f"Operation not permitted: {at}/d is immutable (chattr +i)"), error)
            error, _ = refused(at, at + "/d/new")
            check(error.endswith(f"{at}/d is immutable (chattr +i)"), error)
        finally:
            subprocess.run(["chattr", "-i", at + "/f", at + "/d"], check=True)


def test_a_capability_that_root_lacks():
    need_root()
    with folder() as at:
        less = ["setpriv", "--bounding-set=-chown", "--inh-caps=-chown"]
        error, hint = refused(at, at + "/f", less, owner="12345")
        check(error.endswith("Operation not permitted: mgmt is root here without CAP_CHOWN"), error)
        check("CapabilityBoundingSet" in hint, hint)


def test_an_id_that_is_not_mapped_in_a_user_namespace():
    with folder() as at:
        error, hint = refused(at, at + "/f", mgmt_test.userns(), owner="12345")
        check(error.endswith("Invalid argument: that user or group isn't mapped in this user namespace"), error)
        check("uid_map" in hint, hint)


def test_a_full_file_system_by_bytes_and_by_inodes():
    need_root()
    with folder() as at:
        os.mkdir(at + "/mnt")
        error, _ = refused(at, at + "/mnt/f", mounted("size=64k"), content="x" * 200_000)
        check("No space left on device: " in error and f"of 64.0 KiB on {at}/mnt (tmpfs on mgmt-test)" in error, error)
        error, hint = refused(at, at + "/mnt/f", mounted("nr_inodes=3", then="touch mnt/a mnt/b"))
        check(f"No space left on device: no inode is left on {at}/mnt (tmpfs on mgmt-test), which has 3" in error, error)
        check("df -i" in hint, hint)


# The kernels of many test machines have no quota: the C library says what one would.
QUOTA = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
ssize_t write(int fd, const void *data, size_t size) {
  char name[64], path[4096] = "";
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  if (readlink(name, path, sizeof path - 1) > 0 && strncmp(path, UNDER, sizeof UNDER - 1) == 0) { errno = EDQUOT; return -1; }
  return ((ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, data, size);
}
"""


def test_a_quota_that_is_used_up():
    with folder() as at:
        os.mkdir(at + "/d")
        mgmt_test.write(at + "/quota.c", QUOTA)
        subprocess.run(["cc", "-shared", "-fPIC", f'-DUNDER="{at}/d"', "-o", at + "/quota.so", at + "/quota.c", "-ldl"], check=True)
        error, hint = refused(at, at + "/d/f", ["env", f"LD_PRELOAD={at}/quota.so"])
        check(f"Disk quota exceeded: the quota of user {os.geteuid()} or group {os.getegid()} on " in error and "is used up" in error, error)
        check("quota(1)" in hint, hint)


def test_a_read_only_mount_by_name():
    need_root()
    with folder() as at:
        os.mkdir(at + "/mnt")
        error, _ = refused(at, at + "/mnt/f", mounted("ro"))
        check(error.endswith(f"Read-only file system: {at}/mnt (tmpfs on mgmt-test) is mounted read-only"), error)


def test_the_component_of_the_path_that_a_user_may_not_enter():
    need_root()
    with folder() as at:
        os.chmod(at, 0o777)
        os.makedirs(at + "/open/closed/deep")
        os.chmod(at + "/open/closed", 0o700)
        error, _ = refused(at, at + "/open/closed/deep/f", NOBODY)
        check(error.endswith(f"Permission denied: user 65534 may not enter {at}/open/closed (0700, of user 0 and group 0)"), error)
        error, _ = refused(at, at + "/open/f", NOBODY)
        check(error.endswith(f"Permission denied: user 65534 may not write to {at}/open (0755, of user 0 and group 0)"), error)
        mgmt_test.write(at + "/secret", "x")
        os.chmod(at + "/secret", 0o600)
        error, _ = refused(at, at + "/f", NOBODY, source=at + "/secret")
        check(error.endswith(f"Permission denied: user 65534 may not read {at}/secret (0600, of user 0 and group 0)"), error)


if __name__ == "__main__":
    mgmt_test.main(globals())
