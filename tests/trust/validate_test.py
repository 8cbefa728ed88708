# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: `validate` runs on the staged file before it takes its place; if it says no, the old one stays.

`%` in a word is the path of the staged file, 0600 until it has its owner and mode; no shell is involved.

Limits: a plan and a dry run don't run the command, and say so.
"""

import os

from mgmt_test import Agent, check, command, equal, folder, graph, leftovers, main, processes_with, read, run, wait_until, write


def sudoers(at, **params):
    return graph(file=[{"name": "f", "path": at + "/f", **params}])


def outcome(at, text, *options):
    write(f"{at}/graph.yaml", text)
    status, agent = run("graph.yaml", "--once", *options, cwd=at)
    failed = agent.all("failed", resource="file[f]")
    return status, failed[-1]["error"] if failed else None


def test_a_file_that_the_command_likes_takes_its_place():
    with folder() as at:
        words = ["sh", "-c", f'cat "$1" > {at}/seen; stat -c %%a "$1" > {at}/mode', "sh", "%"]
        for content in ("one\n", "two\n"):
            equal(outcome(at, sudoers(at, content=content, mode="0440", validate=words)), (0, None), "outcome")
            equal((read(at + "/f"), read(at + "/seen")), (content, content), "the file, and what the command saw")
        equal(read(at + "/mode"), "440\n", "its mode then")
        equal(leftovers(at), [], "temporary files")


def test_what_it_does_not_like_leaves_the_old_file_and_shows_the_commands_words():
    with folder() as at:
        write(at + "/f", "old\n")
        os.chmod(at, 0o755)
        before = os.stat(at + "/f")
        words = ["sh", "-c", 'echo "first word"; echo "$1: line 3: what is this?" >&2; exit 3', "sh", "%"]
        status, error = outcome(at, sudoers(at, content="new\n", validate=words))
        equal(status, 4, "exit status")
        for text in ("says no (exit status 3)", "first word", f"\n{at}/f: line 3: what is this?"):
            check(text in error, lambda: f"{text!r} is not in {error!r}")
        check(".mgmt-" not in error, lambda: f"the temporary name is in {error!r}")
        equal((read(at + "/f"), os.stat(at + "/f").st_ino), ("old\n", before.st_ino), "the old file")
        equal(leftovers(at), [], "temporary files")


def test_a_new_file_that_it_does_not_like_is_not_made():
    with folder() as at:
        status, error = outcome(at, sudoers(at, content="new\n", validate=["false", "%"]))
        equal((status, error), (4, f"{at}/f stays as it is: `false %` says no (exit status 1)"), "outcome")
        equal(sorted(set(os.listdir(at)) & {"f"}), [], "the file")
        equal(leftovers(at), [], "temporary files")


def test_it_runs_without_a_shell():
    with folder() as at:
        words = ["test", "$(touch %s/pwned); *" % at, "=", "$(touch %s/pwned); *" % at, "-a", "-f", "%"]
        equal(outcome(at, sudoers(at, content="x", validate=words)), (0, None), "outcome")
        check(not os.path.exists(at + "/pwned"), "a shell has read it")


def test_a_command_that_is_missing_leaves_the_old_file():
    with folder() as at:
        write(at + "/f", "old\n")
        status, error = outcome(at, sudoers(at, content="new\n", validate=["mgmt-no-such-command", "%"]))
        equal((status, read(at + "/f")), (4, "old\n"), "outcome")
        check("command not found" in error, error)


def test_a_command_that_changes_the_staged_file_is_refused():
    with folder() as at:
        write(at + "/f", "old\n")
        status, error = outcome(at, sudoers(at, content="new\n", validate=["sh", "-c", "echo more >> $1", "sh", "%"]))
        equal((status, read(at + "/f")), (4, "old\n"), "outcome")
        check("has changed it" in error, error)


def test_before_a_write_in_place_it_runs_on_a_copy():
    with folder() as at:
        write(at + "/f", "old\n")
        bad = dict(content="new\n", write="inplace", validate=["grep", "-q", "good", "%"])
        equal(outcome(at, sudoers(at, **bad))[0], 4, "exit status")
        equal(read(at + "/f"), "old\n", "the old file")
        equal(outcome(at, sudoers(at, **{**bad, "content": "good\n"})), (0, None), "outcome")
        equal((read(at + "/f"), leftovers(at)), ("good\n", []), "the new file")


def test_its_words_show_nothing_of_a_content_that_not_everybody_may_read():
    with folder() as at:
        os.chmod(at, 0o755)
        content = "user=admin\npassword=hunter2hunter2\n"
        shows = dict(content=content, validate=["sh", "-c", 'cat "$1"; echo "bad: \'$(sed -n s/password=//p "$1")\'"; false', "sh", "%"])
        status, error = outcome(at, sudoers(at, **shows, mode="0600"))
        equal(status, 4, "exit status")
        check("hunter2" not in error and "bad: '***'" in error, error)
        status, error = outcome(at, sudoers(at, **shows, mode="0600", show_diff=True))
        check("hunter2" in error, error)
        secret = sudoers(at, **shows, mode="0644").replace('"content": "', '"content": !secret "')
        status, error = outcome(at, secret)
        equal(status, 4, "exit status")
        check("hunter2" not in error and "isn't shown" in error, error)


def test_a_plan_and_a_dry_run_do_not_run_it_and_say_so():
    with folder() as at:
        write(at + "/graph.yaml", sudoers(at, content="x", validate=["touch", at + "/ran", "%"]))
        plan = command("plan", "graph.yaml", cwd=at)
        equal(plan.returncode, 6, "exit status of the plan")
        check(f"validate touch {at}/ran % (not run now)" in plan.stdout, plan.stdout)
        status, agent = run("graph.yaml", "--once", "--noop", cwd=at)
        equal(status, 6, "exit status of the dry run")
        changed = agent.all("changed")[0]["changes"]
        check(any(change["param"] == "validate" for change in changed), changed)
        equal(sorted(set(os.listdir(at)) & {"ran", "f"}), [], "what was made")


def test_it_ends_with_the_agent():
    with folder() as at:
        marker = f"{at}/f-marker"
        words = ["sh", "-c", f"echo > {at}/started; sleep 1000; true {marker}", "sh", "%"]
        write(at + "/graph.yaml", sudoers(at, content="x", validate=words))
        agent = Agent("graph.yaml", cwd=at)
        wait_until(lambda: os.path.exists(at + "/started"), "the command has begun")
        agent.stop()
        wait_until(lambda: not processes_with(marker), "the command has ended")
        check(not os.path.exists(at + "/f"), "the file was made")


if __name__ == "__main__":
    main(globals())
