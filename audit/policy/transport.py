"""Queues and buckets take requests over TLS only."""

from collections.abc import Iterator

from tools.audit.model.plan import Plan, Resource, Violation
from tools.audit.model.policies import PolicyKind, Statement, policies
from tools.audit.rules import rule

# What the policy of each must deny, and behind its ARN, on what.
_EVERYTHING = {"aws_sqs_queue": ("sqs:*", ("",)), "aws_s3_bucket": ("s3:*", ("", "/*"))}


@rule(
    "tls-only",
    "Every queue and every bucket refuses requests that do not come over TLS",
    why="Payloads of payments would otherwise cross the network readable, when a client is set up wrongly.",
    source="DATA-3; https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
)
def refuses_plain_http(plan: Plan) -> Iterator[Violation]:
    """Yield queues and buckets without the denying statement."""
    for item in plan.all(*_EVERYTHING):
        action, parts = _EVERYTHING[item.type]
        needed = {f"${{{item.address}.arn}}{part}" for part in parts}
        if not any(_denies(statement, action, needed) for statement in _about(plan, item)):
            yield item.breaks("no statement of its policy denies what does not come over TLS (aws:SecureTransport)")


def _about(plan: Plan, item: Resource) -> Iterator[Statement]:
    for policy in policies(plan):
        if policy.kind is PolicyKind.RESOURCE and policy.owner is item:
            yield from policy.statements


def _denies(statement: Statement, action: str, resources: set[str]) -> bool:
    return (
        not statement.allows
        and action in statement.actions
        and resources <= set(statement.resources)
        and any(name == "*" for _, name in statement.principals)
        and [(item.test, item.values) for item in statement.conditions] == [("Bool", ("false",))]
        and statement.conditions[0].is_on("aws:SecureTransport")
    )
