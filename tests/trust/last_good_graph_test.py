# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs: an agent that starts on a broken file goes on with the graph that was good last, and says so.

It is kept under the prefix (mode 0600, one for each --hostname), as the text of its files: nothing that `!file` or `!env` read is
in it. A run that ends by itself (`--once`, `--converged-timeout`) takes what it is given, or ends with status 2.

Limits: only of the same files, as they are named; not of standard input, not with --tmp-prefix.
"""

import os
import subprocess

import mgmt_test
from mgmt_test import Agent, check, equal, folder, graph, mgmt, read, save, write


def one(at, content):
    return graph(file=[{"name": "f", "path": at + "/out", "content": content}])


def ran_once(at, text):
    write(at + "/web.yaml", text)
    agent = Agent("web.yaml", cwd=at, prefix=at + "/prefix")
    agent.wait_for("converged")
    equal(agent.stop(), 0, "exit status of the first run")


def runs_the_last_one(at):
    agent = Agent("web.yaml", cwd=at, prefix=at + "/prefix")
    agent.wait_for("notice", level="error", where=lambda e: "running what was good at" in e["text"])
    agent.wait_for("converged")
    return agent


def test_one_that_starts_on_a_broken_file_keeps_the_machine_as_it_was():
    with folder() as at:
        ran_once(at, one(at, "good"))
        save(at + "/web.yaml", "graph: web\nresources: [\n")
        os.unlink(at + "/out")
        agent = runs_the_last_one(at)
        check("web.yaml:" in agent.stderr(), "the error of the broken file is not on stderr")
        equal(read(at + "/out"), "good", "content")
        os.unlink(at + "/out")
        agent.wait_for("changed", resource="file[f]", repair=True)
        equal(agent.stop(), 0, "exit status")


def test_the_file_is_taken_once_it_is_right():
    with folder() as at:
        ran_once(at, one(at, "good"))
        for broken in (lambda: save(at + "/web.yaml", ""), lambda: os.unlink(at + "/web.yaml")):
            broken()
            agent = runs_the_last_one(at)
            save(at + "/web.yaml", one(at, "better"))
            agent.wait_for("graph", generation=2)
            agent.wait_for("converged")
            equal(read(at + "/out"), "better", "content")
            equal(agent.stop(), 0, "exit status")


def test_once_ends_with_status_2():
    with folder() as at:
        ran_once(at, one(at, "good"))
        save(at + "/web.yaml", "")
        os.unlink(at + "/out")
        for end in (["--once"], ["--converged-timeout", "1"], ["--once", "--noop"]):
            done = subprocess.run([mgmt(), "run", "web.yaml", "--prefix", at + "/prefix", *end], cwd=at, capture_output=True, check=False)
            equal(done.returncode, 2, f"status with {end}")
        check(not os.path.exists(at + "/out"), "it was run all the same")


def test_another_file_is_not_stood_in_for():
    with folder() as at:
        ran_once(at, one(at, "good"))
        done = subprocess.run([mgmt(), "run", "wbe.yaml", "--prefix", at + "/prefix"], cwd=at, capture_output=True, check=False)
        equal(done.returncode, 2, "status of a misspelled name")


def test_a_broken_edit_is_not_what_is_kept():
    with folder() as at:
        write(at + "/web.yaml", one(at, "good"))
        agent = Agent("web.yaml", cwd=at, prefix=at + "/prefix")
        agent.wait_for("converged")
        save(at + "/web.yaml", one(at, "better"))
        agent.wait_for("graph", generation=2)
        save(at + "/web.yaml", "graph: [\n")
        agent.wait_for("notice", level="error")
        agent.kill()
        os.unlink(at + "/out")
        agent = runs_the_last_one(at)
        equal(read(at + "/out"), "better", "content")
        equal(agent.stop(), 0, "exit status")


def test_what_is_kept_is_private_and_holds_no_value_from_elsewhere():
    with folder() as at:
        write(at + "/password", "hunter2")
        ran_once(at, f"graph: g\nresources:\n  file:\n  - name: f\n    path: {at}/out\n    content: !file password\n")
        kept = [os.path.join(top, name) for top, _, names in os.walk(at + "/prefix") for name in names if name.endswith(".graph")]
        equal(len(kept), 1, "files that are kept")
        equal(os.stat(kept[0]).st_mode & 0o7777, 0o600, "mode")
        check("!file password" in read(kept[0]) and "hunter2" not in read(kept[0]), read(kept[0]))


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
