# SPDX-License-Identifier: GPL-3.0-or-later
"""An ext4 of the test's own, and its loss of power: in a mount namespace that goes with the test."""

import contextlib
import ctypes
import fcntl
import os
import struct
import subprocess

from mgmt_test import Skip

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x00020000
_private = False


def _own_mounts():
    global _private
    if _private:
        return
    if os.geteuid() != 0:
        raise Skip("needs root, to mount a file system")
    if _libc.unshare(_CLONE_NEWNS) != 0:
        raise Skip("no mount namespace can be made here")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    _private = True


class Disk:
    def __init__(self, image, point, options):
        self.image, self.point, self.options = image, point, options

    def mount(self):
        done = subprocess.run(["mount", "-o", f"loop,{self.options}", self.image, self.point], capture_output=True, check=False)
        if done.returncode != 0:
            raise Skip(f"no ext4 can be mounted here: {done.stderr.decode().strip()}")

    def umount(self):
        subprocess.run(["umount", "-l", self.point], check=False, stderr=subprocess.DEVNULL)

    def lose_power(self):
        """What only memory has is lost: the file system is shut down as it is, as xfstests' godown does, and comes back
        from its journal. Nobody may have a file of it open."""
        fd = os.open(self.point, os.O_RDONLY)
        try:
            # EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
            fcntl.ioctl(fd, 0x8004587D, struct.pack("I", 2))
        finally:
            os.close(fd)
        subprocess.run(["umount", self.point], check=True)
        self.mount()

    def commit(self):
        """The journal's names reach the disk, but no data that hasn't been asked for."""
        fd = os.open(self.point, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


@contextlib.contextmanager
def disk(at, options="noauto_da_alloc", megabytes=256):
    """A fresh ext4 at AT/disk. By default without its own care for files that are renamed over others (see ext4(5)),
    which other file systems don't take."""
    _own_mounts()
    image, point = at + "/image", at + "/disk"
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    os.mkdir(point)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
    made = Disk(image, point, options)
    made.mount()
    try:
        yield made
    finally:
        made.umount()
