"""What the end-to-end tests share."""

import itertools
from collections.abc import Iterator

import pytest

from tools.downstream import Downstream
from tools.local import LocalStack

_numbers = itertools.count(1_000)


@pytest.fixture
def number() -> int:
    """A number that no other test has, so that its event is new."""
    return next(_numbers)


@pytest.fixture(scope="session")
def downstream(stack: LocalStack) -> Iterator[Downstream]:
    """A subscriber of every provider's events."""
    subscribed = Downstream.subscribe(stack)
    yield subscribed
    subscribed.unsubscribe()
