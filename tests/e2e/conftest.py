"""What the end-to-end tests share."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.copies import a_copy
from tests.e2e.remote import CdktfError, Project, state_key
from tools.local.aws import LocalAws
from tools.local.calls import wait_for
from tools.local.delivery import LocalDelivery
from tools.local.downstream import Downstream
from tools.local.stack import BOTH_QUEUES, LocalStack

# What these assert is told as what tests assert is.
pytest.register_assert_rewrite(
    *(f"tests.e2e.{name}" for name in ("load", "permissions", "proven", "strangers")),
)

_numbers = itertools.count(1_000)


@pytest.fixture
def number() -> int:
    """A number that no other test has, so that its event is new."""
    return next(_numbers)


@pytest.fixture(scope="session")
def downstream(stack: LocalStack) -> Downstream:
    """A subscriber of every provider's events, until the test that destroys the stack detaches it."""
    return Downstream.subscribe(stack)


@pytest.fixture(scope="module")
def delivery(bundles: Path) -> Iterator[LocalDelivery]:
    """The delivery stack of a copy of the module's own."""
    del bundles
    with a_copy() as stack:
        assert stack.delivery is not None
        yield stack.delivery


ORDERED, BURST = "local-ordered", "local-burst"


@pytest.fixture(scope="session")
def project(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A user's project with two environments, deployed into one account at the same time.

    While the first is being deployed, and holds the lock of its state, somebody else tries to deploy it too.
    """
    del bundles
    with LocalAws.start() as server:
        yield deployed(tmp_path_factory.mktemp("project"), server)


def deployed(folder: Path, server: LocalAws) -> Project:
    made = Project.create(folder, server, (ORDERED, BURST))
    with made.deploying(ORDERED), made.deploying(BURST):
        lock = f"{state_key(ORDERED)}.tflock"
        wait_for("the state to be locked", lambda: True if lock in made.state_objects() else None, 120)
        try:
            made.second_attempt = made.deploy(ORDERED, output="out-second")
        except CdktfError as error:
            made.second_attempt = str(error)
    return made


@pytest.fixture(scope="session")
def second_plans(project: Project) -> dict[str, dict[str, Any]]:
    """Environment to what a plan would change right after its deployment, before any test changed anything."""
    return {environment: project.workspace(environment).plan() for environment in (ORDERED, BURST)}


@pytest.fixture(scope="session")
def ordered(project: Project, second_plans: dict[str, dict[str, Any]]) -> LocalStack:
    """The preset ``ordered``, as ``cdktf deploy`` applied it."""
    del second_plans
    stack = project.stack(ORDERED)
    stack.shorten_retries(12, BOTH_QUEUES)
    return stack


@pytest.fixture(scope="session")
def burst(project: Project, second_plans: dict[str, dict[str, Any]]) -> LocalStack:
    """The preset ``burst``, as ``cdktf deploy`` applied it."""
    del second_plans
    return project.stack(BURST)
