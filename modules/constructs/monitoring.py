"""Alarms, the topic that they notify, and a dashboard."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any

from modules.constructs.dashboard import PERIOD_SECONDS, Dashboard
from modules.constructs.event_alarm import EventAlarm
from modules.constructs.naming import Names
from modules.constructs.policy import Condition, Statement, policy_document
from modules.constructs.schedule import HOUR
from modules.constructs.webhook_function import NAMESPACE, WebhookFunction
from modules.settings.checked import checked
from modules.settings.formats import ACCOUNT_ID, QUEUE, REGION
from modules.settings.sections import MonitoringSettings
from modules.settings.silence import Expectation
from modules.settings.validation import SettingRule, SettingsError
from modules.synth.at_synth import change_at_synth
from modules.synth.cdk import (
    CloudwatchDashboard,
    CloudwatchEventRule,
    CloudwatchMetricAlarm,
    CloudwatchMetricAlarmMetricQuery,
    CloudwatchMetricAlarmMetricQueryMetric,
    Construct,
    SnsTopic,
    SnsTopicPolicy,
    TerraformStack,
)

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_DESCRIPTION = SettingRule(pattern="(?s).{1,1024}", words="1 to 1,024 characters")
# A provider of few webhooks sends each again a few times an hour.
_REFUSED_SECONDS = 3_600


@checked
class Monitoring(Construct):
    """What tells an operator that something is wrong.

    Parameters
    ----------
    settings : MonitoringSettings
        Thresholds.
    names : Names
        Naming of the environment.
    account_id : str
        The account whose alarms may publish to the topic.
    region : str
        Region of the dashboard's metrics.

    Attributes
    ----------
    topic : SnsTopic
        Every alarm notifies it, when it goes off and when it ends.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: MonitoringSettings,
        names: Names,
        account_id: Annotated[str, ACCOUNT_ID],
        region: Annotated[str, REGION],
    ) -> None:
        super().__init__(scope, id_)
        self._settings = settings
        self._names = names
        self._dashboard = Dashboard(region)
        # A topic under the key alias/aws/sns cannot be notified by CloudWatch, and the messages hold no payload.
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        self.topic = SnsTopic(self, "topic", name=names("alarms"))
        topic_arn = self.topic.arn
        self._actions = [topic_arn]
        document = policy_document(
            self,
            "topic_policy_document",
            [
                Statement(
                    sid="AlarmsOfThisAccountPublish",
                    actions=["sns:Publish"],
                    resources=[topic_arn],
                    services=["cloudwatch.amazonaws.com"],
                    conditions=[Condition(test="StringEquals", variable="aws:SourceAccount", values=[account_id])],
                )
            ],
        )
        SnsTopicPolicy(self, "topic_policy", arn=topic_arn, policy=document.json)

    def watch_function(self, function: WebhookFunction, *, refuses_by_errors: bool = False) -> None:
        """Alarm when the share of failed invocations exceeds the setting, and when invocations are throttled.

        Parameters
        ----------
        refuses_by_errors : bool
            Whether it can refuse only by failing, as an authorizer must, so that its errors say nothing.
        """
        id_ = function.node.id
        dimensions = {"FunctionName": function.function.function_name}
        if not refuses_by_errors:
            self._error_rate_alarm(id_, dimensions)
        self._metric_alarm(
            f"{id_}-throttles",
            "invocations are throttled: the reserved concurrency is used up",
            namespace="AWS/Lambda",
            metric_name="Throttles",
            dimensions=dimensions,
        )
        self._dashboard.add(
            id_,
            [
                ["AWS/Lambda", name, "FunctionName", dimensions["FunctionName"]]
                for name in ("Invocations", "Errors", "Throttles")
            ],
        )

    def _error_rate_alarm(self, id_: str, dimensions: Mapping[str, str]) -> None:
        self._alarm(
            f"{id_}-errors",
            f"more than {self._settings.error_rate} % of the invocations fail",
            threshold=self._settings.error_rate,
            metric_query=[
                CloudwatchMetricAlarmMetricQuery(
                    id="rate",
                    label="failed invocations in %",
                    return_data=True,
                    # Of few invocations one failure is a large share: a floor keeps the alarm from flapping at night.
                    expression=(
                        f"IF(invocations >= {self._settings.minimum_invocations} OR errors >= 5, "
                        "100 * errors / invocations, 0)"
                    ),
                ),
                *(
                    CloudwatchMetricAlarmMetricQuery(
                        id=metric.lower(),
                        metric=CloudwatchMetricAlarmMetricQueryMetric(
                            namespace="AWS/Lambda",
                            metric_name=metric,
                            dimensions=dict(dimensions),
                            period=PERIOD_SECONDS,
                            stat="Sum",
                        ),
                    )
                    for metric in ("Errors", "Invocations")
                ),
            ],
        )

    def watch_queue(
        self,
        queue_name: Annotated[str, QUEUE],
        *,
        longest_delay: Annotated[int, SettingRule(unit="s", low=0, high=43_200)] = 0,
        qualifier: str | None = None,
    ) -> None:
        """Alarm when the backlog is too old or too deep.

        Parameters
        ----------
        longest_delay : int
            Seconds that a message may be delayed on purpose, which are no backlog.
        qualifier : str | None
            Which queue it is, where it is not the main queue.
        """
        dimensions = {"QueueName": queue_name}
        oldest = self._settings.backlog_age + longest_delay
        self._metric_alarm(
            "queue-age",
            f"the oldest message has waited for more than {oldest} s",
            namespace="AWS/SQS",
            metric_name="ApproximateAgeOfOldestMessage",
            dimensions=dimensions,
            statistic="Maximum",
            threshold=oldest,
            qualifier=qualifier,
        )
        self._metric_alarm(
            "queue-depth",
            f"more than {self._settings.backlog_depth} messages wait",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions=dimensions,
            statistic="Maximum",
            threshold=self._settings.backlog_depth,
            qualifier=qualifier,
        )
        self._dashboard.add(
            qualifier or "queue",
            [
                ["AWS/SQS", name, "QueueName", queue_name]
                for name in ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
            ],
        )

    def watch_dead_letter_queue(
        self,
        queue_name: Annotated[str, QUEUE],
        id_: str = "dlq-not-empty",
        description: str = "messages wait in the dead letter queue: its handler fails",
        qualifier: str | None = None,
    ) -> None:
        """Alarm when a message stays in a queue that is empty while all is well."""
        self._metric_alarm(
            id_,
            description,
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": queue_name},
            statistic="Maximum",
            qualifier=qualifier,
        )

    def watch_rule(self, rule: CloudwatchEventRule, id_: str, description: str, *, qualifier: str) -> None:
        """Alarm when a rule that should match nothing matches an event."""
        self._metric_alarm(
            id_,
            description,
            namespace="AWS/Events",
            # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
            metric_name="MatchedEvents",
            dimensions={"EventBusName": rule.event_bus_name, "RuleName": rule.name},
            statistic="Sum",
            qualifier=qualifier,
        )

    def watch_subscriber(
        self, name: str, *, undelivered: Annotated[str, QUEUE], dead_letter: Annotated[str, QUEUE]
    ) -> None:
        """Alarm when a subscriber's queue could not be reached, or its messages were given up.

        Parameters
        ----------
        undelivered, dead_letter : str
            Names of the subscriber's queues.
        """
        self.watch_dead_letter_queue(
            undelivered,
            "subscriber-undelivered",
            f"events could not be sent to the queue of {name}",
            qualifier=name,
        )
        self.watch_dead_letter_queue(
            dead_letter,
            "subscriber-dlq",
            f"{name} received events too often without deleting them",
            qualifier=name,
        )

    def watch_event(
        self,
        alarm: EventAlarm,
        function: WebhookFunction,
        provider: str | None = None,
        *,
        every: int = 0,
    ) -> None:
        """Alarm when a function counts something, of one provider or of all, too often.

        Parameters
        ----------
        every : int
            Seconds from one run of the function to the next, if each finds again what is still so: the alarm stays on.
        """
        dimensions = {"service": function.name, **({"provider": provider} if provider else {})}
        self._metric_alarm(
            alarm.id,
            alarm.description,
            namespace=NAMESPACE,
            metric_name=alarm.metric,
            dimensions=dimensions,
            threshold=alarm.threshold,
            qualifier=provider,
            # A day is the most that is sure to be allowed.
            period=min(every + PERIOD_SECONDS, 24 * HOUR),
        )
        title = f"{alarm.id} of {provider}" if provider else alarm.id
        self._dashboard.add(title, [[NAMESPACE, alarm.metric, *chain(*dimensions.items())]])

    def watch_providers(
        self, function: WebhookFunction, providers: Collection[str], *, accepted: str, refused: str
    ) -> None:
        """Alarm when much of a provider is refused, and when nothing is accepted for longer than it may be silent.

        Parameters
        ----------
        accepted, refused : str
            Metrics that the function counts by ``provider``; the second also by ``provider`` and ``reason``.
        """
        service = {"service": function.name}
        for name in providers:
            self._metric_alarm(
                "provider-refused",
                f"more than {self._settings.refused_of_provider} webhooks of {name} were refused in an hour",
                namespace=NAMESPACE,
                metric_name=refused,
                dimensions={**service, "provider": name},
                threshold=self._settings.refused_of_provider,
                qualifier=name,
                period=_REFUSED_SECONDS,
            )
        for name, expectation in self._settings.expectations.items():
            self._silence_alarm(
                name,
                expectation,
                accepted,
                {**service, "provider": name},
                id_="silent",
                description=f"nothing of {name} was accepted for {expectation.words}",
            )
        for metric in (accepted, refused):
            self._dashboard.add(
                f"{metric.lower()} by provider",
                [[NAMESPACE, metric, "service", function.name, "provider", name] for name in providers],
            )
        by_reason = f'{{{NAMESPACE},service,provider,reason}} MetricName="{refused}" service="{function.name}"'
        self._dashboard.add(
            f"{refused.lower()} by reason",
            [[{"id": "reasons", "expression": f"SEARCH('{by_reason}', 'Sum', {PERIOD_SECONDS})"}]],
        )
        self._dashboard.add(
            f"hours since the last {accepted.lower()}",
            [
                line
                for number, name in enumerate(providers)
                for line in _hours_since(
                    [NAMESPACE, accepted, "service", function.name, "provider", name], number, name
                )
            ],
        )

    def watch_runs(self, alarm: EventAlarm, function: WebhookFunction, provider: str | None, seconds: int) -> None:
        """Alarm when a function counted nothing, of a provider or at all, for some seconds, in whole hours."""
        self._silence_alarm(
            provider,
            Expectation(words="", seconds=-(-seconds // 3_600) * 3_600),
            alarm.metric,
            {"service": function.name, **({"provider": provider} if provider else {})},
            id_=alarm.id,
            description=alarm.description,
        )

    def _silence_alarm(
        self,
        name: str | None,
        expectation: Expectation,
        metric: str,
        dimensions: Mapping[str, str],
        *,
        id_: str,
        description: str,
    ) -> None:
        """Alarm when a count was 0, or missing, in every period; a period that does not count is taken for 1.

        Without FILL an alarm first looks further back than its periods, and goes off periods late. HOUR and DAY have a
        value in every period, whatever is missing. Should there be no value nevertheless, it breaches.

        Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html,
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
        """
        excepted = [f"(DAY(accepted) == {day})" for day in expectation.weekdays]
        if expectation.hours is not None:
            first, end = expectation.hours
            both = "AND" if first < end else "OR"
            excepted.append(f"((HOUR(accepted) >= {first}) {both} (HOUR(accepted) < {end}))")
        filled = "FILL(accepted, 0)"
        self._alarm(
            id_,
            description,
            qualifier=name,
            comparison="LessThanThreshold",
            threshold=1,
            evaluation_periods=expectation.seconds // expectation.period,
            missing="breaching",
            metric_query=[
                CloudwatchMetricAlarmMetricQuery(
                    id="counted",
                    label="accepted, and 1 where it does not count",
                    return_data=True,
                    expression=f"IF({' OR '.join(excepted)}, 1, {filled})" if excepted else filled,
                ),
                CloudwatchMetricAlarmMetricQuery(
                    id="accepted",
                    metric=CloudwatchMetricAlarmMetricQueryMetric(
                        namespace=NAMESPACE,
                        metric_name=metric,
                        dimensions=dict(dimensions),
                        period=expectation.period,
                        stat="Sum",
                    ),
                ),
            ],
        )

    def watch_regular(self, alarm: EventAlarm, function: WebhookFunction) -> None:
        """Alarm when a value that a function gives every minute is too high, or is not given."""
        self._metric_alarm(
            alarm.id,
            alarm.description,
            namespace=NAMESPACE,
            metric_name=alarm.metric,
            dimensions={"service": function.name},
            statistic="Maximum",
            threshold=alarm.threshold,
            missing="breaching",
        )
        self._dashboard.add(alarm.id, [[NAMESPACE, alarm.metric, "service", function.name]])

    def watch_recursion(self, function: WebhookFunction) -> None:
        """Alarm when AWS Lambda drops what a function sent, because it takes it for a loop.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        """
        self._metric_alarm(
            f"{function.node.id}-recursion",
            "AWS Lambda took a chain of invocations for a loop, and dropped its messages",
            namespace="AWS/Lambda",
            metric_name="RecursiveInvocationsDropped",
            dimensions={"FunctionName": function.function.function_name},
        )

    def show_counts(self, title: str, function: WebhookFunction, metrics: Sequence[str]) -> None:
        """Show what a function counts, without an alarm.

        Raises
        ------
        SettingsError
            When it is nothing.
        """
        if not metrics:
            raise SettingsError(f"metrics: {metrics!r} is not allowed; allowed: one or more")
        self._dashboard.add(title, [[NAMESPACE, metric, "service", function.name] for metric in metrics])

    def watch_api(
        self,
        api_name: str,
        stage: str,
        refused: str = "over the throttle, without the API key, forged, or unreadable",
    ) -> None:
        """Alarm when the API answers 5xx, and when it refuses much, which may happen before any function runs.

        Parameters
        ----------
        refused : str
            Why it may have refused, in words.
        """
        dimensions = {"ApiName": api_name, "Stage": stage}
        self._metric_alarm(
            "api-5xx", "the API answers 5xx", namespace="AWS/ApiGateway", metric_name="5XXError", dimensions=dimensions
        )
        self._metric_alarm(
            "api-4xx",
            f"more than {self._settings.refused_requests} requests were refused: {refused}",
            namespace="AWS/ApiGateway",
            metric_name="4XXError",
            dimensions=dimensions,
            threshold=self._settings.refused_requests,
        )
        self._dashboard.add(
            "api",
            [
                ["AWS/ApiGateway", name, "ApiName", api_name, "Stage", stage]
                for name in ("Count", "4XXError", "5XXError")
            ],
        )

    def build_dashboard(self) -> None:
        """Create the dashboard, which shows all that is watched when the stack is synthesized."""
        dashboard = CloudwatchDashboard(
            self, "dashboard", dashboard_name=self._names("overview"), dashboard_body=self._dashboard.body()
        )

        def complete(stack: TerraformStack) -> None:
            del stack
            dashboard.dashboard_body = self._dashboard.body()

        change_at_synth(TerraformStack.of(self), complete)

    def _metric_alarm(
        self,
        id_: str,
        description: str,
        *,
        namespace: str,
        metric_name: str,
        dimensions: Mapping[str, str],
        statistic: str = "Sum",
        threshold: int = 0,
        qualifier: str | None = None,
        missing: str = "notBreaching",
        period: int = PERIOD_SECONDS,
    ) -> None:
        self._alarm(
            id_,
            description,
            threshold=threshold,
            qualifier=qualifier,
            missing=missing,
            namespace=namespace,
            metric_name=metric_name,
            dimensions=dict(dimensions),
            statistic=statistic,
            period=period,
        )

    def _alarm(
        self,
        id_: str,
        description: str,
        *,
        threshold: int,
        qualifier: str | None = None,
        missing: str = "notBreaching",
        comparison: str = "GreaterThanThreshold",
        evaluation_periods: int = 1,
        **metric: Any,
    ) -> None:
        _DESCRIPTION.check("description", description, tokens=True)
        CloudwatchMetricAlarm(
            self,
            f"{id_}-{qualifier}" if qualifier else id_,
            alarm_name=self._names(id_.replace("_", "-"), qualifier=qualifier),
            alarm_description=description,
            comparison_operator=comparison,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            treat_missing_data=missing,
            alarm_actions=self._actions,
            ok_actions=self._actions,
            **metric,
        )


def _hours_since(metric: Sequence[str], number: int, label: str) -> list[list[Any]]:
    """Return a line of a graph: in each period, the hours since the last one in which something was counted."""
    count, last = f"count{number}", f"last{number}"
    return [
        [*metric, {"id": count, "visible": False}],
        [{"id": last, "expression": f"FILL(IF({count} > 0, EPOCH({count})), REPEAT)", "visible": False}],
        # Nothing before the first: an operation may take what is missing for 0.
        [{"id": f"hours{number}", "expression": f"IF({last} > 0, (EPOCH({count}) - {last}) / 3600)", "label": label}],
    ]
