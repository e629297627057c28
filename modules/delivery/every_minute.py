"""A function that EventBridge invokes every minute."""

from modules.constructs.webhook_function import WebhookFunction
from modules.synth.cdk import (
    CloudwatchEventRule,
    CloudwatchEventTarget,
    CloudwatchEventTargetRetryPolicy,
    Construct,
    LambdaFunctionEventInvokeConfig,
    LambdaPermission,
)

SECONDS = 60


class EveryMinute(Construct):
    """A rule on the default bus, where alone rules can have a schedule.

    A minute that fails is not made up for: the next one does what was left.
    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html

    Parameters
    ----------
    name : str
        Name of the rule.
    function : WebhookFunction
        The function.
    """

    def __init__(self, scope: Construct, id_: str, *, name: str, function: WebhookFunction) -> None:
        super().__init__(scope, id_)
        rule = CloudwatchEventRule(
            self,
            "rule",
            name=name,
            description=f"Invokes {function.name} every minute",
            schedule_expression="rate(1 minute)",
        )
        CloudwatchEventTarget(
            self,
            "target",
            rule=rule.name,
            target_id=function.name,
            arn=function.function.arn,
            retry_policy=CloudwatchEventTargetRetryPolicy(
                maximum_event_age_in_seconds=SECONDS, maximum_retry_attempts=0
            ),
        )
        LambdaFunctionEventInvokeConfig(
            self,
            "invocations",
            function_name=function.function.function_name,
            maximum_event_age_in_seconds=SECONDS,
            maximum_retry_attempts=0,
        )
        LambdaPermission(
            self,
            "permission",
            action="lambda:InvokeFunction",
            function_name=function.function.function_name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
        )
