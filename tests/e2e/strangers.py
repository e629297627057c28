"""What strangers hear, and what logs keep from them."""

import pytest
import requests

from tools.local.stack import LocalStack

operators_routes = pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/status/pi_1"),
        ("POST", "/internal/replay"),
        ("POST", "/internal/redrive"),
        ("POST", "/internal/erase"),
        ("GET", "/internal/events"),
        ("GET", "/internal/events/stripe:evt_1"),
        ("GET", "/internal/counts"),
        ("GET", "/internal/audit"),
        ("GET", "/internal/payloads/stripe:evt_1"),
    ],
)


def are_kept_out(stack: LocalStack, method: str, path: str) -> None:
    """Call an operators' route unsigned, and signed by somebody without a policy."""
    unsigned = requests.request(method, stack.base_url + path, verify=str(stack.aws.certificate_authority), timeout=30)
    stranger = stack.stranger()

    assert unsigned.status_code == 403
    assert stack.call(method, path, operator=stranger).status_code == 403


def all_log_lines(stack: LocalStack) -> list[str]:
    """Return the lines of every log group of the account."""
    logs = stack.aws.client("logs")
    return [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]
