# SPDX-License-Identifier: GPL-3.0-or-later
"""1,000 drifts by `rm` and by a shell's `echo`, one after the other: how many of the repairs name who did it."""
import subprocess

from harness import Agent, Row, files_graph, run as run_program

COUNT, DRIFTS = 100, 1_000


def run(bench):
    with bench.fresh_ext4() as space:
        ours = space / "mgmt"
        ours.mkdir()
        run_program([bench.loop("files"), ours, COUNT])
        with Agent(bench, bench.write("who.yaml", files_graph(ours, COUNT))) as agent:
            agent.wait_for("converged")
            paths = sorted(path for path in ours.rglob("*") if path.is_file())
            named = {"rm": 0, "sh": 0}
            for number in range(DRIFTS):
                path = paths[number % len(paths)]
                command = "rm" if number % 2 else "sh"
                subprocess.run([command, path] if command == "rm" else [command, "-c", f'echo drift > "{path}"'], check=True)
                by = agent.wait_for("changed").get("by", {})
                named[command] += by.get("command") == command
    return [Row(f"repairs that name who did it, {what}", "%", [100 * count / (DRIFTS / 2)], 95, at_least=True) for what, count in named.items()]
