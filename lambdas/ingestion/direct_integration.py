"""Lambda entry point of ingestion behind the ingest queue: batches from the queue, and all that `handler` takes."""

from typing import Any

from lambdas.ingestion.handler import handler as respond
from lambdas.ingestion.ingest_batch import handler as process_batch


def handler(event: dict[str, Any], context: Any) -> Any:
    """Pass a batch of the ingest queue to one handler, and everything else to the other."""
    if "Records" in event:
        return process_batch(event, context)
    return respond(event, context)
