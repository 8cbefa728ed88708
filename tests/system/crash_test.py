# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random moments while 1,000 files change content: each is the old one or the new one."""

import os
import random
import select

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, leftovers, long_or_short, measured, run, save

FILES = 1000
KILLS = long_or_short(200, 20)


def content(version, number):
    # Longer than one page, and told from each other in every line.
    return f"file {number} version {version}\n" * 200


def version(at, number):
    files = [
        {"name": f"f{n}", "path": f"{at}/files/{n}", "content": content(number, n), "mode": "0640"} for n in range(FILES)
    ]
    return graph(file=files)


def versions_there(at, allowed):
    """How many files of each version; fails at one that is neither."""
    counts = {}
    for n in range(FILES):
        path = f"{at}/files/{n}"
        with open(path) as file:
            text = file.read()
        found = [v for v in allowed if text == content(v, n)]
        check(found, lambda: f"{path} is none of the versions {allowed}: {len(text)} bytes, begins {text[:60]!r}")
        counts[found[0]] = counts.get(found[0], 0) + 1
        equal(os.stat(path).st_mode & 0o7777, 0o640, f"mode of {path}")
    return counts


def test_killed_while_writing():
    with folder() as at:
        os.mkdir(at + "/files")
        save(at + "/graph.yaml", version(at, 0))
        status, agent = run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")
        equal(status, 0, "the first run")
        present, mixed, dirty = {0}, 0, 0
        for kill in range(1, KILLS + 1):
            save(at + "/graph.yaml", version(at, kill))
            agent = Agent("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")
            agent.wait_for("changed")
            # A random moment of the writing: after so many more changes, and up to a millisecond.
            for _ in range(random.randrange(0, FILES - 100)):
                agent.wait_for("changed")
            select.select([], [], [], random.random() / 1000)
            agent.kill()
            counts = versions_there(at, sorted(present | {kill}, reverse=True))
            present = set(counts)
            mixed += len(counts) > 1
            dirty += bool(leftovers(at))
            if kill % 4 == 0:
                # A next run puts it right, and takes away what the killed ones left.
                status, agent = run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")
                equal(status, 0, "a run after a kill")
                equal(versions_there(at, [kill]), {kill: FILES}, "the run after a kill")
                equal(leftovers(at), [], "temporary files after the next run")
                equal(len(os.listdir(at + "/files")), FILES, "entries in the folder")
                present = {kill}
        measured(f"of {KILLS} kills: amid the files, with a temporary file left", [mixed, dirty])
        check(mixed > 0, "no kill fell amid the writing: the test proves nothing")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
