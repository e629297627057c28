"""The ingest queue, with requests that API Gateway accepted and nobody has verified yet, and its dead letter queue.

Its name in AWS is ``inbox``.
"""

from dataclasses import replace
from typing import Annotated

from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.queues import (
    CONSUME,
    DEAD_LETTER_RETENTION_SECONDS,
    REDRIVE,
    dead_letter_queue,
    protect_queue,
    redrive,
    working_queue,
)
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.concurrency import MAX_MAPPING_CONCURRENCY, MIN_MAPPING_CONCURRENCY
from modules.settings.rules import INGEST_MESSAGE_BYTES, SMALL_BATCH
from modules.settings.sections import QueueSettings
from modules.settings.validation import SettingRule, SettingsError
from modules.synth.cdk import Construct, LambdaEventSourceMapping, LambdaEventSourceMappingScalingConfig

# An hour at the visibility timeout of the presets: what an outage of Secrets Manager takes, or filling a secret that
# was forgotten. More would not be better: what waits for its next receive is in flight, of which a queue bears 120,000
# messages, and one provider without a secret would hold up all others the sooner.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
RECEIVES = 12
# As long as may be, since the dead letter queue must keep longer: no request expires before its last receive then,
# whatever the visibility timeout.
_RETENTION_SECONDS = DEAD_LETTER_RETENTION_SECONDS - 1


@checked
class IngestQueue(Construct):
    """A standard queue and its dead letter queue, encrypted, TLS only.

    Nothing empties the dead letter queue but an operator: its messages are no events yet, so that they have no record
    to be marked and no key to be replayed by.

    Parameters
    ----------
    settings : QueueSettings
        Those of the main queue, whose visibility timeout holds for this one too; it must not be FIFO.
    names : Names
        Naming of the stack.

    Attributes
    ----------
    queue, dead_letter : SqsQueue
        The queues.

    Raises
    ------
    SettingsError
        When the settings are those of a FIFO queue.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: QueueSettings, names: Names) -> None:
        super().__init__(scope, id_)
        if settings.fifo:
            raise SettingsError("queue.fifo: True is not allowed; allowed: False, since requests are in no order yet")
        self.dead_letter = pin(
            dead_letter_queue(self, "dead_letter", names("inbox-dlq"), fifo=False), f"{id_}_dead_letter"
        )
        self.queue = pin(
            working_queue(
                self,
                "queue",
                names("inbox"),
                replace(settings, retention=_RETENTION_SECONDS),
                max_message_size=INGEST_MESSAGE_BYTES,
            ),
            f"{id_}_queue",
        )
        redrive(self, "redrive", self.queue, self.dead_letter, receives=RECEIVES)
        protect_queue(self, "policy", self.queue)
        protect_queue(self, "dead_letter_policy", self.dead_letter)

    def grant_redrive(self, function: WebhookFunction) -> None:
        """Allow a function to move messages from the dead letter queue to the ingest queue.

        Adds ``sqs:StartMessageMoveTask``, ``sqs:ListMessageMoveTasks``, ``sqs:ReceiveMessage``, ``sqs:DeleteMessage``
        and ``sqs:GetQueueAttributes`` on the dead letter queue, and ``sqs:SendMessage`` on the ingest queue.
        """
        function.allow("RedriveInbox", REDRIVE, [self.dead_letter.arn])
        function.allow("SendToInbox", ["sqs:SendMessage"], [self.queue.arn])

    def add_event_source(
        self,
        function: WebhookFunction,
        *,
        maximum_concurrency: Annotated[
            int, SettingRule(unit="executions", low=MIN_MAPPING_CONCURRENCY, high=MAX_MAPPING_CONCURRENCY)
        ],
    ) -> None:
        """Have a function verify what comes in, with partial batch responses.

        Adds ``sqs:ReceiveMessage``, ``sqs:DeleteMessage`` and ``sqs:GetQueueAttributes`` on the queue. Batches are
        small and not waited for: each message is sent on by itself, so that a larger batch saves little, and its last
        message would wait for all before it.

        Parameters
        ----------
        maximum_concurrency : int
            Invocations at once, 2 to 1,000; at most the function's reserved concurrency, see
            `QueueLayer.add_event_source`.
        """
        LambdaEventSourceMapping(
            self,
            "mapping",
            event_source_arn=self.queue.arn,
            function_name=function.function.arn,
            batch_size=SMALL_BATCH,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=LambdaEventSourceMappingScalingConfig(maximum_concurrency=maximum_concurrency),
        )
        function.allow("ConsumeInbox", CONSUME, [self.queue.arn])
