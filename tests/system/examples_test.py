# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file in examples/ runs, and does what the comment on its top says; graph8 at a tenth of its time.

What changes the machine itself is only parsed here: svc_test.py runs it, in its box.
"""

import os
import subprocess

import mgmt_test
from mgmt_test import Agent, check, command, equal, folder, read, run, wait_until

EXAMPLES = os.path.join(mgmt_test.REPO, "examples")
CHANGES_THE_MACHINE = {"service.yaml"}


def example(name):
    return os.path.join(EXAMPLES, name)


def all_examples():
    found = [os.path.join(at, name) for at, _, names in os.walk(EXAMPLES) for name in names if name.endswith(".yaml")]
    return sorted(os.path.relpath(path, EXAMPLES) for path in found)


def scaled(name, at):
    """A copy below `at` with what is fixed in it (folders in /tmp, long sleeps) made this test's own."""
    text = read(example(name)).replace("/tmp/mgmt", f"{at}/tmp/mgmt").replace("sleep 10s", "sleep 0.1s")
    path = os.path.join(at, os.path.basename(name))
    mgmt_test.write(path, text)
    return path


def test_each_has_a_comment_and_passes_check():
    names = all_examples()
    check(len(names) >= 9, f"only {names}")
    for name in names:
        lines = read(example(name)).split("\n")
        check(lines[0].startswith("# SPDX-License-Identifier"), f"{name} has no licence line")
        check(any(line.startswith("#") and os.path.basename(name) in line for line in lines[1:9]), f"{name} doesn't say how to run it")
        done = command("check", example(name))
        equal(done.returncode, 0, f"check {name}: {done.stdout}{done.stderr}")


def test_each_converges_once_and_writes_only_below():
    for name in sorted(set(all_examples()) - CHANGES_THE_MACHINE):
        with folder() as at:
            path = scaled(name, at)
            for host in ("", "A", "B", "C"):
                os.makedirs(f"{at}/tmp/mgmt{host}")
            before = set(os.listdir(at))
            status, agent = run(path, "--once", cwd=at)
            equal(status, 0, f"{name}: exit status{agent.tail()}")
            equal(len(agent.all("converged")), 1, f"{name}: converged events")
            added = {entry for entry in set(os.listdir(at)) - before if not entry.startswith("stderr.")}
            check(len(added) <= 1 and all(entry.endswith("-demo") for entry in added), f"{name} wrote {added}")
            status, agent = run(path, "--once", "--noop", cwd=at)
            check(status in (0, 6), f"{name}: exit status {status} of noop after it{agent.tail()}")


def test_hello():
    with folder() as at:
        agent = Agent(example("hello.yaml"), cwd=at)
        agent.wait_for("converged")
        order = [e["resource"] for e in agent.all("changed")]
        equal(order, ["file[folder]", "file[motd]", "exec[count]"], "the order")
        motd = at + "/hello-demo/motd"
        text = read(motd)
        equal(read(at + "/hello-demo/words"), "10\n", "the counted words")
        os.unlink(motd)
        agent.wait_for("changed", resource="file[motd]", repair=True)
        equal(read(motd), text, "the content after rm")
        mgmt_test.write(motd, "nonsense\n")
        agent.wait_for("changed", resource="file[motd]", repair=True)
        wait_until(lambda: read(motd) == text, "the content after echo")
        subprocess.run(["rm", "-r", at + "/hello-demo"], stderr=subprocess.DEVNULL, check=False)
        wait_until(lambda: (agent.drain(), read(motd) == text and read(at + "/hello-demo/words") == "10\n")[1], "all of it again")
        equal(agent.stop(), 0, "exit status")


