"""A queue of the run's own on the bus, which is gone afterwards."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from modules.constructs.naming import Names
from tools.commands.target_stack import Target
from tools.local.calls import wait_for
from tools.smoke.look import WrongError, said

RETENTION_SECONDS = 3_600
_TARGET = "smoke"


@dataclass(kw_only=True)
class OwnQueue:
    """A queue, and the rule by which the bus sends marked events to it, and no others.

    Attributes
    ----------
    target : Target
        The environment.
    name : str
        Of both.
    url : str
        The queue's.
    events : dict[str, dict[str, Any]]
        Transaction to the event that came.
    left : list[str]
        What could not be removed.
    """

    target: Target
    name: str
    url: str = ""
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, target: Target) -> Self:
        """Return one that has yet to be made. Each run has the same, so that what a killed one left is removed too."""
        return cls(target=target, name=Names(target.settings.environment)("smoke"))

    def make(self, mark: str, cleanup: ExitStack) -> None:
        """Make both, for events with a mark. What removes each is registered before it is made."""
        sqs, events = self.target.client("sqs"), self.target.client("events")
        _, partition, _, region, account, bus = self.target.outputs["bus_arn"].split(":")
        bus = bus.partition("/")[2]
        queue_arn = f"arn:{partition}:sqs:{region}:{account}:{self.name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {
                "ArnEquals": {"aws:SourceArn": f"arn:{partition}:events:{region}:{account}:rule/{bus}/{self.name}"}
            },
        }
        attributes = {
            "Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            "MessageRetentionPeriod": str(RETENTION_SECONDS),
        }
        # Asked for: who was interrupted in the middle of the call does not know it.
        cleanup.callback(
            self._remove,
            "queue",
            lambda: sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=self.name)["QueueUrl"]),
        )

        def create() -> str | None:
            try:
                return str(sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"])
            except sqs.exceptions.QueueDeletedRecently:
                return None

        # SQS makes no queue under the name of one that was deleted less than a minute ago.
        self.url = wait_for("SQS to have forgotten the last run's queue", create, 90)
        cleanup.callback(self._remove, "rule", lambda: events.delete_rule(EventBusName=bus, Name=self.name))
        pattern = json.dumps({"detail": {"transactionId": [{"prefix": mark}]}})
        events.put_rule(EventBusName=bus, Name=self.name, EventPattern=pattern, Description="make smoke removes it")
        rule = {"EventBusName": bus, "Rule": self.name}
        cleanup.callback(self._remove, "target of rule", lambda: events.remove_targets(**rule, Ids=[_TARGET]))
        done = events.put_targets(**rule, Targets=[{"Id": _TARGET, "Arn": queue_arn}])
        if done.get("FailedEntryCount"):
            raise WrongError(f"the rule takes no target: {done['FailedEntries'][0]['ErrorCode']}")

    def collect(self) -> None:
        """Take what has come."""
        sqs = self.target.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                self.events[event["detail"]["transactionId"]] = event

    def _remove(self, what: str, call: Callable[[], Any]) -> None:
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            if not (isinstance(error, ClientError) and error.response["Error"]["Code"] in _GONE):
                self.left.append(f"{what} {self.name} could not be removed: {said(error)}")


_GONE = ("ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
