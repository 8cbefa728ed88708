# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random moments while 50 changing files refresh 10 commands: no refresh is lost, and none comes without end."""

import json
import os
import random
import select

import mgmt_test
from mgmt_test import Agent, check, equal, folder, long_or_short, measured, read, run, save

KILLS = long_or_short(200, 20)
FILES = 50
REFRESHABLES = 10
SENDERS = {r: range(r, FILES, REFRESHABLES) for r in range(REFRESHABLES)}


def version(at, number):
    """Each file has the version as its content and refreshes one command, which logs what its senders hold then."""
    files = [{"name": f"f{n}", "path": f"{at}/files/{n}", "content": f"{number}\n"} for n in range(FILES)]
    commands, edges = [], []
    for r, senders in SENDERS.items():
        # One write of one line: it is there or not, however the command ends.
        shown = " ".join(f"{at}/files/{n}" for n in senders)
        commands.append({"name": f"r{r}", "refresh_only": True, "shell": "/bin/sh",
                         "cmd": f"echo $(cat {shown}) >> {at}/log/{r}"})
        edges.append({"from": {"kind": "file", "name": [f"f{n}" for n in senders]}, "to": {"kind": "exec", "name": f"r{r}"},
                      "notify": True})
    return json.dumps({"graph": f"v{number}", "resources": {"file": files, "exec": commands}, "edges": edges})


def log(at, r):
    return (read(f"{at}/log/{r}") or "").splitlines()


def kill_amid(agent):
    """At a random moment of what is left to do; whether it still ran then, and what it had changed."""
    count = random.randrange(FILES + REFRESHABLES)
    while len(agent.all("changed")) < count and agent.read_some(20):
        pass
    select.select([], [], [], random.random() / 1000)
    killed = agent.process.poll() is None
    agent.process.kill()
    agent.wait()
    return killed


def test_killed_between_a_change_and_its_refresh():
    with folder() as at:
        os.mkdir(at + "/files")
        os.mkdir(at + "/log")
        # The same prefix and name: the next run finds what the killed one had noted down.
        agents = {"cwd": at, "prefix": at + "/prefix"}
        flags = ["graph.yaml", "--once", "--hostname", "host"]
        kills, number, owed_only, most, refreshes = 0, 0, 0, 0, 0
        while kills < KILLS:
            number += 1
            save(at + "/graph.yaml", version(at, number))
            before = {r: len(log(at, r)) for r in SENDERS}
            crashes = 0
            for _ in range(random.randrange(1, 4)):
                crashes += kill_amid(Agent(*flags, **agents))
            kills += crashes
            kept = {n for n in range(FILES) if read(f"{at}/files/{n}") == f"{number}\n"}
            status, agent = run(*flags, **agents)
            equal((status, agent.all("failed")), (0, []), f"the run after {crashes} kills{agent.tail()}")
            for r, senders in SENDERS.items():
                lines = log(at, r)
                want = " ".join([str(number)] * len(senders))
                equal(lines[-1:], [want], f"what r{r} saw when it was refreshed last, version {number}")
                count = len(lines) - before[r]
                check(count <= len(senders) + crashes, f"r{r} was refreshed {count} times: {crashes} kills, {len(senders)} changes")
                most = max(most, count)
                refreshes += count
                # Nothing that this run did has asked for it: only what was noted down before the kill.
                owed_only += kept.issuperset(senders) and bool(agent.all("changed", resource=f"exec[r{r}]"))
            after = {r: len(log(at, r)) for r in SENDERS}
            status, agent = run(*flags, **agents)
            equal((status, agent.all("changed")), (0, []), "a run with nothing to do and nothing owed")
            equal({r: len(log(at, r)) for r in SENDERS}, after, "refreshes of a run with nothing to do")
        check(os.path.exists(at + "/prefix/db/agent/host.db"), "no journal in the prefix")
        measured(f"{kills} kills over {number} versions: refreshes, most of one in a version, owed by a killed run alone",
                 [refreshes, most, owed_only])
        check(owed_only > 0, "no kill fell between the last change of all senders and the refresh: the test proves nothing")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
