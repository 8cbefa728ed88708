# SPDX-License-Identifier: GPL-3.0-or-later
"""No output of any sort shows a secret: terminal, lines, JSON, pictures, plans, errors, what is kept under the prefix."""

import hashlib
import json
import os
import pty
import subprocess

from mgmt_test import check, equal, folder, main, mgmt, read, write

# Each comes in by another way, and out by as many as there are.
WRITTEN, FILED, ENVIRONED, LISTED, BLOCK = "wrItten-hunter2", "fIled-hunter3", "envIroned-hunter4", "lIsted-hunter5", "blOck-hunter6"
SECRETS = [WRITTEN, FILED, ENVIRONED, LISTED, BLOCK]

GRAPH = """
graph: g
resources:
  file:
  - name: content
    path: {at}/content
    content: !secret {written}
  - name: filed
    path: {at}/filed
    content: !file keys/one
  - name: block
    path: {at}/block
    content: !secret |
      first line
      {block}
  exec:
  - name: loud
    cmd: 'echo "out $PASSWORD $2"; echo "err $PASSWORD" >&2; cat {at}/content {at}/filed {at}/block; exit $STATUS'
    shell: /bin/sh
    env: {{PASSWORD: !env MGMT_TEST_PASSWORD, STATUS: "{status}"}}
  - name: arguments
    cmd: {false}
    args: [--login, !secret {listed}, {long}]
  - name: guard
    cmd: "true"
    ifcmd: !secret 'echo {written} >&2; kill -9 $$'
    ifshell: /bin/sh
  print:
  - name: p
    msg: !secret {written}
edges:
- {{name: e1, from: {{kind: file, name: content}}, to: {{kind: exec, name: loud}}}}
- {{name: e2, from: {{kind: file, name: filed}}, to: {{kind: exec, name: loud}}}}
- {{name: e3, from: {{kind: file, name: block}}, to: {{kind: exec, name: loud}}}}
"""


def make(at, status):
    os.mkdir(at + "/keys")
    write(at + "/keys/one", FILED + "\n")
    write(at + "/graph.yaml", GRAPH.format(at=at, written=WRITTEN, block=BLOCK, listed=LISTED, status=status,
                                           false="/bin/false" if status else "/bin/true", long="x" * 100))


def clean(text, what):
    for secret in SECRETS:
        # A part of one is too much already.
        for part in (secret, secret[:8], secret[-7:]):
            at = text.find(part)
            check(at < 0, lambda: f"{part} of {secret} in {what}: ...{text[max(0, at - 100) : at + 50]}")


def run(*args, at):
    done = subprocess.run([mgmt(), *args], cwd="/", capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "MGMT_TEST_PASSWORD": ENVIRONED})
    for name, text in (("stdout", done.stdout), ("stderr", done.stderr)):
        clean(text, f"{name} of {args}")
    return done


def on_a_terminal(*args):
    mine, theirs = pty.openpty()
    process = subprocess.Popen([mgmt(), *args], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
                               env={**os.environ, "TERM": "xterm", "MGMT_TEST_PASSWORD": ENVIRONED})
    os.close(theirs)
    out = b""
    while True:
        try:
            data = os.read(mine, 65536)
        except OSError:  # a terminal whose last user has gone
            break
        if not data:
            break
        out += data
    os.close(mine)
    process.wait(timeout=20)
    return out.decode(errors="replace")


def test_no_output_shows_a_secret():
    for status in (0, 3):
        for report in ("lines", "json"):
            with folder() as at:
                make(at, status)
                graph = at + "/graph.yaml"
                out = run("plan", graph, at=at).stdout
                check("content (secret)" in out, f"the plan says that it changes: {out}")
                run("plan", graph, "--json", at=at)
                run("run", graph, "--noop", "--once", "--report", report, "--log-level", "debug", "--tmp-prefix", at=at)
                done = run("run", graph, "--once", "--report", report, "--log-level", "debug", "--prefix", at + "/prefix",
                           "--graphviz", at + "/graph.dot", at=at)
                check("out ***" in done.stdout, f"what the command printed is there, masked: {done.stdout}")
                check("***" in done.stdout and "exec[arguments]" in done.stdout, done.stdout)
                run("check", graph, at=at)
                run("graph", graph, at=at)
                # All is as it must be, and only there.
                equal(read(at + "/content"), WRITTEN, "the file's content")
                equal(read(at + "/filed"), FILED, "without the line end of the key's file")
                equal(read(at + "/block"), f"first line\n{BLOCK}\n", "the block")
                for path, _, names in os.walk(at):
                    for name in names:
                        one = os.path.join(path, name)
                        if one not in (graph, at + "/content", at + "/filed", at + "/block", at + "/keys/one"):
                            clean(open(one, "rb").read().decode(errors="replace"), one)


