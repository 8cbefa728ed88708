# SPDX-License-Identifier: GPL-3.0-or-later
"""svc on a real systemd, in a box of its own, with a daemon that counts its starts and reloads."""

import json
import os
import shutil
import subprocess
import sys

import box
import mgmt_test
from mgmt_test import Agent, agent_of, check, equal, folder, graph, read, run, settle, wait_until, write

UNITS = "/usr/lib/systemd/system"


def systemctl(*words, ok=True):
    done = subprocess.run(["systemctl", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    check(done.returncode == 0 or not ok, f"systemctl {' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


def state(unit):
    return systemctl("is-active", unit, ok=False), systemctl("is-enabled", unit, ok=False)


class Counter:
    """A unit whose daemon is counterd."""

    def __init__(self, at, name="counter", seconds="", kind="notify", more="", units=UNITS):
        self.at, self.unit = at, f"{name}.service"
        self.config, self.log, self.file = f"{at}/{name}.conf", f"{at}/{name}.log", f"{units}/{name}.service"
        write(self.config, "one\n")
        write(self.log, "")
        os.makedirs(units, exist_ok=True)
        write(self.file, self.text(seconds, kind, more))

    def text(self, seconds="", kind="notify", more=""):
        command = f"{box.program('counterd')} {self.config} {self.log} {seconds}"
        return (f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nType={kind}\nExecStart={command}\n"
                f"ExecReload=/bin/kill -HUP $MAINPID\n{more}\n[Install]\nWantedBy=multi-user.target\n")

    def lines(self):
        return read(self.log).splitlines()

    def count(self, word):
        return sum(line.split()[0] == word for line in self.lines())


class Units:
    """A folder for one test; the units of its counters are gone after it."""

    def __enter__(self):
        self._folder = folder()
        self.at = self._folder.__enter__()
        self.made = []
        return self

    def counter(self, *args, **keys):
        one = Counter(self.at, *args, **keys)
        self.made.append(one)
        systemctl("daemon-reload")
        return one

    def graph(self, *edges, **resources):
        write(self.at + "/graph.yaml", graph(edges=edges, **resources))

    def agent(self, *flags, prefix=None, **svc):
        if svc:
            self.graph(svc=[{"name": "counter", **svc}])
        agent = Agent("graph.yaml", *flags, cwd=self.at, prefix=prefix)
        agent.wait_for("converged")
        return agent

    def once(self, *flags, **svc):
        if svc:
            self.graph(svc=[{"name": "counter", **svc}])
        return run("graph.yaml", "--once", *flags, cwd=self.at)

    def __exit__(self, *why):
        self._folder.__exit__(*why)
        for one in self.made:
            systemctl("stop", one.unit, ok=False)
            systemctl("unmask", one.unit, ok=False)
            systemctl("disable", one.unit, ok=False)
            systemctl("reset-failed", one.unit, ok=False)
            if os.path.exists(one.file):
                os.unlink(one.file)
            shutil.rmtree(one.file + ".d", ignore_errors=True)
        systemctl("daemon-reload")


def repaired(agent):
    return agent.wait_for("changed", resource="svc[counter]", repair=True)


def test_it_is_started_and_enabled_and_a_second_run_does_nothing():
    with Units() as units:
        counter = units.counter()
        status, agent = units.once(state="running", startup="enabled")
        equal((status, state(counter.unit), counter.lines()), (0, ("active", "enabled"), ["start one"]), f"after a run{agent.tail()}")
        equal(len(agent.all("changed")), 1, "changes that were reported")
        status, agent = units.once()
        equal((status, len(agent.all("changed")), counter.lines()), (0, 0, ["start one"]), "the second run")


def test_noop_says_what_and_does_nothing():
    with Units() as units:
        counter = units.counter()
        status, agent = units.once("--noop", state="running", startup="enabled")
        equal([(c["param"], c["before"], c["after"]) for c in agent.all("changed")[0]["changes"]],
              [("startup", "disabled", "enabled"), ("state", "stopped", "running")], "what would be done")
        equal((status, state(counter.unit)), (6, ("inactive", "disabled")), "the unit after it")


def plan(units, *words):
    """(exit status, what it says of each resource, stderr)"""
    done = mgmt_in(units, "plan", "graph.yaml", "--json", *words)
    check(done.stdout.startswith("{"), f"{done}")
    return done.returncode, {one["resource"]: one for one in json.loads(done.stdout)["resources"]}, done.stderr


def mgmt_in(units, *words):
    return subprocess.run([mgmt_test.mgmt(), *words], cwd=units.at, capture_output=True, text=True, timeout=60, check=False)


def changes(resource):
    return [(c["param"], c.get("before"), c.get("after")) for c in resource.get("changes", [])]


def test_a_plan_says_what_would_change_and_touches_nothing():
    with Units() as units:
        counter = units.counter()
        units.graph(svc=[{"name": "counter", "state": "running", "startup": "enabled"}])
        status, found, _ = plan(units)
        equal(changes(found["svc[counter]"]), [("startup", "disabled", "enabled"), ("state", "stopped", "running")], "what it says")
        equal((status, found["svc[counter]"]["state"], state(counter.unit), counter.lines()), (6, "change", ("inactive", "disabled"), []),
              "exit status, and the unit after it")
        equal(units.once()[0], 0, "a run")
        equal((plan(units)[0], counter.lines()), (0, ["start one"]), "all is right")
        systemctl("mask", "--runtime", counter.unit)
        equal(changes(plan(units)[1]["svc[counter]"]), [("startup", "masked-runtime", "enabled")], "masked by hand")
        systemctl("unmask", "--runtime", counter.unit)
        units.graph(svc=[{"name": "counter", "state": "stopped", "startup": "masked"}])
        status, found, _ = plan(units)
        equal((status, changes(found["svc[counter]"])), (6, [("startup", "enabled", "masked"), ("state", "running", "stopped")]), "the other way")
        equal((state(counter.unit), counter.lines()), (("active", "enabled"), ["start one"]), "the unit after all plans")


def test_a_plan_of_a_unit_that_is_not_there():
    with Units() as units:
        file = units.counter().file
        missing = {"name": "countre", "state": "running"}
        units.graph(svc=[missing])
        status, found, _ = plan(units)
        equal((status, found["svc[countre]"]["error"], "counter" in found["svc[countre]"]["hint"]),
              (4, "there is no unit countre.service", True), "nobody brings it")
        units.graph(("svc", "countre", "noop", "after"), svc=[missing], noop=[{"name": "after"}],
                    file=[{"name": "unit", "path": file.replace("counter", "countre"), "content": read(file)}])
        status, found, _ = plan(units)
        equal((status, {name: one["state"] for name, one in found.items()}),
              (6, {"file[unit]": "change", "svc[countre]": "unknown", "noop[after]": "fine"}), "its unit file comes before it")
        check("before file[unit] has changed" in found["svc[countre]"]["changes"][0]["why"], f"{found}")


def calls_meanwhile(method, work):
    """How often systemd was asked for it while `work` ran."""
    end = "GetDefaultTarget"
    words = [f"--match=type='method_call',member='{name}'" for name in (method, end)]
    with subprocess.Popen(["busctl", "monitor", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as monitor:
        monitor.stderr.readline()  # it listens
        work()
        subprocess.run(["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                        "org.freedesktop.systemd1.Manager", end], stdout=subprocess.DEVNULL, check=True)
        count = 0
        for line in monitor.stdout:
            if f"Member={end}" in line:
                break
            count += f"Member={method}" in line
        monitor.terminate()
    return count


def test_many_that_are_not_there_are_looked_for_together():
    with Units() as units:
        units.counter()
        units.graph(svc=[{"name": f"countre-{n}", "state": "running", "meta": {"retry": 0}} for n in range(100)])
        found = {}
        asked = calls_meanwhile("ListUnitFiles", lambda: found.update(plan(units)[1]))
        equal({one["error"] for one in found.values()}, {f"there is no unit countre-{n}.service" for n in range(100)}, "all are answered")
        check(0 < asked <= 20, f"in a plan: {asked} lists for a hundred units")
        asked = calls_meanwhile("ListUnitFiles", lambda: equal(units.once()[0], 4, "the exit status of a run"))
        check(0 < asked <= 20, f"in a run: {asked} lists for a hundred units")


def test_a_plan_says_whether_a_refresh_reloads_or_restarts():
    with Units() as units:
        counter = units.counter()
        systemctl("start", counter.unit)
        config = {"name": "of", "path": counter.config, "content": "two\n"}
        unit = {"name": "of", "path": counter.file, "content": read(counter.file) + "# edited\n"}
        for file, how in ((config, "reload"), (unit, "restart")):
            text = json.loads(graph(svc=[{"name": "counter", "state": "running"}], file=[file], edges=[("file", "of", "svc", "counter")]))
            text["edges"][0]["notify"] = True
            write(units.at + "/graph.yaml", json.dumps(text))
            status, found, _ = plan(units, "--save", "plan.json")
            equal((status, changes(found["svc[counter]"])), (6, [("refresh", None, how)]), f"by {file['path']}")
            equal(counter.lines()[-1].split()[0], "start" if how == "reload" else "reload", "so far")
            done = mgmt_in(units, "apply", "plan.json")
            equal(done.returncode, 0, f"{done}")
        equal([line.split()[0] for line in counter.lines()], ["start", "reload", "stop", "start"], "what was done")


def test_a_saved_plan_is_applied_exactly_or_not_at_all():
    with Units() as units:
        counter = units.counter()
        units.graph(svc=[{"name": "counter", "state": "running", "startup": "enabled"}])
        equal(plan(units, "--save", "plan.json")[0], 6, "plan")

        def refused(what):
            before = state(counter.unit), counter.lines()
            done = mgmt_in(units, "apply", "plan.json")
            check(done.returncode == 4 and what in done.stderr, f"not named: {what}: {done}")
            equal((state(counter.unit), counter.lines()), before, "refused, so nothing is touched")

        systemctl("enable", counter.unit)
        refused("svc[counter] would change otherwise by now: state: stopped → running")
        systemctl("start", counter.unit)
        refused("svc[counter] is as declared by now")
        systemctl("disable", "--now", counter.unit)
        done = mgmt_in(units, "apply", "plan.json")
        equal((done.returncode, state(counter.unit), counter.count("start")), (0, ("active", "enabled"), 2), f"applied: {done}")
        refused("svc[counter] is as declared by now")


def test_without_dbus_a_plan_says_that_it_can_not_know():
    with Units() as units:
        units.counter()
        units.graph(svc=[{"name": "counter", "state": "running"}], file=[{"name": "f", "path": units.at + "/f", "content": "x"}])
        systemctl("stop", "dbus.socket", "dbus.service")
        try:
            status, found, err = plan(units, "--save", "plan.json")
        finally:
            systemctl("start", "dbus.socket", "dbus.service")
        check("D-Bus" in found["svc[counter]"]["changes"][0]["why"], f"{found}")
        equal((status, found["svc[counter]"]["state"], found["file[f]"]["state"]), (4, "unknown", "change"), err)
        check(not os.path.exists(units.at + "/plan.json"), "it was saved")


def test_a_unit_that_is_just_starting_is_waited_for_by_a_plan():
    with Units() as units:
        counter = units.counter(seconds="2")
        units.graph(svc=[{"name": "counter", "state": "running"}])
        systemctl("start", "--no-block", counter.unit)
        wait_until(lambda: state(counter.unit)[0] == "activating", "its start")
        equal((plan(units)[0], counter.lines()), (0, ["start one"]), "nothing is left to do")


def test_a_hostile_guard_of_a_plan_reaches_no_bus():
    """Although what the plan has to know of units was asked by D-Bus."""
    with Units() as units:
        units.counter()
        attempts = ["system_bus", "descriptors_of_the_parent", "inherited_descriptor"]
        hostile = [sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile.py")]
        for attempt in attempts:
            with open(units.at + "/open", "w") as one:
                equal(subprocess.run([*hostile, attempt, units.at], pass_fds=[one.fileno()], check=False).returncode, 0, f"{attempt} without mgmt")
        units.graph(svc=[{"name": "counter", "state": "running"}],
                    exec=[{"name": one, "cmd": "true", "ifcmd": " ".join([*hostile, one, units.at])} for one in attempts])
        for words in ([], ["--save", "plan.json"]):
            status, found, err = plan(units, *words)
            equal((status, {name: one["state"] for name, one in found.items()}),
                  (6, {"svc[counter]": "change", **{f"exec[{one}]": "fine" for one in attempts}}), f"what was done: {err}")


def test_stopped_and_killed_by_hand_it_runs_again():
    with Units() as units:
        counter = units.counter()
        agent = units.agent(state="running")
        systemctl("stop", counter.unit)
        repaired(agent)
        equal((state(counter.unit)[0], counter.count("start")), ("active", 2), "after a stop")
        systemctl("kill", "-s", "KILL", counter.unit)
        repaired(agent)
        equal((state(counter.unit)[0], counter.count("start")), ("active", 3), "after a kill")
        agent.wait_for("converged")
        equal((agent.stop(), len(agent.all("changed"))), (0, 3), "exit status, and changes: one each")


def test_why_names_what_systemd_said():
    with Units() as units:
        counter = units.counter()
        agent = units.agent(state="running", prefix=units.at + "/p")
        systemctl("stop", counter.unit)
        repaired(agent)
        told = json.loads(mgmt_in(units, "why", "svc[counter]", "--json", "--prefix", units.at + "/p").stdout)["chain"][-1]
        check(told["event"].startswith("counter.service became ") and told["event"].endswith(" (PropertiesChanged)"), f"{told}")
        equal(agent.stop(), 0, "exit status")


def test_settle_returns_when_what_was_stopped_runs_again():
    with Units() as units:
        counter = units.counter()
        units.graph(svc=[{"name": "counter", "state": "running"}])
        with agent_of(units.at):
            for turn in range(20):
                systemctl("stop", counter.unit)
                equal((settle(units.at + "/prefix")[0], state(counter.unit)[0]), (0, "active"), f"after stop {turn + 1}")


def test_stopped_again_and_again_it_is_never_given_up():
    with Units() as units:
        counter = units.counter(kind="simple")
        agent = units.agent("--repair-limit", "1000000", state="running")
        for _ in range(100):
            # At any moment of a repair, also while systemd works at it.
            systemctl("stop", "--no-block", counter.unit)
            agent.drain()
        wait_until(lambda: (agent.drain(), state(counter.unit)[0] == "active")[1], "that it runs")
        systemctl("stop", counter.unit)
        wait_until(lambda: (agent.drain(), state(counter.unit)[0] == "active")[1], "that it runs again")
        equal((agent.all("failed"), agent.stop()), ([], 0), "failures and exit status")


def test_disabled_and_masked_by_hand_it_is_enabled_again():
    with Units() as units:
        counter = units.counter()
        agent = units.agent(state="running", startup="enabled")
        for how in (["disable"], ["disable", "--no-reload"], ["mask"], ["mask", "--runtime"]):
            systemctl(*how, counter.unit)
            repaired(agent)
            equal(state(counter.unit), ("active", "enabled"), f"after {how}")
        equal((agent.stop(), counter.count("start")), (0, 1), "exit status and starts")


def test_what_is_to_be_stopped_and_masked_stays_so():
    with Units() as units:
        counter = units.counter()
        systemctl("start", counter.unit)
        agent = units.agent(state="stopped", startup="disabled")
        equal(counter.lines(), ["start one", "stop"], "after the first run")
        systemctl("start", counter.unit, ok=False)  # a start that is cancelled at once is an error to systemctl
        repaired(agent)
        equal(state(counter.unit), ("inactive", "disabled"), "after a start by hand")
        systemctl("enable", counter.unit)
        repaired(agent)
        equal(state(counter.unit), ("inactive", "disabled"), "after enabling by hand")
        equal(agent.stop(), 0, "exit status")
        systemctl("start", counter.unit)
        status, agent = units.once(state="stopped", startup="masked")
        equal((status, state(counter.unit)), (0, ("inactive", "masked")), f"masked{agent.tail()}")
        status, agent = units.once(state="running", startup="enabled")
        equal((status, state(counter.unit)), (0, ("active", "enabled")), f"unmasked{agent.tail()}")


def test_an_edited_unit_file_is_read_before_the_start():
    with Units() as units:
        counter = units.counter()
        agent = units.agent(state="running")
        write(counter.file, counter.text(more=f"ExecStartPre=/bin/sh -c 'echo edited >> {counter.log}'"))
        systemctl("stop", counter.unit)
        repaired(agent)
        equal(counter.lines(), ["start one", "stop", "edited", "start one"], "what the daemon did")
        equal(agent.stop(), 0, "exit status")


def test_a_mask_laid_by_hand_is_seen_after_a_daemon_reload():
    with Units() as units:
        counter = units.counter()
        agent = units.agent(startup="disabled")
        os.symlink("/dev/null", f"/etc/systemd/system/{counter.unit}")
        systemctl("daemon-reload")
        change = repaired(agent)["changes"][0]
        equal((change["before"], change["after"], state(counter.unit)[1]), ("masked", "disabled", "disabled"), "the repair")
        equal(agent.stop(), 0, "exit status")


def test_after_dbus_was_restarted_it_is_still_watched():
    with Units() as units:
        counter = units.counter()
        agent = units.agent(state="running")
        for _ in range(3):
            systemctl("restart", "dbus.service")
            systemctl("stop", counter.unit)
            repaired(agent)
        equal((state(counter.unit)[0], agent.all("failed")), ("active", []), f"state and failures{agent.tail()}")
        equal(agent.stop(), 0, "exit status")


def test_stopped_while_dbus_is_away_it_runs_again_when_that_is_back():
    with Units() as units:
        counter = units.counter()
        agent = units.agent(state="running")
        systemctl("stop", "dbus.socket", "dbus.service")
        try:
            systemctl("stop", counter.unit)
        finally:
            systemctl("start", "dbus.socket", "dbus.service")
        repaired(agent)
        equal((state(counter.unit)[0], agent.stop()), ("active", 0), "state and exit status")


def test_after_systemd_executed_itself_anew_it_is_still_watched():
    with Units() as units:
        counter = units.counter()
        agent = units.agent(state="running")
        for _ in range(3):
            systemctl("daemon-reexec")
            systemctl("stop", counter.unit)
            repaired(agent)
        equal((state(counter.unit)[0], agent.all("failed")), ("active", []), f"state and failures{agent.tail()}")
        equal(agent.stop(), 0, "exit status")


def test_a_start_by_somebody_else_is_waited_for():
    with Units() as units:
        counter = units.counter(seconds="2")
        systemctl("start", "--no-block", counter.unit)
        wait_until(lambda: state(counter.unit)[0] == "activating", "its start")
        status, agent = units.once(state="running")
        equal((status, len(agent.all("changed")), counter.lines()), (0, 0, ["start one"]), "nothing was left to do")


def test_a_start_that_fails_says_why_and_what_the_journal_has():
    with Units() as units:
        counter = units.counter()
        write(counter.config, "broken by hand\n")
        units.graph(svc=[{"name": "counter", "state": "running", "meta": {"retry": 0}}])
        agent = Agent("graph.yaml", cwd=units.at)
        failed = agent.wait_for("failed", resource="svc[counter]")
        check("counter.service" in failed["error"] and "exit-code" in failed["error"], failed["error"])
        check("the configuration is broken by hand" in failed["hint"], failed["hint"])
        agent.wait_for("settled")
        starts = systemctl("show", "-P", "NRestarts", counter.unit)
        equal((starts, len(agent.all("failed"))), ("0", 1), f"tried once{agent.tail()}")
        write(counter.config, "mended\n")
        systemctl("start", counter.unit)
        agent.wait_for("fine", resource="svc[counter]")
        equal(agent.stop(), 0, "exit status")


def test_a_unit_that_is_not_there_is_named_with_the_one_that_was_meant():
    with Units() as units:
        units.counter()
        units.graph(svc=[{"name": "countre", "state": "running"}])
        status, agent = units.once()
        failed = agent.all("failed")[0]
        equal((status, failed["error"], failed["hint"]), (4, "there is no unit countre.service", "did you mean `counter.service`?"), "the failure")


def test_one_that_can_not_be_enabled_says_so():
    with Units() as units:
        counter = units.counter()
        write(counter.file, counter.text().split("[Install]")[0])
        systemctl("daemon-reload")
        status, agent = units.once(startup="enabled")
        failed = agent.all("failed")[0]
        equal(status, 4, "exit status")
        check("static" in failed["error"] and "[Install]" in failed["hint"], f"{failed}")
        equal(units.once(startup="disabled")[0], 0, "as disabled")


def test_sockets_timers_and_instances_are_units_too():
    with Units() as units:
        write(f"{UNITS}/mgmttest.timer", "[Timer]\nOnActiveSec=1h\n")
        write(f"{UNITS}/mgmttest.service", "[Service]\nExecStart=/bin/true\n")
        write(f"{UNITS}/mgmttest@.service", "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n")
        write(f"{UNITS}/mgmttest.socket", "[Socket]\nListenStream=/run/mgmttest.sock\n")
        systemctl("daemon-reload")
        names = ["mgmttest.timer", "mgmttest@a", "mgmttest@b-1.service", "mgmttest.socket"]
        units.graph(svc=[{"name": name, "state": "running"} for name in names] + [{"name": "mgmttest@c", "startup": "enabled"}])
        status, agent = units.once()
        equal(status, 0, f"exit status{agent.tail()}")
        for unit in ["mgmttest.timer", "mgmttest@a.service", "mgmttest@b-1.service", "mgmttest.socket"]:
            equal(state(unit)[0], "active", unit)
            systemctl("stop", unit)
        equal(state("mgmttest@c")[1], "enabled", "the enabled instance")
        systemctl("disable", "mgmttest@c")


def test_what_runs_once_is_no_service_that_runs():
    with Units() as units:
        write(f"{UNITS}/mgmttest-once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
        systemctl("daemon-reload")
        units.graph(svc=[{"name": "mgmttest-once", "state": "running", "meta": {"retry": 0}}])
        status, agent = units.once()
        failed = agent.all("failed")
        equal((status, len(failed)), (4, 1), f"failures{agent.tail()}")
        check("RemainAfterExit" in failed[0]["hint"], failed[0]["hint"])


def test_many_are_started_over_one_connection():
    with Units() as units:
        count = 200  # a dbus-daemon answers 128 calls of one connection at a time
        write(f"{UNITS}/mgmttest-many@.service", "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n")
        systemctl("daemon-reload")
        names = [f"mgmttest-many@{n}" for n in range(count)]
        units.graph(svc=[{"name": name, "state": "running", "startup": "enabled"} for name in names])
        agent = units.agent()
        equal(len(agent.all("changed")), count, "changes")
        sockets = [f"/proc/{agent.pid}/fd/{fd}" for fd in os.listdir(f"/proc/{agent.pid}/fd")]
        listening = {f"socket:[{line.split()[6]}]" for line in read("/proc/net/unix").splitlines()[1:] if line.split()[3] == "00010000"}
        connected = [link for s in sockets if (link := os.readlink(s)).startswith("socket:") and link not in listening]
        equal(len(connected), 1, "connections")
        systemctl("stop", *[name + ".service" for name in names])
        gone = {f"svc[{name}]" for name in names}
        while gone:
            gone.discard(agent.wait_for("changed", repair=True, what=f"repairs of {gone}")["resource"])
        equal(agent.stop(), 0, "exit status")
        systemctl("stop", *[name + ".service" for name in names])
        systemctl("disable", *[name + ".service" for name in names])


def test_without_dbus_it_fails_with_the_reason_and_goes_on_when_it_comes():
    with Units() as units:
        counter = units.counter()
        systemctl("stop", "dbus.socket", "dbus.service")
        try:
            units.graph(svc=[{"name": "counter", "state": "running"}], file=[{"name": "f", "path": units.at + "/f", "content": "x"}])
            agent = Agent("graph.yaml", cwd=units.at)
            failed = agent.wait_for("failed", resource="svc[counter]")
            check("D-Bus" in failed["error"] and "D-Bus" in failed["hint"], f"{failed}")
            agent.wait_for("settled")
            equal(read(units.at + "/f"), "x", "the file beside it")
        finally:
            systemctl("start", "dbus.socket", "dbus.service")
        agent.wait_for("changed", resource="svc[counter]")
        equal((state(counter.unit)[0], agent.stop()), ("active", 0), "state, exit status")


def test_units_of_a_user():
    with Units() as units:
        # What logind does when somebody logs in.
        systemctl("start", "user@0.service")
        runtime = {"XDG_RUNTIME_DIR": "/run/user/0", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/0/bus"}
        user = lambda *words: subprocess.run(["systemctl", "--user", *words], env={**os.environ, **runtime}, capture_output=True, text=True, check=False).stdout.strip()
        counter = Counter(units.at, name="mine", units="/etc/systemd/user")
        user("daemon-reload")
        units.graph(svc=[{"name": "mine", "state": "running", "startup": "disabled", "session": True}])
        planned = subprocess.run([mgmt_test.mgmt(), "plan", "graph.yaml"], cwd=units.at, env={**os.environ, **runtime}, capture_output=True,
                                 text=True, check=False)
        check("change svc[mine]" in planned.stdout and "state stopped → running" in planned.stdout, f"{planned}")
        agent = Agent("graph.yaml", cwd=units.at, env=runtime)
        agent.wait_for("converged")
        equal((user("is-active", "mine"), state("mine.service")[0]), ("active", "inactive"), "the user's, and the machine's")
        user("stop", "mine")
        agent.wait_for("changed", resource="svc[mine]", repair=True)
        equal((user("is-active", "mine"), counter.count("start")), ("active", 2), "after a stop")
        equal(agent.stop(), 0, "exit status")
        systemctl("stop", "user@0.service")


def test_the_example():
    with Units() as units:
        text = read(os.path.join(mgmt_test.REPO, "examples/service.yaml"))
        write(units.at + "/graph.yaml", text)
        log = "/run/mgmt-demo"
        agent = units.agent()
        wait_until(lambda: read(log) == "started: greeting = hello\n", "its start")
        equal((state("mgmt-demo"), len(agent.all("changed"))), (("active", "enabled"), 4), "its unit, and changes")
        systemctl("stop", "mgmt-demo")
        agent.wait_for("changed", resource="svc[mgmt-demo]", repair=True)
        systemctl("disable", "mgmt-demo")
        agent.wait_for("changed", resource="svc[mgmt-demo]", repair=True)
        equal((state("mgmt-demo"), agent.stop()), (("active", "enabled"), 0), "its unit, and the exit status")
        systemctl("disable", "--now", "mgmt-demo")


def test_refreshes():
    """check and apply themselves, by gtest, without an engine around them."""
    done = subprocess.run([box.program("svc_systemd_test"), "--gtest_brief=1"], env={**os.environ, "COUNTERD": box.program("counterd")},
                          capture_output=True, text=True, check=False)
    equal(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    box.enter()
    mgmt_test.main(dict(globals()))
