# SPDX-License-Identifier: GPL-3.0-or-later
"""Resident memory with 1,000 and 100,000 files watched, converged, and again after an edit of the graph."""
import time

from harness import Agent, Row, content_of, files_graph


def resident(agent):
    """MB, a second after the convergence: by then what the work needed has been given back."""
    agent.wait_for("converged", seconds=300)
    time.sleep(1)
    return agent.status("VmRSS") / 1024


def run(bench):
    rows = []
    for count, limit in ((1_000, 15), (100_000, 150)):
        with bench.fresh_ext4(gigabytes=4) as space:
            text = files_graph(space, count, per_folder=1_000)
            graph = bench.write("memory.yaml", text)
            with Agent(bench, graph) as agent:
                before = resident(agent)
                # The last file's content, which is the text's longest number.
                old = content_of(count - 1)[:-1]
                bench.write("memory.yaml", text.replace(old, old + " edited"))
                after, peak = resident(agent), agent.status("VmHWM") / 1024
                assert (space / f"d{(count - 1) // 1000}" / f"f{count - 1}").read_text().endswith("edited\n")
        rows.append(Row(f"memory, {count:,} files, converged", "MB", [before], limit))
        rows.append(Row(f"memory, {count:,} files, after an edit", "MB", [after], limit, note=f"peak {peak:.0f} MB"))
    return rows
