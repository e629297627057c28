"""A queue of the run's own on the bus, which is gone afterwards."""

import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from modules.constructs.naming import Names
from tools.commands.target_stack import Target
from tools.local.calls import wait_for
from tools.smoke.look import WrongError, said

# "Allow a short period of time": https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
RULE_SECONDS = 30
GONE = ("ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


@contextmanager
def stopped_by_signals(command: str) -> Iterator[None]:
    """Have a signal end the run as an error does, so that all is removed; a second one changes nothing."""
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: Any) -> None:
        del frame
        for each in watched:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(f"{command} stopped by {signal.Signals(number).name}")

    before = [signal.signal(each, stop) for each in watched]
    try:
        yield
    finally:
        for each, handler in zip(watched, before, strict=True):
            signal.signal(each, handler)


@dataclass(kw_only=True)
class OwnQueue:
    """A queue, and the rule by which the bus sends some events to it, and no others.

    Attributes
    ----------
    target : Target
        The environment.
    name : str
        Of both.
    command : str
        The make target, which is the target's id and has an output with a policy.
    attributes : Mapping[str, str]
        The queue's, beside its policy.
    url : str
        The queue's.
    left : list[str]
        What could not be removed.
    """

    target: Target
    name: str
    command: str
    attributes: Mapping[str, str]
    url: str = ""
    left: list[str] = field(default_factory=list)

    def make(self, pattern: Mapping[str, Any], cleanup: ExitStack) -> None:
        """Make both, for events with a pattern. What removes them is registered before they are made."""
        cleanup.callback(self.remove)
        # SQS makes no queue under the name of one that was deleted less than a minute ago.
        wait_for("SQS to have forgotten the last run's queue", self.create, 90)
        self.subscribe(pattern)

    def create(self) -> bool | None:
        """Make the queue; return None where SQS makes none under this name yet.

        Raises
        ------
        ClientError
            When there is one with other attributes, or it may not be made.
        """
        sqs = self.target.client("sqs")
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self._arn("sqs", self.name),
            "Condition": {"ArnEquals": {"aws:SourceArn": self._arn("events", f"rule/{self._bus}/{self.name}")}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        try:
            made = sqs.create_queue(QueueName=self.name, Attributes={"Policy": policy, **self.attributes})
        except sqs.exceptions.QueueDeletedRecently:
            return None
        self.url = str(made["QueueUrl"])
        return True

    def subscribe(self, pattern: Mapping[str, Any]) -> None:
        """Make the rule, with the queue as its target."""
        events = self.target.client("events")
        events.put_rule(
            **self._on_the_bus("Name"),
            EventPattern=json.dumps(pattern),
            Description=f"make {self.command} removes it",
        )
        target = {"Id": self.command, "Arn": self._arn("sqs", self.name)}
        done = events.put_targets(**self._on_the_bus("Rule"), Targets=[target])
        if done.get("FailedEntryCount"):
            raise WrongError(f"the rule takes no target: {done['FailedEntries'][0]['ErrorCode']}")

    def remove(self) -> None:
        """Remove what there is of both."""
        sqs, events = self.target.client("sqs"), self.target.client("events")
        self._remove("target of rule", lambda: events.remove_targets(**self._on_the_bus("Rule"), Ids=[self.command]))
        self._remove("rule", lambda: events.delete_rule(**self._on_the_bus("Name")))
        # Asked for: who was interrupted in the middle of the call that made it does not know it.
        self._remove("queue", lambda: sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=self.name)["QueueUrl"]))

    @property
    def _bus(self) -> str:
        return str(self.target.outputs["bus_arn"]).partition("/")[2]

    def _on_the_bus(self, called: str) -> dict[str, str]:
        return {"EventBusName": self._bus, called: self.name}

    def _arn(self, service: str, resource: str) -> str:
        _, partition, _, region, account, _ = self.target.outputs["bus_arn"].split(":")
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    def _remove(self, what: str, call: Callable[[], Any]) -> None:
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            if not (isinstance(error, ClientError) and error.response["Error"]["Code"] in GONE):
                self.left.append(f"{what} {self.name} could not be removed: {said(error, self.command)}")


@dataclass(kw_only=True)
class MarkedQueue(OwnQueue):
    """A queue of ``make smoke``, for marked events.

    Attributes
    ----------
    events : dict[str, dict[str, Any]]
        Transaction to the event that came.
    """

    events: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, target: Target) -> Self:
        """Return one that has yet to be made. Each run has the same, so that what a killed one left is removed too."""
        name = Names(target.settings.environment)("smoke")
        return cls(target=target, name=name, command="smoke", attributes={"MessageRetentionPeriod": "3600"})

    def collect(self) -> None:
        """Take what has come."""
        sqs = self.target.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                self.events[event["detail"]["transactionId"]] = event
