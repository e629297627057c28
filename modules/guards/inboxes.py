"""Inboxes: a queue that anybody may write to through API Gateway, and that only what verifies may receive from."""

import json
from collections.abc import Iterator

from modules.constructs.ingest_template import send_message
from modules.guards.queues import redrives
from modules.guards.verifiers import variables_of, why_unverified_batch
from modules.terraform_json.document import Configuration, Resource


def why_unverified_inbox(configuration: Configuration, integration: Resource) -> str:
    """Say why nobody verifies what an integration with SQS lets in; nothing where all of it is verified."""
    uri = configuration.literal(integration.get("uri"))
    queue = configuration.find("aws_sqs_queue", integration.get("uri"))
    if queue is None or ":sqs:path/" not in uri:
        return f"{integration.path} calls AWS with what anybody sends, and not a queue of the stack"
    if integration.get("passthrough_behavior") != "NEVER":
        # A body that is passed through is a call of the sender's own, with a time of receipt of its own choice.
        said = integration.get("passthrough_behavior", "not set")
        return f"passthrough_behavior of {integration.path} is {said}, so that a body may be a call of its sender's own"
    readers = list(_readers(configuration, queue))
    if not readers:
        return f"nothing receives from {queue.path}, which it writes to"
    for reader in readers:
        function = configuration.find("aws_lambda_function", reader.get("function_name"))
        if why := why_unverified_batch(function):
            return f"it writes to {queue.path}, and {why}"
        assert function is not None
        providers = json.loads(str(variables_of(function)["PROVIDERS"]))
        known = {send_message(name) for name in ("", *providers)}
        templates = integration.get("request_templates", {})
        if not templates or not set(templates.values()) <= known:
            return f"a template of {integration.path} is not the one whose messages {function.path} reads"
    return ""


def _readers(configuration: Configuration, queue: Resource) -> Iterator[Resource]:
    """Yield what receives from a queue, or from where its dead letters go, which nobody has verified either."""
    dead_letters = [each.dead_letter for each in redrives(configuration) if each.source == queue]
    for reader in configuration.all("aws_lambda_event_source_mapping", "aws_pipes_pipe"):
        source = reader.get("event_source_arn") or reader.get("source")
        if (found := configuration.find("aws_sqs_queue", source)) and found in (queue, *dead_letters):
            yield reader
