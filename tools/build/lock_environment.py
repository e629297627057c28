"""Lock environments of their own anew, from the Pipfile in each folder: hashes of every version, and no registry."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import ROOT

HEADER = "# Written from the Pipfile beside it; installed by set-up with pip --require-hashes.\n"


def main() -> None:
    """Lock each folder that is named."""
    for folder in sys.argv[1:]:
        lock(Path(folder))


def lock(environment_of: Path) -> None:
    """Run Pipenv's lock in a folder of its own and write what it found as hashed requirements."""
    pipenv = ROOT / ".tools" / "pipenv" / "bin" / "pipenv"
    with tempfile.TemporaryDirectory() as folder:
        pipfile = Path(folder) / "Pipfile"
        pipfile.write_text((environment_of / "Pipfile").read_text(encoding="utf-8"), encoding="utf-8")
        environment = dict(
            os.environ,
            PIPENV_PIPFILE=str(pipfile),
            VIRTUAL_ENV=str(ROOT / ".venv"),
            PIPENV_VERBOSITY="-1",
            PIPENV_NOSPIN="1",
        )
        subprocess.run([str(pipenv), "lock"], check=True, cwd=folder, env=environment)
        printed = subprocess.run(
            [str(pipenv), "requirements", "--hash"],
            check=True,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        ).stdout
    (environment_of / "requirements.lock").write_text(HEADER + without_registry(printed), encoding="utf-8")


def without_registry(requirements: str) -> str:
    """Return requirements without the lines that name a registry, each hash on a line of its own."""
    kept = [line for line in requirements.splitlines() if line and not line.startswith("-")]
    return "".join(line.replace(" --hash=", " \\\n    --hash=") + "\n" for line in kept)


if __name__ == "__main__":
    main()
