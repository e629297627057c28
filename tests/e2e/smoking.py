"""``make smoke`` on a deployed stack, as somebody who may do what its policy says and nothing else."""

import json
import uuid
from functools import cache, partial

import pytest
from botocore.credentials import Credentials

from modules.settings.environments import load_settings
from tools.commands.target_stack import Target
from tools.local.calls import create_operator
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
    target = Target(
        settings=load_settings(ENVIRONMENTS, stack.environment),
        base_url=stack.base_url,
        outputs=stack.outputs,
        client=cache(partial(stack.aws.client, key=smoker.key, secret=smoker.secret)),
        verify=str(stack.aws.certificate_authority),
        signing_secrets={},
        credentials=Credentials(smoker.key, smoker.secret),
        is_local=True,
    )
    patch.setattr(Target, "chosen", lambda: target)
    patch.setattr("sys.argv", ["smoke", "--providers", *providers])
    return smoke.main()


def left_by_smoke(stack: LocalStack) -> list[str]:
    """Return the rules and queues that a run has left."""
    bus = stack.outputs["bus_arn"].partition("/")[2]
    rules = [rule["Name"] for rule in stack.aws.client("events").list_rules(EventBusName=bus)["Rules"]]
    queues = stack.aws.client("sqs").list_queues().get("QueueUrls", [])
    return [name for name in (*rules, *queues) if "smoke" in name]
