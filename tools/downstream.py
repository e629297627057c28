"""A downstream system: a queue of its own, attached to the bus's rules without touching the stack."""

import json
from dataclasses import dataclass
from typing import Any, Self

from modules.naming import Names
from tools.local import LocalStack

TARGET_ID = "downstream"
QUEUE_NAME = "downstream"


@dataclass(frozen=True)
class Downstream:
    """Receives what the bus routes.

    Attributes
    ----------
    stack : LocalStack
        The stack.
    queue_url : str
        The system's own queue.
    """

    stack: LocalStack
    queue_url: str

    @classmethod
    def subscribe(cls, stack: LocalStack) -> Self:
        """Create the queue, let EventBridge send to it, and attach it to the rule of every provider."""
        sqs = stack.aws.client("sqs")
        url: str = sqs.create_queue(QueueName=QUEUE_NAME)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        downstream = cls(stack, url)
        for rule in downstream._rules():
            stack.aws.client("events").put_targets(**rule, Targets=[{"Id": TARGET_ID, "Arn": arn}])
        return downstream

    def receive(self) -> list[dict[str, Any]]:
        """Take the events that have arrived: whole EventBridge events, each once."""
        sqs = self.stack.aws.client("sqs")
        taken = []
        while messages := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
                taken.append(json.loads(message["Body"]))
        return taken

    def unsubscribe(self) -> None:
        """Detach and delete the queue; Terraform does not remove rules that have foreign targets."""
        for rule in self._rules():
            self.stack.aws.client("events").remove_targets(**rule, Ids=[TARGET_ID])
        self.stack.aws.client("sqs").delete_queue(QueueUrl=self.queue_url)

    def _rules(self) -> list[dict[str, str]]:
        bus = self.stack.outputs["bus_arn"].rsplit("/")[-1]
        names = Names(self.stack.environment)
        return [{"EventBusName": bus, "Rule": names("events", of=provider)} for provider in self.stack.secrets]
