"""The usual alternative: FastAPI behind Mangum, and boto3."""

import logging
from typing import Any

from fastapi import FastAPI, Header, HTTPException, Request
from mangum import Mangum

from bench.peers.job import Job, RefusedError

_log = logging.getLogger("webhooks")
_log.addHandler(logging.StreamHandler())
_log.setLevel(logging.INFO)
app = FastAPI()
_job = Job()


@app.post("/webhook/{provider}", status_code=202)
async def accept(
    provider: str, request: Request, stripe_signature: str | None = Header(default=None)
) -> dict[str, str]:
    """Answer one webhook."""
    context: dict[str, Any] = request.scope["aws.event"]["requestContext"]
    try:
        answer = _job.accept(
            stripe_signature,
            await request.body(),
            request.headers.get("content-type", ""),
            context["requestId"],
            context["requestTimeEpoch"] / 1000,
        )
    except RefusedError as refusal:
        raise HTTPException(status_code=refusal.status, detail=str(refusal)) from refusal
    _log.info("webhook accepted provider=%s correlation_id=%s", provider, context["requestId"])
    return answer


handler = Mangum(app, lifespan="off")
