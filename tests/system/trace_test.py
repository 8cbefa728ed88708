# SPDX-License-Identifier: GPL-3.0-or-later
"""`--trace`: a track per worker and child, one slice per check and apply, arrows along edges; what a viewer can read."""

import collections
import json

import mgmt_test
from mgmt_test import check, equal, folder, read, run, write


def trace(at, tree):
    write(at + "/graph.yaml", json.dumps(tree))
    status, agent = run("graph.yaml", "--once", "--trace", at + "/t.json", cwd=at)
    equal(status, 0, f"exit status{agent.tail()}")
    return json.loads(read(at + "/t.json"))


def test_workers_and_children_have_their_tracks():
    with folder() as at:
        files = [{"name": f"f{n}", "path": f"{at}/f{n}", "content": "x" * 1000 * n} for n in range(50)]
        tree = {"graph": "g", "resources": {"file": files, "exec": [{"name": "e", "cmd": "sleep 0.05"}]},
                "edges": [{"from": {"kind": "file", "name": "f0"}, "to": {"kind": "exec", "name": "e"}}]}
        events = trace(at, tree)
        names = {(e["name"], e["pid"], e["tid"]): e["args"]["name"] for e in events if e["ph"] == "M"}
        processes = [name for (kind, _, _), name in names.items() if kind == "process_name"]
        equal(sorted(processes), ["child processes", "mgmt"], "processes")
        equal(len([e for e in events if e["ph"] == "M" and e["name"] == "process_name"]), 2, "each is named once")
        track = {(pid, tid): name for (kind, pid, tid), name in names.items() if kind == "thread_name"}
        slices = collections.defaultdict(list)
        for event in events:
            if event["ph"] == "X":
                slices[event["name"]].append(event)
        for name, parts in slices.items():
            equal([e["cat"] for e in parts], ["check", "apply"], f"slices of {name}")
            where = {track[e["pid"], e["tid"]] for e in parts}
            equal(len(where), 1, f"tracks of {name}")
            check(where.pop().startswith("process " if name == "exec[e]" else "worker "), f"the track of {name}")
        equal(len(slices), 51, "resources")
        check(slices["exec[e]"][1]["dur"] >= 50_000, "the apply of sleep 0.05")
        # A thread does one thing at a time.
        by_track = collections.defaultdict(list)
        for event in (e for e in events if e["ph"] == "X"):
            by_track[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"], event["name"]))
        for where, spans in by_track.items():
            for (_, end, one), (begin, _, other) in zip(sorted(spans), sorted(spans)[1:]):
                check(begin >= end, f"{one} and {other} overlap on {track[where]}")
        arrow = {e["ph"]: e for e in events if e["ph"] in "sf"}
        equal((arrow["s"]["pid"], arrow["f"]["pid"], arrow["f"]["tid"]), (1, 2, slices["exec[e]"][0]["tid"]), "the arrow's ends")
        check(arrow["s"]["ts"] <= arrow["f"]["ts"], "an arrow goes forward")


def test_what_is_fine_is_checked_and_not_applied():
    with folder() as at:
        tree = {"graph": "g", "resources": {"file": [{"name": "f", "path": at + "/f", "content": "x"}]}}
        trace(at, tree)
        slices = [e for e in trace(at, tree) if e["ph"] == "X"]
        equal([(e["name"], e["cat"], e["args"]["outcome"]) for e in slices], [("file[f]", "check", "fine")], "slices")


def test_a_place_that_cannot_be_written_is_said_at_once():
    with folder() as at:
        write(at + "/graph.yaml", json.dumps({"graph": "g", "resources": {"file": [{"name": "f", "path": at + "/f", "content": "x"}]}}))
        status, agent = run("graph.yaml", "--once", "--trace", at + "/none/t.json", cwd=at)
        equal((status, read(at + "/f")), (1, None), "exit status, nothing was done")
        check("writing the trace" in agent.stderr(), agent.stderr())


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
