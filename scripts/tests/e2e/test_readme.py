# SPDX-License-Identifier: GPL-2.0-only
"""What README.md shows of rules, run as it stands there."""

import re
import subprocess
import textwrap

from ..conftest import ROOT

SECTION = "## Security, by hand\n"


def shown():
    """[(command, what it says)], in order."""
    section = (ROOT / "README.md").read_text().split(SECTION)[1].split("\n## ")[0]
    block = textwrap.dedent("".join(line for line in section.splitlines(True) if line.startswith("    ")))
    parts = re.split(r"^# (?=[a-z./])", block, flags=re.MULTILINE)  # an #include is no prompt
    assert parts[0] == ""
    return [tuple(part.split("\n", 1)) for part in parts[1:]]


def said(output):
    """As a shell that is interactive says it: without lines of a script, and of who was killed no number."""
    output = re.sub(r"^bash: line \d+: +\d+ Killed .*$", "Killed", output, flags=re.MULTILINE)
    return re.sub(r"^bash: line \d+: ", "bash: ", output, flags=re.MULTILINE)


def test_rules_shown_do_what_is_shown(vmtest, tmp_path):
    script, expected = ["cd /shown"], []
    for command, output in shown():
        if command.startswith("cat "):
            (tmp_path / command.split()[1]).write_text(output)
        elif command.startswith("cc "):
            subprocess.run(command.split(), cwd=tmp_path, check=True)
        else:
            script += [f"echo '# {command}'", command.replace("exec 3<>", "true 3<>")]  # a failed exec ends a script
            expected.append(f"# {command}\n{output}")
    assert len(expected) == 6, "the section has been read"
    (tmp_path / "shadow").write_text("root:*:20000:0:99999:7:::\n")
    copies = {tmp_path / "rules.yaml": "/shown/rules.yaml", tmp_path / "empty": "/shown/empty",
              tmp_path / "shadow": "/etc/shadow", vmtest.need("build/bin/corepath"): "/bin/corepath",
              "/bin/bash": "/bin/bash"}
    done = subprocess.run([vmtest.program, "run", "--kernel", "6.12",
                           *(word for copy in copies.items() for word in ("--copy", f"{copy[0]}:{copy[1]}")),
                           "--copy", f"{tmp_path}/empty:/usr/bin/pkexec",  # any program will do
                           "--env", "PATH=/bin", "--", "bash", "-c", "exec 2>&1; exec bash"],
                          input="\n".join(script) + "\n", capture_output=True, text=True, timeout=120)
    assert said(done.stdout) == "".join(expected), done.stderr
