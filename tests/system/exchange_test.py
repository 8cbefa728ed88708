# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents of one prefix exchange resources: the article's third demonstration, a changing file, agents killed."""

import hashlib
import os
import random
import sqlite3

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, leftovers, long_or_short, measured, read, run, save, wait_until

AGENTS = long_or_short(10, 3)
EXPORTS = long_or_short(100, 20)
CHANGES = long_or_short(1000, 50)
KILLS = long_or_short(100, 10)
KILLS_AMID = long_or_short(100, 5)


def files_below(path):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(path) for name in names)


def demonstration(at):
    """The article's three graphs, with folders of this test's own."""
    for host in "abc":
        text = read(os.path.join(mgmt_test.REPO, f"examples/article/graph3{host}.yaml"))
        mgmt_test.write(f"{at}/graph3{host}.yaml", text.replace("/tmp/mgmt", f"{at}/all/mgmt"))
        os.makedirs(f"{at}/all/mgmt{host.upper()}")


def test_the_third_demonstration_of_the_article():
    with folder() as at:
        demonstration(at)
        there = lambda: len(files_below(at + "/all"))
        agents = {}
        for host, want in (("a", 4), ("b", 12), ("c", 24)):
            agents[host] = Agent("--file", f"graph3{host}.yaml", "--hostname", host, cwd=at, prefix=at + "/prefix")
            agents[host].wait_for("converged")
            wait_until(lambda: there() >= want, lambda: f"{want} files, there are {files_below(at + '/all')}")
        equal(there(), 24, "files")
        for host in "abc":
            own = {f"f{n}{host}" for n in (1, 2)}
            collected = {f"f{n}{other}" for n in (3, 4) for other in "abc"}
            equal(set(os.listdir(f"{at}/all/mgmt{host.upper()}")), own | collected, f"{host}'s folder")
        equal(read(f"{at}/all/mgmtA/f4c"), "i am f4, exported from host C\n", "what a has of c")
        # Each export is at most one change for each who collects it: the own graph, then at most two files of each host.
        for number, host in enumerate("abc"):
            agents[host].drain()
            graphs = agents[host].all("graph")
            check(len(graphs) <= 1 + 2 * 3, f"{host}'s graph was rebuilt {len(graphs) - 1} times: {graphs}")
            useless = [g for g in graphs[1:] if g["added"] + g["changed"] + g["removed"] == 0]
            equal(useless, [], f"graphs of {host} without a difference")
        # The file is there before it is reported.
        agents["a"].wait_for("changed", resource="file[file3c]@c", what="the collected file, with the origin in its identity")
        for agent in agents.values():
            equal(agent.all("failed"), [], "failures")
            equal(agent.stop(), 0, "exit status")
        equal(there(), 24, "files after the end")


def content(host, number, version):
    return f"{host} {number} {version}\n"


def exporter(at, host, changing=0):
    """Exports EXPORTS files and collects all; the file 0 has the changing content."""
    files = [
        {"name": f"@@{host}-{n}", "path": f"{at}/away/{host}-{n}", "content": content(host, n, 0 if n else changing)}
        for n in range(EXPORTS)
    ]
    return graph(name=host, file=files, collect=[{"kind": "file", "pattern": f"{at}/{host}/"}])


def hosts(at):
    names = [f"h{number}" for number in range(AGENTS)]
    for name in names:
        os.mkdir(f"{at}/{name}")
        save(f"{at}/{name}.yaml", exporter(at, name))
    return names


def start(at, name):
    return Agent(f"{name}.yaml", "--hostname", name, "--repair-limit=1000000", cwd=at, prefix=at + "/prefix")


def drain_all(agents):
    for name, agent in agents.items():
        agent.drain()
        check(agent.process.poll() is None, lambda: f"{name} ended with {agent.process.returncode}{agent.tail()}")


def complete(at, names, last=0):
    """Every agent's folder holds what all export, with the last content, and nothing else stands anywhere."""
    for name in names:
        for host in names:
            for n in range(EXPORTS):
                want = content(host, n, last if host == names[0] and n == 0 else 0)
                if read(f"{at}/{name}/{host}-{n}") != want:
                    return False
        if len(os.listdir(f"{at}/{name}")) != len(names) * EXPORTS:
            return False
    strange = [e for e in os.listdir(at) if e not in [*names, "prefix"] and not e.startswith("stderr.") and not e.endswith(".yaml")]
    equal(strange, [], "what no graph declares")
    return True


