# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios share: fresh file systems, graphs, agents, pairs, and the results."""
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time


class Missing(Exception):
    """Something that a scenario needs isn't built."""


@dataclasses.dataclass
class Row:
    """One measured thing. With a loop the median of the pairs' ratios is judged, without it the median of mgmt's."""

    name: str
    unit: str
    mgmt: list
    limit: float
    loop: list = None
    note: str = ""
    at_least: bool = False  # the limit is a floor, not a ceiling
    must: bool = False  # it is no question of speed: the bench fails if it isn't reached

    def value(self):
        if self.loop:
            return statistics.median(m / l for m, l in zip(self.mgmt, self.loop))
        return statistics.median(self.mgmt)

    def reached(self):
        return self.value() >= self.limit if self.at_least else self.value() <= self.limit

    def cells(self):
        number = lambda values: f"{statistics.median(values):.4g} {self.unit}" if values else ""  # noqa: E731
        bound = ("≥ " if self.at_least else "≤ ") + f"{self.limit:g}" + (" ×" if self.loop else f" {self.unit}")
        ratio = f"{self.value():.2f}" if self.loop else ""
        return [self.name, number(self.mgmt), number(self.loop), ratio, bound, "yes" if self.reached() else "NO", self.note]


class Bench:
    """The built programs and a scratch folder that goes with it."""

    def __init__(self, build, pairs):
        self.build, self.pairs = build, pairs

    def __enter__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="mgmt-bench-", dir="/var/tmp"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def program(self, path):
        if not (self.build / path).exists():
            raise Missing(f"{path} is not built")
        return str(self.build / path)

    def mgmt(self):
        return self.program("src/cli/mgmt")

    def loop(self, name):
        return self.program(f"bench/loop_{name}")

    def write(self, name, text):
        """A graph is saved by rename, as editors do."""
        path, new = self.scratch / name, self.scratch / (name + ".new")
        new.write_text(text)
        new.rename(path)
        return path

    @contextlib.contextmanager
    def fresh_ext4(self, gigabytes=2):
        """A new file system: one that has just lost a tree is several times slower."""
        # Not below a folder where others are busy: mgmt watches the folders on the way to a file.
        image, point = self.scratch / "image", pathlib.Path("/mnt")
        with image.open("wb") as file:
            file.truncate(gigabytes << 30)
        # Nothing is left for the kernel to initialise in the background.
        run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image])
        run(["mount", "-o", "loop", image, point])
        try:
            os.sync()
            yield point
        finally:
            run(["umount", "-l", point])
            image.unlink()

    def run_once(self, graph):
        """The whole process until convergence, in seconds."""
        return timed([self.mgmt(), "run", str(graph), "--once", "--tmp-prefix"])

    def engine(self):
        """What the engine's own benchmark measured: {name: {measure: [one a run]}}."""
        if not hasattr(self, "_engine"):
            found = {}
            for _ in range(self.pairs):
                for line in run([self.program("bench/engine_bench")]).splitlines():
                    measured = json.loads(line)
                    for key, value in measured.items():
                        if key != "name":
                            found.setdefault(measured["name"], {}).setdefault(key, []).append(value)
            self._engine = found
        return self._engine


def run(command):
    """Its stdout; a failure shows its stderr."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}: {(done.stderr or done.stdout)[-800:]}")
    return done.stdout


def timed(command):
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        code = child.wait()
        took = time.perf_counter() - began
        if code != 0:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)}: exit {code}: {errors.read()[-800:].decode(errors='replace')}")
    return took


def in_turn(pairs, product, loop):
    """Both, `pairs` times, each first every other time: ([product's], [loop's])."""
    ours, bare = [], []
    for pair in range(pairs):
        for mine in (True, False) if pair % 2 == 0 else (False, True):
            (ours if mine else bare).append((product if mine else loop)(pair))
    return ours, bare


def content_of(number):
    return f"content of file {number}\n"


def file_item(name, path, content):
    return f"  - name: {json.dumps(name)}\n    path: {path}\n    content: {json.dumps(content)}\n    mode: '0644'\n    state: exists\n"


def files_graph(folder, count, per_folder=None):
    """f0..fN-1 in the folder, or in folders d0.. of `per_folder` files in it, which this makes."""
    items = []
    for number in range(count):
        place = folder
        if per_folder:
            place = folder / f"d{number // per_folder}"
            if number % per_folder == 0:
                place.mkdir()
        items.append(file_item(f"f{number}", place / f"f{number}", content_of(number)))
    return "graph: bench\nresources:\n  file:\n" + "".join(items)


class Agent:
    """A running `mgmt run`, whose report is read from a file: a pipe that nobody empties would hold it up."""

    def __init__(self, bench, graph, *flags, name="agent"):
        self.report_path = bench.scratch / f"{name}.json"
        self.errors = bench.scratch / f"{name}.err"
        prefix = [] if "--prefix" in flags else ["--tmp-prefix"]
        with self.report_path.open("wb") as out, self.errors.open("wb") as err:
            self.process = subprocess.Popen(
                [bench.mgmt(), "run", str(graph), "--report", "json", *prefix, *map(str, flags)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.report = self.report_path.open()
        self.part = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.report.close()

    def wait_for(self, event, resource=None, seconds=120):
        """The next such event of the report."""
        wanted = f'"{event}"'
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while True:
                self.part += self.report.readline()
                if not self.part.endswith("\n"):
                    break
                line, self.part = self.part, ""
                if wanted in line:
                    found = json.loads(line)
                    if found.get("event") == event and resource in (None, found.get("resource")):
                        return found
            if self.process.poll() is not None:
                raise RuntimeError(f"mgmt ended with {self.process.returncode}: {self.errors.read_text()[-800:]}")
            time.sleep(0.002)
        raise RuntimeError(f"no event {event} within {seconds} s")

    def status(self, key):
        """A number of /proc/PID/status, such as VmRSS in kB."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise RuntimeError(f"no {key}")

    def activity(self):
        """(nanoseconds of CPU, context switches) of all threads since each began."""
        cpu = switches = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            cpu += int((task / "schedstat").read_text().split()[0])
            switches += sum(int(line.split()[1]) for line in (task / "status").read_text().splitlines() if "ctxt_switches" in line)
        return cpu, switches

    def stop(self):
        """From SIGTERM to its end, in seconds."""
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.perf_counter() - began


def machine(root):
    cpu = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    git = lambda *words: subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True).stdout.strip()  # noqa: E731
    commit = git("rev-parse", "--short", "-q", "--verify", "HEAD") or "none"
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit + ("+" if git("status", "--porcelain", "--", "src", "bench/scenarios", "bench/loops", "tests/system/*.py") else ""),
        "cpu": cpu[0] if cpu else "unknown",
        "cores": os.cpu_count(),
        "kernel": os.uname().release,
        "load": os.getloadavg()[0],
    }


def table(rows, about):
    heads = ["scenario", "mgmt", "bare loop", "ratio", "reach", "reached", "note"]
    lines = [heads, ["---"] * len(heads)] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)
    about = ", ".join(f"{key} {value}" for key, value in about.items())
    return f"{text}\n\nMedians; the ratio is the median of the pairs' ratios. {about}\n"


def keep(path, rows, about, text):
    path.parent.mkdir(exist_ok=True)
    kept = [dataclasses.asdict(row) | {"value": row.value(), "reached": row.reached()} for row in rows]
    path.with_suffix(".json").write_text(json.dumps({"machine": about, "rows": kept}, indent=1) + "\n")
    path.with_suffix(".md").write_text(text)
    print(f"kept as bench/results/{path.name}.json and .md")
