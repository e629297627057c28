"""Queues of downstream systems that the settings attach to a provider's events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.queues import dead_letter_queue, from_rules, protect_queue, redrive, working_queue
from modules.settings.checked import checked
from modules.settings.formats import DEPLOYED
from modules.settings.sections import QueueSettings
from modules.synth.cdk import (
    CloudwatchEventRule,
    CloudwatchEventTarget,
    CloudwatchEventTargetDeadLetterConfig,
    CloudwatchEventTargetSqsTarget,
    Construct,
    SqsQueue,
)


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """The queues of one subscriber.

    Attributes
    ----------
    queue : SqsQueue
        Gets the events; the subscriber receives from it.
    dead_letter : SqsQueue
        Gets what the subscriber received too often without deleting it; of the same kind as `queue`.
    undelivered : SqsQueue
        Gets what EventBridge could not send to `queue`. Always a standard queue: EventBridge sends to no other.
    """

    queue: SqsQueue
    dead_letter: SqsQueue
    undelivered: SqsQueue


@checked
class SubscriberQueues(Construct):
    """One queue for each subscriber that the settings name, attached to the rule of its provider.

    Of a FIFO subscriber all messages are one group, the provider: they come in the order in which EventBridge sends
    them, and each carries in ``detail.sequence`` the place that the main queue gave its event.

    Parameters
    ----------
    subscribers : Mapping[str, str]
        Subscriber to deployed provider.
    settings : QueueSettings
        Those of the main queue, which hold for these too.
    names : Names
        Naming of the environment.
    rules : Mapping[str, CloudwatchEventRule]
        Subscriber to the rule that its queue is attached to.

    Attributes
    ----------
    subscribers : dict[str, Subscriber]
        Name to queues.

    Raises
    ------
    ValueError
        When a subscriber has no rule.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        subscribers: Annotated[Mapping[str, str], DEPLOYED],
        settings: QueueSettings,
        names: Names,
        rules: Mapping[str, CloudwatchEventRule],
    ) -> None:
        super().__init__(scope, id_)
        if missing := sorted(set(subscribers) - set(rules)):
            raise ValueError(f"rules: there is none for {', '.join(missing)}; allowed: one for each subscriber")
        self._id = id_
        self._settings = settings
        self._names = names
        self.subscribers = {name: self._attach(name, provider, rules[name]) for name, provider in subscribers.items()}

    def _attach(self, name: str, provider: str, rule: CloudwatchEventRule) -> Subscriber:
        fifo = self._settings.fifo
        queues = Subscriber(
            dead_letter=(
                dead_letter := pin(
                    dead_letter_queue(
                        self, f"{name}_dead_letter", self._names("subscriber-dlq", qualifier=name), fifo=fifo
                    ),
                    f"{self._id}_{name}_dead_letter",
                )
            ),
            queue=pin(
                working_queue(self, name, self._names("subscriber-queue", qualifier=name), self._settings),
                f"{self._id}_{name}",
            ),
            undelivered=pin(
                dead_letter_queue(
                    self, f"{name}_undelivered", self._names("subscriber-undelivered", qualifier=name), fifo=False
                ),
                f"{self._id}_{name}_undelivered",
            ),
        )
        redrive(self, f"{name}_redrive", queues.queue, dead_letter, receives=self._settings.max_receive_count)
        for id_, queue in ((f"{name}_policy", queues.queue), (f"{name}_undelivered_policy", queues.undelivered)):
            protect_queue(self, id_, queue, [from_rules([rule.arn], queue)])
        protect_queue(self, f"{name}_dead_letter_policy", dead_letter)
        CloudwatchEventTarget(
            self,
            f"{name}_target",
            event_bus_name=rule.event_bus_name,
            rule=rule.name,
            target_id=name,
            arn=queues.queue.arn,
            sqs_target=CloudwatchEventTargetSqsTarget(message_group_id=provider) if fifo else None,
            dead_letter_config=CloudwatchEventTargetDeadLetterConfig(arn=queues.undelivered.arn),
        )
        return queues
