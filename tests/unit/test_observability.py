"""What a line of a function's log has, under the log format that the stack sets."""

import json
import os
import subprocess
import sys
from datetime import datetime

from tools import ROOT

# A process of its own: Powertools keeps one logger per service for the life of a process.
PROGRAM = """
from types import SimpleNamespace
from lambdas.shared.observability import logger, metrics

@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event, context):
    logger.set_correlation_id("c-1")
    logger.info("event routed", dry_run=False)
    logger.error("message failed")
    metrics.add_metric(name="Routed", unit="Count", value=1)

context = SimpleNamespace(function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn:f", aws_request_id="r-1")
for _ in range(2):
    handler({}, context)
"""


def lines(level):
    """Return what two invocations log, as documents."""
    variables = {
        "POWERTOOLS_SERVICE_NAME": "webhook-f-dev",
        "POWERTOOLS_METRICS_NAMESPACE": "Webhooks",
        "POWERTOOLS_LOG_LEVEL": level,
        # Lambda sets these from the function's logging configuration.
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
    }
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        check=True,
        text=True,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_line_says_what_its_log_group_does_not():
    first, *_, later, _failed, _metrics = lines("INFO")

    assert first.pop("cold_start") is True
    for line in (first, later):
        # Lambda reads no other time than one of RFC 3339.
        assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
        assert line == {
            "level": "INFO",
            "message": "event routed",
            "service": "webhook-f-dev",
            "function_request_id": "r-1",
            "correlation_id": "c-1",
            "dry_run": False,
        }


def test_the_level_of_the_logs_is_the_settings_and_metrics_pass_at_any():
    printed = lines("ERROR")

    assert [line.get("message", "metrics") for line in printed] == ["message failed", "metrics"] * 2
    assert {line["level"] for line in printed if "level" in line} == {"ERROR"}
