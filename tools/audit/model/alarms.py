"""Alarms: what each watches, when it goes off, and whom it tells."""

from dataclasses import dataclass

from modules.terraform_json.document import Document, Resource

_COMPARISONS = {
    "GreaterThanThreshold": "over",
    "GreaterThanOrEqualToThreshold": "at or over",
    "LessThanThreshold": "under",
    "LessThanOrEqualToThreshold": "at or under",
}


@dataclass(frozen=True, eq=False)
class Alarm:
    """A CloudWatch alarm.

    Attributes
    ----------
    metrics : tuple[Metric, ...]
        What it reads.
    condition : str
        In words, when it goes off.
    missing_data : str
        What it makes of no data: ``notBreaching``, ``breaching``, ``ignore`` or ``missing``.
    notifies : tuple[str, ...]
        What is told: labels of resources, or ARNs.
    """

    resource: Resource
    metrics: tuple["Metric", ...]
    condition: str
    missing_data: str
    enabled: bool
    notifies: tuple[str, ...]

    def watches(self, metric: str, subject: str) -> bool:
        """Tell whether it reads a metric, such as ``AWS/Lambda Errors``, of something with that name."""
        return any(item.name == metric and subject in item.subjects for item in self.metrics)


@dataclass(frozen=True)
class Metric:
    """A metric: namespace and name, and the values of its dimensions."""

    name: str
    subjects: tuple[str, ...]


def alarms(plan: Document) -> list[Alarm]:
    """Return the alarms, by name."""
    found = [_alarm(plan, item) for item in plan.all("aws_cloudwatch_metric_alarm")]
    return sorted(found, key=lambda alarm: alarm.resource.name)


def _alarm(plan: Document, item: Resource) -> Alarm:
    told = [plan.find(arn) for arn in item.get("alarm_actions", [])]
    return Alarm(
        resource=item,
        metrics=_metrics(item),
        condition=_condition(item),
        missing_data=item.get("treat_missing_data", "missing"),
        enabled=item.get("actions_enabled", True),
        notifies=tuple(
            target.label if target else plan.plain(str(arn))
            for arn, target in zip(item.get("alarm_actions", []), told, strict=True)
        ),
    )


def _metrics(item: Resource) -> tuple[Metric, ...]:
    read = [item.values, *(metric for query in item.blocks("metric_query") for metric in query.get("metric") or [])]
    return tuple(
        Metric(
            f"{metric.get('namespace')} {metric['metric_name']}",
            tuple(str(value) for _, value in sorted((metric.get("dimensions") or {}).items())),
        )
        for metric in read
        if metric.get("metric_name")
    )


def _condition(item: Resource) -> str:
    threshold = f"{_COMPARISONS.get(item.get('comparison_operator'), 'against')} {item.get('threshold', 0):g}"
    periods = item.get("evaluation_periods", 1)
    lasting = f", {periods} periods in a row" if periods > 1 else ""
    expression = next((query["expression"] for query in item.blocks("metric_query") if query.get("expression")), None)
    if expression:
        queries = {query["id"]: query for query in item.blocks("metric_query")}
        seconds = next((metric["period"] for query in queries.values() for metric in query.get("metric") or []), None)
        return f"{' '.join(expression.split())} {threshold} in {seconds} s{lasting}"
    statistic = item.get("statistic") or item.get("extended_statistic") or "value"
    return f"{statistic} {threshold} in {item.get('period')} s{lasting}"
