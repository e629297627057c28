"""SQS: what is sent, received and deleted, in pieces of 64 KB, and what asks an empty queue."""

from collections.abc import Iterable

from tools.estimate.cost.case import Case, chunks
from tools.estimate.cost.rules.rule import Line, Paid, PricingRule
from tools.estimate.synthesized import Resource

_SERVICE = "SQS"
# What one call of ReceiveMessage or DeleteMessageBatch takes.
_CALL = 10


def _queue(resource: Resource, case: Case) -> Iterable[Line]:
    ingest_queue = case.path.ingest_queue
    if ingest_queue is not None and resource.address == ingest_queue.address:
        pieces = chunks(case.ingest_message_bytes)
        why = f"webhooks x {pieces} piece(s) of 64 KB, for a request of {case.ingest_message_bytes:,.0f} bytes"
        yield from _requests(resource, case, "requests taken in", case.webhooks * pieces, why)
        return
    if resource.address == case.path.queue.address:
        pieces = chunks(case.message_bytes)
        yield from _requests(
            resource,
            case,
            "messages sent",
            case.webhooks * pieces,
            f"webhooks x {pieces} piece(s) of 64 KB, for a message of {case.message_bytes:,.0f} bytes",
        )
        return
    subscribed = case.stack.pointing_at("aws_cloudwatch_event_target", "arn", resource)
    for _ in subscribed:
        rules = max(1, sum("event_pattern" in each.values for each in case.stack.all("aws_cloudwatch_event_rule")))
        events = case.webhooks * case.processed.events / rules
        yield from _requests(
            resource,
            case,
            "messages of a subscriber",
            events * (1 + 2 / _CALL),
            f"webhooks / {rules} providers, sent one by one, received and deleted ten at a time",
        )


def _mapping(resource: Resource, case: Case) -> Iterable[Line]:
    queue = next(found for found in case.stack.referred(resource.get("event_source_arn", "")))
    busy = 0.0
    pollers = min(case.assume.pollers, int(resource.block("scaling_config").get("maximum_concurrency", 1_000)))
    if resource.address == case.path.mapping.address:
        pollers = case.pollers
        busy = min(1.0, case.workload.rate / case.batch * case.processing_s(case.batch) / pollers)
        calls = -(-case.batch // _CALL)
        pieces = max(calls, chunks(case.batch * case.message_bytes))
        yield from _requests(
            queue,
            case,
            "batches received",
            case.batches * pieces,
            f"webhooks / {case.batch:.2f} in a batch x {pieces:.0f} request(s)",
        )
        yield from _requests(
            queue,
            case,
            "batches deleted",
            case.batches * calls,
            f"webhooks / {case.batch:.2f} in a batch x {calls:.0f} request(s)",
        )
    ingest_mapping = case.path.ingest_mapping
    if ingest_mapping is not None and resource.address == ingest_mapping.address:
        batch = case.ingest_batch
        busy = min(1.0, case.workload.rate * case.ingestion_s() / pollers)
        pieces = max(1, chunks(batch * case.ingest_message_bytes))
        why = f"webhooks / {batch:.2f} in a batch"
        received = case.webhooks / batch * pieces
        yield from _requests(queue, case, "batches received", received, f"{why} x {pieces} request(s)")
        yield from _requests(queue, case, "batches deleted", case.webhooks / batch, why)
    yield Line(
        resource=resource.address,
        service=_SERVICE,
        what="asking an empty queue",
        quantity=case.month_s / case.assume.long_poll_s * pollers * (1 - busy),
        price=case.price(_price(queue)),
        formula=f"{pollers} pollers, every {case.assume.long_poll_s:.0f} s, {100 * (1 - busy):.0f} % of the time",
        paid=Paid.IDLE,
    )


def _requests(queue: Resource, case: Case, what: str, quantity: float, formula: str) -> Iterable[Line]:
    yield Line(
        resource=queue.address,
        service=_SERVICE,
        what=what,
        quantity=quantity,
        price=case.price(_price(queue)),
        formula=formula,
    )
    grouped = case.ingested is not None and case.ingested.grouped_messages
    if queue.address == case.path.queue.address and grouped and not queue.get("fifo_queue"):
        yield Line(
            resource=queue.address,
            service=_SERVICE,
            what=f"fair queueing of {what}",
            quantity=quantity,
            price=case.price("sqs-fair-request"),
            formula="as above: messages name a group",
        )


def _price(queue: Resource) -> str:
    return "sqs-fifo-request" if queue.get("fifo_queue") else "sqs-standard-request"


RULES: dict[str, PricingRule] = {"aws_sqs_queue": _queue, "aws_lambda_event_source_mapping": _mapping}
