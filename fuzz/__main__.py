"""``make fuzz``: every provider's verifier and extractor in turn, from its own seeds and a fixed random seed."""

import argparse
import subprocess
import sys
import tempfile

from lambdas.inbound.providers.registry import REGISTRY
from tools import ROOT


def main() -> int:
    """Fuzz; the first finding ends it, with the input that made it in ``.build/fuzz``."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--runs", type=int, default=100_000, help="inputs for each provider")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers")
    parser.add_argument("entries", nargs="*", default=list(REGISTRY), help="registry entries (all)")
    arguments = parser.parse_args()
    findings = ROOT / ".build" / "fuzz"
    findings.mkdir(parents=True, exist_ok=True)
    for entry in arguments.entries:
        with tempfile.TemporaryDirectory() as corpus:
            command = [sys.executable, "-m", "fuzz.harness", entry, corpus, f"-runs={arguments.runs}"]
            limits = [f"-seed={arguments.seed}", "-max_len=65536", "-timeout=10", f"-artifact_prefix={findings}/"]
            run = subprocess.run([*command, *limits], cwd=ROOT, capture_output=True, text=True, check=False)
        last = [line for line in run.stderr.splitlines() if "DONE" in line]
        print(f"{entry}: {last[-1].strip() if last else run.stderr[-2000:]}")
        if run.returncode:
            return run.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
