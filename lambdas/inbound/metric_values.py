"""Reading what functions counted back from CloudWatch."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from lambdas.inbound.metrics import REFUSED

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_MAX_QUERIES = 500


class Metric(NamedTuple):
    """A metric.

    Attributes
    ----------
    namespace, name : str
        Which one.
    dimensions : Mapping[str, str]
        Name to value.
    statistic : str
        What of it is asked for.
    """

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str = "Sum"


def metric_values(
    cloudwatch: Any, metrics: Sequence[Metric], begin: datetime, end: datetime, period: int
) -> list[dict[float, float]]:
    """Return the values of metrics, of each by the time in seconds.

    Parameters
    ----------
    cloudwatch
        A boto3 CloudWatch client.
    period : int
        Seconds of a value.
    """
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in metric.dimensions.items()],
                },
                "Period": period,
                "Stat": metric.statistic,
            },
        }
        for number, metric in enumerate(metrics)
    ]
    found: list[dict[float, float]] = [{} for _ in metrics]
    paginator = cloudwatch.get_paginator("get_metric_data")
    for first in range(0, len(queries), _MAX_QUERIES):
        some = queries[first : first + _MAX_QUERIES]
        for page in paginator.paginate(MetricDataQueries=some, StartTime=begin, EndTime=end):
            for result in page["MetricDataResults"]:
                times = [at.timestamp() for at in result["Timestamps"]]
                found[int(result["Id"][1:])].update(zip(times, result["Values"], strict=True))
    return found


def refusals(cloudwatch: Any, namespace: str, service: str, providers: Collection[str]) -> list[dict[str, str]]:
    """Return the dimensions of each metric of refused webhooks, by provider and reason, that had a value lately."""
    pages = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=namespace,
        MetricName=REFUSED,
        Dimensions=[{"Name": "service", "Value": service}, {"Name": "reason"}],
    )
    listed = [
        {each["Name"]: each["Value"] for each in metric["Dimensions"]} for page in pages for metric in page["Metrics"]
    ]
    return [dimensions for dimensions in listed if dimensions.get("provider") in providers]
