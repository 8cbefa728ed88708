# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands: A command with `user` is that user and no more, and a login that can't be looked up holds up only who needs it.

All its ids are the user's, the saved ones too, its groups are the user's, all of them, and it has no capability and no terminal:
there is no way back to root. A name service that doesn't answer (an LDAP server that is away) is waited for 5 seconds, then the
resource fails and is tried again; everything else goes on meanwhile.

Limits: a set-uid program such as sudo does for that user what it does at a login; `env` may name what is not the user's.
"""

import os
import subprocess

import mgmt_test
from mgmt_test import Agent, Skip, check, equal, folder, graph, read, run, wait_until


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def with_users(at, prepare=""):
    """A prefix that runs a program where joe is a user, with groups of his own."""
    mgmt_test.write(at + "/passwd", read("/etc/passwd") + "joe:x:4711:4711:Joe:/srv/joe:/bin/sh\n")
    mgmt_test.write(at + "/group", read("/etc/group") + "joe:x:4711:\nweb:x:4712:joe\nlogs:x:4713:root,joe\nothers:x:4714:\n")
    mounts = f"mount --bind {at}/passwd /etc/passwd && mount --bind {at}/group /etc/group"
    return ["unshare", "-m", "sh", "-c", f'{mounts} && {prepare or "true"} && exec "$@"', "sh"]


def lines_of(at, cmd, prefix, **params):
    mgmt_test.write(at + "/graph.yaml", graph(exec=[{"name": "x", "cmd": cmd, **params}]))
    status, agent = run("graph.yaml", "--once", cwd=at, command=prefix)
    equal(status, 0, f"exit status{agent.tail()}")
    return [event["line"] for event in agent.all("output")]


def status_of(at, prefix, **params):
    lines = lines_of(at, "/bin/cat /proc/self/status", prefix, **params)
    return {key.rstrip(":"): rest.split() for key, _, rest in (line.partition("\t") for line in lines)}


def test_its_ids_and_groups_are_the_users_and_its_capabilities_none():
    need_root()
    with folder() as at:
        status = status_of(at, with_users(at), user="joe")
        equal(status["Uid"], ["4711"] * 4, "real, effective, saved and file-system user")
        equal(status["Gid"], ["4711"] * 4, "real, effective, saved and file-system group")
        equal(sorted(status["Groups"]), ["4711", "4712", "4713"], "its groups")
        for key in ("CapPrm", "CapEff", "CapAmb"):
            equal(int(status[key][0], 16), 0, key)
        status = status_of(at, with_users(at), user="joe", group="others")
        equal((status["Gid"], sorted(status["Groups"])), (["4714"] * 4, ["4712", "4713", "4714"]), "with a group of its own")


def test_root_is_root_with_roots_groups_whoever_became_root():
    need_root()
    with folder() as at:
        odd = [*with_users(at), "setpriv", "--groups", "4712,4714"]
        equal(sorted(status_of(at, odd)["Groups"]), ["4712", "4714"], "groups of mgmt")
        equal(sorted(status_of(at, odd, user="root")["Groups"]), ["0", "4713"], "groups of `user: root`")


def test_there_is_no_way_back_to_root():
    need_root()
    with folder() as at:
        cmd = "setpriv --reuid 0 --keep-groups true; echo $?; setpriv --regid 0 --keep-groups true; echo $?; chroot / true; echo $?"
        lines = lines_of(at, cmd, with_users(at), user="joe", shell="/bin/sh")
        got = [line for line in lines if line.isdigit()]
        check(len(got) == 3 and "0" not in got, f"joe became somebody else: {lines}")


def test_its_environment_is_the_users():
    need_root()
    with folder() as at:
        lines = lines_of(at, "/usr/bin/env", with_users(at), user="joe")
        check({"HOME=/srv/joe", "USER=joe", "LANG=C.UTF-8"} <= set(lines) and len(lines) == 4, f"its environment: {lines}")


# A name service that answers once a file is there, and not before.
HANG = r"""
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
enum nss_status _nss_hang_getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size, int *error) {
  if (strcmp(name, "ldapjoe") != 0) { *error = ENOENT; return NSS_STATUS_NOTFOUND; }
  while (access(ANSWER, F_OK) != 0) usleep(10000);
  memset(buffer, 0, size);
  strcpy(buffer, name);
  *pw = (struct passwd){.pw_name = buffer, .pw_passwd = buffer + 100, .pw_uid = 4800, .pw_gid = 4800,
                        .pw_gecos = buffer + 100, .pw_dir = buffer + 100, .pw_shell = buffer + 100};
  return NSS_STATUS_SUCCESS;
}
"""


def test_a_name_service_that_hangs_holds_up_only_who_needs_it():
    need_root()
    with folder() as at:
        os.chmod(at, 0o755)
        mgmt_test.write(at + "/hang.c", HANG)
        subprocess.run(["cc", "-shared", "-fPIC", f'-DANSWER="{at}/answer"', "-o", at + "/libnss_hang.so.2", at + "/hang.c"], check=True)
        mgmt_test.write(at + "/nsswitch.conf", "passwd: files hang\ngroup: files\n")
        prefix = [*with_users(at, f"mount --bind {at}/nsswitch.conf /etc/nsswitch.conf"), "env", f"LD_LIBRARY_PATH={at}"]
        files = [{"name": f"theirs{n}", "path": f"{at}/theirs{n}", "content": "x", "owner": "ldapjoe"} for n in range(8)]
        ours = [{"name": f"ours{n}", "path": f"{at}/ours{n}", "content": "x", "owner": "joe"} for n in range(8)]
        execs = [{"name": "theirs", "cmd": "/usr/bin/id -u", "user": "ldapjoe"}, {"name": "ours", "cmd": "/usr/bin/id -u", "user": "joe"}]
        mgmt_test.write(at + "/graph.yaml", graph(file=files + ours, exec=execs))
        agent = Agent("graph.yaml", cwd=at, command=prefix)
        for n in range(8):
            wait_until(lambda path=f"{at}/ours{n}": os.path.exists(path), "a file that needs nobody's answer")
        agent.wait_for("output", resource="exec[ours]", line="4711")
        check(not agent.all("failed"), f"it waited for who hangs{agent.tail()}")
        # Drift is repaired all along.
        for _ in range(20):
            os.unlink(at + "/ours1")
            wait_until(lambda: os.path.exists(at + "/ours1"), "a repair while a name service hangs")
        failed = {}
        while len(failed) < 9:
            event = agent.wait_for("failed")
            failed.setdefault(event["resource"], event)
        equal(failed["exec[theirs]"]["error"], "looking up user `ldapjoe`: no answer in time", "the command's failure")
        equal(failed["file[theirs1]"]["error"], "looking up the user `ldapjoe`: no answer in time", "a file's failure")
        check("nsswitch.conf" in failed["exec[theirs]"]["hint"], failed["exec[theirs]"])
        # A stop doesn't wait for it either, and when it is there again, so is what needs it.
        mgmt_test.write(at + "/answer", "")
        agent.wait_for("output", resource="exec[theirs]", line="4800", seconds=60)
        wait_until(lambda: all(os.path.exists(f"{at}/theirs{n}") for n in range(8)), "the files of who can be looked up again", seconds=60)
        equal(os.stat(at + "/theirs1").st_uid, 4800, "their owner")
        equal(agent.stop(), 0, "exit status")


def test_a_stop_doesnt_wait_for_a_name_service():
    need_root()
    with folder() as at:
        os.chmod(at, 0o755)
        mgmt_test.write(at + "/hang.c", HANG)
        subprocess.run(["cc", "-shared", "-fPIC", f'-DANSWER="{at}/answer"', "-o", at + "/libnss_hang.so.2", at + "/hang.c"], check=True)
        mgmt_test.write(at + "/nsswitch.conf", "passwd: files hang\ngroup: files\n")
        prefix = [*with_users(at, f"mount --bind {at}/nsswitch.conf /etc/nsswitch.conf"), "env", f"LD_LIBRARY_PATH={at}"]
        file = {"name": "f", "path": f"{at}/f", "content": "x", "owner": "ldapjoe"}
        mgmt_test.write(at + "/graph.yaml", graph(file=[file], exec=[{"name": "x", "cmd": "/usr/bin/id -u", "user": "ldapjoe"}]))
        agent = Agent("graph.yaml", cwd=at, command=prefix)
        agent.wait_for("started", resource="exec[x]")
        equal(agent.stop(seconds=4), 0, "exit status")


if __name__ == "__main__":
    mgmt_test.main(globals())
