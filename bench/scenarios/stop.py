# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGTERM with 10,000 files watched: until the process is gone."""
from harness import Agent, Row, files_graph, run as run_program

COUNT = 10_000


def run(bench):
    times = []
    with bench.fresh_ext4() as folder:
        run_program([bench.loop("files"), folder, COUNT])
        graph = bench.write("stop.yaml", files_graph(folder, COUNT))
        for _ in range(bench.pairs):
            with Agent(bench, graph) as agent:
                agent.wait_for("converged")
                times.append(agent.stop() * 1e3)
    return [Row("stop by SIGTERM, 10,000 files", "ms", times, 100)]
