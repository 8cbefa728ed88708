# SPDX-License-Identifier: GPL-3.0-or-later
"""What building costs, without ccache: from nothing, one .cc of a kind changed; ./dev with nothing to do; CI (minutes)."""
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

from harness import Row, run as run_program

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A kind's .cc and the tests of that kind.
KINDS = {"file": "src/resources/file/file.cc", "exec": "src/resources/exec/exec.cc"}


def copy_of_the_sources(to):
    """As they are, with what isn't committed; the build folders here stay as they are."""
    for name in run_program(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"]).split("\0"):
        if name and (ROOT / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def dev(source, *words):
    """Runs ./dev there without ccache, in seconds."""
    began = time.perf_counter()
    done = subprocess.run([source / "dev", *map(str, words)], cwd=source, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env={**os.environ, "CCACHE_DISABLE": "1"}, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"./dev {' '.join(map(str, words))}: exit {done.returncode}: {(done.stdout + done.stderr)[-800:]}")
    return time.perf_counter() - began


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def change(source, kind, turn):
    """Built and its tests run, in seconds."""
    with (source / KINDS[kind]).open("a") as file:
        file.write(f"// change {turn}\n")
    return dev(source, "test", "-R", f"^{kind}_test$")


def ci():
    """The last .ci/run here, if there was one."""
    kept = ROOT / "build/ci-times.json"
    if not kept.exists():
        print("bench: build: no row for CI: .ci/run hasn't been green here", file=sys.stderr)
        return []
    last = json.loads(kept.read_text())
    note = f"commit {last['commit']}, from {'an empty build folder' if last['from_empty'] else 'a build folder in use'}"
    return [Row("CI in all", "min", [last["seconds"] / 60], 40, note=note)]


def run(bench):
    source = bench.scratch / "source"
    copy_of_the_sources(source)
    before = cpu_of_children()
    rows = [Row("release build from nothing", "s", [dev(source, "build")], 480)]
    # What it takes where nobody else is at work, for this one is too long to repeat.
    rows[0].note = f"{cpu_of_children() - before:.0f} s of CPU on {os.cpu_count()} cores"
    for kind, path in KINDS.items():
        took = [change(source, kind, turn) for turn in range(min(bench.pairs, 3))]
        rows.append(Row(f"{path.removeprefix('src/resources/')} changed: built, tests run", "s", took, 20))
    graph = bench.write("trivial.yaml", "graph: trivial\nresources:\n  noop:\n  - name: one\n")
    # ./dev and what it starts, less what it starts.
    before = [dev(source, "run", graph, "--once", "--tmp-prefix") - bench.run_once(graph) for _ in range(bench.pairs)]
    rows.append(Row("./dev run with nothing to do, before mgmt starts", "s", before, 1))
    return rows + ci()
