# SPDX-License-Identifier: GPL-2.0-only
"""The verifier's instruction counts stay where bpf-src/verified.yaml has them."""

import pytest
import yaml

from ..conftest import ROOT


def lacks_target(reason):
    """Of a program for the kernels that have what it attaches to."""
    return "failed to find kernel BTF type ID" in reason or "type STRUCT is unsupported" in reason


# The suites judge every program on all five; here are those whose verifiers differ most.
@pytest.mark.parametrize("kernel", [
    "5.10", *(pytest.param(kernel, marks=pytest.mark.long) for kernel in ("6.1", "6.12", "6.18", "7.2"))])
def test_counts_stay(vmtest, kernel):
    kept = yaml.safe_load((ROOT / "bpf-src/verified.yaml").read_text())
    objects = sorted((ROOT / "bpf-src").glob("*.bpf.c"))
    files = [vmtest.need(f"build/bpf/{path.name.removesuffix('.c')}.o") for path in objects]
    got = vmtest.run("verify", *files, kernel=kernel, bound=300)
    assert got.returncode in (0, 1), got.out
    wrong, seen = [], set()
    for line in got.lines:
        program = line["verifier"]["program"]
        if line["status"] == "FAIL" and lacks_target(line["reason"]):  # counts that are there for it are missed below
            continue
        if line["status"] != "PASS":
            wrong.append(f"{program} on {kernel}: {line['reason']}")
            continue
        now, was = line["verifier"]["insns"], kept["programs"].get(program, {}).get(kernel)
        seen.add(program)
        # every program here calls one function after the other: the deepest chain is two frames
        frames = [(size + 31) // 32 * 32 for size in line["verifier"]["stack"]]
        if frames[0] + max(frames[1:], default=0) > kept["stack"]:
            wrong.append(f"{program} on {kernel}: stack {line['verifier']['stack']}")
        if now > kept["limit"]:
            wrong.append(f"{program} on {kernel}: {now} instructions, above the limit of {kept['limit']}")
        if was is None:
            wrong.append(f"{program} on {kernel}: not there; it takes {now}")
        elif not was * (100 - 2 * kept["margin"]) <= now * 100 <= was * (100 + kept["margin"]):
            wrong.append(f"{program} on {kernel}: {now} instructions, {was} there")
    assert not wrong, "bpf-src/verified.yaml: " + "; ".join(wrong)
    known = {program for program, counts in kept["programs"].items() if kernel in counts}
    assert seen == known, "what the file has and what was verified differ"
