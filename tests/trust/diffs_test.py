# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: diffs show content only if everybody may read the file as found and as declared; else sizes and line counts.

That holds for each output that shows diffs (a dry run's lines, terminal and JSON, the plan) and for the history; `show_diff` says
otherwise. Binaries aren't
diffed, long ones are cut with the number of lines left out, control characters are escaped.

Limits: whether everybody may read a file is told by its mode and by those of the folders on its path, as they are when
it is looked at.
"""

import os
import subprocess

from mgmt_test import Agent, check, command, equal, folder, graph, main, mgmt, run, write

OLD, NEW = "colour=red\nshape=round\n", "colour=blue\nshape=round\nsize=large\n"
COUNTS = "2 lines → 3 lines, not shown"
DIFF = ["-colour=red", "+colour=blue", " shape=round", "+size=large"]


def prepared(at, mode=0o644, old=OLD, **params):
    os.chmod(at, 0o755)
    if old is not None:
        with open(at + "/f", "w", newline="") as file:
            file.write(old)
        os.chmod(at + "/f", mode)
    write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": NEW, **params}]))


def outputs(at):
    """What each output says of the change: the dry ones first, then the run and its history."""
    prefix = ["--prefix", at + "/prefix"]

    def text(*args):
        done = subprocess.run([mgmt(), *args], cwd=at, capture_output=True, check=False, timeout=120)
        return (done.stdout + done.stderr).decode()

    dry = ["run", "graph.yaml", "--once", "--noop", *prefix, "--report"]
    told = {"plan": text("plan", "graph.yaml"), "plan --json": text("plan", "graph.yaml", "--json")}
    told |= {form: text(*dry, form) for form in ("lines", "terminal", "json")}
    text("run", "graph.yaml", "--once", *prefix)
    told["history"] = text("history", *prefix)
    told["history --json"] = text("history", "--json", *prefix)
    return told


def shows_counts_only(at, counts=COUNTS):
    for output, told in outputs(at).items():
        check(counts in json_or_text(told), lambda: f"{output} doesn't say how many lines: {told}")
        for word in ("colour", "shape", "large"):
            check(word not in told, lambda: f"{output} shows the content: {told}")


def json_or_text(told):
    """With the escapes of JSON undone."""
    return told.encode().decode("unicode_escape", "ignore") if "\\u" in told else told


def test_what_everybody_may_read_is_shown_in_each_output_and_in_the_history():
    with folder() as at:
        prepared(at)
        for output, told in outputs(at).items():
            for line in DIFF:
                check(line in told, lambda: f"{output} doesn't have {line!r}: {told}")


def test_a_file_that_was_not_for_all_shows_counts_only():
    with folder() as at:
        prepared(at, mode=0o640)
        shows_counts_only(at)


def test_one_that_was_not_for_all_and_will_be_shows_counts_only():
    with folder() as at:
        prepared(at, mode=0o600)
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": NEW, "mode": "0644"}]))
        shows_counts_only(at)


def test_one_that_was_for_all_and_will_not_be_shows_counts_only():
    with folder() as at:
        prepared(at)
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": NEW, "mode": "0600"}]))
        shows_counts_only(at)


def test_one_in_a_folder_that_is_not_for_all_shows_counts_only():
    with folder() as at:
        prepared(at)
        os.chmod(at, 0o700)
        shows_counts_only(at)


def test_show_diff_says_otherwise():
    with folder() as at:
        prepared(at, mode=0o600, show_diff=True)
        for output, told in outputs(at).items():
            check("colour=blue" in told, lambda: f"{output} doesn't show it: {told}")
    with folder() as at:
        prepared(at, show_diff=False)
        shows_counts_only(at)


def test_a_new_file_shows_what_is_declared_if_it_is_for_all():
    with folder() as at:
        prepared(at, old=None)
        check("+colour=blue" in command("plan", "graph.yaml", cwd=at).stdout, "the content isn't shown")
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": NEW, "mode": "0600"}]))
        told = command("plan", "graph.yaml", cwd=at).stdout
        check("colour" not in told and "3 lines, not shown" in told, told)


def test_files_of_a_tree_are_shown_by_their_own_modes():
    with folder() as at:
        os.chmod(at, 0o755)
        for side, text in (("from", "new\n"), ("to", "old\n")):
            os.mkdir(f"{at}/{side}")
            for name, mode in (("open", 0o644), ("closed", 0o600)):
                write(f"{at}/{side}/{name}", f"{name} {text}")
                os.chmod(f"{at}/{side}/{name}", mode)
        write(at + "/graph.yaml", graph(file=[{"name": f"{at}/to/", "source": f"{at}/from/", "recurse": True}]))
        told = command("plan", "graph.yaml", cwd=at).stdout
        check("+open new" in told, told)
        check("closed new" not in told and "closed old" not in told and "1 line → 1 line, not shown" in told, told)


def test_a_repair_is_in_the_history_by_the_same_rule():
    for mode, shown in ((0o644, True), (0o600, False)):
        with folder() as at:
            os.chmod(at, 0o755)
            write(at + "/f", NEW)
            os.chmod(at + "/f", mode)
            write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": NEW}]))
            agent = Agent("graph.yaml", cwd=at, prefix=at + "/prefix")
            agent.wait_for("converged")
            # Whole, or the agent is there before the text is.
            write(at + "/f.new", OLD)
            os.chmod(at + "/f.new", mode)
            os.rename(at + "/f.new", at + "/f")
            agent.wait_for("changed", resource="file[f]")
            agent.stop()
            history = command("history", "--prefix", at + "/prefix", cwd=at).stdout
            equal("colour=red" in history, shown, f"what the history of a file of mode {mode:o} shows: {history}")


def test_binaries_are_not_diffed():
    with folder() as at:
        prepared(at, old="\0\1\2 colour")
        for output, told in outputs(at).items():
            check("(binary content)" in told and "colour" not in told, lambda: f"{output}: {told}")


def test_long_ones_are_cut_and_say_by_how_much():
    with folder() as at:
        content = "".join(f"line {number}\n" for number in range(5000))
        prepared(at, old="x\n")
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": content}]))
        told = command("plan", "graph.yaml", cwd=at).stdout
        check("+line 100\n" in told and "line 4000" not in told, told)
        check("(4802 more lines)" in told, told)
        write(at + "/graph.yaml", graph(file=[{"name": "f", "path": at + "/f", "content": content * 10}]))
        told = command("plan", "graph.yaml", cwd=at).stdout
        check("(1 line → 50000 lines, too long to be shown)" in told, told)


def test_control_characters_are_escaped():
    with folder() as at:
        prepared(at, old="\x1b[31mred\x9b\r\n\x07\n")
        for output, told in outputs(at).items():
            told = told.replace("\x1b[1;3", "").replace("\x1b[3", "").replace("\x1b[0m", "").replace("\x1b[2", "")
            check("\x1b[31mred" not in told and "\x07" not in told and "\x9b" not in told, lambda: f"{output}: {told!r}")
            check("x1b[31mred" in told, lambda: f"{output}: {told!r}")


if __name__ == "__main__":
    main(globals())
