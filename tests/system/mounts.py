# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts for tests, in a mount namespace of their own: nothing of them is seen outside, and nothing is left behind."""

import contextlib
import ctypes
import os
import sys

import mgmt_test
from mgmt_test import Skip

_MARK = "MGMT_OWN_MOUNTS"
_BIND, _REMOUNT, _RDONLY, _DETACH = 4096, 32, 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


def in_own_namespace():
    """Starts this program anew there; a plain user becomes root of a user namespace. Where that can't be had, needed() says so."""
    if _MARK in os.environ:
        return
    with contextlib.suppress(Skip):
        prefix = [] if os.geteuid() == 0 else mgmt_test.userns()
        os.environ[_MARK] = "1"
        command = [*prefix, "unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv]
        os.execvp(command[0], command)


def needed():
    if _MARK not in os.environ:
        raise Skip("no namespace for mounts can be made here")


def _call(name, *arguments):
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", arguments[1 if name == "mount" else 0])


def mount(source, target, kind, flags=0, data=""):
    _call("mount", source.encode(), target.encode(), kind.encode(), flags, data.encode())


def tmpfs(target):
    mount("tmpfs", target, "tmpfs", data="size=4m,mode=0755")


def bind(source, target):
    mount(source, target, "", _BIND)


def read_only(target, yes):
    mount("", target, "", _BIND | _REMOUNT | (_RDONLY if yes else 0))


def umount(target):
    _call("umount2", target.encode(), _DETACH)
