"""``make listen`` in a process of its own, by somebody who may do what its policy says and nothing else."""

import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.e2e.smoking import target_of
from tools import ROOT
from tools.commands.target_stack import Target
from tools.listen import __main__ as listen
from tools.listen import place
from tools.local.aws import LocalEndpoint
from tools.local.calls import Operator, create_operator, wait_for
from tools.local.stack import LocalStack

PATIENCE_SECONDS = 120


@dataclass
class Listening:
    """A running listener.

    Attributes
    ----------
    process : subprocess.Popen
        Its process.
    printed_to : Path
        The file with all that it prints.
    """

    process: "subprocess.Popen[bytes]"
    printed_to: Path

    @classmethod
    def start(cls, stack: LocalStack, folder: Path, forward: str, *arguments: str) -> Self:
        """Start one for Stripe's events in a checkout that is known by its folder, and wait until it listens."""
        user = create_operator(stack.aws, f"listener-{uuid.uuid4()}", stack.outputs["listen_policy_json"])
        given = [stack.aws.port, str(stack.aws.folder), stack.environment, dict(stack.outputs), user.key, user.secret]
        command = [sys.executable, "-m", "tests.e2e.listening", json.dumps([*given, str(folder)])]
        printed_to = folder / f"printed-{uuid.uuid4()}"
        with printed_to.open("wb") as out:
            process = subprocess.Popen(
                [*command, "--provider", "stripe", "--forward", forward, *arguments], cwd=ROOT, stdout=out, stderr=out
            )
        return cls(process, printed_to)

    def printed(self) -> str:
        """Return what it has printed."""
        return self.printed_to.read_text(encoding="utf-8")

    def await_printed(self, text: str) -> None:
        """Wait until it has printed a text."""

        def look() -> bool | None:
            assert self.process.poll() is None or text in self.printed(), self.printed()
            return True if text in self.printed() else None

        wait_for(f"the listener to print {text!r}", look, PATIENCE_SECONDS)

    def end(self, number: int = signal.SIGINT) -> int:
        """Send it a signal, and return its exit code."""
        os.kill(self.process.pid, number)
        return self.process.wait(PATIENCE_SECONDS)


def main() -> None:
    """Run the command on the stack that the first argument describes."""
    port, files, environment, outputs, key, secret, folder = json.loads(sys.argv[1])
    target = target_of(LocalEndpoint(port, Path(files)), environment, outputs, Operator(key, secret))
    place.FOLDER = Path(folder)
    Target.chosen = classmethod(lambda _: target)  # type: ignore[method-assign, assignment]
    listen.run(lambda: listen.main(sys.argv[2:]))


if __name__ == "__main__":
    main()
