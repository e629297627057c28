"""A function that EventBridge invokes every minute, or every hour."""

from typing import Annotated

from modules.constructs.naming import MAX_RULE, Names
from modules.constructs.pinning import pin
from modules.constructs.queues import dead_letter_queue, from_rules, protect_queue
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.validation import SettingRule
from modules.synth.cdk import (
    CloudwatchEventRule,
    CloudwatchEventTarget,
    CloudwatchEventTargetDeadLetterConfig,
    CloudwatchEventTargetRetryPolicy,
    Construct,
    LambdaFunctionEventInvokeConfig,
    LambdaPermission,
)

MINUTE, HOUR = 60, 3_600
_UNITS = {MINUTE: "minute", HOUR: "hour"}


@checked
class Schedule(Construct):
    """A rule on the default bus, where alone rules can have a schedule.

    A run that fails is not made up for: the next one does what was left.
    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html

    Parameters
    ----------
    names : Names
        Naming of the stack.
    function : WebhookFunction
        The function.
    every : int
        Seconds from one invocation to the next: `MINUTE` or `HOUR`.

    Attributes
    ----------
    undelivered : SqsQueue
        Gets the invocations that EventBridge could not make, with the reason.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        names: Names,
        function: WebhookFunction,
        every: Annotated[int, SettingRule(unit="s", choices=tuple(_UNITS))] = MINUTE,
    ) -> None:
        super().__init__(scope, id_)
        unit = _UNITS[every]
        rule = CloudwatchEventRule(
            self,
            "rule",
            name=names(id_, limit=MAX_RULE),
            description=f"Invokes {function.name} every {unit}",
            schedule_expression=f"rate(1 {unit})",
        )
        self.undelivered = dead_letter_queue(self, "undelivered", names(f"{id_}-undelivered"), fifo=False)
        pin(self.undelivered, f"{id_}_undelivered")
        protect_queue(self, "undelivered_policy", self.undelivered, [from_rules([rule.arn], self.undelivered)])
        CloudwatchEventTarget(
            self,
            "target",
            rule=rule.name,
            target_id=function.name,
            arn=function.function.arn,
            retry_policy=CloudwatchEventTargetRetryPolicy(maximum_event_age_in_seconds=every, maximum_retry_attempts=0),
            dead_letter_config=CloudwatchEventTargetDeadLetterConfig(arn=self.undelivered.arn),
        )
        LambdaFunctionEventInvokeConfig(
            self,
            "invocations",
            function_name=function.function.function_name,
            maximum_event_age_in_seconds=every,
            maximum_retry_attempts=0,
        )
        LambdaPermission(
            self,
            "permission",
            statement_id=f"EventBridge-every-{unit}",
            action="lambda:InvokeFunction",
            function_name=function.function.function_name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
        )
