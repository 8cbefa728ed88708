# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: after a power loss each replaced file is the old one or the new one, never empty.

A file that replaces an existing one has its data on the disk before it takes the name, few one by one and many together. On ext4
with `data=ordered`, its default, its data is written before, and the journal has all that belongs to it in front of the name;
`durable` says when the rest is. `--durability none` waits for nothing, `file` for each file before it is reported.

Limits: a disk that says "written" before it is so can't be helped. A sync that is not done within 10 s is not waited
for: that is said, and `durable` comes later or not at all. What comes over a network is never synced as a whole file
system, but file by file; how far that reaches is the server's affair.
"""

import os
import random

import mgmt_test
from disk import disk
from mgmt_test import Agent, check, equal, folder, graph, long_or_short, measured, read, run, save


def text(version, number):
    return f"file {number} version {version}\n" * 50


def declared(disk_at, version, count):
    return graph(file=[{"name": f"f{n}", "path": f"{disk_at}/f{n}", "content": text(version, n)} for n in range(count)])


def found(disk_at, count):
    return [read(f"{disk_at}/f{n}") for n in range(count)]


def start(at, where, count):
    """All files are there in version 1, on the disk."""
    save(at + "/graph.yaml", declared(where.point, 1, count))
    status, _ = run("graph.yaml", "--once", cwd=at)
    equal(status, 0, "the first run")


def lose_power_amid(at, count, *flags, options=None):
    """The files after a power loss at a random moment of their replacement: (old, new, neither)."""
    with disk(at, **({"options": options} if options else {})) as where:
        start(at, where, count)
        save(at + "/graph.yaml", declared(where.point, 2, count))
        agent = Agent("graph.yaml", *flags, cwd=at)
        for _ in range(random.randrange(1, count)):
            agent.wait_for("changed")
        where.commit()
        agent.kill()
        where.lose_power()
        texts = found(where.point, count)
    old = sum(texts[n] == text(1, n) for n in range(count))
    new = sum(texts[n] == text(2, n) for n in range(count))
    return old, new, count - old - new


def test_each_replaced_file_is_old_or_new_after_a_power_loss():
    seen = []
    for count in long_or_short([30, 300] * 20, [30, 300, 1000]):
        with folder() as at:
            seen.append(lose_power_amid(at, count, options="noauto_da_alloc,data=writeback"))
        equal(seen[-1][2], 0, f"files that are neither old nor new, of {count}")
    measured("old and new files after each power loss", [one[:2] for one in seen])
    check(any(one[1] for one in seen), "no replaced file had reached the disk: this shows nothing")


def test_so_it_is_where_the_journal_orders_names_behind_data_that_is_written():
    seen = []
    for count, options in long_or_short([(30, "defaults"), (300, "noauto_da_alloc")] * 20,
                                        [(30, "defaults"), (300, "defaults"), (300, "noauto_da_alloc")]):
        with folder() as at:
            seen.append(lose_power_amid(at, count, options=options))
        equal(seen[-1][2], 0, f"files that are neither old nor new, of {count}")
    measured("old and new files after each power loss", [one[:2] for one in seen])
    check(any(one[1] for one in seen), "no replaced file had reached the disk: this shows nothing")


def test_without_any_sync_some_are_lost():
    # What `none` means; and it shows that the loss of power here is one.
    with folder() as at:
        old, new, lost = lose_power_amid(at, 300, "--durability", "none")
    measured("old, new and lost files without any sync", [old, new, lost])
    check(lost > 0, "nothing was lost: the test proves nothing")


def test_all_is_there_after_durable():
    for count in (10, 300):
        with folder() as at, disk(at) as where:
            start(at, where, count)
            os.mkdir(where.point + "/new")
            files = [{"name": f"f{n}", "path": f"{where.point}/f{n}", "content": text(2, n)} for n in range(count)]
            files += [{"name": f"n{n}", "path": f"{where.point}/new/{n}", "content": text(2, n)} for n in range(count)]
            save(at + "/graph.yaml", graph(file=files))
            agent = Agent("graph.yaml", cwd=at)
            agent.wait_for("durable")
            agent.kill()
            where.lose_power()
            equal(found(where.point, count), [text(2, n) for n in range(count)], "replaced files")
            equal([read(f"{where.point}/new/{n}") for n in range(count)], [text(2, n) for n in range(count)], "new files")


def test_with_file_each_is_there_once_it_is_reported():
    with folder() as at, disk(at) as where:
        start(at, where, 1)
        files = [{"name": f"n{n}", "path": f"{where.point}/n{n}", "content": text(2, n)} for n in range(20)]
        files.append({"name": "f0", "path": where.point + "/f0", "content": text(2, 0)})
        save(at + "/graph.yaml", graph(file=files))
        agent = Agent("graph.yaml", "--durability", "file", cwd=at)
        agent.wait_for("changed", resource="file[f0]")
        agent.drain()
        reported = [event["resource"][5:-1] for event in agent.all("changed")]
        agent.kill()
        where.lose_power()
        for name in reported:
            equal(read(f"{where.point}/{name}"), text(2, int(name[1:])), name)


def test_a_tree_is_synced_together_as_well():
    with folder() as at, disk(at) as where:
        count = 200
        for version in (1, 2):
            os.makedirs(at + "/source", exist_ok=True)
            for n in range(count):
                save(f"{at}/source/f{n}", text(version, n))
            tree = {"name": "t", "path": where.point + "/tree/", "source": at + "/source/", "recurse": True}
            save(at + "/graph.yaml", graph(file=[tree]))
            if version == 1:
                equal(run("graph.yaml", "--once", cwd=at)[0], 0, "the first run")
        agent = Agent("graph.yaml", cwd=at)
        agent.wait_for("changed")
        where.commit()
        agent.kill()
        where.lose_power()
        texts = found(where.point + "/tree", count)
        equal([n for n in range(count) if texts[n] not in (text(1, n), text(2, n))], [], "files neither old nor new")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
