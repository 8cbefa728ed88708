# SPDX-License-Identifier: GPL-3.0-or-later
"""A unit stopped by hand until it runs again, beside a bare D-Bus client; 1,000 units: memory, idling, a second run."""
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))  # inside the box it is a program
import harness  # noqa: E402
from harness import Agent, Row, in_turn, run as run_program, timed  # noqa: E402

BOX = pathlib.Path(harness.__file__).resolve().parent.parent / "tests/system/box"
UNITS = pathlib.Path("/usr/lib/systemd/system")
REPEATS, MANY = 50, 1_000


def run(bench):
    """Outside: all of it runs in a box, with a systemd of its own."""
    at = bench.scratch / "box"
    run_program([BOX, "start", at, "--bind", BOX.parent.parent.parent, "--bind", bench.build.resolve()])
    try:
        text = run_program([BOX, "exec", at, sys.executable, "-B", __file__, bench.build.resolve(), bench.pairs])
    finally:
        run_program([BOX, "stop", at])
    return [Row(**row) for row in json.loads(text.splitlines()[-1])]


def graph(names, more="", kind="svc"):
    return f"graph: bench\nresources:\n  {kind}:\n" + "".join(f"  - name: {name}\n{more}" for name in names)


def repairs(bench):
    for name in ("ours", "bare"):
        (UNITS / f"bench-{name}.service").write_text("[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\n")
    run_program(["systemctl", "daemon-reload"])
    run_program(["systemctl", "start", "bench-ours", "bench-bare"])
    loop = subprocess.Popen([bench.loop("svc"), "watch", "bench-bare.service"], stdout=subprocess.PIPE)
    try:
        loop.stdout.readline()
        with Agent(bench, bench.write("svc.yaml", graph(["bench-ours"], "    state: running\n")), "--repair-limit", 1_000_000) as agent:
            agent.wait_for("converged")
            measure = lambda unit: lambda _: json.loads(  # noqa: E731
                run_program([bench.loop("svc"), "measure", unit, REPEATS]))
            ours, bare = in_turn(bench.pairs, measure("bench-ours.service"), measure("bench-bare.service"))
    finally:
        loop.kill()
        loop.wait()
    return [Row(f"svc stopped by hand, {name}", "µs", [t[key] for t in ours], 3, [t[key] for t in bare])
            for name, key in (("median", "p50_us"), ("99th percentile", "p99_us"))]


def bus_connections(pid):
    """Sockets of a process whose other end is D-Bus's: an accepted one has the path that the daemon listens at."""
    held = {os.readlink(file) for file in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for line in run_program(["ss", "-xH", "state", "connected"]).splitlines()]
    peers = {f"socket:[{row[-1]}]" for row in rows if any(field.endswith("/dbus/system_bus_socket") for field in row)}
    return len(held & peers)


def resident(bench, path):
    with Agent(bench, path) as agent:
        agent.wait_for("converged")
        time.sleep(2)  # what follows a convergence is not idling
        cpu, switches = agent.activity()
        time.sleep(10)
        cpu_after, switches_after = agent.activity()
        return agent.status("VmRSS") / 1024, (cpu_after - cpu) / 1e6, switches_after - switches, bus_connections(agent.process.pid)


def many(bench):
    (UNITS / "bench@.service").write_text("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
    run_program(["systemctl", "daemon-reload"])
    names = [f"bench@{number}" for number in range(MANY)]
    running = bench.write("running.yaml", graph(names, "    state: running\n"))
    enabled = bench.write("enabled.yaml", graph(names, "    state: running\n    startup: enabled\n"))
    first = timed([bench.mgmt(), "run", str(running), "--once", "--tmp-prefix"])
    again = [bench.run_once(running) for _ in range(bench.pairs)]
    links = timed([bench.mgmt(), "run", str(enabled), "--once", "--tmp-prefix"])
    bench.run_once(enabled)  # systemd reads the links once after a reload
    enabled_again = [bench.run_once(enabled) for _ in range(bench.pairs)]
    alone = resident(bench, bench.write("alone.yaml", graph(["n"], kind="noop")))[0]
    memory, cpu, switches, connections = resident(bench, enabled)
    return [Row("svc, 1,000 running, a second run", "s", again, 0.1, note=f"the first, which starts them: {first:.2f} s"),
            Row("svc, 1,000 running and enabled, a second run", "s", enabled_again, 0.1, note=f"enabling them: {links:.2f} s"),
            Row("svc, memory of 1,000", "MB", [memory - alone], 10, note="more than an agent with one noop"),
            Row("svc, connections of 1,000", "", [connections], 1, note="to D-Bus"),
            Row("svc, 1,000 idle for 10 s, CPU", "ms", [cpu], 0),
            Row("svc, 1,000 idle for 10 s, context switches", "", [switches], 0)]


def inside():
    with harness.Bench(pathlib.Path(sys.argv[1]), int(sys.argv[2])) as bench:
        rows = repairs(bench) + many(bench)
    print(json.dumps([dataclasses.asdict(row) for row in rows]))


if __name__ == "__main__":
    inside()
