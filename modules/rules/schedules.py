"""Roles that are handed to services: EventBridge Scheduler may do one thing with its role."""

from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document
from modules.terraform_json.statements import Policy, PolicyKind, PolicyStatement, allowing

_SCHEDULER = "scheduler.amazonaws.com"
_MAY = frozenset({"sqs:SendMessage"})
_ACCOUNT_KEYS = ("aws:SourceAccount", "aws:SourceArn")


def _is_of_scheduler(policy: Policy, statement: PolicyStatement) -> bool:
    return policy.kind is PolicyKind.TRUST and ("Service", _SCHEDULER) in statement.principals


@rule(
    "scheduler-role",
    "A role that EventBridge Scheduler assumes is for this account's schedules alone, and may only send to queues.",
    where=Where.SYNTH,
    remedy="Use modules.delivery.retry_schedules.RetrySchedules, or narrow the role: whoever may make a schedule "
    "acts with it.",
    source="https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
)
def _wide_scheduler_role(stack: Document) -> Iterator[Found]:
    roles = [policy.owner for _, policy, statement in allowing(stack) if _is_of_scheduler(policy, statement)]
    for _, policy, statement in allowing(stack):
        if _is_of_scheduler(policy, statement) and not statement.conditions_on(*_ACCOUNT_KEYS):
            yield policy.owner, "Scheduler may assume it for schedules of any account"
        others = sorted(set(statement.actions) - _MAY)
        if policy.kind is PolicyKind.IDENTITY and policy.owner in roles and others:
            yield policy.owner, f"{statement.label} allows Scheduler {', '.join(others)}"


@rule(
    "passed-role",
    "iam:PassRole is allowed with the condition iam:PassedToService only.",
    where=Where.SYNTH,
    remedy="Name the one service that gets the role in a condition on iam:PassedToService.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
)
def _role_for_any_service(stack: Document) -> Iterator[Found]:
    for place, _, statement in allowing(stack):
        if "iam:PassRole" in statement.actions and not statement.conditions_on("iam:PassedToService"):
            yield place, f"{statement.label} allows iam:PassRole to any service"
