# SPDX-License-Identifier: GPL-3.0-or-later
"""10,000 files watched, one deleted: until it is there again; beside a bare inotify loop."""
import json
import subprocess

from harness import Agent, Row, files_graph, in_turn, run as run_program

COUNT, REPEATS = 10_000, 1_000


def run(bench):
    with bench.fresh_ext4() as space:
        ours, bare = space / "mgmt", space / "loop"
        for folder in (ours, bare):
            folder.mkdir()
            run_program([bench.loop("files"), folder, COUNT])
        loop = subprocess.Popen([bench.loop("drift"), bare], stdout=subprocess.PIPE)
        try:
            loop.stdout.readline()
            with Agent(bench, bench.write("drift.yaml", files_graph(ours, COUNT))) as agent:
                agent.wait_for("converged")
                measure = lambda folder: lambda pair: json.loads(  # noqa: E731
                    run_program([bench.loop("measure_drift"), folder, COUNT, REPEATS, pair]))
                mgmt_times, loop_times = in_turn(bench.pairs, measure(ours), measure(bare))
        finally:
            loop.kill()
            loop.wait()
    pick = lambda times, key: [time[key] for time in times]  # noqa: E731
    return [Row(f"drift repair, {name}", "µs", pick(mgmt_times, key), 3, pick(loop_times, key))
            for name, key in (("median", "p50_us"), ("99th percentile", "p99_us"))]
