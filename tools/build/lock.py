"""Lock the Python dependencies anew, without naming the registry that they happened to come from."""

import json
import os
import subprocess

from tools import ROOT


def main() -> None:
    """Run Pipenv's lock and drop the lines that depend on the machine.

    A lock without a source is installed from whatever registry the machine's pip is set up for; the hashes hold
    anywhere.
    """
    pipenv = ROOT / ".tools" / "pipenv" / "bin" / "pipenv"
    environment = dict(os.environ, VIRTUAL_ENV=str(ROOT / ".venv"), PIPENV_VERBOSITY="-1", PIPENV_NOSPIN="1")
    subprocess.run([str(pipenv), "lock"], check=True, cwd=ROOT, env=environment)
    path = ROOT / "Pipfile.lock"
    lock = json.loads(path.read_text(encoding="utf-8"))
    lock["_meta"]["sources"] = []
    lock["_meta"]["requires"] = {}
    for category in lock.values():
        for entry in category.values():
            if isinstance(entry, dict):
                entry.pop("index", None)
    path.write_text(json.dumps(lock, indent=4) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
