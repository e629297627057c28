"""EventBridge: events published, and their archive."""

from collections.abc import Iterable

from tools.estimate.cost.case import DAYS_PER_MONTH, GB, Case
from tools.estimate.cost.rules.rule import Line, NoPriceError, PricingRule
from tools.estimate.synthesized import Resource

_SERVICE = "EventBridge"


def _bus(resource: Resource, case: Case) -> Iterable[Line]:
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what="events published",
        quantity=case.webhooks * case.processed.events,
        price=case.price("eventbridge-event"),
        formula=f"webhooks x {case.processed.events:.3g} event(s) of {_each(case):,.0f} bytes",
    )


def _archive(resource: Resource, case: Case) -> Iterable[Line]:
    size = case.webhooks * case.processed.event_bytes / GB
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what="events archived",
        quantity=size,
        price=case.price("eventbridge-archive"),
        formula=f"webhooks x {case.processed.event_bytes:,.0f} bytes",
    )
    days = float(resource.get("retention_days", 0))
    months = days / DAYS_PER_MONTH if days else case.workload.months
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what="events kept in the archive",
        quantity=size * months,
        price=case.price("eventbridge-archive-storage"),
        formula=f"the same x {months:.3g} months",
    )


def _target(resource: Resource, case: Case) -> Iterable[Line]:
    found = case.stack.referred(resource.get("arn", ""))
    # What a schedule of a function costs is the function's, which has a rule for it.
    scheduled = [each for each in case.stack.referred(resource.get("rule", "")) if each.get("schedule_expression")]
    kind = "aws_lambda_function" if scheduled else "aws_sqs_queue"
    if not found or found[0].type != kind:
        raise NoPriceError(
            f"{resource.address}: only queues are priced as targets of a rule, and functions of a schedule"
        )
    # Delivery within the account is free, and the queue's own rule counts the message.
    return ()


def _each(case: Case) -> float:
    return case.processed.event_bytes / case.processed.events if case.processed.events else 0


RULES: dict[str, PricingRule] = {
    "aws_cloudwatch_event_bus": _bus,
    "aws_cloudwatch_event_archive": _archive,
    "aws_cloudwatch_event_target": _target,
}
