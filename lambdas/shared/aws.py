"""boto3 clients, created once per process, with time-outs that are shorter than a function's."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

# Three attempts, each of 1 s to connect and 4 s to read, take less than API Gateway's 29 s.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
)


@cache
def client(service: str) -> Any:
    """Return the process's client of an AWS service."""
    return boto3.client(service, config=_CONFIG)
