# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of 10,000 files that are fine; beside a run that has nothing to do."""
from harness import Row, files_graph, in_turn, run as run_program, timed

COUNT = 10_000


def run(bench):
    with bench.fresh_ext4() as folder:
        run_program([bench.loop("files"), folder, COUNT])
        graph = bench.write("files.yaml", files_graph(folder, COUNT))
        ours, again = in_turn(bench.pairs, lambda _: timed([bench.mgmt(), "plan", str(graph)]),
                              lambda _: bench.run_once(graph))
    return [Row("plan of 10,000 files, beside a run with nothing to do", "s", ours, 1.3, again)]
