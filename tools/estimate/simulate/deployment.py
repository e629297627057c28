"""The settings that decide what happens under load, as the synthesized stack has them."""

import json
from dataclasses import dataclass

from tools.estimate.synthesized import NotInStackError, Resource, Stack, WebhookPath, webhook_path


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A queue that a function is fed from.

    Attributes
    ----------
    batch_size : int
        Messages of a batch, at most.
    window_s : float
        For how long a poller waits for a batch to fill.
    maximum_concurrency : int | None
        Of the event source mapping.
    timeout_s : float
        The function's time-out.
    visibility_s : float
        For how long a received message is invisible.
    max_receives : int
        Receives before a message goes to the dead letter queue.
    """

    batch_size: int
    window_s: float
    maximum_concurrency: int | None
    timeout_s: float
    visibility_s: float
    max_receives: int


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What deploys.

    Attributes
    ----------
    throttle_rate, throttle_burst : float
        Of the stage, in requests a second and in requests.
    busy_status : int
        What a sender receives when no execution of ingestion is free.
    ingestion_reserved, processing_reserved : int | None
        Reserved concurrency.
    ingestion_timeout_s, processing_timeout_s : float
        The functions' time-outs.
    batch_size : int
        Messages of a batch, at most.
    window_s : float
        For how long a poller waits for a batch to fill.
    maximum_concurrency : int | None
        Of the event source mapping.
    visibility_s : float
        For how long a received message is invisible.
    max_receives : int
        Receives before a message goes to the dead letter queue.
    fifo : bool
        Whether groups are kept in order.
    groups : int | None
        Message groups that keep each other waiting; None when none do.
    ingest_queue : Feed | None
        Where API Gateway writes to by itself, before ingestion; None where ingestion runs in the request.
    """

    throttle_rate: float
    throttle_burst: float
    busy_status: int
    ingestion_reserved: int | None
    processing_reserved: int | None
    ingestion_timeout_s: float
    processing_timeout_s: float
    batch_size: int
    window_s: float
    maximum_concurrency: int | None
    visibility_s: float
    max_receives: int
    fifo: bool
    groups: int | None
    ingest_queue: Feed | None = None

    @property
    def main(self) -> Feed:
        """The main queue, as processing is fed from it."""
        return Feed(
            batch_size=self.batch_size,
            window_s=self.window_s,
            maximum_concurrency=self.maximum_concurrency,
            timeout_s=self.processing_timeout_s,
            visibility_s=self.visibility_s,
            max_receives=self.max_receives,
        )


# What API Gateway answers to a throttled function unless a gateway response says otherwise.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_BUSY_BY_DEFAULT = 500


def read(stack: Stack) -> Deployment:
    """Return a stack's deployment.

    Raises
    ------
    NotInStackError
        When the stack has no REST API with a throttle before a function, a queue and another function.
    """
    path = webhook_path(stack)
    if path.ingestion is None or path.method is None:
        raise NotInStackError(
            "the simulation expects a function behind a REST API, in the request or behind an ingest queue"
        )
    throttle = _throttle(stack)
    main = _feed(stack, path.queue, path.mapping, path.processing)
    fifo = bool(path.queue.get("fifo_queue", False))
    return Deployment(
        throttle_rate=float(throttle["throttling_rate_limit"]),
        throttle_burst=float(throttle["throttling_burst_limit"]),
        busy_status=_busy_status(stack),
        ingestion_reserved=path.ingestion.get("reserved_concurrent_executions"),
        processing_reserved=path.processing.get("reserved_concurrent_executions"),
        ingestion_timeout_s=float(path.ingestion.get("timeout", 3)),
        processing_timeout_s=main.timeout_s,
        batch_size=main.batch_size,
        window_s=main.window_s,
        maximum_concurrency=main.maximum_concurrency,
        visibility_s=main.visibility_s,
        max_receives=main.max_receives,
        fifo=fifo,
        groups=_groups(stack, path) if fifo else None,
        ingest_queue=_feed(stack, path.ingest_queue, path.ingest_mapping, path.ingestion)
        if path.ingest_queue and path.ingest_mapping
        else None,
    )


def _feed(stack: Stack, queue: Resource, mapping: Resource, function: Resource) -> Feed:
    return Feed(
        batch_size=int(mapping.get("batch_size", 10)),
        window_s=float(mapping.get("maximum_batching_window_in_seconds", 0)),
        maximum_concurrency=mapping.block("scaling_config").get("maximum_concurrency"),
        timeout_s=float(function.get("timeout", 3)),
        visibility_s=float(queue.get("visibility_timeout_seconds", 30)),
        max_receives=int(json.loads(stack.redrive_policy(queue)).get("maxReceiveCount", 1_000_000)),
    )


def _throttle(stack: Stack) -> dict[str, float]:
    for settings in stack.all("aws_api_gateway_method_settings"):
        found = settings.block("settings")
        if "throttling_rate_limit" in found:
            return dict(found)
    raise NotInStackError("no throttle is found in the stack")


def _busy_status(stack: Stack) -> int:
    for response in stack.all("aws_api_gateway_gateway_response"):
        if response.get("response_type") == "INTEGRATION_FAILURE":
            return int(response.get("status_code", _BUSY_BY_DEFAULT))
    return _BUSY_BY_DEFAULT


def _groups(stack: Stack, path: WebhookPath) -> int | None:
    assert path.ingestion is not None
    variables = stack.variables(path.ingestion)
    if variables.get("MESSAGE_GROUP_BY") == "transaction":
        return None
    return max(1, len(json.loads(variables.get("PROVIDERS", "{}"))))
