# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev on machines that this one isn't: other distributions, packages missing, with and without a terminal.

A copy of the script beside a packages.txt of the test's own, /etc/os-release replaced in a mount namespace, and apt-get
and sudo by programs that write down how they were called. A whole fresh Debian: tools/fresh-debian.
"""

import os
import pty
import select
import shutil
import subprocess

import mgmt_test
from mgmt_test import check, equal, folder, read, wait_until

DEBIAN_12 = 'ID=debian\nVERSION_ID="12"\n'
FEDORA = "ID=fedora\nVERSION_ID=42\n"
MISSING = "mgmt-is-missing  mgmt-is-missing  a package that is nowhere\n"
ABSENT_HEADER = "mgmt-lacks-dev  mgmt/lacks.h  a header that is nowhere\n"
# With this alone nothing is missing anywhere.
THERE = "bash  bash  the shell\n"


def tool(at, name, script):
    path = f"{at}/bin/{name}"
    mgmt_test.write(path, "#!/bin/bash\n" + script)
    os.chmod(path, 0o755)


def machine(at, packages, os_release):
    """A folder with ./dev and the command line prefix that shows it another /etc/os-release."""
    mgmt_test.userns()  # skips where there are no namespaces
    shutil.copy(os.path.join(mgmt_test.REPO, "dev"), at)
    mgmt_test.write(at + "/packages.txt", "# a comment\n" + packages)
    mgmt_test.write(at + "/os-release", os_release)
    os.mkdir(at + "/bin")
    tool(at, "apt-get", f'echo "$*" >>{at}/apt-calls\n')
    tool(at, "sudo", 'exec "$@"\n')
    tool(at, "cmake", f"touch {at}/built\n")
    tool(at, "ninja", f"touch {at}/built\n")
    script = f'mount --bind {at}/os-release /etc/os-release && PATH={at}/bin:$PATH && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "/bin/bash", "-c", script, "bash"]


def without_terminal(at, packages, os_release, *args):
    prefix = machine(at, packages, os_release)
    return subprocess.run(
        [*prefix, at + "/dev", *args], cwd=at, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "CI": ""}
    )


def on_a_terminal(at, packages, os_release, *args, answer=None):
    """(exit status, what stood on the terminal); the answer is typed when the question is there."""
    prefix = machine(at, packages, os_release)
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*prefix, at + "/dev", *args], cwd=at, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = ""

    def ended():
        nonlocal text, answer
        if select.select([ours], [], [], 0.01)[0]:
            try:
                text += os.read(ours, 4096).decode()
            except OSError:  # EIO: nobody has the terminal open any more
                return True
        if answer and "go on?" in text:
            os.write(ours, answer.encode())
            answer = None
        return False

    try:
        wait_until(ended, lambda: f"the end of ./dev, which said {text}", 60)
        return process.wait(20), text
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def apt_calls(at):
    return (read(at + "/apt-calls") or "").splitlines()


def test_another_distribution_names_what_is_missing():
    with folder() as at:
        done = without_terminal(at, THERE + MISSING + ABSENT_HEADER, FEDORA, "build")
        equal(done.returncode, 2, f"exit status; it said {done.stderr}")
        for name, why in (("mgmt-is-missing", "a package that is nowhere"), ("mgmt-lacks-dev", "a header that is nowhere")):
            check(f"{name} ({why})" in done.stderr, f"{name} isn't named with its reason: {done.stderr}")
        check("bash" not in done.stderr, f"what is there is named: {done.stderr}")
        equal((apt_calls(at), os.path.exists(at + "/built")), ([], False), "calls of apt-get; built")


def test_another_distribution_with_all_there_goes_on():
    with folder() as at:
        done = without_terminal(at, THERE, FEDORA, "build")
        equal(done.returncode, 0, f"exit status; it said {done.stderr}")
        check(os.path.exists(at + "/built"), "nothing was built")


def test_without_a_terminal_nothing_is_asked():
    with folder() as at:
        done = without_terminal(at, THERE + MISSING, DEBIAN_12, "build")
        equal(done.returncode, 0, f"exit status; it said {done.stderr}")
        check("installs with apt-get: mgmt-is-missing\n" in done.stderr, f"it doesn't say what it installs: {done.stderr}")
        check("go on?" not in done.stderr, f"it asked: {done.stderr}")
        check(all(call.endswith(" mgmt-is-missing") for call in apt_calls(at)) and apt_calls(at), f"apt-get: {apt_calls(at)}")
        check(os.path.exists(at + "/built"), "nothing was built")


def test_with_all_there_apt_is_left_alone():
    with folder() as at:
        done = without_terminal(at, THERE, DEBIAN_12, "build")
        equal((done.returncode, apt_calls(at)), (0, []), f"exit status, calls of apt-get; it said {done.stderr}")


def test_a_terminal_is_asked_once():
    for answer, status, installs in (("n\n", 2, False), ("y\n", 0, True), ("\n", 0, True)):
        with folder() as at:
            got, text = on_a_terminal(at, THERE + MISSING, DEBIAN_12, "build", answer=answer)
            equal((got, text.count("go on?")), (status, 1), f"exit status, questions, answer {answer!r}; it said {text}")
            check("mgmt-is-missing" in text, f"it doesn't show the list: {text}")
            equal(bool(apt_calls(at)), installs, f"apt-get was called after {answer!r}")
            equal(os.path.exists(at + "/built"), installs, f"built after {answer!r}")


def test_a_terminal_isnt_asked_with_y():
    for args in (("-y", "build"), ("build", "-y")):
        with folder() as at:
            status, text = on_a_terminal(at, THERE + MISSING, DEBIAN_12, *args)
            equal((status, text.count("go on?")), (0, 0), f"exit status, questions; it said {text}")
            check(apt_calls(at), "apt-get wasn't called")


def test_a_failure_of_apt_is_shown():
    with folder() as at:
        prefix = machine(at, THERE + MISSING, DEBIAN_12)
        tool(at, "apt-get", "echo E: no network; exit 100\n")
        done = subprocess.run([*prefix, at + "/dev", "build"], cwd=at, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        check(done.returncode not in (0, 2), f"exit status {done.returncode}")
        check("E: no network" in done.stderr, f"apt-get's words are lost: {done.stderr}")
        check(not os.path.exists(at + "/built"), "it went on to build")


def test_who_may_not_install_is_told_how():
    with folder() as at:
        prefix = machine(at, THERE + MISSING, DEBIAN_12)
        os.unlink(at + "/bin/sudo")
        for name in ("bash", "dirname", "readlink", "awk", "sort", "comm", "xargs", "dpkg-query"):
            os.symlink(shutil.which(name), f"{at}/bin/{name}")
        # In one more user namespace it isn't root, and sudo is in no folder of its PATH.
        nobody = ["/bin/bash", "-c", 'PATH=$1; shift; exec /usr/bin/unshare --user "$@"', "bash", at + "/bin"]
        done = subprocess.run([*prefix, *nobody, "bash", at + "/dev", "build"], cwd=at, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        equal(done.returncode, 2, f"exit status; it said {done.stderr}")
        check("apt-get install mgmt-is-missing" in done.stderr, f"no way out is named: {done.stderr}")


def test_help_and_a_wrong_word_install_nothing():
    with folder() as at:
        done = without_terminal(at, THERE + MISSING, DEBIAN_12, "help")
        equal((done.returncode, "usage: ./dev" in done.stdout), (0, True), "help")
        equal(apt_calls(at), [], "calls of apt-get")
    with folder() as at:
        done = without_terminal(at, THERE + MISSING, DEBIAN_12, "nonsense")
        equal((done.returncode, "usage: ./dev" in done.stderr, apt_calls(at)), (2, True, []), "a wrong word")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
