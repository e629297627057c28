"""The quarantine: webhooks that were refused for their signature, kept for some days in case the secret was wrong.

Anybody can send such a webhook, so that each provider has an allowance for each hour. Executions take it from the table
in blocks: a forgery costs a write only once for each block, and nothing once an execution knows that the hour's
allowance is used up. However many executions there are, no more is kept.

Nothing reads what is here but ``make requalify``, and nothing of it is logged.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lambdas.inbound.archive import Archive, key_part
from lambdas.inbound.record_items import PARTITION_KEY, SORT_KEY
from lambdas.shared import times
from lambdas.shared.errors import aws_code

QUARANTINE_PREFIX = "quarantine/"
# No transaction id has a blank, and no record's partition begins like this.
ALLOWANCE_PARTITION = "quarantine "
# What is larger counts once for each of these that it begins, so that the allowance bounds bytes too.
UNIT_BYTES = 32 * 1024
HOUR_SECONDS = 3_600
# At most so many blocks make an hour's allowance, and so many writes.
MAX_BLOCKS = 1_000
# The refusals that another secret, or another option of the provider, can turn into a proof. A signature that is
# malformed, or whose time is too old, stays refused whatever the secret is.
_REPAIRABLE = frozenset({"signature_mismatch", "other_topic", "other_subscription", "other_environment"})
# Options that name the headers of a signature, which seems to be missing where one of them is wrong.
_HEADER_OPTIONS = frozenset({"header", "header_prefix", "timestamp_header"})

# The member of an event that asks ingestion to verify quarantined webhooks.
REQUALIFY = "requalify"


class Outcome(StrEnum):
    """What became of a quarantined webhook that was verified anew."""

    ACCEPTED = "accepted"
    """It is proven, and was handed over."""
    PROVEN = "proven"
    """It is proven. In a dry run, nothing is handed over."""
    UNPROVEN = "unproven"
    """Its signature is still refused."""
    REFUSED = "refused"
    """It was refused for another reason: it cannot be verified or kept now, or is not acceptable although proven."""


def is_repairable(reason: str, options: Iterable[str]) -> bool:
    """Return whether another secret, or another of the options that the provider has, can make a proof of a refusal."""
    return reason in _REPAIRABLE or (reason == "missing_signature_header" and not _HEADER_OPTIONS.isdisjoint(options))


def key_of(provider: str, received_at: float, correlation_id: str) -> str:
    """Return the object key of a webhook. The keys of a provider are in the order of receipt."""
    return f"{prefix_of(provider)}{time_in_key(received_at)}-{key_part(correlation_id)}"


def prefix_of(provider: str) -> str:
    """Return what the keys of a provider's webhooks begin with."""
    return f"{QUARANTINE_PREFIX}{provider}/"


def time_in_key(seconds: float) -> str:
    """Return a time as ``20260131T120000.000Z``."""
    return times.iso(seconds).replace("-", "").replace(":", "")


@dataclass
class _Hour:
    """What an execution has of a provider's allowance for an hour."""

    number: int
    left: int = 0
    is_open: bool = True


class Allowance:
    """What may be kept of a provider in an hour, by all executions together.

    Parameters
    ----------
    dynamodb
        A `lambdas.inbound.aws_calls.services.DynamoDb`.
    table : str
        The table of records. An item for each provider and hour counts what was taken.
    per_hour : int
        Webhooks of up to `UNIT_BYTES` that are kept of a provider in an hour.
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    def __init__(self, dynamodb: Any, table: str, per_hour: int, clock: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._per_hour = per_hour
        self._block = max(1, per_hour // MAX_BLOCKS)
        self._clock = clock
        self._hours: dict[str, _Hour] = {}

    def take(self, provider: str, size: int) -> bool:
        """Take what a webhook of some bytes counts; return whether there was so much left.

        Raises
        ------
        AwsError
            When the table does not answer.
        """
        number = int(self._clock() // HOUR_SECONDS)
        hour = self._hours.get(provider)
        if hour is None or hour.number != number:
            hour = self._hours[provider] = _Hour(number)
        units = max(1, math.ceil(size / UNIT_BYTES))
        if hour.left < units and hour.is_open:
            block = max(self._block, units)
            hour.is_open = self._reserve(provider, number, block)
            hour.left += block if hour.is_open else 0
        if hour.left < units:
            return False
        hour.left -= units
        return True

    def _reserve(self, provider: str, number: int, block: int) -> bool:
        """Take a block. A call that is repeated after a lost answer can take two, which bounds all the same."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={
                    PARTITION_KEY: {"S": ALLOWANCE_PARTITION + provider},
                    SORT_KEY: {"S": times.iso(number * HOUR_SECONDS)},
                },
                UpdateExpression="ADD taken :block",
                ConditionExpression="attribute_not_exists(taken) OR taken <= :most",
                ExpressionAttributeValues={":block": {"N": str(block)}, ":most": {"N": str(self._per_hour - block)}},
            )
        except Exception as error:
            if aws_code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """Keeps refused webhooks.

    Attributes
    ----------
    archive : Archive
        Where they are kept.
    allowance : Allowance
        How many.
    """

    archive: Archive
    allowance: Allowance

    def keep(self, provider: str, received_at: float, correlation_id: str, message: str) -> bool:
        """Keep a webhook, unless the hour's allowance is used up; return whether it is kept.

        Parameters
        ----------
        message : str
            The request as `lambdas.ingestion.ingest_message` writes it.

        Raises
        ------
        AwsError
            When it may not be kept because AWS does not answer.
        """
        if not self.allowance.take(provider, len(message)):
            return False
        self.archive.store_json(key_of(provider, received_at, correlation_id), message)
        return True
