"""The main queue, its dead letter queue, and who may send to and receive from them."""

from modules.cdk import (
    Construct,
    LambdaEventSourceMapping,
    LambdaEventSourceMappingScalingConfig,
    SqsQueue,
    SqsQueuePolicy,
    SqsQueueRedriveAllowPolicy,
)
from modules.lambda_fleet import WebhookFunction
from modules.naming import Names
from modules.pinning import pin
from modules.policy import deny_plain_http, policy_document
from modules.settings import QueueSettings

# The longest that SQS keeps a message. A standard dead letter queue counts from when the message was first sent.
DEAD_LETTER_RETENTION_SECONDS = 1_209_600
_CONSUME = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]


class QueueLayer(Construct):
    """Main queue and dead letter queue, encrypted, TLS only.

    Parameters
    ----------
    settings : QueueSettings
        Visibility, receives, retention, batch size.
    names : Names
        Naming of the environment.

    Attributes
    ----------
    main, dead_letter : SqsQueue
        The queues.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: QueueSettings, names: Names) -> None:
        super().__init__(scope, id_)
        self._settings = settings
        self.dead_letter = SqsQueue(
            self,
            "dead_letter",
            name=names("dlq"),
            message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
            visibility_timeout_seconds=settings.visibility_timeout,
            sqs_managed_sse_enabled=True,
        )
        pin(self.dead_letter, f"{id_}_dead_letter")
        self.main = SqsQueue(
            self,
            "main",
            name=names("queue"),
            message_retention_seconds=settings.retention,
            visibility_timeout_seconds=settings.visibility_timeout,
            sqs_managed_sse_enabled=True,
            redrive_policy=(
                f'{{"deadLetterTargetArn":"{self.dead_letter.arn}","maxReceiveCount":{settings.max_receive_count}}}'
            ),
        )
        pin(self.main, f"{id_}_main")
        SqsQueueRedriveAllowPolicy(
            self,
            "redrive_allow",
            queue_url=self.dead_letter.id,
            redrive_allow_policy=f'{{"redrivePermission":"byQueue","sourceQueueArns":["{self.main.arn}"]}}',
        )
        for name, queue in (("main", self.main), ("dead_letter", self.dead_letter)):
            document = policy_document(self, f"{name}_policy_document", [deny_plain_http(["sqs:*"], [queue.arn])])
            SqsQueuePolicy(self, f"{name}_policy", queue_url=queue.id, policy=document.json)

    def grant_send(self, function: WebhookFunction) -> None:
        """Allow ``sqs:SendMessage`` on the main queue, which covers batches too."""
        function.allow("SendToMainQueue", ["sqs:SendMessage"], [self.main.arn])

    def feed(self, function: WebhookFunction, *, maximum_concurrency: int) -> None:
        """Have a function process the main queue, with partial batch responses.

        Adds ``sqs:ReceiveMessage``, ``sqs:DeleteMessage`` and ``sqs:GetQueueAttributes`` on it.

        Parameters
        ----------
        maximum_concurrency : int
            Invocations at once; at most the function's reserved concurrency, because receives that are throttled count
            towards the dead letter queue.
        """
        function.allow("ConsumeMainQueue", _CONSUME, [self.main.arn])
        self._map("main_mapping", self.main, function, maximum_concurrency)

    def feed_dead_letters(self, function: WebhookFunction) -> None:
        """Have a function process the dead letter queue, with the same grants on that queue."""
        function.allow("ConsumeDeadLetterQueue", _CONSUME, [self.dead_letter.arn])
        self._map("dead_letter_mapping", self.dead_letter, function, 2)

    def _map(self, id_: str, queue: SqsQueue, function: WebhookFunction, maximum_concurrency: int) -> None:
        LambdaEventSourceMapping(
            self,
            id_,
            event_source_arn=queue.arn,
            function_name=function.function.arn,
            batch_size=self._settings.batch_size,
            function_response_types=["ReportBatchItemFailures"],
            # Lambda takes 2 to 1,000 here.
            scaling_config=LambdaEventSourceMappingScalingConfig(
                maximum_concurrency=max(2, min(1_000, maximum_concurrency))
            ),
        )
