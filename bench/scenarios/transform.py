# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a graph before it runs: automatic edges over 10,000 files, grouping (bench/engine_bench)."""
from harness import Row


def run(bench):
    return [Row(name, "ms", measured["transform_ms"], measured["limit"][0])
            for name, measured in bench.engine().items() if "transform_ms" in measured]
