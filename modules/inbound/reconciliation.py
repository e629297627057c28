"""Reconciliation: a key for each provider's API, and the schedule of its runs."""

from collections.abc import Mapping

from modules.constructs.naming import MAX_RULE, Names
from modules.constructs.pinning import pin
from modules.constructs.queues import dead_letter_queue, from_rules, protect_queue
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.settings.reconciliation import Reconciled
from modules.synth.cdk import (
    CloudwatchEventRule,
    CloudwatchEventTarget,
    CloudwatchEventTargetDeadLetterConfig,
    CloudwatchEventTargetRetryPolicy,
    Construct,
    LambdaFunctionEventInvokeConfig,
    LambdaPermission,
    SecretsmanagerSecret,
)
from modules.synth.json_text import json_text

# The next run does what was left.
MAX_AGE_SECONDS = 300


@checked
class ReconciliationLayer(Construct):
    """The API keys, created empty, and a rule on the default bus for each provider.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html

    Parameters
    ----------
    reconciled : Mapping[str, Reconciled]
        Deployed name to how it is reconciled.
    names : Names
        Naming of the environment.
    function : WebhookFunction
        The function.

    Attributes
    ----------
    api_keys : dict[str, SecretsmanagerSecret]
        Deployed name to the secret with the API key.
    undelivered : SqsQueue
        Gets the invocations that EventBridge could not make, with the reason.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        reconciled: Mapping[str, Reconciled],
        names: Names,
        function: WebhookFunction,
    ) -> None:
        super().__init__(scope, id_)
        self.api_keys = {
            name: pin(
                SecretsmanagerSecret(
                    self,
                    f"{name}_api",
                    name=names("api-key", qualifier=name),
                    description=f"API key of {name}, with which its list of events is read: plain text",
                    recovery_window_in_days=0,
                ),
                f"{id_}_{name}_api",
            )
            for name in reconciled
        }
        rules = {
            name: CloudwatchEventRule(
                self,
                f"{name}_rule",
                name=names("reconcile", qualifier=name, limit=MAX_RULE),
                description=f"Reconciles {name}",
                schedule_expression=_rate(one.every),
            )
            for name, one in reconciled.items()
        }
        arns = [rule.arn for rule in rules.values()]
        self.undelivered = dead_letter_queue(self, "undelivered", names("reconcile-undelivered"), fifo=False)
        pin(self.undelivered, f"{id_}_undelivered")
        protect_queue(self, "undelivered_policy", self.undelivered, [from_rules(arns, self.undelivered)])
        for name, rule in rules.items():
            CloudwatchEventTarget(
                self,
                f"{name}_target",
                rule=rule.name,
                target_id=function.name,
                arn=function.function.arn,
                input=json_text({"provider": name}),
                retry_policy=CloudwatchEventTargetRetryPolicy(
                    maximum_event_age_in_seconds=MAX_AGE_SECONDS, maximum_retry_attempts=0
                ),
                dead_letter_config=CloudwatchEventTargetDeadLetterConfig(arn=self.undelivered.arn),
            )
            LambdaPermission(
                self,
                f"{name}_permission",
                statement_id=f"EventBridge-{name}",
                action="lambda:InvokeFunction",
                function_name=function.function.function_name,
                principal="events.amazonaws.com",
                source_arn=rule.arn,
            )
        LambdaFunctionEventInvokeConfig(
            self,
            "invocations",
            function_name=function.function.function_name,
            maximum_event_age_in_seconds=MAX_AGE_SECONDS,
            maximum_retry_attempts=0,
        )

    def grant_read(self, function: WebhookFunction) -> None:
        """Allow ``secretsmanager:GetSecretValue`` on the API keys."""
        arns = [secret.arn for secret in self.api_keys.values()]
        function.allow("ReadApiKeys", ["secretsmanager:GetSecretValue"], arns)


def _rate(seconds: int) -> str:
    """Return a schedule's expression, which says hours in the singular where it is one."""
    number, unit = (seconds // 3_600, "hour") if seconds % 3_600 == 0 else (seconds // 60, "minute")
    return f"rate({number} {unit}{'' if number == 1 else 's'})"