def sound_store(at):
    """SQLite's own check."""
    path = next(p for p in files_below(at + "/prefix") if os.path.basename(p) == "world.db")
    connection = sqlite3.connect(path)
    equal(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "integrity of the store")
    connection.close()


class Changing:
    """All the agents, of which the first one's file 0 changes; nobody may ever show, or report, an older one after a newer one."""

    def __init__(self, at):
        self.at, self.names = at, hosts(at)
        self.first = self.names[0]
        self.agents = {name: start(at, name) for name in self.names}
        self.shown = dict.fromkeys(self.names, -1)
        self.made = {name: [] for name in self.names}  # the versions' sums, as reported by those who were killed
        self.rebuilt = dict.fromkeys(self.names, 0)

    def edit(self, version):
        save(f"{self.at}/{self.first}.yaml", exporter(self.at, self.first, version))

    def look(self):
        drain_all(self.agents)
        for name in self.names:
            text = read(f"{self.at}/{name}/{self.first}-0")
            check(text is not None and text.startswith(f"{self.first} 0 "), f"{name} shows {text!r}")
            version = int(text.split()[2])
            check(version >= self.shown[name], f"{name} shows {version} after {self.shown[name]}")
            self.shown[name] = version

    def wait_for(self, version, names):
        shown = lambda: (self.look(), all(self.shown[name] == version for name in names))[1]
        wait_until(shown, lambda: f"version {version} at {names}, which show {self.shown}", 60)

    def kill_one(self):
        """kill -9 at a random moment; it comes back at once, and the store is sound while the others go on."""
        victim = random.choice(self.names)
        for _ in range(random.randrange(30)):
            self.agents[victim].read_some(0.002)
        self.agents[victim].kill_and_read()
        self.take(victim)
        self.agents[victim] = start(self.at, victim)
        sound_store(self.at)

    def take(self, name):
        """What the agent has reported until its end."""
        resource = f"file[{self.first}-0]@{self.first}"
        for event in self.agents[name].all("changed", resource=resource):
            self.made[name] += [c["after"]["sha256"] for c in event["changes"] if c["param"] == "content" and c["after"]]
        self.rebuilt[name] += len(self.agents[name].all("graph"))
        equal([e["error"] for e in self.agents[name].all("failed")], [], f"failures of {name}")

    def stop(self):
        for name, agent in self.agents.items():
            if not agent.all("graph"):
                agent.wait_for("graph")  # one that has just been started takes signals from here on
            equal(agent.stop(), 0, "exit status")
            self.take(name)


