# SPDX-License-Identifier: GPL-3.0-or-later
"""100,000 noop vertices as a chain, a fan-out and a random DAG: scheduling cost a vertex (bench/engine_bench)."""
from harness import Row


def run(bench):
    return [Row(f"100,000 noop vertices, {name}", "ns", measured["ns_per_vertex"], 2000)
            for name, measured in bench.engine().items() if "ns_per_vertex" in measured]
