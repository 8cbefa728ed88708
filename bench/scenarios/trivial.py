# SPDX-License-Identifier: GPL-3.0-or-later
"""A graph of one noop: from process start to converged and out."""
from harness import Row


def run(bench):
    graph = bench.write("trivial.yaml", "graph: trivial\nresources:\n  noop:\n  - name: one\n")
    return [Row("trivial graph", "ms", [bench.run_once(graph) * 1e3 for _ in range(3 * bench.pairs)], 20)]
