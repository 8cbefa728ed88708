# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries one thing that a guard of a dry run must not be able to do: `hostile.py ATTEMPT TREE`.

Exit status 0: it was done; 1: it was refused. TREE has what prepare() makes.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *args):
    if getattr(libc, function)(*args) < 0:
        raise OSError(ctypes.get_errno(), function)


def syscall(number, *args):
    if libc.syscall(ctypes.c_long(number), *args) < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")


def victim(tree):
    return int(open(tree + "/victim").read())


def open_write(path, flags=0):
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | flags)
    os.write(fd, b"x")


def connect(family, kind, address):
    with socket.socket(family, kind) as s:
        s.settimeout(5)
        s.connect(address)
        s.send(b"x")


def set_flags(tree):
    fd = os.open(tree + "/file", os.O_RDONLY)
    get, set_ = 0x80086601, 0x40086602
    flags = fcntl.ioctl(fd, get, struct.pack("l", 0))
    fcntl.ioctl(fd, set_, struct.pack("l", struct.unpack("l", flags)[0] ^ 0x80))  # noatime


def fchmod(tree):
    os.fchmod(os.open(tree + "/file", os.O_RDONLY), 0o611)


def mount_in_new_namespace(tree):
    call("unshare", 0x10000000 | 0x00020000)  # of users, of mounts
    call("mount", b"none", tree.encode(), b"tmpfs", 0, None)


def remount(tree):
    call("mount", None, b"/", None, 32 | 4096, None)  # remount, bind, and not read-only
    open_write(tree + "/file")


def dbus(tree):
    address = open(tree + "/dbus").read()
    subprocess.run(
        ["dbus-send", "--bus=" + address, "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10)


def ptrace(tree):
    call("ptrace", 16, victim(tree), None, None)


def write_memory(tree):
    where = next(line for line in open(f"/proc/{victim(tree)}/maps") if " rw-p " in line)
    fd = os.open(f"/proc/{victim(tree)}/mem", os.O_RDWR)
    os.lseek(fd, int(where.split("-")[0], 16), os.SEEK_SET)
    os.write(fd, os.read(fd, 1) or b"x")


def port(tree, name):
    return int(open(f"{tree}/{name}").read())


def parent():
    """As /proc numbers it, which may be of the machine."""
    return next(line.split()[1] for line in open("/proc/self/status") if line.startswith("PPid:"))


def descriptors_of_the_parent(_):
    opened = 0
    for fd in os.listdir(f"/proc/{parent()}/fd"):
        for how in (os.O_RDONLY, os.O_WRONLY):
            try:
                os.open(f"/proc/{parent()}/fd/{fd}", how | os.O_NONBLOCK)
                opened += os.readlink(f"/proc/{parent()}/fd/{fd}") != "/dev/null"
            except OSError:
                pass
    if not opened:
        raise OSError("none")


def inherited_descriptor(_):
    listing = os.open("/proc/self/fd", os.O_RDONLY)
    if not [fd for fd in os.listdir(listing) if int(fd) > 2 and int(fd) != listing and os.path.exists(f"/proc/self/fd/{fd}")]:
        raise OSError("none")


ATTEMPTS = {
    "descriptors_of_the_parent": descriptors_of_the_parent,
    "inherited_descriptor": inherited_descriptor,
    "system_bus": lambda t: connect(socket.AF_UNIX, socket.SOCK_STREAM, "/run/dbus/system_bus_socket"),
    "create": lambda t: open_write(t + "/new", os.O_CREAT),
    "create_above": lambda t: open_write(os.path.dirname(t) + "/new-" + str(os.getpid()), os.O_CREAT),
    "write": lambda t: open_write(t + "/file"),
    "append": lambda t: open_write(t + "/file", os.O_APPEND),
    "truncate": lambda t: os.truncate(t + "/file", 1),
    "open_and_truncate": lambda t: os.open(t + "/file", os.O_RDONLY | os.O_TRUNC),
    "chmod": lambda t: os.chmod(t + "/file", 0o611),
    "fchmod": fchmod,
    "fchmodat2": lambda t: syscall(452, -100, (t + "/file").encode(), 0o611, 0),
    "chown": lambda t: os.chown(t + "/file", os.getuid(), os.getgid()),
    "setxattr": lambda t: os.setxattr(t + "/file", "user.hostile", b"x"),
    "utimens": lambda t: os.utime(t + "/file", (1, 1)),
    "chattr": set_flags,
    "unlink": lambda t: os.unlink(t + "/file"),
    "rename": lambda t: os.rename(t + "/file", t + "/other"),
    "link": lambda t: os.link(t + "/file", t + "/other"),
    "symlink": lambda t: os.symlink("file", t + "/other"),
    "mkdir": lambda t: os.mkdir(t + "/new"),
    "rmdir": lambda t: os.rmdir(t + "/empty"),
    "mkfifo": lambda t: os.mkfifo(t + "/new"),
    "write_to_a_fifo": lambda t: open_write(t + "/fifo"),
    "mount": lambda t: call("mount", b"none", t.encode(), b"tmpfs", 0, None),
    "mount_in_a_new_namespace": mount_in_new_namespace,
    "remount": remount,
    "tcp": lambda t: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port(t, "tcp"))),
    "udp": lambda t: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port(t, "udp"))),
    "unix_socket": lambda t: connect(socket.AF_UNIX, socket.SOCK_STREAM, t + "/socket"),
    "abstract_socket": lambda t: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + t),
    "netlink": lambda t: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "dbus": dbus,
    "kill": lambda t: os.kill(victim(t), signal.SIGCONT),
    "ptrace": ptrace,
    "write_memory": write_memory,
    "by_the_root_of_another": lambda t: open_write(f"/proc/{victim(t)}/root{t}/file"),
    "by_the_folder_of_another": lambda t: open_write(f"/proc/{victim(t)}/cwd/file"),
    "by_an_open_file_of_another": lambda t: open_write(f"/proc/{victim(t)}/fd/9"),
    "io_uring": lambda t: syscall(425, 4, ctypes.create_string_buffer(120)),
    "oom_score": lambda t: open_write(f"/proc/{victim(t)}/oom_score_adj"),
    "sysctl": lambda t: open_write("/proc/sys/kernel/hostname"),
    "block_device": lambda t: os.open(next("/dev/" + n for n in os.listdir("/sys/block") if not n.startswith("zram")), os.O_WRONLY),
    "terminal": lambda t: fcntl.ioctl(os.open("/dev/tty", os.O_RDONLY), 0x5412, b"x"),
}

if __name__ == "__main__":
    try:
        ATTEMPTS[sys.argv[1]](sys.argv[2])
    except (OSError, subprocess.SubprocessError, StopIteration):
        sys.exit(1)
