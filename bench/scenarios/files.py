# SPDX-License-Identifier: GPL-3.0-or-later
"""10,000 files from nothing: parse, make, sync, exit on convergence; beside the bare loop."""
from harness import Row, files_graph, in_turn, timed

COUNT = 10_000


def run(bench):
    def mgmt(_):
        with bench.fresh_ext4() as folder:
            (folder / "files").mkdir()
            took = bench.run_once(bench.write("files.yaml", files_graph(folder / "files", COUNT)))
            assert len(list((folder / "files").iterdir())) == COUNT, "converged, but not all files are there"
            return took

    def loop(_):
        with bench.fresh_ext4() as folder:
            (folder / "files").mkdir()
            return timed([bench.loop("files"), str(folder / "files"), str(COUNT)])

    ours, bare = in_turn(bench.pairs, mgmt, loop)
    return [Row("10,000 files from nothing", "s", ours, 1.6, bare)]
