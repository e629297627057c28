"""What a command may do that takes events from the bus through a queue and a rule of its own."""

from collections.abc import Sequence
from typing import NamedTuple

from modules.constructs.policy import Condition, Statement
from modules.inbound.event_routing import EventRouting
from modules.synth.cdk import Construct, DataAwsPartition


class Sids(NamedTuple):
    """Names of the three statements: on queues, on rules, and on what rules send to."""

    queues: str
    rules: str
    targets: str


def own_queue_statements(
    scope: Construct,
    partition_id: str,
    sids: Sids,
    *,
    routing: EventRouting,
    names: Sequence[str],
    region: str,
    account_id: str,
    queue_actions: Sequence[str],
) -> list[Statement]:
    """Return statements on queues and rules with some names; such a queue is the only target of such a rule."""
    partition = DataAwsPartition(scope, partition_id).partition
    queues = [f"arn:{partition}:sqs:{region}:{account_id}:{name}" for name in names]
    rules = [f"arn:{partition}:events:{region}:{account_id}:rule/{routing.bus.name}/{name}" for name in names]
    return [
        Statement(sid=sids.queues, actions=queue_actions, resources=queues),
        Statement(
            sid=sids.rules, actions=["events:PutRule", "events:RemoveTargets", "events:DeleteRule"], resources=rules
        ),
        Statement(
            sid=sids.targets,
            actions=["events:PutTargets"],
            resources=rules,
            conditions=[Condition(test="ForAllValues:ArnEquals", variable="events:TargetArn", values=queues)],
        ),
    ]
