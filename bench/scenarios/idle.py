# SPDX-License-Identifier: GPL-3.0-or-later
"""10 s with 10,000 files watched and nothing happening: no CPU time and no context switch of any thread, or it fails."""
import time

from harness import Agent, Row, files_graph, run as run_program

COUNT = 10_000


def run(bench):
    with bench.fresh_ext4() as space:
        # The graph's file is watched too, so it isn't where others are busy.
        folder, graph = space / "files", space / "idle.yaml"
        folder.mkdir()
        graph.write_text(files_graph(folder, COUNT))
        run_program([bench.loop("files"), folder, COUNT])
        with Agent(bench, graph) as agent:
            agent.wait_for("converged")
            time.sleep(2)  # what follows a convergence (a sync, freed memory) is not idling
            cpu, switches = agent.activity()
            time.sleep(10)
            cpu_after, switches_after = agent.activity()
    return [Row("idle for 10 s, CPU", "ms", [(cpu_after - cpu) / 1e6], 0, must=True),
            Row("idle for 10 s, context switches", "", [switches_after - switches], 0, must=True)]