def test_a_copy_of_a_secret_has_no_sum_that_could_be_guessed():
    pin = "4711"
    sums = [hashlib.sha256(text.encode()).hexdigest() for text in (pin, "old")]
    with folder() as at:
        write(at + "/copy", "old")
        write(at + "/graph.yaml", f"graph: g\nresources:\n  file:\n  - name: a\n    path: {at}/a\n    content: !secret \"{pin}\"\n"
                                  f"  - name: b\n    path: {at}/copy\n    source: {at}/a\n")
        done = run("run", at + "/graph.yaml", "--once", "--report", "json", "--prefix", at + "/prefix", at=at)
        equal((done.returncode, read(at + "/copy")), (0, pin), "the copy is made")
        texts = {"the report": done.stdout, "history": run("history", "--json", "--prefix", at + "/prefix", at=at).stdout}
        for path, _, names in os.walk(at + "/prefix"):
            texts |= {name: open(os.path.join(path, name), "rb").read().decode(errors="replace") for name in names}
        # What was overwritten is kept, under its own sum.
        for name, text in texts.items():
            check(not any(one in text for one in sums[: 1 if name == "index" else 2]), f"{name} holds the sum of a secret")


def test_a_secret_that_runs_here_too_is_not_exported():
    with folder() as at:
        write(at + "/graph.yaml", f"graph: g\nresources:\n  file:\n  - name: a\n    path: {at}/a\n    content: !secret {WRITTEN}\n"
                                  "    meta: {export: [b]}\n")
        done = run("check", at + "/graph.yaml", at=at)
        equal(done.returncode, 2, "check")
        check("can't be exported: `content` is a secret" in done.stdout + done.stderr, done.stdout + done.stderr)


def test_a_received_secret_is_not_exported():
    with folder() as at:
        write(at + "/graph.yaml", f"""
graph: g
resources:
  exec:
  - {{name: key, cmd: cat, args: [!secret {at}/{WRITTEN}]}}
  file:
  - {{name: a, path: {at}/a, meta: {{export: ["*"], retry: 0}}}}
edges:
- name: e
  from: {{kind: exec, name: key}}
  to: {{kind: file, name: a}}
  send: {{stdout: content}}
""")
        write(f"{at}/{WRITTEN}", "made with a secret")
        done = run("run", at + "/graph.yaml", "--once", "--report", "lines", "--prefix", at + "/prefix", at=at)
        equal(done.returncode, 4, "it fails: " + done.stdout + done.stderr)
        check("file[a] can't be exported: `content` is a secret" in done.stdout, done.stdout)


def test_a_terminal_shows_none():
    with folder() as at:
        make(at, 3)
        text = on_a_terminal("run", at + "/graph.yaml", "--once", "--tmp-prefix", "--color", "always")
        check("***" in text, f"something was masked: {text}")
        clean(text, "the terminal")


def test_a_saved_plan_holds_none_and_knows_when_it_changed():
    with folder() as at:
        os.mkdir(at + "/keys")
        write(at + "/keys/one", FILED)
        write(at + "/graph.yaml", f"graph: g\nresources:\n  file:\n  - name: a\n    path: {at}/a\n    content: !file keys/one\n")
        equal(run("plan", at + "/graph.yaml", "--save", at + "/plan.json", at=at).returncode, 6, "plan")
        text = read(at + "/plan.json")
        clean(text, "the saved plan")
        check(json.loads(text)["resources"][0]["changes"][1]["secret"], text)
        # What the file holds now counts too, though it isn't shown.
        write(at + "/a", "old")
        done = run("apply", at + "/plan.json", at=at)
        equal(done.returncode, 4, done.stderr)
        check("file[a] would change otherwise" in done.stderr, done.stderr)
        os.unlink(at + "/a")
        write(at + "/keys/one", FILED + "x")
        equal(run("apply", at + "/plan.json", at=at).returncode, 4, "another secret")
        write(at + "/keys/one", FILED)
        equal(run("apply", at + "/plan.json", at=at).returncode, 0, "as it was planned")
        equal(read(at + "/a"), FILED, "the file")


def test_errors_show_none():
    with folder() as at:
        bad = [
            f"graph: g\nresources:\n  exec:\n  - name: a\n    timeout: !secret {WRITTEN}\n",
            f"graph: g\nresources:\n  file:\n  - name: a\n    path: /a\n    mode: !secret {WRITTEN}\n    oops: {WRITTEN}\n",
            f"graph: g\nresources:\n  file:\n  - name: \"@@a\"\n    path: /a\n    content: !secret {WRITTEN}\n",
            f"graph: g\nresources:\n  file:\n  - name: a\n    path: /a\n    content: !secret \"{WRITTEN}\n",
            f"graph: g\nresources:\n  file:\n  - {{name: a, path: !secret {WRITTEN}}}\n",
        ]
        for number, text in enumerate(bad):
            write(at + "/graph.yaml", text)
            for command in ("check", "plan", "run"):
                done = run(command, at + "/graph.yaml", at=at)
                equal(done.returncode, 2, f"{command} of graph {number}: {done.stderr}")
        write(at + "/graph.yaml", "graph: g\nresources:\n  file:\n  - name: a\n    path: /a\n    content: !file keys/none\n")
        done = run("check", at + "/graph.yaml", at=at)
        equal(done.returncode, 2, "a file that isn't there")
        check(f"{at}/graph.yaml:6:20: error: cannot read the file `keys/none`" in done.stderr, done.stderr)


if __name__ == "__main__":
    main(globals())
