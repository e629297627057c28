"""A downstream system: a queue of its own, attached to the bus's rules without touching the stack."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from modules.constructs.naming import Names
from tools.local.aws import LocalAws
from tools.local.stack import LocalStack

TARGET_ID = "downstream"
QUEUE_NAME = "downstream"


def receive_events(aws: LocalAws, queue_url: str) -> list[dict[str, Any]]:
    """Take the events that have arrived in a queue, in the order in which it gives them."""
    sqs = aws.client("sqs")
    taken = []
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            taken.append(json.loads(message["Body"]))
    return taken


@dataclass(frozen=True)
class Downstream:
    """Receives what the bus routes.

    Attributes
    ----------
    stack : LocalStack
        The stack.
    queue_url : str
        The system's own queue.
    providers : tuple[str, ...]
        Deployed names of those whose events it gets.
    """

    stack: LocalStack
    queue_url: str
    providers: tuple[str, ...]

    @classmethod
    def subscribe(cls, stack: LocalStack, providers: Sequence[str] | None = None) -> Self:
        """Create the queue, let EventBridge send to it, and attach it to the providers' rules.

        Parameters
        ----------
        providers : Sequence[str] | None
            Deployed names; where none are given, those of every provider that has a secret.
        """
        url, arn = stack.aws.queue_for("events.amazonaws.com", QUEUE_NAME)
        downstream = cls(stack, url, tuple(stack.secrets if providers is None else providers))
        for rule in downstream._rules():
            stack.aws.client("events").put_targets(**rule, Targets=[{"Id": TARGET_ID, "Arn": arn}])
        return downstream

    def receive(self) -> list[dict[str, Any]]:
        """Take the events that have arrived: whole EventBridge events, each once."""
        return receive_events(self.stack.aws, self.queue_url)

    def unsubscribe(self) -> None:
        """Detach and delete the queue; Terraform does not remove rules that have foreign targets."""
        for rule in self._rules():
            self.stack.aws.client("events").remove_targets(**rule, Ids=[TARGET_ID])
        self.stack.aws.client("sqs").delete_queue(QueueUrl=self.queue_url)

    def _rules(self) -> list[dict[str, str]]:
        bus = self.stack.outputs["bus_arn"].rsplit("/")[-1]
        names = Names(self.stack.environment)
        return [{"EventBusName": bus, "Rule": names("events", qualifier=provider)} for provider in self.providers]
