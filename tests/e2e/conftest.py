"""What the end-to-end tests share."""

import itertools

import pytest

from tools.downstream import Downstream
from tools.local import LocalStack

_numbers = itertools.count(1_000)


@pytest.fixture
def number() -> int:
    """A number that no other test has, so that its event is new."""
    return next(_numbers)


@pytest.fixture(scope="session")
def downstream(stack: LocalStack) -> Downstream:
    """A subscriber of every provider's events, until the test that destroys the stack detaches it."""
    return Downstream.subscribe(stack)
