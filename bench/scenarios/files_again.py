# SPDX-License-Identifier: GPL-3.0-or-later
"""The same 10,000 files again, when all are fine; beside a loop that reads and compares them."""
from harness import Row, files_graph, in_turn, run as run_program, timed

COUNT = 10_000


def run(bench):
    with bench.fresh_ext4() as folder:
        run_program([bench.loop("files"), folder, COUNT])
        graph = bench.write("files.yaml", files_graph(folder, COUNT))
        ours, bare = in_turn(bench.pairs, lambda _: bench.run_once(graph),
                             lambda _: timed([bench.loop("read"), str(folder), str(COUNT)]))
    reading = sorted(bare)[len(bare) // 2]
    return [Row("10,000 files again, all fine", "s", ours, 0.25, note=f"reading and comparing alone: {reading:.3f} s")]
