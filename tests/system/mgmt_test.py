# SPDX-License-Identifier: GPL-3.0-or-later
"""What the system tests share: agents whose report is read as it comes, folders, deadlines, a runner.

Nothing here sleeps a fixed time. A deadline only says when a test gives up; MGMT_PATIENCE multiplies all of them.
"""

import contextlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SOAK = os.environ.get("MGMT_SOAK") == "1"
CI = os.environ.get("CI") == "true"
PATIENCE = float(os.environ.get("MGMT_PATIENCE", "1"))
SKIPPED = 77
REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_agents = []


class Skip(Exception):
    """What the test needs can't be had here; the text says what."""


def mgmt():
    path = os.environ.get("MGMT") or os.path.join(REPO, "build/release/src/cli/mgmt")
    if not os.access(path, os.X_OK):
        sys.exit(f"there is no mgmt at {path}: build it, or name it in $MGMT")
    return path


def check(condition, message):
    if not condition:
        raise AssertionError(message() if callable(message) else message)


def equal(got, want, what):
    check(got == want, lambda: f"got {got!r}, want {want!r}: {what}")


def long_or_short(soak, short):
    return soak if SOAK else short


def wait_until(condition, what, seconds=20):
    """For what no event tells, such as the state of a file: looks again and again, bounded by a deadline."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, lambda: f"not within {seconds * PATIENCE:g} s: {what() if callable(what) else what}")
        time.sleep(0.0005)  # leaves the cores to those it waits for


def read(path):
    """The file's content, or None if it isn't there. Never waits for a FIFO's writer."""
    try:
        with open(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path, text):
    with open(path, "w", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK, 0o666)) as file:
        file.write(text)


def save(path, text):
    """As an editor saves: a new file, renamed over the old one."""
    write(path + ".new", text)
    os.rename(path + ".new", path)


def graph(name="test", edges=(), collect=(), **resources):
    """A graph as text (JSON is YAML): graph(file=[{...}], edges=[("file", "a", "file", "b")])."""
    tree = {"graph": name, "resources": resources}
    if collect:
        tree["collect"] = list(collect)
    if edges:
        tree["edges"] = [
            {"name": f"e{number}", "from": {"kind": edge[0], "name": edge[1]}, "to": {"kind": edge[2], "name": edge[3]}}
            for number, edge in enumerate(edges)
        ]
    return json.dumps(tree, indent=1)


@contextlib.contextmanager
def folder(inside=None):
    """A folder for one test; the agents that still run in it are ended first."""
    path = tempfile.mkdtemp(prefix="mgmt-system-", dir=inside)
    try:
        yield path
    finally:
        for agent in list(_agents):
            if agent.cwd == path or agent.cwd.startswith(path + "/"):
                agent.kill()
        subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(path, ignore_errors=True)


