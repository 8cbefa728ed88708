# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: /run/mgmt/hold, or `mgmt.noop` on the kernel's command line, keeps every agent of root's from changing anything.

The file may come and go while agents run; its first line is the reason. Who runs as another user isn't bound by it.

Limits: what was being done when the file appeared is finished. `mgmt.noop` is read once, when an agent starts.
"""

import os

import mgmt_test
import mounts
from mgmt_test import agent_of, check, command, equal, folder, graph, read, run, settle, write

mounts.in_own_namespace()


def own_run():
    """Nothing of this machine's /run is touched."""
    mounts.needed()
    mounts.tmpfs("/run")


def one_file(at):
    return graph(file=[{"name": "a", "path": at + "/a", "content": "a\n", "mode": "0644"}])


def hold(reason):
    os.makedirs("/run/mgmt", exist_ok=True)
    write("/run/mgmt/hold", reason)


def status(at):
    return command("status", "--prefix", at + "/prefix").stdout


def notices(agent, text):
    return [e for e in agent.all("notice") if text in e["text"]]


def test_an_agent_that_starts_under_a_hold_changes_nothing_and_says_so():
    own_run()
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        hold("storage is being moved\nask ops\n")
        done, agent = run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")
        equal((done, read(at + "/a")), (6, None), "status of a run that left a difference, the file")
        said = notices(agent, "storage is being moved")
        equal([e["level"] for e in said], ["warning"], f"it is said once, and loudly: {agent.all('notice')}")
        equal(agent.events.index(said[0]) < agent.events.index(agent.all("graph")[0]), True, "before the graph begins")
        equal([e["dry"] for e in agent.all("changed")], [True], "what would change is reported")


def test_it_comes_and_goes_while_the_agent_runs():
    own_run()
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        with agent_of(at) as agent:
            hold("drill")
            agent.wait_for("notice", lambda e: "drill" in e["text"])
            write(at + "/a", "by hand\n")
            agent.wait_for("changed", resource="file[a]", dry=True)
            equal(read(at + "/a"), "by hand\n", "the file under the hold")
            check("HELD by /run/mgmt/hold" in status(at) and "drill" in status(at), f"status says {status(at)!r}")
            os.unlink("/run/mgmt/hold")
            agent.wait_for("changed", resource="file[a]", dry=False)
            settle(at + "/prefix")
            equal(read(at + "/a"), "a\n", "the file after it")
            check("HELD" not in status(at), f"status says {status(at)!r}")


def test_mgmt_noop_on_the_kernels_command_line_holds_for_the_whole_run():
    own_run()
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        write(at + "/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 mgmt.noop quiet\n")
        mounts.bind(at + "/cmdline", "/proc/cmdline")
        try:
            with agent_of(at) as agent:
                equal(read(at + "/a"), None, "the file")
                equal(len(notices(agent, "mgmt.noop")), 1, "it is said")
                check("mgmt.noop" in status(at), f"status says {status(at)!r}")
        finally:
            mounts.umount("/proc/cmdline")
        equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "status after a start without it")
        equal(read(at + "/a"), "a\n", "the file then")


def test_a_word_that_only_looks_like_it_holds_nothing():
    own_run()
    with folder() as at:
        write(at + "/graph.yaml", one_file(at))
        write(at + "/cmdline", "xmgmt.noop mgmt.noop=0 mgmt.noopy\n")
        mounts.bind(at + "/cmdline", "/proc/cmdline")
        try:
            equal(run("graph.yaml", "--once", cwd=at, prefix=at + "/prefix")[0], 0, "exit status")
        finally:
            mounts.umount("/proc/cmdline")
        equal(read(at + "/a"), "a\n", "the file")


def test_a_command_that_watches_begins_when_the_hold_ends():
    own_run()
    with folder() as at:
        watch = {"name": "w", "cmd": "true", "creates": at, "watchcmd": f"touch {at}/watching", "watchshell": "/bin/sh"}
        write(at + "/graph.yaml", graph(exec=[watch]))
        hold("")
        with agent_of(at) as agent:
            settle(at + "/prefix")
            equal(os.path.exists(at + "/watching"), False, "a command ran under the hold")
            os.unlink("/run/mgmt/hold")
            agent.wait_for("fine", resource="exec[w]")
            mgmt_test.wait_until(lambda: os.path.exists(at + "/watching"), "the command that watches")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
