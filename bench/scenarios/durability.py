# SPDX-License-Identifier: GPL-3.0-or-later
"""Files from nothing, and all of them replaced, with each --durability."""
import json

from harness import Row, timed

# `file` waits for the disk four times a file.
COUNTS = {"none": 10_000, "burst": 10_000, "file": 1_000}
# Seconds for new and for replaced ones.
LIMITS = {"none": (1.6, 2.5), "burst": (1.6, 2.5), "file": (30, 30)}


def graph(bench, folder, version, count):
    files = [{"name": f"f{n}", "path": f"{folder}/f{n}", "content": f"file {n} version {version}\n" * 5} for n in range(count)]
    return bench.write(f"durability{version}.yaml", json.dumps({"graph": "durability", "resources": {"file": files}}))


def run(bench):
    took = {(mode, version): [] for mode in COUNTS for version in (0, 1)}
    for _ in range(bench.pairs):
        for mode, count in COUNTS.items():
            with bench.fresh_ext4() as folder:
                (folder / "files").mkdir()
                # One prefix: what mgmt itself wrote isn't kept when it is overwritten.
                prefix = ["--prefix", str(folder / "prefix")]
                for version in (0, 1):
                    file = graph(bench, folder / "files", version, count)
                    took[mode, version].append(
                        timed([bench.mgmt(), "run", str(file), "--once", *prefix, "--durability", mode]))
    return [Row(f"{COUNTS[mode]:,} files {'replaced' if version else 'from nothing'}, --durability {mode}", "s",
                took[mode, version], LIMITS[mode][version]) for mode, version in took]