def test_a_file_changed_often_is_never_older_after_newer():
    with folder() as at:
        world = Changing(at)
        wait_until(lambda: (drain_all(world.agents), complete(at, world.names))[1], "all files at all agents", 60)
        version = 0
        for turn in range(1, CHANGES + 1):
            if random.random() < 0.2:  # an edit that may be overtaken by the next
                version += 1
                world.edit(version)
                for _ in range(random.randrange(4)):
                    world.look()
            version += 1
            world.edit(version)
            if turn % (CHANGES // KILLS_AMID) == 0:
                world.kill_one()
            # Each of the CHANGES versions is published; the others may be behind, but for every tenth time.
            world.wait_for(version, world.names if turn % 10 == 0 else [world.first])
        wait_until(lambda: (world.look(), complete(at, world.names, version))[1], "the last content everywhere", 60)
        world.stop()
        sound_store(at)
        order = {hashlib.sha256(content(world.first, 0, v).encode()).hexdigest(): v for v in range(version + 1)}
        for name in world.names:
            made = [order[one] for one in world.made[name]]
            equal(made, sorted(set(made)), f"the versions that {name} made, in their order")
            if name != world.first:
                most = (1 + KILLS_AMID) * (1 + EXPORTS * AGENTS) + version
                check(world.rebuilt[name] <= most, f"{name}'s graph was rebuilt {world.rebuilt[name]} times")
        measured("published changes, edits, kills", [CHANGES, version, KILLS_AMID])
        measured("versions made by each agent", [len(world.made[name]) for name in world.names])
        measured("graphs of each agent", list(world.rebuilt.values()))


def test_killed_agents_leave_a_sound_store():
    with folder() as at:
        names = hosts(at)
        agents = {name: start(at, name) for name in names}
        version = 0
        for _ in range(KILLS):
            version += 1
            save(f"{at}/{names[0]}.yaml", exporter(at, names[0], version))
            victim = random.choice(names)
            # A random moment: after some of its next events, or right now.
            for _ in range(random.randrange(0, 30)):
                agents[victim].read_some(0.002)
            agents[victim].kill()
            for agent in agents.values():
                if agent.stdout and not agent.stdout.closed:
                    agent.drain()
            agents[victim] = start(at, victim)

        read_all = lambda: drain_all(agents)
        wait_until(lambda: (read_all(), complete(at, names, version))[1], "all files at all agents after the kills", 30)
        for agent in agents.values():
            if not agent.all("graph"):
                agent.wait_for("graph")  # one that has just been started takes signals from here on
            equal(agent.stop(), 0, "exit status")
        sound_store(at)
        measured("kills", KILLS)
        for name in names:
            equal(leftovers(f"{at}/{name}"), [], "temporary files")


def test_what_leaves_the_graph_leaves_the_others():
    with folder() as at:
        os.mkdir(at + "/b")
        save(at + "/a.yaml", graph(file=[{"name": "@@x", "path": "/x", "content": "x"}, {"name": "@@y", "path": "/y", "content": "y"}]))
        save(at + "/b.yaml", graph(collect=[{"kind": "file", "pattern": at + "/b/"}]))
        a = Agent("a.yaml", "--hostname", "a", cwd=at, prefix=at + "/prefix")
        b = Agent("b.yaml", "--hostname", "b", cwd=at, prefix=at + "/prefix")
        wait_until(lambda: sorted(os.listdir(at + "/b")) == ["x", "y"], "both files")
        b.drain()
        save(at + "/a.yaml", graph(file=[{"name": "@@x", "path": "/x", "content": "x"}]))
        b.wait_for("graph", removed=1)
        # It isn't managed any more, and stays as it is.
        os.unlink(at + "/b/y")
        os.unlink(at + "/b/x")
        b.wait_for("changed", resource="file[x]@a", repair=True)
        equal(os.listdir(at + "/b"), ["x"], "what b keeps")
        equal((a.stop(), b.stop()), (0, 0), "exit statuses")


def test_what_is_for_one_host_goes_to_that_host():
    with folder() as at:
        for host in "abc":
            os.makedirs(f"{at}/{host}")
        hidden = lambda name, hosts: {"name": name, "content": "for " + hosts[0], "meta": {"hidden": True, "export": hosts}}  # noqa: E731
        mgmt_test.write(f"{at}/a.yaml", graph(collect=[{"kind": "file", "pattern": f"{at}/a/"}],
                                              file=[hidden("/x/one", ["b"]), hidden("/x/one", ["c"]), hidden("/x/two", ["b", "c"])]))
        for host in "bc":
            mgmt_test.write(f"{at}/{host}.yaml", graph(collect=[{"kind": "file", "pattern": f"{at}/{host}/"}]))
        agents = [Agent("--file", f"{host}.yaml", "--hostname", host, cwd=at, prefix=at + "/prefix") for host in "abc"]
        agents[0].wait_for("converged")  # although what is for others never comes back to it
        for host in "bc":
            wait_until(lambda: files_below(f"{at}/{host}") == [f"{at}/{host}/one", f"{at}/{host}/two"], f"{host}'s files")
            equal(read(f"{at}/{host}/one"), f"for {host}", "the one for this host")
        equal(files_below(f"{at}/a"), [], "files of a, which nothing is for")
        for agent in agents:
            equal(agent.all("failed"), [], "failures")
            equal(agent.stop(), 0, "exit status")


def test_a_command_is_collected_only_if_that_is_allowed():
    with folder() as at:
        save(at + "/a.yaml", graph(exec=[{"name": "@@evil", "cmd": f"touch {at}/evil"}]))
        save(at + "/b.yaml", graph(collect=[{"kind": "exec"}]))
        a = Agent("a.yaml", "--hostname", "a", cwd=at, prefix=at + "/prefix")
        a.wait_for("converged")
        status, b = run("b.yaml", "--hostname", "b", "--once", cwd=at, prefix=at + "/prefix")
        equal(status, 2, f"exit status{b.tail()}")
        check("allow_exec" in b.stderr(), f"no hint at allow_exec: {b.stderr()}")
        check(not os.path.exists(at + "/evil"), "a collected command ran without allow_exec")
        save(at + "/b.yaml", graph(collect=[{"kind": "exec", "allow_exec": True}]))
        status, b = run("b.yaml", "--hostname", "b", "--once", cwd=at, prefix=at + "/prefix")
        equal((status, os.path.exists(at + "/evil")), (0, True), "with allow_exec")
        equal(a.stop(), 0, "exit status")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
