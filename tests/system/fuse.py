# SPDX-License-Identifier: GPL-3.0-or-later
"""A FUSE file system of one file, whose content the test changes: nobody tells the kernel of it, as with a server elsewhere.

The protocol is that of linux/fuse.h, version 7.31; nothing can be written there.
"""

import errno
import os
import struct
import threading

import mounts
from mgmt_test import Skip

_ROOT, _FILE = 1, 2
_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _STATFS, _RELEASE, _INIT, _OPENDIR, _READDIR, _RELEASEDIR, _BATCH_FORGET = (
    1, 2, 3, 14, 15, 17, 18, 26, 27, 28, 29, 42)
_DIRECT_IO = 1


class OneFile:
    """`name` in the folder `at`, with `content` (bytes; set it to change it)."""

    def __init__(self, at, name, content):
        self.name, self.content = name.encode(), content
        try:
            self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as why:
            raise Skip(f"/dev/fuse can't be had here: {why.strerror}") from None
        mounts.mount("mgmt-test", at, "fuse", data=f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other")
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                request = os.read(self._device, 1 << 17)
            except OSError:
                return  # it has been unmounted
            _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
            if opcode in (_FORGET, _BATCH_FORGET):
                continue
            answer = self._answer(opcode, node, request[40:])
            error, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self._device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)

    def _attributes(self, node):
        mode, size = (0o40755, 0) if node == _ROOT else (0o100644, len(self.content))
        return struct.pack("<6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _answer(self, opcode, node, body):
        """The bytes of an answer, or the number of an error. Nothing may be cached: all times of validity are 0."""
        if opcode == _INIT:
            return struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, *[0] * 8)
        if opcode == _LOOKUP:
            if body.rstrip(b"\0") != self.name:
                return errno.ENOENT
            return struct.pack("<4Q2I", _FILE, 0, 0, 0, 0, 0) + self._attributes(_FILE)
        if opcode == _GETATTR:
            return struct.pack("<Q2I", 0, 0, 0) + self._attributes(node)
        if opcode in (_OPEN, _OPENDIR):
            return struct.pack("<Q2I", 0, _DIRECT_IO, 0)
        if opcode == _READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self.content[offset : offset + size]
        if opcode == _STATFS:
            return struct.pack("<5Q4I6I", 0, 0, 0, 0, 0, 4096, 255, 4096, 0, *[0] * 6)
        if opcode in (_READDIR, _RELEASE, _RELEASEDIR):
            return b""
        return errno.ENOSYS
