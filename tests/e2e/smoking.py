"""Deployed stacks as somebody sees them who may do what a policy says and nothing else; and ``make smoke`` on one."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
from botocore.credentials import Credentials

from modules.settings.environments import load_settings
from tools.commands.target_stack import Target
from tools.local.aws import LocalEndpoint
from tools.local.calls import Operator, create_operator, local_base_url
from tools.local.stack import ENVIRONMENTS, LocalStack
from tools.smoke import __main__ as smoke


def run_smoke(stack: LocalStack, patch: pytest.MonkeyPatch, *providers: str, without: str = "") -> int:
    """Run the command for some providers and return its exit code.

    Parameters
    ----------
    without : str
        Sid of a statement to take out of the policy.
    """
    policy = json.loads(stack.outputs["smoke_policy_json"])
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != without]
    smoker = create_operator(stack.aws, f"smoker-{uuid.uuid4()}", json.dumps(policy))
    target = target_of(stack.aws, stack.environment, stack.outputs, smoker)
    patch.setattr(Target, "chosen", lambda: target)
    patch.setattr("sys.argv", ["smoke", "--providers", *providers])
    return smoke.main()


def target_of(aws: LocalEndpoint, environment: str, outputs: Mapping[str, Any], user: Operator) -> Target:
    """Return a stack as a user of its own sees it."""
    return Target(
        settings=load_settings(ENVIRONMENTS, environment),
        base_url=local_base_url(aws, outputs["endpoint_url"]),
        outputs=outputs,
        client=cache(partial(aws.client, key=user.key, secret=user.secret)),
        verify=str(aws.certificate_authority),
        signing_secrets={},
        credentials=Credentials(user.key, user.secret),
        is_local=True,
    )


def as_one_who_may(stack: LocalStack, *policies: str) -> Target:
    """Return a stack and the delivery stack beside it as somebody sees them who may do what these policies say."""
    user = create_operator(stack.aws, f"night-{uuid.uuid4()}", *policies)
    delivery = stack.delivery
    return replace(
        target_of(stack.aws, stack.environment, stack.outputs, user),
        delivery_url=lambda: delivery.base_url if delivery else None,
    )


def left_by_smoke(stack: LocalStack) -> list[str]:
    """Return the rules and queues that a run has left."""
    return left_by(stack, "smoke")


def left_by(stack: LocalStack, command: str) -> list[str]:
    """Return the rules and queues that there are under the names of a command."""
    bus = stack.outputs["bus_arn"].partition("/")[2]
    rules = [rule["Name"] for rule in stack.aws.client("events").list_rules(EventBusName=bus)["Rules"]]
    queues = stack.aws.client("sqs").list_queues().get("QueueUrls", [])
    return [name for name in (*rules, *queues) if f"webhook-{command}-" in name]
