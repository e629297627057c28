"""``npx cdktf deploy`` and ``destroy`` with the state in S3: two environments of one account, a lock, no secret."""

import json
import re

import pytest

from tests import emulator
from tests.e2e.conftest import BURST, ORDERED
from tests.e2e.left import left_behind
from tests.e2e.remote import state_key

# One deployment for all that look at it.
pytestmark = pytest.mark.xdist_group("project")


def test_a_second_deployment_is_refused_while_the_first_holds_the_lock(project):
    # The colours and frames of cdktf's output stand between the words.
    printed = " ".join(re.sub(r"\x1b\[[0-9;]*m|[^\x20-\x7e]", " ", project.second_attempt).split())

    assert "Error acquiring the state lock" in printed
    assert "PreconditionFailed" in printed


def test_the_states_lie_in_the_bucket_and_no_lock_is_left(project):
    assert project.state_objects() == {state_key(ORDERED), state_key(BURST)}


@pytest.mark.parametrize("environment", [ORDERED, BURST])
def test_a_second_plan_has_nothing_to_do(project, second_plans, environment, report):
    plan = second_plans[environment]

    explained, unexplained = emulator.split(plan)
    assert unexplained == {}
    resources = sum(change["mode"] == "managed" for change in plan["resource_changes"])
    report(
        f"{environment}: {resources} resources, deployed by cdktf in {project.seconds[environment]:.0f} s, beside "
        f"the other; second plan: {len(explained)} differences, all the emulator's"
    )


def test_the_states_hold_no_signing_secret(project, ordered, burst):
    for stack in (ordered, burst):
        stack.workspace.run("apply", "-refresh-only", "-auto-approve", "-input=false")
        state = project.state(stack.environment)

        assert stack.outputs["queue_url"] in state
        for secret in stack.secrets.values():
            assert secret not in state
        assert "aws_secretsmanager_secret_version" not in state


def test_two_environments_share_nothing(project):
    def names(environment):
        return {
            (resource["type"], *(instance["attributes"].get(name) for name in ("arn", "id", "function_name")))
            for resource in json.loads(project.state(environment))["resources"]
            if resource["mode"] == "managed"
            for instance in resource["instances"]
        }

    shared = names(ORDERED) & names(BURST)

    assert shared == set()


@pytest.mark.destroys_the_stack
def test_destroy_leaves_nothing_of_either(project, ordered, burst, report):
    del ordered, burst

    for environment in (ORDERED, BURST):
        project.destroy(environment)

    assert left_behind(project.aws) == {}
