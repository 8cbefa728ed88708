# SPDX-License-Identifier: GPL-3.0-or-later
"""A swap of a graph of 10,000 vertices with one changed, parse excluded (bench/engine_bench)."""
from harness import Row


def run(bench):
    return [Row("swap of 10,000 vertices, one changed", "ms", measured["ms"], 5)
            for name, measured in bench.engine().items() if name == "swap"]
