# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands: A command starts clean, whatever mgmt was started with.

/dev/null on stdin, the folder /, umask 022, no terminal, no descriptor but the first three, no signal blocked or ignored, and
of the environment only PATH, HOME, USER and LANG=C.UTF-8 beside `env`.

Limits: resource limits, the nice value and the cgroup stay those of mgmt (but for the number of descriptors, which is what mgmt
itself was started with).
"""

import os
import pty
import pwd

import mgmt_test
from mgmt_test import check, command, equal, folder, graph, run


def printed(at, cmd, prefix=(), env=None, **params):
    """What a command prints, run by an agent with that prefix and environment."""
    params = {"name": "x", "cmd": cmd, **params}
    mgmt_test.write(at + "/graph.yaml", graph(exec=[params]))
    status, agent = run("graph.yaml", "--once", cwd=at, command=prefix, env=env)
    equal(status, 0, f"exit status{agent.tail()}")
    return [event["line"] for event in agent.all("output")]


def test_its_input_is_empty_its_folder_the_root_and_its_umask_022():
    with folder() as at:
        lines = printed(at, "readlink /proc/self/fd/0; pwd; umask; cat | wc -c", ["sh", "-c", 'umask 077; exec "$@"', "sh"], shell="/bin/sh")
        equal(lines, ["/dev/null", "/", "0022", "0"], "stdin, folder, umask, size of its input")


def test_it_has_three_descriptors_whatever_mgmt_has():
    with folder() as at:
        opens = ["bash", "-c", 'exec 5</etc/passwd 9>/dev/null 200</; exec "$@"', "sh"]
        # The fourth is the one that ls reads the list by.
        equal(printed(at, "/bin/ls /proc/self/fd", opens), ["0", "1", "2", "3"], "descriptors")


def test_no_signal_is_blocked_or_ignored():
    with folder() as at:
        odd = ["env", "--ignore-signal=HUP,PIPE,USR1,QUIT", "--block-signal=USR2,CHLD,ALRM"]
        lines = printed(at, "/bin/cat /proc/self/status", odd)
        sets = {key: int(value, 16) for key, value in (line.split() for line in lines if line[:6] in ("SigIgn", "SigBlk", "SigCgt"))}
        equal(sets, {"SigBlk:": 0, "SigIgn:": 0, "SigCgt:": 0}, "its signals")


def test_its_environment_is_four_variables_and_env():
    with folder() as at:
        odd = {"SECRET": "hunter2", "LD_PRELOAD": "", "LANG": "de_DE.UTF-8", "LC_ALL": "C", "HOME": "/nowhere", "USER": "somebody"}
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "cmd": "/usr/bin/env", "env": {"A": "1 2"}}]))
        status, agent = run("graph.yaml", "--once", cwd=at, env=odd)
        equal(status, 0, f"exit status{agent.tail()}")
        got = dict(event["line"].split("=", 1) for event in agent.all("output"))
        equal(sorted(got), ["A", "HOME", "LANG", "PATH", "USER"], "its variables")
        me = pwd.getpwuid(os.geteuid())
        equal((got["A"], got["LANG"], got["HOME"], got["USER"]), ("1 2", "C.UTF-8", me.pw_dir, me.pw_name), "their values")


def test_roots_path_has_no_folder_that_another_may_write_to():
    with folder() as at:
        os.makedirs(at + "/bin", mode=0o777)
        os.chmod(at + "/bin", 0o777)
        lines = printed(at, "/usr/bin/env", env={"PATH": f"{at}/bin:.::bin:/usr/bin:/bin"})
        path = next(line for line in lines if line.startswith("PATH="))
        want = "PATH=/usr/bin:/bin" if os.geteuid() == 0 else f"PATH={at}/bin:/usr/bin:/bin"
        equal(path, want, "the path of a command")
        equal(printed(at, "/usr/bin/env", env={"PATH": f"{at}/bin:." if os.geteuid() == 0 else "."})[0],
              "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "the path where none is left")


def test_it_has_no_terminal_even_if_mgmt_runs_on_one():
    with folder() as at:
        cmd = "(exec 3</dev/tty) 2>/dev/null && echo terminal || echo none"
        mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "shell": "/bin/sh", "cmd": cmd}]))
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(at)
            os.execv(mgmt_test.mgmt(), ["mgmt", "run", "graph.yaml", "--once", "--tmp-prefix", "--report", "lines"])
        said = b""
        try:
            while True:
                data = os.read(terminal, 65536)
                if not data:
                    break
                said += data
        except OSError:
            pass  # EIO: all of its side is closed
        _, status = os.waitpid(pid, 0)
        equal(os.waitstatus_to_exitcode(status), 0, f"exit status: {said!r}")
        check(b"exec[x]: none" in said, f"a command found a terminal: {said!r}")


def test_without_a_shell_nothing_in_it_is_special_and_check_says_so():
    with folder() as at:
        equal(printed(at, "/bin/echo a|b && c > d $HOME"), ["a|b && c > d $HOME"], "what the program was given")
        done = command("check", "graph.yaml", cwd=at)
        equal(done.returncode, 0, "exit status of check")
        want = "`|`, `&&`, `>` and `$` in `cmd` have no meaning without a shell"
        check(want in done.stderr and "shell: /bin/sh" in done.stderr, f"check said: {done.stderr}")
        equal(printed(at, "echo a && echo $USER > /dev/null", shell="/bin/sh"), ["a"], "with a shell")
        equal(command("check", "graph.yaml", cwd=at).stderr, "", "what check says of a shell's script")
        equal(printed(at, "/bin/echo", args=["a|b", "$HOME"]), ["a|b $HOME"], "with arguments")
        equal(command("check", "graph.yaml", cwd=at).stderr, "", "what check says of arguments, which are meant so")


if __name__ == "__main__":
    mgmt_test.main(globals())