class Agent:
    """A running mgmt. `events` has all that it reported so far; wait_for reads on."""

    def __init__(self, *args, cwd, prefix=None, report="json", command=(), program=None, pipe=True, env=None):
        self.cwd = cwd
        self.events = []
        self.broken_lines = []
        self._rest = b""
        self._next = 0
        self.stderr_path = os.path.join(cwd, f"stderr.{random.getrandbits(48):x}")
        place = ["--tmp-prefix"] if prefix is None else ["--prefix", prefix]
        # Another program that reports as mgmt does gets the arguments as they are.
        self.args = [*command, program, *args] if program else [*command, mgmt(), "run", *args, "--report", report, *place]
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                self.args,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe is True else pipe or subprocess.DEVNULL,
                stderr=stderr,
                env=None if env is None else {**os.environ, **env},
            )
        self.pid = self.process.pid
        self.stdout = self.process.stdout
        if self.stdout:
            os.set_blocking(self.stdout.fileno(), False)
        _agents.append(self)

    def read_some(self, seconds):
        """Takes what is there; waits that long for something. False at the end of the report."""
        if self.stdout is None or self.stdout.closed:
            return False
        ready, _, _ = select.select([self.stdout], [], [], max(0, seconds))
        if not ready:
            return True
        data = os.read(self.stdout.fileno(), 1 << 20)
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            try:
                self.events.append(json.loads(line))
            except ValueError:
                self.broken_lines.append(line)
        return bool(data)

    def wait_for(self, event=None, where=None, what=None, seconds=30, **keys):
        """The next event of that name with these keys, for which where(event) holds; the ones before it are passed."""
        deadline = time.monotonic() + seconds * PATIENCE
        what = what or f"the event {event} {keys or ''}"
        while True:
            while self._next < len(self.events):
                one = self.events[self._next]
                self._next += 1
                if event is not None and one["event"] != event:
                    continue
                if all(one.get(key) == value for key, value in keys.items()) and (where is None or where(one)):
                    return one
            left = deadline - time.monotonic()
            check(left > 0, lambda: f"{self} didn't report within {seconds * PATIENCE:g} s: {what}{self.tail()}")
            check(self.read_some(left), lambda: f"{self} ended before it reported: {what}{self.tail()}")

    def drain(self):
        """Takes what is there now, without waiting."""
        before = -1
        while before != len(self.events):
            before = len(self.events)
            self.read_some(0)

    def all(self, event, **keys):
        return [e for e in self.events if e["event"] == event and all(e.get(k) == v for k, v in keys.items())]

    def stderr(self):
        return read(self.stderr_path) or ""

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=30):
        """Reads the report to its end; the exit status (minus a signal's number)."""
        deadline = time.monotonic() + seconds * PATIENCE
        while self.read_some(deadline - time.monotonic()):
            check(time.monotonic() < deadline, lambda: f"{self} doesn't end within {seconds} s{self.tail()}")
        try:
            status = self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} closed its report, and doesn't end within {seconds} s{self.tail()}") from None
        self._forget()
        return status

    def stop(self, number=signal.SIGTERM, seconds=30):
        self.send(number)
        return self.wait(seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._forget()

    def kill_and_read(self):
        """What it reported before its end is in `events`."""
        self.process.kill()
        equal(self.wait(), -signal.SIGKILL, "exit status of a killed agent")

    def _forget(self):
        if self.stdout:
            self.stdout.close()
        if self in _agents:
            _agents.remove(self)

    def tail(self, count=12):
        lines = [json.dumps(event)[:400] for event in self.events[-count:]]
        return "\n  its last events:\n    " + "\n    ".join(lines) + f"\n  stderr: {self.stderr().strip() or '(empty)'}"

    def __str__(self):
        return f"mgmt({self.pid})"


def run(*args, cwd, seconds=60, **options):
    """Runs mgmt to its end: (exit status, the agent with its events)."""
    agent = Agent(*args, cwd=cwd, **options)
    return agent.wait(seconds), agent


def command(*args, cwd=None, seconds=30):
    """A mgmt command that reports nothing (check, graph, ...): the completed process with its texts."""
    done = subprocess.run(
        [mgmt(), *args], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds * PATIENCE, check=False
    )
    done.stdout, done.stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    return done


def settle(prefix, timeout=30):
    """Returns when the agent of that prefix has handled all that happened before: (exit status, what it says)."""
    done = command("settle", "--json", "--prefix", prefix, "--timeout", f"{timeout * PATIENCE:g}", seconds=timeout + 20)
    check(done.returncode in (0, 4, 7), lambda: f"settle ended with {done.returncode}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


@contextlib.contextmanager
def agent_of(at, *flags):
    """An agent on graph.yaml there that can be asked, at its first convergence; and that ends well."""
    agent = Agent("graph.yaml", *flags, cwd=at, prefix=at + "/prefix")
    agent.wait_for("converged")
    yield agent
    equal(agent.stop(), 0, f"exit status of the agent{agent.tail()}")


def leftovers(path):
    """The names of temporary files below a folder."""
    return [
        os.path.join(at, name)
        for at, folders, files in os.walk(path)
        for name in folders + files
        if name.startswith(".mgmt-")
    ]


def processes_with(marker):
    """Live processes whose command line holds the marker."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read()
            if marker.encode() in line and int(pid) != os.getpid():
                found.append(int(pid))
    return found


def userns(*limits):
    """The command prefix that runs a program in a user namespace of its own with lower limits: ("name", value)..."""
    able = subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True, check=False)
    if able.returncode != 0:
        raise Skip(f"no user namespace can be made here: {able.stderr.decode().strip()}")
    script = "".join(f"echo {value} > /proc/sys/user/{name} && " for name, value in limits) + 'exec "$@"'
    return ["unshare", "--user", "--map-root-user", "/bin/sh", "-c", script, "sh"]


_measured = {}


def measured(name, value):
    """A figure of this test: printed, and kept with the test's result (see _keep)."""
    print(f"     {name}: {value}", flush=True)
    _measured[name] = value


def _keep(test, outcome, seconds, seed, why=None):
    """Adds a test's result to the file MGMT_RESULTS, which ./dev soak reads, as a line of JSON."""
    path = os.environ.get("MGMT_RESULTS")
    if path:
        result = {"test": test, "outcome": outcome, "seconds": round(seconds, 2), "seed": seed, "measured": _measured}
        with open(path, "a") as file:
            file.write(json.dumps(result | ({"why": why} if why else {})) + "\n")


def main(tests):
    """Runs the test_* functions of a file (all, or the ones named on the command line) in their order."""
    seed = int(os.environ.get("MGMT_SEED") or random.SystemRandom().getrandbits(32))
    print(f"{os.path.basename(sys.argv[0])}: seed {seed} (MGMT_SEED={seed} repeats it)", flush=True)
    tests = {name: test for name, test in tests.items() if name.startswith("test_")}
    unknown = [name for name in sys.argv[1:] if name not in tests]
    if unknown:
        sys.exit(f"no test {', '.join(unknown)}; there are {', '.join(tests)}")
    failed, skipped = [], []
    for name in sys.argv[1:] or tests:
        random.seed(seed)
        _measured.clear()
        start = time.monotonic()
        took = lambda: time.monotonic() - start  # noqa: B023
        try:
            tests[name]()
            print(f"ok   {name} ({took():.2f} s)", flush=True)
            _keep(name, "ok", took(), seed)
        except Skip as why:
            print(f"skip {name}: {why}", flush=True)
            _keep(name, "skipped", took(), seed, str(why))
            skipped.append(name)
        except Exception as why:  # the one place that catches: reported, and the next test runs
            print(f"FAIL {name} ({took():.2f} s)\n{traceback.format_exc()}", flush=True)
            _keep(name, "failed", took(), seed, str(why))
            failed.append(name)
    if skipped and CI:
        print(f"in CI nothing may be skipped: {', '.join(skipped)}")
    if failed or (skipped and CI):
        sys.exit(1)
    sys.exit(SKIPPED if skipped else 0)
