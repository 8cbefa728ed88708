# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs as dot text and pictures: `mgmt graph`, and `--graphviz` of a run, which never waits for a picture but at its end."""

import os
import shutil
import stat

import mgmt_test
from mgmt_test import Agent, Skip, check, command, equal, folder, graph, read, run, wait_until, write

TWO = graph(name="two", noop=[{"name": "a"}, {"name": "b"}], edges=[("noop", "a", "noop", "b")])


def needs_dot():
    if not shutil.which("dot"):
        raise Skip("Graphviz's dot isn't installed")


def fake_dot(at, script):
    """An environment whose `dot` is a script: $3 is the picture to be made, $4 the text to read."""
    os.mkdir(at + "/bin")
    write(at + "/bin/dot", "#!/bin/sh\n" + script + "\n")
    os.chmod(at + "/bin/dot", 0o755)
    return {"PATH": at + "/bin:" + os.environ["PATH"]}


def beside(at, *known):
    return sorted(name for name in os.listdir(at) if name not in known and not name.startswith("stderr."))


def test_dot_text_goes_to_stdout_or_a_file():
    with folder() as at:
        write(at + "/g.yaml", TWO)
        done = command("graph", "g.yaml", cwd=at)
        equal((done.returncode, done.stderr), (0, ""), "the end of mgmt graph")
        check('label="noop[a]"' in done.stdout and "v0 -> v1" in done.stdout, f"not the graph: {done.stdout}")
        equal(command("graph", "g.yaml", "-o", "-", cwd=at).stdout, done.stdout, "-o -")
        for name in ("g.dot", "g.gv"):
            equal(command("graph", "g.yaml", "-o", name, cwd=at).returncode, 0, name)
            equal(read(f"{at}/{name}"), done.stdout, f"the text in {name}")
        equal(beside(at), ["g.dot", "g.gv", "g.yaml"], "files")


def test_pictures_are_whole_and_alone():
    needs_dot()
    with folder() as at:
        write(at + "/g.yaml", TWO)
        for name, magic in (("g.svg", b"<?xml"), ("g.png", b"\x89PNG")):
            done = command("graph", "g.yaml", "-o", name, cwd=at)
            equal((done.returncode, done.stdout, done.stderr), (0, "", ""), f"mgmt graph -o {name}")
            with open(f"{at}/{name}", "rb") as file:
                check(file.read().startswith(magic), f"{name} isn't one")
            equal(stat.S_IMODE(os.stat(f"{at}/{name}").st_mode), 0o644, f"mode of {name}")
        check("noop[a]" in read(at + "/g.svg"), "the picture doesn't name noop[a]")
        equal(beside(at), ["g.png", "g.svg", "g.yaml"], "files")


def test_a_bad_output_is_said_before_anything():
    with folder() as at:
        write(at + "/g.yaml", TWO)
        for output, said in (
            ("g.pdf", "`g.pdf` names no kind of picture"),
            ("g", "`g` names no kind of picture"),
            ("no/g.dot", "writing no/g.dot: No such file or directory"),
            ("no/g.svg", "writing no/g.svg: No such file or directory"),
        ):
            done = command("graph", "g.yaml", "-o", output, cwd=at)
            equal(done.returncode, 2, f"exit status for {output}")
            check(said in done.stderr, f"not said of {output}: {done.stderr}")
        write(at + "/g.yaml", graph(file=[{"name": "made", "path": at + "/made", "content": "x"}]))
        os.mkdir(at + "/taken.dot")
        for target, why in (("no/x.dot", "No such file"), ("no/x.png", "No such file"), ("taken.dot", "Is a directory"), ("/dev/null", "regular")):
            status, agent = run("g.yaml", "--once", "--graphviz", target, cwd=at)
            equal(status, 2, f"exit status with --graphviz {target}")
            check("--graphviz: writing " + target in agent.stderr() and why in agent.stderr(), f"cause: {agent.stderr()}")
            equal(read(at + "/made"), None, "the machine was touched")
        equal(beside(at), ["g.yaml", "taken.dot"], "files")


