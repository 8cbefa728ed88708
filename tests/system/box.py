# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a test file inside a box: a systemd of its own, over a copy-on-write view of this machine (see ./box)."""

import os
import subprocess
import sys
import tempfile

import mgmt_test

BOX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "box")
BUILD = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(mgmt_test.mgmt()))))


def enter():
    """Returns inside a box; outside, starts one, runs this program in it, and exits as that did."""
    if os.environ.get("MGMT_IN_BOX"):
        return
    with tempfile.TemporaryDirectory(prefix="mgmt-box-", dir="/var/tmp") as at:
        binds = [word for path in {mgmt_test.REPO, BUILD} for word in ("--bind", path)]
        started = subprocess.run([BOX, "start", at, *binds], stdin=subprocess.DEVNULL, check=False).returncode
        if started == mgmt_test.SKIPPED and not mgmt_test.CI:
            sys.exit(mgmt_test.SKIPPED)
        if started != 0:
            sys.exit("the box did not start")
        try:
            environment = {**os.environ, "MGMT_IN_BOX": at, "MGMT": os.path.realpath(mgmt_test.mgmt())}
            command = [BOX, "exec", at, sys.executable, "-B", os.path.abspath(sys.argv[0]), *sys.argv[1:]]
            status = subprocess.run(command, env=environment, check=False).returncode
        finally:
            subprocess.run([BOX, "stop", at], check=False)
    sys.exit(status)


def program(name):
    """A program of tests/ in the build folder."""
    return os.path.join(BUILD, "tests", name)
