# SPDX-License-Identifier: GPL-3.0-or-later
"""Random hands: whatever is done to files and the folders on their way, the end is the declared state."""

import contextlib
import mmap
import os
import random
import shutil
import stat

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, long_or_short, measured, read, settle, wait_until

OPERATIONS = long_or_short(50_000, 500)
FOLDERS = ["a", "a/b", "a/b/c", "d"]


class Declared:
    """Files in nested folders, two links, one path that must not be; all with `force`, so that each hand can be undone."""

    def __init__(self, at):
        self.root = at + "/root"
        self.files = {f"{self.root}/{where}/f{n}": f"{where} {n}\n" * (1 + n * 40) for where in FOLDERS for n in range(3)}
        self.links = {f"{self.root}/{where}/link": "f0" for where in ("a", "d")}
        self.absent = [f"{self.root}/d/absent"]

    def graph(self):
        resources = [{"name": f"{self.root}/", "state": "exists", "mode": "0755", "force": True}]
        edges = []
        for where in FOLDERS:
            resources.append({"name": f"{self.root}/{where}/", "state": "exists", "mode": "0755", "force": True})
            edges.append(("file", os.path.dirname(f"{self.root}/{where}") + "/", "file", f"{self.root}/{where}/"))
        for path, text in self.files.items():
            resources.append({"name": path, "content": text, "mode": "0640", "force": True})
        for path, target in self.links.items():
            resources.append({"name": path, "symlink": True, "source": target, "force": True})
        for path in self.absent:
            resources.append({"name": path, "state": "absent", "recurse": True, "force": True})
        for path in [*self.files, *self.links, *self.absent]:
            edges.append(("file", os.path.dirname(path) + "/", "file", path))
        return graph(file=resources, edges=edges)

    def wrong(self):
        """What isn't as declared, as text; empty if all is."""
        found = []
        for where in ["", *("/" + one for one in FOLDERS)]:
            path = self.root + where
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                if stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o755:
                    continue
            found.append(f"{path} isn't the folder with mode 0755")
        for path, text in self.files.items():
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o640 and read(path) == text:
                    continue
            found.append(f"{path} isn't as declared: {seen(path)}")
        for path, target in self.links.items():
            with contextlib.suppress(OSError):
                if os.readlink(path) == target:
                    continue
            found.append(f"{path} isn't the link")
        found += [f"{path} is there" for path in self.absent if os.path.lexists(path)]
        return found


def seen(path):
    try:
        status = os.lstat(path)
        text = f"; begins {(read(path) or '')[:20]!r}" if stat.S_ISREG(status.st_mode) else ""
        return f"{stat.filemode(status.st_mode)}, {status.st_size} bytes, {status.st_nlink} links, inode {status.st_ino}{text}"
    except OSError as why:
        return why.strerror


def overwrite(path):
    with open(path, "r+b") as file:
        file.write(b"XX")


def by_mmap(path):
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[0:1] = b"Y"


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


class Hands:
    def __init__(self, declared, at):
        self.declared, self.away, self.count = declared, at + "/away", 0
        os.mkdir(self.away)

    def fresh(self):
        self.count += 1
        return f"{self.away}/{self.count}"

    def file(self):
        return random.choice(list(self.declared.files))

    def folder(self):
        return self.declared.root + random.choice(["", *("/" + one for one in FOLDERS)])

    # On files
    def unlink(self):
        os.unlink(self.file())

    def in_place(self):
        overwrite(self.file())

    def truncate(self):
        os.truncate(self.file(), random.randrange(3))

    def append(self):
        with open(self.file(), "r+b") as file:  # not "a", which waits for the reader of a FIFO
            file.seek(0, os.SEEK_END)
            file.write(b"more\n")

    def change_mode(self):
        os.chmod(self.file(), random.choice([0, 0o600, 0o777, 0o4755]))

    def replaced_by_folder(self):
        path = self.file()
        os.unlink(path)
        os.mkdir(path)

    def replaced_by_link(self):
        path = self.file()
        os.unlink(path)
        os.symlink(random.choice(["f1", "nothing", "/etc/hostname", "."]), path)

    def replaced_by_fifo(self):
        path = self.file()
        os.unlink(path)
        os.mkfifo(path)

    # inotify on a folder doesn't tell of a write by another hard link of its file, so the writes are by this one.
    def hard_link_and_write(self):
        path = self.file()
        os.link(path, self.fresh())
        overwrite(path)

    def hard_link_of_another(self):
        path, other = self.file(), self.file()
        os.unlink(path)
        os.link(other, path)
        return "rest"

    def renamed_away_and_back(self):
        path, other = self.file(), self.fresh()
        os.rename(path, other)
        os.rename(other, path)

    def swapped(self):
        one, two, between = self.file(), self.file(), self.fresh()
        os.rename(one, between)
        os.rename(two, one)
        os.rename(between, two)

    def made_what_must_not_be(self):
        path = random.choice(self.declared.absent)
        random.choice([os.mkdir, os.mkfifo, lambda p: mgmt_test.write(p, "x")])(path)

    def link_retargeted(self):
        path = random.choice(list(self.declared.links))
        remove(path)
        os.symlink("f2", path)

    # On folders
    def folder_removed(self):
        shutil.rmtree(self.folder(), ignore_errors=True)

    def folder_renamed_away(self):
        os.rename(self.folder(), self.fresh())

    def folder_renamed_away_and_back(self):
        path, other = self.folder(), self.fresh()
        os.rename(path, other)
        os.rename(other, path)

    def folder_replaced_by_file(self):
        path = self.folder()
        os.rename(path, self.fresh())
        mgmt_test.write(path, "x")

    def folder_replaced_by_link(self):
        path, other = self.folder(), self.fresh()
        os.rename(path, other)
        os.symlink(other, path)

    def folders_swapped(self):
        one, two, between = self.declared.root + "/a/b", self.declared.root + "/d", self.fresh()
        os.rename(one, between)
        os.rename(two, one)
        os.rename(between, two)

    def folder_mode(self):
        os.chmod(self.folder(), random.choice([0o700, 0o555, 0o1777]))

    def all(self):
        names = [n for n in vars(Hands) if not n.startswith("_") and n not in ("fresh", "file", "folder", "all")]
        return [getattr(self, name) for name in names]


