"""Verifying quarantined webhooks anew: an operator's tool invokes ingestion with them, which alone may read secrets.

The event is ``{"requalify": {"messages": [...], "dryRun": true}}``, with messages as they were quarantined. API Gateway
and SQS write no such event: what they pass on is in members of their own. The response is ``{"results": [{"outcome":
"unproven", "reason": "signature_mismatch"}, ...]}``, with `lambdas.inbound.quarantine.Outcome`.
"""

import time
from collections import Counter
from typing import Any

from lambdas.inbound.quarantine import REQUALIFY, Outcome
from lambdas.ingestion.deployed import INGESTION
from lambdas.ingestion.ingest_message import NotAnIngestMessageError, read
from lambdas.ingestion.reporting import report_accepted, report_failed, report_requalified
from lambdas.shared.errors import SignatureRefusedError, WebhookRefusedError

Result = tuple[Outcome, str | None]


def requalify(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Verify messages as of their time of receipt, and hand over what is proven; return the results, in order.

    If the time runs out, there are fewer results than messages. A message that is handed over twice is a duplicate.
    """
    asked = event[REQUALIFY]
    half = context.get_remaining_time_in_millis() / 2
    anew: set[str] = set()
    results: list[Result] = []
    for text in asked["messages"]:
        if results and context.get_remaining_time_in_millis() < half:
            break
        results.append(_requalify(text, anew, dry_run=asked["dryRun"]))
    counts = Counter(str(outcome) for outcome, _ in results)
    report_requalified(counts[Outcome.ACCEPTED], dry_run=asked["dryRun"], providers=sorted(anew), counts=counts)
    return {"results": [{"outcome": outcome, "reason": reason} for outcome, reason in results]}


def _requalify(text: str, anew: set[str], *, dry_run: bool) -> Result:
    try:
        message = read(text)
        if message.provider not in anew:
            INGESTION.read_secret_anew(message.provider)
            anew.add(message.provider)
        verified = INGESTION.verify(message.provider, message.request)
        if dry_run:
            return Outcome.PROVEN, None
        accepted = INGESTION.keep(verified, message.correlation_id, requalified_at=time.time())
    except NotAnIngestMessageError:
        return Outcome.REFUSED, "unreadable"
    except SignatureRefusedError as refusal:
        return Outcome.UNPROVEN, refusal.reason
    except WebhookRefusedError as refusal:
        return Outcome.REFUSED, refusal.reason
    except Exception as error:
        report_failed(error)
        return Outcome.REFUSED, "internal_error"
    report_accepted(accepted, correlation_id=message.correlation_id, provider=message.provider)
    return Outcome.ACCEPTED, None
