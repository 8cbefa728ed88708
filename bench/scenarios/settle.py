# SPDX-License-Identifier: GPL-3.0-or-later
"""`mgmt settle` with 10,000 files watched, the whole command: nothing new, and after one or a hundred files were deleted."""
import os
import shutil

from harness import Agent, Row, files_graph, run as run_program, timed

COUNT = 10_000


def run(bench):
    prefix = bench.scratch / "prefix"
    rows = []
    with bench.fresh_ext4() as space:
        folder, graph = space / "files", space / "settle.yaml"
        folder.mkdir()
        graph.write_text(files_graph(folder, COUNT))
        run_program([bench.loop("files"), folder, COUNT])
        settle = [bench.mgmt(), "settle", "--prefix", str(prefix)]
        with Agent(bench, graph, "--prefix", prefix) as agent:
            agent.wait_for("converged")
            for what, gone in (("nothing new", 0), ("one deleted", 1), ("100 deleted", 100)):
                times = []
                for turn in range(bench.pairs):
                    paths = [folder / f"f{turn * 100 + number}" for number in range(gone)]
                    for path in paths:
                        os.unlink(path)
                    times.append(timed(settle) * 1e3)
                    if missing := [path for path in paths if not path.exists()]:
                        raise RuntimeError(f"settle returned before {missing[0]} was there again")
                rows.append(Row(f"settle, 10,000 files, {what}", "ms", times, 20))
    shutil.rmtree(prefix)
    return rows
