# SPDX-License-Identifier: GPL-3.0-or-later
"""Living with it: `mgmt get file PATH` prints what is there as a graph, and running that graph changes nothing.

Limits: a graph is text (UTF-8). What isn't, or is larger than 1 MiB, is refused with a hint to `source`. ACLs, attributes and
capabilities aren't printed, as nothing declares them: they stay.
"""

import os
import random
import stat
import subprocess

import mgmt_test
from mgmt_test import Skip, check, command, equal, folder, mgmt, run, write


def get(*paths):
    return command("get", "file", *paths)


def nothing_changes(at, paths):
    done = get(*paths)
    equal(done.returncode, 0, f"mgmt get: {done.stderr}")
    write(at + "/graph.yaml", done.stdout)
    os.chmod(at + "/graph.yaml", 0o600)
    status, agent = run("graph.yaml", "--noop", "--once", cwd=at)
    equal((status, agent.all("changed"), agent.all("failed")), (0, [], []), f"a run of {done.stdout[:2000]}{agent.stderr()}")
    return agent.all("summary")[0]["resources"]


def test_a_hundred_real_files_of_etc():
    found = {"file": [], "folder": [], "link": []}
    for where, folders, names in os.walk("/etc"):
        for name in folders + names:
            path = os.path.join(where, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                found["link"].append(path)
            elif stat.S_ISDIR(status.st_mode):
                found["folder"].append(path)
            elif stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK) and status.st_size <= 1 << 20:
                with open(path, "rb") as file:
                    try:
                        file.read().decode()
                    except ValueError:
                        continue
                found["file"].append(path)
    chosen = []
    for kind, most in (("file", 150), ("folder", 20), ("link", 20)):
        chosen += random.sample(found[kind], min(most, len(found[kind])))
    if len(chosen) < 100 or not all(found.values()):
        raise Skip(f"this machine's /etc has too little: { {kind: len(paths) for kind, paths in found.items()} }")
    with folder() as at:
        equal(nothing_changes(at, chosen), len(chosen), "resources")


def test_every_kind_of_text_comes_back_as_it_was():
    texts = {
        "empty": "", "line": "x\n", "no_end": "x", "two_ends": "x\n\n", "indented": "  x\ny\n", "blank_first": "\nx\n",
        "trailing": "a  \nb\t\n", "tab": "\tx\n", "crlf": "a\r\nb\r\n", "quotes": "'\"\\\n", "yaml": "- a: {b: !c &d *e}\n# f\n---\n...\n",
        "percent": "%YAML 1.2\n$x {{y}}\n", "control": "\x01\x1b[0m\x7f\n", "nel": "a\u0085b\u2028c\ufeff\n", "wide": "ä€𝄞\n", "blanks": " \n \n",
        "long": "x" * 100000 + "\n", "inner": "a\n\n  b\n\nc\n",
    }
    with folder() as at:
        for name, text in texts.items():
            with open(f"{at}/{name}", "wb") as file:
                file.write(text.encode())
        done = get(*(f"{at}/{name}" for name in texts))
        equal(done.returncode, 0, done.stderr)
        write(at + "/graph.yaml", done.stdout)
        # Made anew from the graph alone, each is what it was.
        for name in texts:
            os.unlink(f"{at}/{name}")
        equal(run("graph.yaml", "--once", cwd=at)[0], 0, "a run")
        for name, text in texts.items():
            with open(f"{at}/{name}", "rb") as file:
                equal(file.read(), text.encode(), name)


def test_modes_owners_links_and_folders_are_as_found():
    with folder() as at:
        for name, mode in (("a", 0o4755), ("b", 0o600), ("c", 0o444)):
            write(f"{at}/{name}", "x\n")
            if os.geteuid() == 0:
                os.chown(f"{at}/{name}", 4321, 4322)
            os.chmod(f"{at}/{name}", mode)
        os.mkdir(at + "/d")
        os.chmod(at + "/d", 0o2750)
        os.symlink("no/where at all", at + "/l")
        names = ["a", "b", "c", "d", "l"]
        equal(nothing_changes(at, [f"{at}/{name}" for name in names]), 5, "resources")
        printed = get(*(f"{at}/{name}" for name in names)).stdout
        check('mode: "4755"' in printed and 'mode: "2750"' in printed and 'source: "no/where at all"' in printed, printed)


def test_what_a_graph_can_not_hold_is_refused_with_a_hint_and_the_rest_printed():
    with folder() as at:
        with open(at + "/binary", "wb") as file:
            file.write(b"\xff\xfe\x00")
        with open(at + "/large", "wb") as file:
            file.write(b"x" * ((1 << 20) + 1))
        os.mkfifo(at + "/pipe")
        write(at + "/text", "x\n")
        done = get(at + "/binary", at + "/large", at + "/pipe", at + "/none", at + "/text")
        equal(done.returncode, 1, "exit status")
        check("binary is no text" in done.stderr and "large is too large" in done.stderr and "source: " in done.stderr, done.stderr)
        check("pipe is a device, socket or pipe" in done.stderr and "none: No such file" in done.stderr, done.stderr)
        check(f'name: "{at}/text"' in done.stdout and "binary" not in done.stdout, done.stdout)


def test_what_others_may_not_read_is_said_to_be_in_the_graph():
    with folder() as at:
        write(at + "/secret", "x\n")
        os.chmod(at + "/secret", 0o600)
        check("keep this graph to yourself" in get(at + "/secret").stderr, "it isn't said")


def test_another_kind_than_file_is_refused():
    done = subprocess.run([mgmt(), "get", "svc", "ssh"], capture_output=True, text=True, check=False)
    equal(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
