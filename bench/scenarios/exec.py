# SPDX-License-Identifier: GPL-3.0-or-later
"""1,000 execs of /bin/true, all at once; beside a posix_spawn loop."""
from harness import Row, in_turn, timed

COUNT = 1_000


def run(bench):
    items = "".join(f"  - name: e{number}\n    cmd: /bin/true\n" for number in range(COUNT))
    graph = bench.write("exec.yaml", "graph: exec\nresources:\n  exec:\n" + items)
    ours, bare = in_turn(bench.pairs, lambda _: bench.run_once(graph), lambda _: timed([bench.loop("spawn"), str(COUNT)]))
    return [Row("1,000 × exec /bin/true", "s", ours, 1.5, bare)]
