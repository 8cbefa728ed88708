# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift demo of 2016: how many of 1,000 repairs came before the shell's next command looked."""
import subprocess

from harness import Agent, Row, file_item

REPEATS = 1_000
# The rest between two repeats keeps the rate below that of two quarrelling writers, which mgmt slows down.
SCRIPT = r"""
cd "$1"
repeat() {  # repeat BREAK-AND-LOOK UNTIL-REPAIRED
  local seen=0 i
  for ((i = 0; i < %d; ++i)); do
    if eval "$1"; then ((++seen)); fi
    until eval "$2"; do :; done
    sleep 0.012
  done
  echo "$seen"
}
right() { local line; read -r line < f2; [[ $line == "i am f2" ]]; } 2>/dev/null
repeat 'rm -f f2 && cat f2 >../seen 2>/dev/null && [[ $(<../seen) == "i am f2" ]]' right
repeat 'echo blah > f2 && cat f2 >../seen 2>/dev/null && [[ $(<../seen) == "i am f2" ]]' right
repeat 'touch f4 && ! stat f4 >/dev/null 2>&1' '[[ ! -e f4 ]]'
""" % REPEATS


def run(bench):
    with bench.fresh_ext4() as space:
        folder = space / "demo"
        folder.mkdir()
        graph = "graph: demo\nresources:\n  file:\n"
        graph += "".join(file_item(f"file{i}", folder / f"f{i}", f"i am f{i}\n") for i in (1, 2, 3))
        graph += f"  - name: file4\n    path: {folder}/f4\n    state: absent\n"
        with Agent(bench, bench.write("demo.yaml", graph)) as agent:
            agent.wait_for("converged")
            done = subprocess.run(["bash", "-c", SCRIPT, "demo", str(folder)], capture_output=True, text=True, timeout=300)
    counts = [int(line) for line in done.stdout.split()]
    assert len(counts) == 3, f"the demo's script failed: {done.stderr[-400:]}"
    names = ("rm -f f2 && cat f2", "echo blah > f2 && cat f2", "touch f4 && stat f4")
    return [Row(f"demo: {name}", "of 1000", [count], REPEATS * 0.99, at_least=True) for name, count in zip(names, counts)]
