"""The main queue, its dead letter queue, and who may send to and receive from them."""

from collections.abc import Sequence
from typing import Annotated

from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.queues import (
    CONSUME,
    REDRIVE,
    dead_letter_queue,
    from_rules,
    protect_queue,
    redrive,
    working_queue,
)
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.concurrency import MAX_MAPPING_CONCURRENCY, MIN_MAPPING_CONCURRENCY
from modules.settings.formats import ARN
from modules.settings.rules import SMALL_BATCH, check_queue
from modules.settings.sections import QueueSettings
from modules.settings.validation import SettingRule
from modules.synth.cdk import (
    Construct,
    LambdaEventSourceMapping,
    LambdaEventSourceMappingScalingConfig,
    SqsQueue,
)

EXECUTIONS = SettingRule(unit="executions", low=1)


@checked
class QueueLayer(Construct):
    """Main queue and dead letter queue, both standard or both FIFO, encrypted, TLS only.

    Parameters
    ----------
    settings : QueueSettings
        Visibility, receives, retention, batches.
    names : Names
        Naming of the stack.
    rule_arns : Sequence[str]
        Event rules that may send to the main queue.

    Attributes
    ----------
    main, dead_letter : SqsQueue
        The queues.

    Raises
    ------
    SettingsError
        When Lambda does not take these batches, or the queue does not keep this order.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: QueueSettings,
        names: Names,
        rule_arns: Annotated[Sequence[str], ARN] = (),
    ) -> None:
        super().__init__(scope, id_)
        check_queue(settings)
        self._settings = settings
        self.dead_letter = dead_letter_queue(self, "dead_letter", names("dlq"), fifo=settings.fifo)
        pin(self.dead_letter, f"{id_}_dead_letter")
        self.main = working_queue(self, "main", names("queue"), settings)
        pin(self.main, f"{id_}_main")
        redrive(self, "redrive", self.main, self.dead_letter, receives=settings.max_receive_count)
        protect_queue(self, "main_policy", self.main, [from_rules(rule_arns, self.main)] if rule_arns else ())
        protect_queue(self, "dead_letter_policy", self.dead_letter)

    def grant_send(self, function: WebhookFunction) -> None:
        """Allow ``sqs:SendMessage`` on the main queue, which covers batches too."""
        function.allow("SendToMainQueue", ["sqs:SendMessage"], [self.main.arn])

    def grant_redrive(self, function: WebhookFunction) -> None:
        """Allow a function that has `grant_send` to move messages from the dead letter queue to the main queue.

        Adds ``sqs:StartMessageMoveTask``, ``sqs:ListMessageMoveTasks``, ``sqs:ReceiveMessage``, ``sqs:DeleteMessage``
        and ``sqs:GetQueueAttributes`` on the dead letter queue.
        """
        function.allow("RedriveDeadLetters", REDRIVE, [self.dead_letter.arn])

    def add_event_source(self, function: WebhookFunction, *, maximum_concurrency: Annotated[int, EXECUTIONS]) -> None:
        """Have a function process the main queue, with partial batch responses.

        Adds ``sqs:ReceiveMessage``, ``sqs:DeleteMessage`` and ``sqs:GetQueueAttributes`` on it.

        Parameters
        ----------
        maximum_concurrency : int
            Invocations at once; at most the function's reserved concurrency, because receives that are throttled count
            towards the dead letter queue. The nearest that Lambda takes is used, 2 to 1,000.
        """
        self._map(
            "main_mapping",
            self.main,
            function,
            batch_size=self._settings.batch_size,
            maximum_batching_window_in_seconds=self._settings.batch_window,
            maximum_concurrency=maximum_concurrency,
        )
        function.allow("ConsumeMainQueue", CONSUME, [self.main.arn])

    def add_dead_letter_event_source(self, function: WebhookFunction) -> None:
        """Have a function process the dead letter queue, with the same grants on that queue."""
        # Each takes some calls of its own, so that a batch saves nothing.
        self._map("dead_letter_mapping", self.dead_letter, function, batch_size=SMALL_BATCH, maximum_concurrency=2)
        function.allow("ConsumeDeadLetterQueue", CONSUME, [self.dead_letter.arn])

    def _map(
        self, id_: str, queue: SqsQueue, function: WebhookFunction, *, maximum_concurrency: int, **batches: int
    ) -> None:
        LambdaEventSourceMapping(
            self,
            id_,
            event_source_arn=queue.arn,
            function_name=function.function.arn,
            **batches,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=LambdaEventSourceMappingScalingConfig(
                maximum_concurrency=max(MIN_MAPPING_CONCURRENCY, min(MAX_MAPPING_CONCURRENCY, maximum_concurrency))
            ),
        )
