# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent's memory costs a run that makes 10,000 files: the history, and the journal of who is to be refreshed."""
from harness import Row, files_graph, in_turn, timed

COUNT = 10_000


def edges(notify):
    names = ", ".join(f"f{number}" for number in range(COUNT))
    return (f"  exec:\n  - {{name: after, cmd: /bin/true}}\nedges:\n- from: {{kind: file, name: [{names}]}}\n"
            f"  to: {{kind: exec, name: after}}\n  notify: {'true' if notify else 'false'}\n")


def run(bench):
    def once(notify, remembers):
        with bench.fresh_ext4() as folder:
            (folder / "files").mkdir()
            graph = bench.write("journal.yaml", files_graph(folder / "files", COUNT) + edges(notify))
            # On the same disk; an agent that can't have a place to remember anything works without.
            place = folder / "prefix" if remembers else "/proc/mgmt"
            took = timed([bench.mgmt(), "run", str(graph), "--once", "--prefix", str(place), "--hostname", "bench"])
            database = folder / "prefix/db/agent/bench.db"
            assert database.exists() == remembers, f"{database} is {'not ' if remembers else ''}there"
            return took

    rows = []
    for name, notify in (("10,000 files with history", False), ("the same with 10,000 refreshes of one exec", True)):
        ours, bare = in_turn(bench.pairs, lambda _: once(notify, True), lambda _: once(False, False))  # noqa: B023
        rows.append(Row(name, "s", ours, 1.05, bare, note="beside it: mgmt without either"))
    return rows