def test_a_run_that_ends_waits_for_the_picture_of_its_last_graph():
    needs_dot()
    with folder() as at:
        write(at + "/g.yaml", TWO)
        equal(run("g.yaml", "--once", "--graphviz=g.dot", cwd=at)[0], 0, "exit status")
        equal(beside(at), ["g.dot", "g.dot.png", "g.yaml"], "files")
        equal(run("g.yaml", "--once", "-g", "g.svg", cwd=at)[0], 0, "exit status")
        check("noop[b]" in read(at + "/g.svg"), "no picture of the graph")


def test_without_dot_the_text_is_written_and_nothing_said():
    with folder() as at:
        write(at + "/g.yaml", TWO)
        os.mkdir(at + "/empty")
        env = {"PATH": at + "/empty"}
        status, agent = run("g.yaml", "--once", "--graphviz=g.dot", cwd=at, env=env)
        equal((status, agent.all("notice")), (0, []), "exit status and notices")
        equal(beside(at), ["empty", "g.dot", "g.yaml"], "files")
        # Who asks for the picture learns why there is none.
        status, agent = run("g.yaml", "--once", "--graphviz=g.png", cwd=at, env=env)
        equal(status, 0, "exit status")
        equal([e["text"] for e in agent.all("notice", level="warning")], ["no picture without Graphviz's `dot`"], "warnings")


def test_a_slow_drawing_holds_nothing_up():
    with folder() as at:
        # Draws only when it is told to, and says that it has begun.
        env = fake_dot(at, f"echo >> {at}/begun; while ! [ -e {at}/go ]; do sleep 0.01; done; exec cp $4 $3")
        many = graph(name="many", noop=[{"name": f"n{n}"} for n in range(2000)], file=[{"name": "f", "path": at + "/f", "content": "x"}])
        write(at + "/g.yaml", many)
        agent = Agent("g.yaml", "--graphviz=g.png", cwd=at, env=env)
        agent.wait_for("converged")
        wait_until(lambda: read(at + "/begun"), "the begin of a drawing of 2,000 vertices")
        os.unlink(at + "/f")
        agent.wait_for("changed", repair=True, what="a repair while dot draws")
        # A stop doesn't wait for it, and leaves nothing of it.
        equal(agent.stop(), 0, "exit status")
        equal(beside(at, "begun"), ["bin", "f", "g.yaml"], "files")
        os.unlink(at + "/begun")
        # An end by convergence does; a signal ends that, and the outcome is what it was.
        agent = Agent("g.yaml", "--once", "--graphviz=g.png", cwd=at, env=env)
        agent.wait_for("notice", text="the picture of the graph is still being drawn")
        equal(agent.stop(), 0, "exit status of a run that had converged")
        equal(agent.events[-1]["outcome"], "converged", "outcome")
        equal(beside(at, "begun"), ["bin", "f", "g.yaml"], "files")
        agent = Agent("g.yaml", "--once", "--graphviz=g.png", cwd=at, env=env)
        agent.wait_for("notice", text="the picture of the graph is still being drawn")
        write(at + "/go", "")
        equal(agent.wait(), 0, "exit status")
        check(read(at + "/g.png").startswith('digraph "many"'), "not the picture")


def test_a_failure_at_a_swap_is_a_warning_said_once():
    with folder() as at:
        env = fake_dot(at, f"echo >> {at}/begun; echo no fonts here >&2; exit 1")
        write(at + "/g.yaml", TWO)

        def failed(times):
            begun = len(read(at + "/begun") or "") == times
            return begun and not [name for name in os.listdir(at) if name.startswith("g.png")]

        agent = Agent("g.yaml", "--graphviz=g.png", cwd=at, env=env)
        warning = agent.wait_for("notice", level="warning")
        equal(warning["text"], "`dot` could not draw g.png: no fonts here", "the warning")
        for number in (1, 2):
            mgmt_test.save(at + "/g.yaml", graph(name=f"v{number}", noop=[{"name": "a"}]))
            agent.wait_for("graph", name=f"v{number}")
            wait_until(lambda times=number + 1: failed(times), "the end of a drawing that fails")
        equal(agent.stop(), 0, "exit status")
        equal(len(agent.all("notice")), 1, f"notices: {agent.all('notice')}")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
