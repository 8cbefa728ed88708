# SPDX-License-Identifier: GPL-3.0-or-later
"""Who changed what was repaired: as root the process is named, also when it has ended; elsewhere nothing is made up."""

import os
import subprocess

import mgmt_test
from mgmt_test import Agent, Skip, check, command, equal, folder, graph, read, wait_until, write


def one_file(at, **more):
    write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/d/f", "content": "declared\n", **more}]))
    os.mkdir(at + "/d")


def as_root():
    if os.geteuid() != 0:
        raise Skip("who did it is told to root alone")


def ready(at, *args, **more):
    """Converged, and so long ago that processes are remembered."""
    agent = Agent("graph.yaml", *args, cwd=at, prefix=at + "/prefix", **more)
    agent.wait_for("converged")
    rings = lambda: "perf_event" in read(f"/proc/{agent.pid}/maps")  # noqa: E731
    if os.geteuid() == 0:
        wait_until(rings, "the kernel's record of processes opened")
    return agent


def repaired(agent):
    return agent.wait_for("changed", resource="file[f]", repair=True)


def test_a_command_that_ended_is_named_by_what_its_parent_was():
    as_root()
    with folder() as at:
        one_file(at)
        agent = ready(at)
        subprocess.run(["rm", at + "/d/f"], check=True)
        by = repaired(agent)["by"]
        equal(by["command"], "rm", f"the command: {by}")
        equal(by["uid"], int(read("/proc/self/loginuid") or "4294967295") % 4294967295 or os.geteuid(), f"the user: {by}")
        check(by["text"].startswith(f"rm (pid {by['pid']}, user "), by)
        agent.stop()
        entry = command("history", "--resource", "file[f]", "--prefix", at + "/prefix").stdout
        check(f", changed by {by['text']}" in entry, f"history: {entry}")
        why = command("why", "file[f]", "--prefix", at + "/prefix").stdout
        check(f", changed by {by['text']}" in why, f"why: {why}")


def test_a_write_by_a_shell_that_goes_on_is_named():
    as_root()
    with folder() as at:
        one_file(at)
        agent = ready(at)
        with subprocess.Popen(["sh", "-c", f"echo drift > {at}/d/f; read x"], stdin=subprocess.PIPE) as shell:
            by = repaired(agent)["by"]
            equal((by["command"], by["pid"]), ("sh", shell.pid), f"who: {by}")
            shell.stdin.close()
        agent.stop()


def test_the_mode_of_a_folder_in_which_nothing_is_watched_is_seen():
    with folder() as at:
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/d/", "state": "exists", "mode": "0750"}]))
        agent = ready(at)
        os.chmod(at + "/d", 0o700)
        repaired(agent)
        equal(os.stat(at + "/d").st_mode & 0o777, 0o750, "the mode")
        agent.stop()


def test_a_fights_warning_names_the_other_writer():
    as_root()
    with folder() as at:
        one_file(at)
        agent = ready(at, "--repair-limit", "2")
        for _ in range(3):
            subprocess.run(["rm", at + "/d/f"], check=True)
            repaired(agent)
        text = agent.wait_for("notice", level="warning")["text"]
        check("changed back more than 2 times in 10 s: rm (pid " in text, text)
        agent.stop()


def test_a_plain_user_is_told_nothing_that_isnt_known():
    as_root()
    with folder() as at:
        one_file(at)
        for path in (at, at + "/d", at + "/graph.yaml"):
            os.chown(path, 65534, 65534)
        plain = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix", command=plain)
        agent.wait_for("converged")
        subprocess.run(["rm", at + "/d/f"], check=True)
        check("by" not in repaired(agent), "somebody was named")
        agent.stop()
        why = subprocess.run([*plain, mgmt_test.mgmt(), "why", "file[f]", "--prefix", at + "/prefix"],
                             capture_output=True, text=True, check=False).stdout
        check("changed by somebody unknown" in why, f"why: {why}")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
