# SPDX-License-Identifier: GPL-3.0-or-later
"""Two agents on one prefix: from a's commit of an exported file to b's rename; beside two bare processes."""
import json
import statistics
import time

from harness import Agent, Row, file_item, in_turn, run as run_program

ROUNDS = 60
# An agent reads an edited graph once it has been quiet for 50 ms, so that is the pace of both: after such a rest
# processors sleep and caches are cold, which costs a bare loop that runs without one two thirds of its time.
REST_MS = 70


def measure(bench, durability):
    with bench.fresh_ext4() as space:
        bare_folder, a_folder, b_folder, prefix = (space / name for name in ("bare", "a", "b", "prefix"))
        for folder in (bare_folder, a_folder, b_folder, prefix):
            folder.mkdir(mode=0o700)
        edition = 0

        def edit():
            nonlocal edition
            edition += 1
            item = file_item("@@shared", a_folder / "shared", f"edition {edition}\n")
            return bench.write("a.yaml", "graph: a\nresources:\n  file:\n" + item)

        flags = ["--prefix", prefix, "--durability", durability, "--hostname"]
        b_graph = bench.write("b.yaml", f"graph: b\nresources: {{}}\ncollect:\n- kind: file\n  pattern: {b_folder}/\n")
        with Agent(bench, b_graph, *flags, "b", name="b") as b, Agent(bench, edit(), *flags, "a", name="a") as a:
            exported, collected = "@@file[shared]", "file[shared]@a"
            a.wait_for("started", exported)
            b.wait_for("changed", collected)

            def mgmt(_):
                took = []
                for _ in range(ROUNDS):
                    edit()
                    time.sleep(REST_MS / 1e3)  # and nobody reads meanwhile, who would compete for the two cores
                    # The report's own time stamps: a's is taken before its commit, b's after its rename.
                    began = a.wait_for("started", exported)
                    took.append((b.wait_for("changed", collected)["time"] - began["time"]) * 1e6)
                return statistics.median(took)

            synced = [] if durability == "none" else ["synced"]

            def loop(_):
                return json.loads(run_program([bench.loop("exchange"), bare_folder, ROUNDS, REST_MS, *synced]))["p50_us"]

            return in_turn(bench.pairs, mgmt, loop)


def run(bench):
    # The file that is replaced has its data on the disk first, in both or in neither.
    names = {"none": "exchange, a's commit to b's rename, nothing synced", "burst": "exchange, the same with data before name"}
    rows = []
    for durability, name in names.items():
        ours, bare = measure(bench, durability)
        rows.append(Row(name, "µs", ours, 3, bare))
    return rows
