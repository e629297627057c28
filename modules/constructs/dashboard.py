"""The dashboard of a stack: three graphs in a row, in the order in which they were added."""

from collections.abc import Sequence
from typing import Any

from modules.synth.json_text import json_text

# Of every graph and alarm.
PERIOD_SECONDS = 300


class Dashboard:
    """Collects graphs.

    Parameters
    ----------
    region : str
        Region of the metrics.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._widgets: list[dict[str, Any]] = []

    def add(self, title: str, metrics: Sequence[Sequence[Any]]) -> None:
        """Add a graph of some metrics, each a namespace, a name, names and values of dimensions, and options.

        One that is there already is not added.
        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
        """
        properties = {
            "title": title.replace("_", " "),
            "metrics": metrics,
            "region": self._region,
            "stat": "Sum",
            "period": PERIOD_SECONDS,
        }
        if any(each["properties"] == properties for each in self._widgets):
            return
        position = len(self._widgets)
        place = {"x": 8 * (position % 3), "y": 6 * (position // 3), "width": 8, "height": 6}
        self._widgets.append({"type": "metric", **place, "properties": properties})

    def body(self) -> str:
        """Return the dashboard as CloudWatch takes it."""
        return json_text({"widgets": self._widgets})
