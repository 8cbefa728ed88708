# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmt plan, apply and noop: what they say is true, and they touch nothing, whatever a guard would like to do."""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess

from hostile import ATTEMPTS
from mgmt_test import Skip, check, equal, folder, graph, main, mgmt, read, wait_until, write

NOBODY = 65534
# What needs more than an ordinary process has, or would do harm: not tried outside of mgmt.
UNTRIED = {"create_above", "remount", "sysctl", "block_device", "terminal", "mount", "mount_in_a_new_namespace", "oom_score",
           "fchmodat2", "descriptors_of_the_parent", "inherited_descriptor", "system_bus"}


def run(*args, cwd, user=None, env=None):
    """(exit status, stdout, stderr)"""
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    done = subprocess.run([*become, mgmt(), *args], cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
                          env=None if env is None else {**os.environ, **env})
    return done.returncode, done.stdout, done.stderr


def plan(at, *args, **how):
    status, out, err = run("plan", "graph.yaml", "--json", *args, cwd=at, **how)
    try:
        document = json.loads(out)
    except ValueError:
        raise AssertionError(f"no plan, but exit status {status}: {out}{err}") from None
    return status, document


def states(document):
    return {one["resource"]: one["state"] for one in document["resources"]}


def need_confinement(at, user=None):
    write(at + "/graph.yaml", graph(noop=[{"name": "a"}]))
    if not plan(at, user=user)[1]["confined"]:
        raise Skip("no place where nothing can be changed can be had here")


def snapshot(tree):
    """All that can be known of a tree, but for when it was read."""
    found = {}
    for path, folders, files in os.walk(tree):
        for name in [".", *folders, *files]:
            one = os.path.join(path, name)
            status = os.lstat(one)
            content = open(one, "rb").read() if stat.S_ISREG(status.st_mode) else None
            found[one] = (content, status.st_mode, status.st_ino, status.st_nlink, status.st_uid, status.st_gid,
                          status.st_size, status.st_mtime_ns, status.st_ctime_ns,
                          [(n, os.getxattr(one, n, follow_symlinks=False)) for n in os.listxattr(one, follow_symlinks=False)])
    return found


