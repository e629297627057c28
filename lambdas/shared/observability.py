"""The logger, the tracer and the metrics of a function.

No payload, header or secret is passed to them. The stack sets service and metrics namespace in the environment, and
its alarms use the same names.
"""

import logging
import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.shared.xray import DaemonProvider

# The log group says these of every line in it, and each line is paid for by its bytes.
_SAID_BY_LOG_GROUP = ("function_name", "function_arn", "function_memory_size")


class _Formatter(LambdaPowertoolsFormatter):
    def serialize(self, log: dict[str, Any]) -> str:  # type: ignore[override]
        """Return a line without what the log group says, and with `cold_start` at a cold start only."""
        for name in _SAID_BY_LOG_GROUP:
            log.pop(name, None)
        if not log.get("cold_start"):
            log.pop("cold_start", None)
        return super().serialize(log)


# No line says where in the code, or in which thread or process it was written, so that is not looked up for each.
# https://docs.python.org/3/howto/logging.html#optimization
logging._srcfile = None
logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False

# A message is a sentence; by default, Powertools tries to read each one as JSON. Lambda's JSON format takes a line's
# level and time from it, the time in RFC 3339 only.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
logger = Logger(logger_formatter=_Formatter(json_deserializer=str, location=None, use_rfc3339=True, utc=True))
# Powertools prefers Lambda's own level, which has to let the metrics through whatever is logged.
logging.getLogger(logger.name).setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"))
# Powertools needs X-Ray's SDK to disable the tracer outside of Lambda; this provider sends nothing there.
tracer = Tracer(auto_patch=False, disabled=False, provider=DaemonProvider())
metrics = Metrics()


def count_at_once(metric: str, count: int = 1, **dimensions: str) -> None:
    """Write a metric now, by service and with other dimensions: it must be told even if the process ends then."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=count)
    if dimensions:
        metrics.add_dimensions(service=metrics.service, **dimensions)
    metrics.flush_metrics()
