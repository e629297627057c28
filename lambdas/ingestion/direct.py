"""Lambda entry point of ingestion where API Gateway writes to the inbox itself: batches, and challenges by HTTP."""

from typing import Any

from lambdas.ingestion.batch import handler as settle_batch
from lambdas.ingestion.handler import handler as answer_request


def handler(event: dict[str, Any], context: Any) -> Any:
    """Hand a batch of the inbox to one handler, and a request to the other."""
    if "Records" in event:
        return settle_batch(event, context)
    # Each provider has a path of its own here, without a parameter in it.
    name = event["path"].rstrip("/").rpartition("/")[2]
    return answer_request({**event, "pathParameters": {"provider": name}}, context)
