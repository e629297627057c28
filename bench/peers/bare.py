"""A bare function: the standard library and boto3."""

import base64
import json
from typing import Any

from bench.peers.job import Job, RefusedError

_job = Job()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one webhook."""
    del context
    request = event["requestContext"]
    headers = {name.lower(): values[0] for name, values in event["multiValueHeaders"].items()}
    body = event["body"] or ""
    raw = base64.b64decode(body) if event["isBase64Encoded"] else body.encode()
    answer: dict[str, Any]
    try:
        answer = _job.accept(
            headers.get("stripe-signature"),
            raw,
            headers.get("content-type", ""),
            request["requestId"],
            request["requestTimeEpoch"] / 1000,
        )
        status = 202
    except RefusedError as refusal:
        answer, status = {"error": str(refusal)}, refusal.status
    print(json.dumps({"level": "INFO", "message": "webhook", "status": status, "correlation_id": request["requestId"]}))
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(answer)}
