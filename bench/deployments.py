"""Deploy both stacks to a new local AWS again and again, beside busy cores, and print how long each deployment took."""

import subprocess
import sys
import time
from contextlib import ExitStack

from rich.console import Console

from tools.local.aws import LocalAws
from tools.local.deploy import deploy_stacks
from tools.local.progress import Progress
from tools.local.terraform import TerraformError

BUSY_LOOP = "while True: pass"


def main(count: int, busy: int) -> int:
    """Deploy so many times, beside so many busy loops; return how many deployments failed."""
    failed = 0
    print(f"{count} deployments of both stacks, beside {busy} busy loops\n  #  seconds  longest wait")
    with ExitStack() as running:
        for _ in range(busy):
            loop = running.enter_context(subprocess.Popen([sys.executable, "-c", BUSY_LOOP]))
            running.callback(loop.kill)
        for number in range(1, count + 1):
            progress, started = Progress(Console(quiet=True)), time.monotonic()
            try:
                with LocalAws.start() as aws:
                    deploy_stacks(aws, aws.folder / "terraform", "local", progress)
                result = ""
            except TerraformError as error:
                failed += 1
                result = f"  FAILED: {error}"
            seconds, name = progress.longest
            print(f"{number:3} {time.monotonic() - started:8.1f}  {seconds:.1f} s for {name}{result}", flush=True)
    print(f"{count - failed} of {count} succeeded at the first try")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]), int(sys.argv[2])), 1))
