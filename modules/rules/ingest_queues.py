"""Ingest queues: anybody may write to one through API Gateway, and only what verifies may receive from it."""

import json
from collections.abc import Iterator

from modules.constructs.ingest_template import send_message
from modules.rules.queues import redrives
from modules.rules.verifiers import variables_of, why_unverified_batch
from modules.terraform_json.document import Document, Resource


def why_unverified_queue(stack: Document, integration: Resource) -> str:
    """Say why nobody verifies what an integration with SQS lets in; nothing where all of it is verified."""
    uri = stack.literal(integration.get("uri"))
    queue = stack.find(integration.get("uri"), "aws_sqs_queue")
    if queue is None or ":sqs:path/" not in uri:
        return f"{integration.path} calls AWS with what anybody sends, and not a queue of the stack"
    if integration.get("passthrough_behavior") != "NEVER":
        # A body that is passed through is a call of the sender's own, with a time of receipt of its own choice.
        said = integration.get("passthrough_behavior", "not set")
        return f"passthrough_behavior of {integration.path} is {said}, so that a body may be a call of its sender's own"
    readers = list(_readers(stack, queue))
    if not readers:
        return f"nothing receives from {queue.path}, which it writes to"
    for reader in readers:
        function = stack.find(reader.get("function_name"), "aws_lambda_function")
        if why := why_unverified_batch(function):
            return f"it writes to {queue.path}, and {why}"
        assert function is not None
        providers = json.loads(str(variables_of(function)["PROVIDERS"]))
        known = {send_message(name) for name in ("", *providers)}
        templates = integration.get("request_templates", {})
        if not templates or not set(templates.values()) <= known:
            return f"{function.path} cannot read what a template of {integration.path} writes"
    return ""


def _readers(stack: Document, queue: Resource) -> Iterator[Resource]:
    """Yield what receives from a queue, or from where its dead letters go, which nobody has verified either."""
    dead_letters = [each.dead_letter for each in redrives(stack) if each.source == queue]
    for reader in stack.all("aws_lambda_event_source_mapping", "aws_pipes_pipe"):
        source = reader.get("event_source_arn") or reader.get("source")
        if (found := stack.find(source, "aws_sqs_queue")) and found in (queue, *dead_letters):
            yield reader
