"""The providers' own packages for npm."""

import json
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".mjs")


def call(*calls):
    """Return the results of calls, each of which is a name and its arguments; see the script."""
    done = subprocess.run(
        ["node", str(SCRIPT)], input=json.dumps(calls), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert len(results) == len(calls)
    return results
