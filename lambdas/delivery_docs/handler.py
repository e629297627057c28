"""Lambda entry point of the public documents: the OpenAPI document, its pages, and the keys that verify signatures.

The bundle needs, besides what every function has, the files ``lambdas/delivery_docs/openapi.json``, those of
``lambdas/delivery_docs/pages``, and in ``lambdas/delivery_docs/assets`` those that `tools.build.docs_assets` makes. It
needs no pydantic. What is switched off has no route.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.delivery.http.routes import PUBLIC_KEYS
from lambdas.delivery.store.public_keys import published_keys
from lambdas.delivery_docs.environment import DocsEnvironment
from lambdas.delivery_docs.site import ASSET, DOCUMENT, PAGES, File, Site, respond
from lambdas.shared.api import json_answer
from lambdas.shared.aws import client
from lambdas.shared.errors import describe
from lambdas.shared.observability import logger, tracer

# A key is published before it signs, and workers keep keys for five minutes.
_KEYS_CACHE = "public, max-age=60"

_dynamodb = client("dynamodb")
_environment = DocsEnvironment.from_environment()
_site = Site(portal_frames=_environment.portal_frames)


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(clear_state=True, log_event=False)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a GET of anybody's; 404 for what there is not."""
    del context
    request_id = event["requestContext"]["requestId"]
    logger.set_correlation_id(request_id)
    headers = {name.lower(): values[-1] for name, values in (event.get("multiValueHeaders") or {}).items()}
    answer = _answer(event["resource"], event, headers) if event["httpMethod"] == "GET" else None
    if answer is None:
        return json_answer(
            404,
            {"error": "not_found", "message": "there is nothing here under this name", "correlationId": request_id},
        )
    return answer


def _answer(route: str, event: dict[str, Any], headers: dict[str, str]) -> dict[str, Any] | None:
    if route == DOCUMENT:
        return _site.document(headers)
    if route in PAGES:
        return _site.page(route, headers)
    if route == ASSET:
        version = (event.get("queryStringParameters") or {}).get("v")
        return _site.asset((event.get("pathParameters") or {}).get("name", ""), headers, version)
    if route == PUBLIC_KEYS:
        return _keys(event, headers)
    return None


def _keys(event: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    try:
        content = published_keys(_dynamodb, _environment.tenants_table)
    except (ClientError, BotoCoreError) as error:
        logger.error("the public keys could not be read", error=describe(error))
        refusal = json_answer(
            503,
            {
                "error": "unavailable",
                "message": "try again in a moment",
                "correlationId": event["requestContext"]["requestId"],
            },
        )
        refusal["headers"]["Retry-After"] = "2"
        return refusal
    return respond(File.of(content, "application/json"), headers, _KEYS_CACHE)
