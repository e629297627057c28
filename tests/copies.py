"""Copies of the saved deployments: each starts in seconds, and whoever has one may do with it as he likes."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from tools.local.progress import Progress
from tools.local.saved_stack import SavedStack
from tools.local.stack import LocalStack


@contextmanager
def a_copy(environment: str = "local") -> Iterator[LocalStack]:
    """Start a local AWS with an environment as it was right after its deployment; deploy it first, once for all."""
    stack = SavedStack(environment).start(Progress(Console(quiet=True)))
    with stack.aws:
        yield stack
