"""Roles that are handed to services: EventBridge Scheduler may do one thing with its role."""

from collections.abc import Iterator

from modules.guards.guard import Finding, Guard
from modules.terraform_json.document import Configuration, Resource
from modules.terraform_json.statements import PolicyStatement, statements, statements_of

_SCHEDULER = "scheduler.amazonaws.com"
_MAY = frozenset({"sqs:SendMessage"})
_ACCOUNT_KEYS = frozenset({"aws:sourceaccount", "aws:sourcearn"})


def _keys(statement: PolicyStatement) -> set[str]:
    return {key.lower() for _, key, _ in statement.conditions}


def _scheduler_roles(configuration: Configuration) -> Iterator[tuple[Resource, PolicyStatement]]:
    for role in configuration.all("aws_iam_role"):
        for statement in statements_of(configuration, role, "assume_role_policy"):
            if statement.allows and _SCHEDULER in statement.principals:
                yield role, statement


def _wide_scheduler_role(configuration: Configuration) -> Iterator[Finding]:
    for role, trust in _scheduler_roles(configuration):
        if not _keys(trust) & _ACCOUNT_KEYS:
            yield Finding(role.path, "Scheduler may assume it for schedules of any account")
        for policy in configuration.all("aws_iam_role_policy"):
            if configuration.find("aws_iam_role", policy.get("role")) is not role:
                continue
            for statement in statements_of(configuration, policy, "policy"):
                others = sorted(set(statement.actions) - _MAY)
                if statement.allows and others:
                    yield Finding(role.path, f"{statement.label} allows Scheduler {', '.join(others)}")


def _role_for_any_service(configuration: Configuration) -> Iterator[Finding]:
    for statement in statements(configuration):
        if statement.allows and "iam:PassRole" in statement.actions and "iam:passedtoservice" not in _keys(statement):
            yield Finding(statement.path, f"{statement.label} allows iam:PassRole to any service")


GUARDS = (
    Guard(
        id="scheduler-role",
        rule="A role that EventBridge Scheduler assumes is for this account's schedules alone, and may only send to "
        "queues.",
        remedy="Use modules.delivery.retry_schedules.RetrySchedules, or narrow the role: whoever may make a schedule "
        "acts with it.",
        source="https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
        check=_wide_scheduler_role,
    ),
    Guard(
        id="passed-role",
        rule="iam:PassRole is allowed with the condition iam:PassedToService only.",
        remedy="Name the one service that gets the role in a condition on iam:PassedToService.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
        check=_role_for_any_service,
    ),
)