def test_fan_in_out():
    with folder() as at:
        status, agent = run(example("fan-in-out.yaml"), "--once", cwd=at)
        equal(status, 0, "exit status")
        workers = [f"exec[worker{n}]" for n in range(1, 7)]
        begin = [agent.all("started", resource=w)[0]["time"] for w in workers]
        end = [agent.all("changed", resource=w)[0]["time"] for w in workers]
        check(max(begin) < min(end), f"the six didn't run at the same time: {begin} {end}")
        check(agent.all("started", resource="print[end]")[0]["time"] >= max(end), "the end came before all were done")
        status, agent = run(example("fan-in-out.yaml"), "--once", "--sema", "2", cwd=at)
        running = most = 0
        for event in agent.events:
            if event.get("resource") in workers and event["event"] in ("started", "changed"):
                running += 1 if event["event"] == "started" else -1
                most = max(most, running)
        equal((status, most), (0, 2), "exit status and the most at a time with --sema 2")


def files_below(path):
    return {os.path.relpath(os.path.join(at, name), path) for at, _, names in os.walk(path) for name in names}


def test_tree():
    with folder() as at:
        agent = Agent(example("tree.yaml"), cwd=at)
        agent.wait_for("converged")
        copy, source = at + "/tree-demo/copy", at + "/tree-demo/source"
        equal((len(files_below(copy)), files_below(copy) == files_below(source)), (1000, True), "files in the copy")
        subprocess.run(["rm", "-r", copy + "/3"], stderr=subprocess.DEVNULL, check=False)
        mgmt_test.write(copy + "/7/stray", "")
        mgmt_test.write(source + "/5/50", "new\n")
        restored = lambda: files_below(copy) == files_below(source) and read(copy + "/5/50") == "new\n"
        wait_until(lambda: (agent.drain(), restored())[1], "the copy equal to the source again")
        equal(agent.stop(), 0, "exit status")


def test_exec_watch():
    with folder() as at:
        agent = Agent(example("exec-watch.yaml"), cwd=at)
        agent.wait_for("converged")
        equal(read(at + "/watch-demo/sorted"), "apple\nplum\n", "the sorted list")
        with open(at + "/watch-demo/list", "a") as file:
            file.write("peach\n")
        wait_until(lambda: (agent.drain(), read(at + "/watch-demo/sorted") == "apple\npeach\nplum\n")[1], "the new list, sorted")
        wait_until(lambda: (agent.drain(), os.path.exists(at + "/watch-demo/bell"))[1], "the pipe")
        rings = len(read(at + "/watch-demo/rings").splitlines())
        with open(at + "/watch-demo/bell", "w") as bell:
            bell.write("hello\n")
        wait_until(lambda: (agent.drain(), len(read(at + "/watch-demo/rings").splitlines()) > rings)[1], "a ring")
        equal(agent.stop(), 0, "exit status")


def test_refresh():
    with folder() as at:
        demo = at + "/refresh-demo"
        restarts = lambda: len((read(demo + "/restarts") or "").splitlines())
        agent = Agent(example("refresh.yaml"), cwd=at)
        agent.wait_for("converged")
        equal((read(demo + "/server.conf"), restarts()), ("listen = 127.0.0.1\n", 1), "the default, and restarts")
        mgmt_test.save(demo + "/choice", "10.0.0.2\n")
        agent.wait_for("changed", resource="exec[restart]", what="a restart for a new address")
        agent.wait_for("converged")
        equal((read(demo + "/server.conf"), restarts()), ("listen = 10.0.0.2\n", 2), "the new address, and restarts")
        os.utime(demo + "/choice")
        agent.wait_for("changed", resource="exec[address]", what="the command again for a file that was touched")
        agent.wait_for("converged")
        equal(restarts(), 2, "restarts after the same answer")
        os.unlink(demo + "/server.conf")
        agent.wait_for("changed", resource="exec[restart]", what="a restart for a repair")
        agent.wait_for("converged")
        equal((read(demo + "/server.conf"), restarts()), ("listen = 10.0.0.2\n", 3), "after the repair")
        equal(agent.stop(), 0, "exit status")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
