# SPDX-License-Identifier: GPL-3.0-or-later
"""CFEngine 3 (Debian's cfengine3) on the same 10,000 files, in an overlay of this machine that is thrown away."""
import subprocess
import time

from harness import Row, content_of, files_graph, in_turn, run as run_program, timed

COUNT = 10_000


def policy(folder):
    promises = "\n".join(f'"{folder}/f{i}" create => "true", content => "{content_of(i)}", perms => m;' for i in range(COUNT))
    return ('body common control { bundlesequence => { "main" }; }\n'
            'body perms m { mode => "0644"; }\n'
            "bundle agent main { files:\n" + promises + "\n}\n")


class Overlay:
    """This machine's own files below, what is installed above; it goes with the mount namespace."""

    def __init__(self, space, shared):
        self.root = space / "root"
        for name in ("root", "upper", "work"):
            (space / name).mkdir()
        run_program(["mount", "-t", "overlay", "overlay", "-o",
                     f"lowerdir=/,upperdir={space}/upper,workdir={space}/work", self.root])
        run_program(["mount", "--bind", "/dev", self.root / "dev"])
        run_program(["mount", "--bind", shared, self.root / "mnt"])
        # The package would start its daemons.
        no_daemons = self.root / "usr/sbin/policy-rc.d"
        no_daemons.write_text("#!/bin/sh\nexit 101\n")
        no_daemons.chmod(0o755)

    def command(self, *words):
        # In a process namespace of its own, so that nothing outlives its command.
        return ["unshare", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc",
                "chroot", str(self.root), *words]

    def close(self):
        run_program(["umount", "-R", "-l", self.root])


def run(bench):
    with bench.fresh_ext4(gigabytes=4) as space:
        shared = space / "shared"
        shared.mkdir()
        overlay = Overlay(space, shared)
        try:
            install = "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends cfengine3"
            run_program(overlay.command("sh", "-c", install))

            def cfengine(pair):
                (shared / f"cf{pair}").mkdir()
                file = shared / f"policy{pair}.cf"
                file.write_text(policy(f"/mnt/cf{pair}"))
                file.chmod(0o600)
                took = []
                for _ in ("from nothing", "again"):
                    began = time.perf_counter()
                    done = subprocess.run(overlay.command("cf-agent", "-K", "-f", f"/mnt/policy{pair}.cf"),
                                          capture_output=True, text=True)
                    took.append(time.perf_counter() - began)
                    assert done.returncode == 0, f"cf-agent: {done.stdout[-400:]}{done.stderr[-400:]}"
                last = shared / f"cf{pair}/f{COUNT - 1}"
                assert last.read_text() == content_of(COUNT - 1), "cf-agent didn't make the files"
                return took

            def mgmt(pair):
                folder = shared / f"mgmt{pair}"
                folder.mkdir()
                graph = bench.write("peers.yaml", files_graph(folder, COUNT))
                return [bench.run_once(graph), bench.run_once(graph)]

            # CFEngine takes seconds, so its noise is small.
            ours, theirs = in_turn(min(bench.pairs, 3), mgmt, cfengine)
            # CFEngine syncs nothing, mgmt does: what the machine takes at least, without any sync.
            (shared / "bare").mkdir()
            bare = timed([bench.loop("files"), str(shared / "bare"), str(COUNT), "nosync"])
        finally:
            overlay.close()
    # How many times ahead: the peer's time over mgmt's.
    return [Row(f"CFEngine's time over mgmt's, 10,000 files {what}", "×", [t[i] / o[i] for t, o in zip(theirs, ours)], 10,
                note=f"CFEngine {min(t[i] for t in theirs):.2f} s, mgmt {min(o[i] for o in ours):.2f} s"
                     + ("" if i else f", bare loop without its sync {bare:.2f} s"), at_least=True)
            for i, what in enumerate(("from nothing", "again"))]
