"""The way of a webhook through a stack, found by what refers to what and not by names."""

from collections.abc import Iterator
from dataclasses import dataclass

from tools.estimate.synthesized.stack import NotInStackError, Resource, Stack


@dataclass(frozen=True, kw_only=True)
class WebhookPath:
    """What a webhook passes through.

    Attributes
    ----------
    entry_point : Resource
        The integration or function URL that is open to senders.
    method : Resource | None
        The API's method before the integration; None for a function URL.
    ingest_queue, ingest_mapping : Resource | None
        With direct integration, the queue that API Gateway writes to, and ingestion's event source mapping of it.
    ingestion : Resource | None
        Runs in the request, or behind the ingest queue; None where API Gateway writes to the main queue by itself.
    queue : Resource
        The main queue.
    mapping : Resource
        What has the queue processed.
    processing : Resource
        The function that does it.
    """

    entry_point: Resource
    method: Resource | None
    ingest_queue: Resource | None = None
    ingest_mapping: Resource | None = None
    ingestion: Resource | None
    queue: Resource
    mapping: Resource
    processing: Resource


def webhook_path(stack: Stack) -> WebhookPath:
    """Return the way of a webhook.

    Raises
    ------
    NotInStackError
        When the stack has none.
    """
    for entry_point, method in _entry_points(stack):
        ingestion = next(iter(_functions(stack, entry_point)), None)
        for queue, mapping, reader in _readers(stack, _queues(stack, entry_point, ingestion)):
            if ingestion is None:
                for main, main_mapping, processing in _readers(stack, _queues(stack, entry_point, reader)):
                    return WebhookPath(
                        entry_point=entry_point,
                        method=method,
                        ingest_queue=queue,
                        ingest_mapping=mapping,
                        ingestion=reader,
                        queue=main,
                        mapping=main_mapping,
                        processing=processing,
                    )
            return WebhookPath(
                entry_point=entry_point,
                method=method,
                ingestion=ingestion,
                queue=queue,
                mapping=mapping,
                processing=reader,
            )
    raise NotInStackError(
        "no way of a webhook is found in the stack: a route or function URL that is open to senders, a queue behind "
        "it, and an event source mapping of that queue"
    )


def _entry_points(stack: Stack) -> Iterator[tuple[Resource, Resource | None]]:
    """Yield what senders can post to: a provider that has a URL of its own first, since most providers need one."""
    integrations = stack.all("aws_api_gateway_integration")
    open_methods = [
        method
        for method in stack.all("aws_api_gateway_method")
        if method.get("authorization") == "NONE" and method.get("http_method") == "POST"
    ]
    for method in sorted(open_methods, key=lambda method: "{" not in _path_part(stack, method)):
        for integration in integrations:
            if integration.get("resource_id") == method.get("resource_id") and method.id in {
                found.id for found in stack.referred(integration.get("http_method", ""))
            }:
                yield integration, method
    for url in stack.all("aws_lambda_function_url"):
        if url.get("authorization_type") == "NONE":
            yield url, None


def _path_part(stack: Stack, method: Resource) -> str:
    return next((str(found.get("path_part", "")) for found in stack.referred(method.get("resource_id", ""))), "")


def _functions(stack: Stack, entry_point: Resource) -> Iterator[Resource]:
    for attribute in ("uri", "function_name"):
        for found in stack.referred(entry_point.get(attribute, "")):
            if found.type == "aws_lambda_function":
                yield found


def _readers(stack: Stack, queues: Iterator[Resource]) -> Iterator[tuple[Resource, Resource, Resource]]:
    """Yield each queue that a function is fed from, with the mapping and the function."""
    for queue in queues:
        for mapping in stack.pointing_at("aws_lambda_event_source_mapping", "event_source_arn", queue):
            yield queue, mapping, next(iter(stack.referred(mapping.get("function_name", ""))))


def _queues(stack: Stack, entry_point: Resource, ingestion: Resource | None) -> Iterator[Resource]:
    texts = [str(entry_point.get("uri", ""))] if ingestion is None else stack.variables(ingestion).values()
    for text in texts:
        for found in stack.referred(text):
            if found.type == "aws_sqs_queue":
                yield found
