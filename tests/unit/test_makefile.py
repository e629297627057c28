"""What is given to a target reaches its command as it is."""

import subprocess
import sys

import pytest

from tools import ROOT

# A sender decides about the ids of its events: any character from ! to ~.
HOSTILE = ["generic:`id`", "generic:order$1", "generic:$(id)", "generic:a\"b'c", "a$$b;x|y&z<>(*)#\\", "a\\"]


def shown(tmp_path, *arguments):
    """Return the arguments with which a target's command is called."""
    command = tmp_path / "python"
    command.write_text(f"#!{sys.executable}\nimport sys\nprint('\\n'.join(sys.argv[3:]))\n", encoding="utf-8")
    command.chmod(0o755)
    run = ["make", "--silent", "--assume-old=setup", f"PYTHON={command}", *arguments]
    return subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("given", HOSTILE)
def test_what_is_given_to_a_target_is_no_shell(tmp_path, given):
    assert shown(tmp_path, "event", f"ID={given}") == ["show", given]
    assert shown(tmp_path, "events", f"TRANSACTION={given}") == ["list", "--transactionId", given]
    assert shown(tmp_path, "redeliver", f"PROVIDER={given}", f"ID={given}") == [given, "--id", given]
