"""Plans by real Terraform with the real provider, each made once in a run, and only when it is asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.once import once
from tools.audit.planning import Planner
from tools.generate import reviewed_stacks
from tools.local.stack import BOTH_QUEUES, ENVIRONMENTS, LocalStack


@pytest.fixture(scope="session")
def plan_of(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Return a function that gives the plan of a reviewed stack, of ``local``, or of ``local-delivery`` beside it.

    It is the first plan, in an account that has nothing of it.
    """
    del bundles
    with Planner() as planner:
        planned = (*planner.presets(reviewed_stacks.NAMES), *planner.environments(["local"], ENVIRONMENTS))
        stacks = {each.name: each for each in planned}
        yield lambda name: once(tmp_path_factory, f"plan-{name}", stacks[name].plan)


@pytest.fixture(scope="session")
def deployed(stack: LocalStack) -> dict[str, Any]:
    """A plan of a stack that is there, for which AWS has given ids and ARNs."""
    # Given the tests' own shortening of the visibility timeout taken back
    stack.shorten_retries(300, BOTH_QUEUES)
    plan = stack.workspace.plan()
    stack.shorten_retries(12, BOTH_QUEUES)
    return plan
