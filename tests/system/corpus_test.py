# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs from the field: those whose kinds there are pass `mgmt check` and run, the others are refused for the right reason.

The corpus isn't part of the repository: $MGMT_YAML_CORPUS, or ../shared/corpus/yaml beside it.
"""

import os
import re
import sys

import mgmt_test
from mgmt_test import check, command, equal, folder, read, run

CORPUS = os.environ.get("MGMT_YAML_CORPUS") or os.path.join(os.path.dirname(mgmt_test.REPO), "shared/corpus/yaml")


def kinds_of(text):
    """The kinds that a graph names: the keys that are two spaces below `resources:` or `types:`."""
    kinds, inside = set(), False
    for line in text.splitlines():
        if re.match(r"\S", line):
            inside = re.match(r"(resources|types):", line) is not None
        elif inside and (found := re.match(r"  ([a-z][a-z0-9:]*):", line)):
            kinds.add(found[1])
    return kinds


def needs_corpus():
    if not os.path.isdir(CORPUS):
        print(f"skip: no corpus at {CORPUS}; it isn't part of the repository, so in CI too")
        sys.exit(mgmt_test.SKIPPED)


def known_kinds():
    done = command("resources")
    equal(done.returncode, 0, "mgmt resources")
    return set(re.findall(r"^\s*([a-z][a-z0-9:]*)", done.stdout, re.MULTILINE)) & {"noop", "print", "timer", "exec", "file", "svc"}


def test_every_graph_of_the_corpus():
    needs_corpus()
    known = known_kinds()
    equal(len(known), 6, "kinds there are")
    known.add("service")  # svc in the graphs of 2016
    fine = refused = 0
    for name in sorted(os.listdir(CORPUS)):
        if not name.endswith(".yaml"):
            continue
        kinds = kinds_of(read(os.path.join(CORPUS, name)))
        done = command("check", os.path.join(CORPUS, name))
        said = done.stdout + done.stderr
        if kinds <= known:
            equal(done.returncode, 0, f"{name} ({kinds}): {said}")
            fine += 1
            continue
        equal(done.returncode, 2, f"{name} ({kinds}): {said}")
        check(re.search(rf"{re.escape(name)}:\d+:\d+: error: .*unknown kind", said), f"{name} isn't refused for its kind: {said}")
        for kind in kinds - known:
            check(f"`{'svc' if kind == 'service' else kind}`" in said or f"`{kind}`" in said, f"{name}: {kind} isn't named: {said}")
        refused += 1
    print(f"     {fine} fine, {refused} refused")
    check(fine > 20 and refused > 10, "hardly any graph was looked at")


# What a graph can't do here, and how it says so.
FAILS = {
    "file2.yaml": "/var/lib/mgmt/files/some_dir",  # its source is another host's
}


def test_every_graph_whose_kinds_there_are_runs():
    """In a folder of its own in the place of /tmp, at a hundredth of its time; svc_test.py runs services, in a box."""
    needs_corpus()
    ran = compared = 0
    for name in sorted(os.listdir(CORPUS)):
        text = read(os.path.join(CORPUS, name))
        if not name.endswith(".yaml") or not kinds_of(text) <= {"noop", "print", "timer", "exec", "file"}:
            continue
        with folder() as at:
            text = text.replace("/tmp/", f"{at}/tmp/")
            text = re.sub(r"sleep (\d+)s", lambda found: f"sleep {int(found[1]) / 100}s", text)
            # Who runs it has these folders.
            for path in re.findall(rf"{re.escape(at)}/tmp/[^\s\"']*/", text):
                os.makedirs(path, exist_ok=True)
            os.makedirs(f"{at}/tmp", exist_ok=True)
            mgmt_test.write(f"{at}/{name}", text)
            status, agent = run(f"{at}/{name}", "--once", "--hostname", "a", cwd=at)
            if name in FAILS:
                equal(status, 4, f"{name}: exit status{agent.tail()}")
                check(FAILS[name] in str(agent.all("failed")), f"{name} doesn't say {FAILS[name]}{agent.tail()}")
            else:
                equal(status, 0, f"{name}: exit status{agent.tail()}")
                equal(len(agent.all("converged")), 1, f"{name}: converged events")
                # Items whose next line says that they exist; an exported one runs nothing here.
                shape = r'- name: "?([^\n"]+)"?\n    path: "?([^\s"]+)"?\n    content: \|\n((?:      .*\n)+)    state: exists'
                for item, path, content in re.findall(shape, text):
                    if not item.startswith("@@"):
                        made = re.sub(r"(?m)^      ", "", content) if name != "noop1.yaml" else None
                        equal(read(path), made, f"{name}: {path}")
                        compared += 1
            ran += 1
    print(f"     {ran} ran, {compared} files compared")
    check(ran > 30 and compared > 20, "hardly any graph ran")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