def test_random_hands():
    with folder() as at:
        declared = Declared(at)
        mgmt_test.write(at + "/graph.yaml", declared.graph())
        agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at, prefix=at + "/prefix")
        agent.wait_for("converged")
        equal(declared.wrong(), [], "the state after the first convergence")
        hands = Hands(declared, at)
        history, missed = [], 0
        operations = hands.all()
        for turn in range(OPERATIONS):
            hand, rest = random.choice(operations), None
            try:
                rest = hand()
                history.append(hand.__name__)
            except OSError as why:  # a repair or an earlier hand came between: as in life
                missed += 1
                history.append(f"{hand.__name__} ({why.strerror})")
            agent.read_some(0)
            # Now and then all comes to rest, so that a fault is found near its cause.
            if rest or turn % random.randrange(1, 40) == 0:
                at_rest(declared, agent, history)
        at_rest(declared, agent, history)
        check(missed < OPERATIONS / 2, f"{missed} of {OPERATIONS} hands came to nothing: the test proves little")
        measured("hands, and how many came to nothing", [OPERATIONS, missed])
        equal(agent.stop(), 0, "exit status")


# A write by mmap tells only of its end (IN_CLOSE_WRITE), so it has tests of its own.
def mapped_writes(at, count, together):
    path, text = at + "/f", "hello world\n"
    mgmt_test.write(at + "/graph.yaml", graph(file=[{"name": "f", "path": path, "content": text}]))
    agent = Agent("graph.yaml", "--repair-limit=1000000", cwd=at)
    agent.wait_for("converged")
    for turn in range(count):
        for _ in range(together):
            with contextlib.suppress(OSError, ValueError):
                by_mmap(path)
        if together == 1:
            agent.wait_for("changed", repair=True, what=f"the repair of write {turn + 1} by mmap")
        wait_until(lambda: (agent.read_some(0), read(path) == text)[1], f"the content after write {turn + 1} by mmap", 5)
    equal(agent.stop(), 0, "exit status")


def test_a_write_by_mmap_is_seen():
    with folder() as at:
        mapped_writes(at, 100, together=1)


def test_a_write_by_mmap_amid_a_repair_is_seen():
    with folder() as at:
        mapped_writes(at, long_or_short(20_000, 200), together=3)


def at_rest(declared, agent, history):
    status, said = settle(f"{agent.cwd}/prefix")
    agent.drain()
    try:
        equal(status, 0, f"exit status of settle, which says {said}")
        check(not declared.wrong(), "settle returned before the declared state was there")
    except AssertionError as late:
        wrong, last = "\n    ".join(declared.wrong()), "\n    ".join(history[-12:])
        paths = {text.split(" ", 1)[0] for text in declared.wrong()}
        about = [e for e in agent.events if e.get("resource", "")[5:-1].rstrip("/") in paths][-12:]
        events = "\n    ".join(str(e) for e in about)
        text = f"{late}\n  wrong:\n    {wrong}\n  last hands:\n    {last}\n  the last events of what is wrong:\n    {events}{agent.tail()}"
        raise AssertionError(text) from None


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