@contextlib.contextmanager
def prey(inside, user):
    """A tree and what hostile.py looks for: a process, sockets, a bus."""
    with contextlib.ExitStack() as stack:
        at = stack.enter_context(folder(inside=inside))
        os.chmod(at, 0o755)
        tree = at + "/tree"
        os.makedirs(tree + "/empty")
        write(tree + "/file", "as it was\n")
        os.mkfifo(tree + "/fifo")
        stack.callback(os.close, os.open(tree + "/fifo", os.O_RDONLY | os.O_NONBLOCK))
        for name, kind in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
            one = stack.enter_context(socket.socket(socket.AF_INET, kind))
            one.bind(("127.0.0.1", 0))
            if name == "tcp":
                one.listen(100)
            write(f"{tree}/{name}", str(one.getsockname()[1]))
        for address in (tree + "/socket", "\0" + tree):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            one.bind(address)
            one.listen(100)
        os.chmod(tree + "/socket", 0o777)
        identity = {"user": user, "group": user, "extra_groups": []} if user else {}
        # Its 9 is the file, open to be written; the folder it works in is the tree.
        for path, _, names in os.walk(tree):
            os.chown(path, user or 0, user or 0)
            for name in names:
                os.chown(os.path.join(path, name), user or 0, user or 0)
        shell = 'exec 9<>file; echo ready; exec cat'
        process = subprocess.Popen(["/bin/sh", "-c", shell], cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **identity)
        stack.callback(process.wait)
        stack.callback(process.kill)
        process.stdout.readline()
        write(tree + "/victim", str(process.pid))
        if not shutil.which("dbus-daemon") or not shutil.which("dbus-send"):
            raise Skip("there is no D-Bus to call")
        daemon = subprocess.Popen(["dbus-daemon", "--session", "--print-address", "--nofork"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, **identity)
        stack.callback(daemon.wait)
        stack.callback(daemon.kill)
        write(tree + "/dbus", daemon.stdout.readline().strip())
        yield at, tree


def hostile_command(attempt, tree):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile.py")
    return ["/usr/bin/python3", "-B", script, attempt, tree]


def users():
    return [None, NOBODY] if os.geteuid() == 0 else [None]


def test_the_hostile_command_would_do_it_all():
    """Else what follows proved nothing."""
    for user in users():
        for attempt in sorted(set(ATTEMPTS) - UNTRIED):
            with prey("/var/tmp", user) as (_, tree):
                identity = {"user": user, "group": user, "extra_groups": []} if user else {}
                done = subprocess.run(hostile_command(attempt, tree), check=False, **identity)
                equal(done.returncode, 0, f"{attempt} as {user or 'the tests user'}, without mgmt")


def hostile_graph(tree, meta=None):
    return graph(exec=[
        {"name": attempt, "cmd": "true", "ifcmd": " ".join(hostile_command(attempt, tree)), **({"meta": meta} if meta else {})}
        for attempt in ATTEMPTS
    ])


def nothing_is_changed(args, user, meta=None):
    with prey("/var/tmp", user) as (at, tree):
        need_confinement(at, user)
        write(at + "/graph.yaml", hostile_graph(tree, meta))
        before = snapshot(tree)
        above = sorted(os.listdir("/var/tmp"))
        status, out, err = run(*args, cwd=at, user=user)
        done = [line for line in out.splitlines() if line.startswith("change exec") or "would change" in line]
        check(status in (0, 6), f"exit status {status} of {args}: {out}{err}")
        check("unknown" not in out, f"guards were not run: {out}")
        equal(status, 0, f"{args} as {user}: the guards could do this: {done}")
        after = snapshot(tree)
        for path in sorted(set(before) | set(after)):
            equal(after.get(path), before.get(path), f"{path} after {args} as {user}")
        equal([n for n in os.listdir("/var/tmp") if n.startswith("new-")], [n for n in above if n.startswith("new-")], "/var/tmp")
        pid = int(read(tree + "/victim"))
        os.kill(pid, 0)


def test_a_hostile_guard_changes_nothing_in_a_plan():
    for user in users():
        nothing_is_changed(["plan", "graph.yaml"], user)


def test_a_hostile_guard_does_not_reach_the_plan_that_is_saved():
    for user in users():
        with folder() as at:
            os.chmod(at, 0o755)
            os.chown(at, user or 0, user or 0)
            need_confinement(at, user)
            write(at + "/graph.yaml", graph(exec=[
                {"name": one, "cmd": "true", "ifcmd": " ".join(hostile_command(one, at))}
                for one in ("descriptors_of_the_parent", "inherited_descriptor")]))
            status, out, err = run("plan", "graph.yaml", "--save", "plan.json", cwd=at, user=user)
            equal(status, 0, f"as {user}: {out}{err}")


def test_a_hostile_guard_changes_nothing_in_noop():
    for user in users():
        nothing_is_changed(["run", "graph.yaml", "--noop", "--once", "--report", "lines", "--tmp-prefix"], user)


def test_a_hostile_guard_changes_nothing_under_meta_noop():
    nothing_is_changed(["run", "graph.yaml", "--once", "--report", "lines", "--tmp-prefix"], None, meta={"noop": True})


def test_null_and_a_private_tmp_can_be_written_and_the_real_one_is_read():
    for user in users():
        with folder(inside="/tmp") as at:
            os.chmod(at, 0o755)
            if user:
                os.chown(at, user, user)
            need_confinement(at, user)
            write(at + "/there", "as it was")
            guard = f"echo x > /dev/null && grep -q 'as it was' {at}/there && echo y > {at}/mine && grep -q y {at}/mine"
            write(at + "/graph.yaml", graph(exec=[{"name": "a", "cmd": "true", "ifcmd": guard, "ifshell": "/bin/sh"}],
                                            file=[{"name": "there", "path": at + "/there", "content": "as it was"}]))
            before = snapshot(at)
            for args in (["plan", "graph.yaml"], ["run", "graph.yaml", "--noop", "--once", "--tmp-prefix"]):
                status, out, err = run(*args, cwd=at, user=user)
                equal(status, 6, f"{args}: the guard must succeed: {out}{err}")
                check("change exec[a]" in out and "file[there]" not in out, out)
            equal(snapshot(at), before, "what is in /tmp")


def test_where_it_cannot_be_had_guards_are_not_run_and_that_is_said():
    """A user namespace that allows no further one stands for an old kernel or a nested container."""
    with folder() as at:
        write(at + "/graph.yaml", graph(exec=[{"name": "a", "cmd": "true", "ifcmd": f"touch {at}/mark"}],
                                        file=[{"name": "f", "path": at + "/f", "content": "x"}]))
        inner = (f"echo 0 > /proc/sys/user/max_mnt_namespaces && {{ {mgmt()} plan graph.yaml; echo status $?; "
                 f"{mgmt()} run graph.yaml --noop --once --tmp-prefix; echo status $?; }}")
        done = subprocess.run(["unshare", "--user", "--map-root-user", "/bin/sh", "-c", inner], cwd=at, capture_output=True,
                              text=True, timeout=60, check=False)
        if "Permission denied" in done.stderr or "Operation not permitted" in done.stderr:
            raise Skip(f"no user namespace: {done.stderr}")
        check("unknown exec[a]" in done.stdout, f"{done.stdout}{done.stderr}")
        check("cmd unknown: `ifcmd` was not run: making namespaces" in done.stdout, f"{done.stdout}{done.stderr}")
        check("change file[f]" in done.stdout, "what needs no guard is planned")
        check("guards of commands are not run" in done.stderr, f"a word on it: {done.stderr}")
        equal(done.stdout.count("status 6"), 2, f"exit statuses: {done.stdout}{done.stderr}")
        check(not os.path.exists(at + "/mark"), "the guard was run")


def test_a_plan_shows_each_parameter_and_what_follows():
    with folder() as at:
        write(at + "/conf", "one\n")
        write(at + "/graph.yaml", graph(
            name="web",
            file=[{"name": "conf", "path": at + "/conf", "content": "two\n", "mode": "0600", "show_diff": True},
                  {"name": "fine", "path": at + "/conf2", "state": "absent"}],
            exec=[{"name": "reload", "cmd": "echo reload", "ifcmd": "true"},
                  {"name": "broken", "cmd": "true", "ifcmd": "/no/such/guard"}],
            noop=[{"name": "after"}],
            edges=[("file", "conf", "exec", "reload"), ("exec", "broken", "noop", "after")]))
        status, document = plan(at)
        equal(status, 4, "exit status with a guard that can't be run")
        equal(document["version"], 1, "version")
        equal(states(document), {"file[conf]": "change", "file[fine]": "fine", "exec[reload]": "change",
                                 "exec[broken]": "failed", "noop[after]": "blocked"}, "states")
        by_name = {one["resource"]: one for one in document["resources"]}
        equal([c["param"] for c in by_name["file[conf]"]["changes"]], ["content", "mode"], "changes of the file")
        check("-one\n+two" in by_name["file[conf]"]["diffs"][0]["diff"], "the difference")
        check(by_name["file[conf]"]["place"].startswith("graph.yaml:"), "the place")
        equal(by_name["exec[reload]"]["changes_before"], ["file[conf]"], "what may change the guard's answer")
        equal(by_name["noop[after]"]["blocked_by"], "exec[broken]", "what it is behind")
        order = list(states(document))
        check(order.index("file[conf]") < order.index("exec[reload]"), f"graph order: {order}")
        equal(read(at + "/conf"), "one\n", "the file")


def test_a_plan_says_which_change_refreshes_whom():
    with folder() as at:
        text = json.loads(graph(file=[{"name": "conf", "path": at + "/conf", "content": "x"}],
                                exec=[{"name": "reload", "cmd": "true", "refresh_only": True}],
                                edges=[("file", "conf", "exec", "reload")]))
        text["edges"][0]["notify"] = True
        write(at + "/graph.yaml", json.dumps(text))
        status, document = plan(at)
        equal(status, 6, "exit status")
        conf, reload = document["resources"]
        equal(conf["refreshes"], ["exec[reload]"], "whom the file's change refreshes")
        equal(reload["refreshed_by"], ["file[conf]"], "what refreshes it")
        equal([c["param"] for c in reload["changes"]], ["refresh"], "what it would do")
        write(at + "/conf", "x")
        equal(plan(at)[0], 0, "nothing changes, so nothing is refreshed")


def test_exit_statuses():
    with folder() as at:
        file = {"name": "f", "path": at + "/f", "content": "x"}
        write(at + "/graph.yaml", graph(file=[file]))
        once = ["--once", "--report", "none", "--tmp-prefix"]
        equal(run("plan", "graph.yaml", cwd=at)[0], 6, "plan with changes")
        equal(run("run", "graph.yaml", "--noop", *once, cwd=at)[0], 6, "noop with changes")
        equal(run("run", "graph.yaml", "--detailed-exitcode", *once, cwd=at)[0], 5, "changes were made")
        equal(run("run", "graph.yaml", "--detailed-exitcode", *once, cwd=at)[0], 0, "nothing was to do")
        equal(run("plan", "graph.yaml", cwd=at)[0], 0, "plan with nothing to do")
        equal(run("run", "graph.yaml", "--noop", *once, cwd=at)[0], 0, "noop with nothing to do")
        os.unlink(at + "/f")
        equal(run("run", "graph.yaml", *once, cwd=at)[0], 0, "changes, and nobody asked")
        write(at + "/graph.yaml", "graph: [")
        for command in ("plan", "check"):
            equal(run(command, "graph.yaml", cwd=at)[0], 2, f"{command} of a broken file")
        equal(run("plan", cwd=at)[0], 2, "no file")
        # Several at once: a failure before all others, then what didn't end.
        bad = {"name": "bad", "path": at + "/f/not-a-folder", "content": "x"}
        long = {"name": "long", "cmd": "sleep 1000"}
        write(at + "/graph.yaml", graph(file=[{**file, "content": "y"}, bad]))
        equal(run("plan", "graph.yaml", cwd=at)[0], 6, "a parent in the way is found by the run")
        equal(run("run", "graph.yaml", "--detailed-exitcode", *once, cwd=at)[0], 4, "a failure and a change")
        write(at + "/graph.yaml", graph(file=[{**file, "content": "z"}], exec=[long]))
        equal(run("run", "graph.yaml", "--detailed-exitcode", "--max-runtime", "0.5", *once, cwd=at)[0], 7, "not converged, and a change")
        write(at + "/graph.yaml", graph(file=[{**file, "content": "a"}], exec=[{**long, "ifcmd": "sleep 1000"}]))
        status, document = plan(at, "--max-runtime", "0.5")
        equal(status, 7, "a guard that doesn't end")
        equal(states(document)["exec[long]"], "unknown", "what it was asked of")


def test_plan_and_noop_are_ended_by_a_signal_and_leave_no_guard():
    with folder() as at:
        write(at + "/graph.yaml", graph(exec=[{"name": "a", "cmd": "true", "ifcmd": f"sleep {os.getpid()}.5"}]))
        noop = ["run", "graph.yaml", "--noop", "--once", "--tmp-prefix"]
        for args, number in [(a, n) for a in (["plan", "graph.yaml"], noop) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)]:
            process = subprocess.Popen([mgmt(), *args], cwd=at, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            guard = ["pgrep", "-f", f"^sleep {os.getpid()}.5"]
            wait_until(lambda: subprocess.run(guard, stdout=subprocess.DEVNULL, check=False).returncode == 0, "the guard runs")
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
            equal(process.returncode, -number if number == signal.SIGKILL else 128 + number, f"exit status of {args}: {out}{err}")
            wait_until(lambda: subprocess.run(guard, stdout=subprocess.DEVNULL, check=False).returncode != 0, "the guard has ended")


def test_a_saved_plan_is_applied_exactly_or_not_at_all():
    with folder() as at:
        files = [{"name": n, "path": f"{at}/{n}", "content": "new"} for n in "abc"]
        text = graph(file=files, exec=[{"name": "x", "cmd": f"touch {at}/x", "creates": at + "/x"}])
        write(at + "/graph.yaml", text)
        write(at + "/a", "old")
        apply = ["apply", "plan.json", "--report", "none"]
        equal(run("plan", "graph.yaml", "--save", "plan.json", cwd=at)[0], 6, "plan")
        equal(stat.S_IMODE(os.stat(at + "/plan.json").st_mode), 0o600, "mode of the plan")
        equal(run("plan", "graph.yaml", "--same-as", "plan.json", cwd=at)[0], 0, "nothing moved yet")

        def refused(what):
            before = snapshot(at)
            status, out, err = run(*apply, cwd=at)
            equal(status, 4, f"refused: {out}{err}")
            check(what in err, f"not named: {what}: {err}")
            equal(snapshot(at), before, "refused, so nothing is touched")

        write(at + "/a", "another")
        refused("file[a] would change otherwise by now")
        write(at + "/a", "new")
        refused("file[a] is as declared by now")
        write(at + "/a", "old")
        write(at + "/x", "")
        refused("exec[x] is as declared by now")
        os.unlink(at + "/x")
        write(at + "/graph.yaml", text + "\n# edited")
        refused("graph.yaml was edited")
        write(at + "/graph.yaml", text)
        os.chmod(at + "/plan.json", 0o622)
        equal(run(*apply, cwd=at)[0], 1, "a plan that others could have written")
        os.chmod(at + "/plan.json", 0o600)

        equal(run(*apply, cwd=at)[0], 0, "applied")
        equal([read(f"{at}/{n}") for n in "abcx"], ["new", "new", "new", ""], "what was planned")
        refused("file[b] is as declared by now")


def test_a_change_during_the_apply_is_not_overwritten():
    """The machine moves after the check of all and before the resource's turn."""
    with folder() as at:
        write(at + "/late", "old")
        os.mkfifo(at + "/go")
        write(at + "/graph.yaml", graph(
            exec=[{"name": "wait", "cmd": f"head -c1 {at}/go"}],
            file=[{"name": "late", "path": at + "/late", "content": "new"}],
            edges=[("exec", "wait", "file", "late")]))
        equal(run("plan", "graph.yaml", "--save", "plan.json", cwd=at)[0], 6, "plan")
        process = subprocess.Popen([mgmt(), "apply", "plan.json"], cwd=at, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        go = os.open(at + "/go", os.O_WRONLY)  # waits for the reader: the check of all is over
        write(at + "/late", "somebody else's")
        os.write(go, b"x")
        os.close(go)
        out, err = process.communicate(timeout=20)
        equal(process.returncode, 4, f"exit status: {out}{err}")
        check("what it would change is not what was planned" in out, f"{out}{err}")
        equal(read(at + "/late"), "somebody else's", "the file")


def test_an_ordinary_users_plan_says_that_owners_are_hidden():
    if os.geteuid() != 0:
        raise Skip("only root can make a file of another user")
    with folder() as at:
        os.chmod(at, 0o755)
        need_confinement(at, NOBODY)
        write(at + "/roots", "x")
        write(at + "/mine", "x")
        os.chown(at + "/mine", 1, 1)
        write(at + "/graph.yaml", graph(file=[{"name": "roots", "path": at + "/roots", "owner": "root"},
                                              {"name": "mine", "path": at + "/mine", "owner": "1"}]))
        status, document = plan(at, user=1)
        equal(states(document), {"file[roots]": "unknown", "file[mine]": "fine"}, "one's own is known, another's not")
        equal(status, 6, "what isn't known may be a change")
        equal(plan(at)[0], 0, "root sees all")


def test_what_is_not_known_is_not_saved():
    with folder() as at:
        write(at + "/graph.yaml", graph(exec=[{"name": "a", "cmd": "true", "ifcmd": "/no/such/guard"}]))
        equal(run("plan", "graph.yaml", "--save", "plan.json", cwd=at)[0], 4, "exit status")
        write(at + "/graph.yaml", graph(noop=[{"name": "a"}], collect=[{"kind": "file", "pattern": at + "/"}]))
        equal(run("plan", "graph.yaml", "--save", "plan.json", cwd=at)[0], 2, "exit status of what collects")
        check(not os.path.exists(at + "/plan.json"), "there is a plan")
        status, out, err = run("plan", "graph.yaml", cwd=at)
        equal(status, 0, out + err)
        check("what other agents export is not in this plan" in err, f"a word on it: {err}")


if __name__ == "__main__":
    main(globals())
