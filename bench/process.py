"""Starts and commands `bench.worker`."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from bench.webhook import ENVIRONMENT, LAMBDA

WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True, kw_only=True)
class MeasuredFunction:
    """A function that can be started.

    Attributes
    ----------
    module : str
        The handler's module.
    folders : Sequence[Path]
        Where it is imported from: its unpacked bundle, and what the runtime brings.
    environment : Mapping[str, str]
        What its environment holds beyond what every function's does.
    """

    module: str
    folders: Sequence[Path]
    environment: Mapping[str, str] = field(default_factory=dict)


NOTHING = MeasuredFunction(module="-", folders=())


class Process:
    """A function's process.

    Attributes
    ----------
    cpu, wall : float
        Milliseconds: CPU from the process's start until the handler is imported, and time of the import alone.
    """

    def __init__(self, function: MeasuredFunction) -> None:
        folders = ":".join(str(folder) for folder in function.folders)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(WORKER), folders, function.module],
            env={**ENVIRONMENT, **LAMBDA, **function.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cpu, self.wall = self._read()

    def run(self, times: int, event: Mapping[str, Any]) -> tuple[float, float]:
        """Invoke the handler, and return the CPU and the time of one invocation, in milliseconds."""
        self._ask(times, event)
        return self._read()

    def calls(self, event: Mapping[str, Any]) -> Counter[str]:
        """Invoke the handler once, and return how often it made which call to AWS; S3's have their HTTP method."""
        self._ask(0, event)
        return Counter(json.loads(_pipe(self._process.stdout).readline()))

    def _ask(self, times: int, event: Mapping[str, Any]) -> None:
        writer = _pipe(self._process.stdin)
        writer.write(json.dumps([times, event]) + "\n")
        writer.flush()

    def _read(self) -> tuple[float, float]:
        line = _pipe(self._process.stdout).readline()
        try:
            cpu, wall = map(float, line.split())
        except ValueError as error:
            raise RuntimeError(f"the function did not work: {line or 'its process ended'}") from error
        return cpu, wall

    def __enter__(self) -> Self:
        """Return the process."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        _pipe(self._process.stdin).close()
        _pipe(self._process.stdout).close()
        self._process.wait(timeout=10)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
