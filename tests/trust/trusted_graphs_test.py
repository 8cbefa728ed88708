# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs: root runs no graph that somebody else could have written.

The file, each folder on its path and each link on the way must belong to root, or to the one who called sudo while the run is
its terminal's foreground, and must not be writable by others (sticky folders excepted). A group's right to write counts as
others', also that of root's group.

Limits: what is handed over as an open file (`-`, /dev/stdin, a shell's <(...)) was chosen by who opened it, and isn't judged.
In a user namespace that doesn't have all users, files of the machine's own root can't be told from those of others who are
unknown there: both are taken for root's. What a graph only reads (`!file`, `source`) is not judged, as its content is data.
"""

import os
import pty
import signal
import subprocess

import mgmt_test
from mgmt_test import Agent, Skip, check, equal, folder, graph, mgmt, read, save, write

OTHER = 4321
AS_OTHER = ["setpriv", "--reuid", str(OTHER), "--regid", str(OTHER), "--clear-groups"]


def as_root():
    if os.geteuid() != 0:
        raise Skip("only root can give files away")


def one_file(at, **more):
    return graph(file=[{"name": "f", "path": at + "/out", "content": "x", **more}])


def run(at, *args, **keys):
    return subprocess.run([mgmt(), *args], cwd=at, capture_output=True, text=True, check=False, **keys)


def refused(at, *args, names):
    done = run(at, *args)
    equal(done.returncode, 2, f"{args}: {done.stderr}")
    check(names in done.stderr and "--trust-file" in done.stderr, f"{names} and the way out are not named: {done.stderr}")
    check(not os.path.exists(at + "/out"), "it was run all the same")


def test_a_file_that_others_may_write_is_refused_and_named():
    as_root()
    with folder() as at:
        write(at + "/web.yaml", one_file(at))
        os.chmod(at + "/web.yaml", 0o664)
        for command in ("run", "plan"):
            refused(at, command, "web.yaml", names=f"{at}/web.yaml can be written by others")
        os.chmod(at + "/web.yaml", 0o644)
        equal(run(at, "run", "web.yaml", "--once", "--tmp-prefix").returncode, 0, "status of a run of root's own file")


def test_a_folder_above_it_that_belongs_to_another_is_refused_and_named():
    as_root()
    with folder() as at:
        os.makedirs(at + "/a/b")
        write(at + "/a/b/web.yaml", one_file(at))
        os.chown(at + "/a", OTHER, OTHER)
        refused(at, "run", "a/b/web.yaml", names=f"{at}/a belongs to user {OTHER}")
        os.chown(at + "/a", 0, 0)
        os.chmod(at + "/a", 0o777)
        refused(at, "run", "a/b", names=f"{at}/a can be written by others")
        os.chmod(at + "/a", 0o1777)
        equal(run(at, "run", "a/b/web.yaml", "--once", "--tmp-prefix").returncode, 0, "status below a sticky folder")


def test_a_link_is_followed_through_the_folders_that_it_lies_in():
    as_root()
    with folder() as at:
        os.mkdir(at + "/loose")
        os.chmod(at + "/loose", 0o777)
        write(at + "/web.yaml", one_file(at))
        os.symlink("../web.yaml", at + "/loose/web.yaml")
        os.symlink("loose/web.yaml", at + "/way.yaml")
        refused(at, "run", "way.yaml", names=f"{at}/loose can be written by others")


def test_one_file_of_a_folder_is_enough_to_refuse_it():
    as_root()
    with folder() as at:
        os.mkdir(at + "/web")
        write(at + "/web/1.yaml", one_file(at))
        write(at + "/web/2.yaml", graph(noop=[{"name": "n"}]))
        os.chown(at + "/web/2.yaml", OTHER, OTHER)
        for command in ("run", "plan"):
            refused(at, command, "web", names=f"{at}/web/2.yaml belongs to user {OTHER}")


def test_trust_file_overrides_it():
    as_root()
    with folder() as at:
        write(at + "/web.yaml", one_file(at))
        os.chmod(at + "/web.yaml", 0o666)
        equal(run(at, "plan", "web.yaml", "--trust-file").returncode, 6, "status of the plan")
        equal(run(at, "plan", "web.yaml", "--trust-file", "--save", "p").returncode, 6, "status of the saved plan")
        refused(at, "apply", "p", names=f"{at}/web.yaml can be written by others")
        done = run(at, "apply", "p", "--trust-file")
        equal(done.returncode, 0, f"status of apply: {done.stderr}")
        equal(read(at + "/out"), "x", "what was applied")


def test_check_only_warns():
    as_root()
    with folder() as at:
        write(at + "/web.yaml", one_file(at))
        os.chmod(at + "/web.yaml", 0o666)
        done = run(at, "check", "web.yaml")
        equal(done.returncode, 0, "status")
        check(f"warning: {at}/web.yaml can be written by others" in done.stderr, done.stderr)


def test_standard_input_was_chosen_by_who_opened_it():
    as_root()
    with folder() as at:
        write(at + "/web.yaml", one_file(at))
        os.chmod(at + "/web.yaml", 0o666)
        with open(at + "/web.yaml") as graph_file:
            done = run(at, "run", "-", "--once", "--tmp-prefix", stdin=graph_file)
        equal(done.returncode, 0, f"status: {done.stderr}")


def test_another_user_is_not_judged():
    as_root()
    with folder() as at:
        write(at + "/web.yaml", one_file(at))
        os.chmod(at + "/web.yaml", 0o666)
        os.chown(at, OTHER, OTHER)
        done = subprocess.run([*AS_OTHER, mgmt(), "run", "web.yaml", "--once", "--tmp-prefix"], cwd=at, capture_output=True,
                              text=True, check=False)
        equal(done.returncode, 0, f"status: {done.stderr}")


def test_who_called_sudo_is_trusted_in_the_foreground_only():
    as_root()
    with folder() as at:
        write(at + "/web.yaml", one_file(at))
        os.chown(at + "/web.yaml", OTHER, OTHER)
        command = [mgmt(), "run", "web.yaml", "--once", "--tmp-prefix"]
        called_by = {**os.environ, "SUDO_UID": str(OTHER)}
        done = subprocess.run(command, cwd=at, env=called_by, capture_output=True, text=True, check=False, start_new_session=True)
        equal(done.returncode, 2, "status without a terminal")
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(at)
            os.execve(command[0], command, called_by)
        said = b""
        try:
            while part := os.read(terminal, 65536):
                said += part
        except OSError:
            pass  # the terminal's other side is closed: it has ended
        equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, f"status in the foreground: {said}")


def test_an_edit_that_can_not_be_trusted_leaves_the_running_graph_as_it_is():
    as_root()
    with folder() as at:
        write(at + "/web.yaml", one_file(at))
        agent = Agent("web.yaml", cwd=at)
        agent.wait_for("converged")
        write(at + "/theirs", one_file(at, mode="0600"))
        os.chown(at + "/theirs", OTHER, OTHER)
        os.rename(at + "/theirs", at + "/web.yaml")
        agent.wait_for("notice", where=lambda e: "the running graph goes on" in e["text"])
        agent.wait_for("notice", where=lambda e: f"{at}/web.yaml belongs to user {OTHER}" in e["text"])
        os.unlink(at + "/out")
        agent.wait_for("changed", resource="file[f]", repair=True)
        save(at + "/web.yaml", one_file(at, mode="0640"))
        agent.wait_for("changed", resource="file[f]")
        equal(os.stat(at + "/out").st_mode & 0o777, 0o640, "mode of the one that is root's again")
        equal(agent.stop(signal.SIGTERM), 0, "exit status")


def test_a_secret_in_a_graph_that_others_can_read_is_warned_of():
    with folder() as at:
        os.chmod(at, 0o755)
        write(at + "/web.yaml", f"graph: g\nresources:\n  file:\n  - name: f\n    path: {at}/out\n    content: !secret hush\n")
        os.chmod(at + "/web.yaml", 0o644)
        done = run(at, "check", "web.yaml")
        check("web.yaml:6: warning: a secret is written here" in done.stderr, done.stderr)
        os.chmod(at + "/web.yaml", 0o600)
        equal(run(at, "check", "web.yaml").stderr, "", "what is said of a file that nobody else reads")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
