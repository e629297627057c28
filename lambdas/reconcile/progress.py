"""How far a provider's reconciliation is: an item of the table for each provider, changed after each page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import uuid4

from lambdas.inbound.record_items import PARTITION_KEY, SORT_KEY
from lambdas.reconcile.places import PROGRESS_PARTITION
from lambdas.shared import times
from lambdas.shared.dynamodb import from_item, to_item, write_if
from lambdas.shared.errors import TellableError

# Of an item of 400 KB: ids have 256 characters at most.
MAX_NAMED = 500
MAX_UNREADABLE_NAMED = 50
MAX_ACCOUNTS = 200
# Of `Progress`, what is counted of the entries of a list, and told in its report.
COUNTS = ("listed", "present", "recovered", "unreadable", "unwanted")


class OvertakenError(TellableError):
    """Another run of the same provider went on."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A window of time, and how far its list has been compared.

    Attributes
    ----------
    opened_at : str
        When the window was opened, ISO 8601 in UTC.
    since, until : float
        The window, seconds since the epoch; `until` is no part of it.
    after : str | None
        Where the next page begins; None for the first one.
    all_listed : bool
        Whether there is no other page.
    closed : bool
        Whether its report is written.
    listed, present, recovered, unreadable, unwanted : int
        Events that the list had; that were recorded; that were handed over; that cannot be read; and of types that are
        not wanted.
    named : tuple[str, ...]
        Ids of the first events that were handed over.
    unreadable_named : tuple[str, ...]
        Ids of the first entries that cannot be read.
    lost_since : float | None
        From when on the list ended before it was compared; None if it did not.
    counted_from : float | None
        Where the windows before it end, so that each event of a list is counted for its day by one of them; None
        without any.
    known_key : str | None
        Id of the API key with which the list had a webhook that was recorded; None until then.
    by_day : dict[str, int]
        Wanted events from there on, by `day_key`: `MAX_ACCOUNTS` keys, and the others together under an empty one.
    """

    opened_at: str
    since: float
    until: float
    after: str | None = None
    all_listed: bool = False
    closed: bool = False
    listed: int = 0
    present: int = 0
    recovered: int = 0
    unreadable: int = 0
    unwanted: int = 0
    named: tuple[str, ...] = field(default=())
    unreadable_named: tuple[str, ...] = field(default=())
    lost_since: float | None = None
    counted_from: float | None = None
    known_key: str | None = None
    by_day: dict[str, int] = field(default_factory=dict)


class ProgressStore:
    """Keeps the progress of each provider.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Name of the table.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._seen: dict[str, str | None] = {}

    def read(self, provider: str) -> Progress | None:
        """Return the progress of a provider; None if there was no run yet."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(provider), ConsistentRead=True)
        item = from_item(answer.get("Item", {}))
        self._seen[provider] = item.get("token")
        if not item:
            return None
        known = json.loads(item["progress"])
        named = {name: tuple(known.get(name, ())) for name in ("named", "unreadable_named")}
        return Progress(**{**known, **named})

    def write(self, provider: str, progress: Progress) -> None:
        """Replace the progress that was read or written last.

        Raises
        ------
        OvertakenError
            When another run replaced it.
        """
        token, seen = uuid4().hex, self._seen[provider]
        arguments = {
            "TableName": self._table,
            "Item": {**_key(provider), **to_item({"token": token, "progress": json.dumps(asdict(progress))})},
            "ConditionExpression": "#token = :seen" if seen else "attribute_not_exists(#token)",
            "ExpressionAttributeNames": {"#token": "token"},
            **({"ExpressionAttributeValues": to_item({":seen": seen})} if seen else {}),
        }
        if write_if(self._dynamodb.put_item, arguments, lambda item: item.get("token") == token) is None:
            raise OvertakenError("another run of this provider goes on")
        self._seen[provider] = token


class UnkeptProgress(ProgressStore):
    """The progress of a dry run, of which nothing is kept."""

    def write(self, provider: str, progress: Progress) -> None:
        """Do nothing."""


def day_key(at: float, account: str | None, mode: str | None) -> str:
    """Return a day in UTC, an account and a mode as one text, of which `json.loads` makes three again."""
    return json.dumps([times.iso(at)[:10], account, mode])


def begun_again(progress: Progress) -> Progress:
    """Return the progress of the same window before its first page."""
    names = ("opened_at", "since", "until", "lost_since", "counted_from", "known_key")
    return Progress(**{name: getattr(progress, name) for name in names})


def with_page(
    progress: Progress,
    *,
    after: str | None,
    handed_over: list[str],
    unreadable_ids: Sequence[str],
    by_day: Mapping[str, int],
    **counts: int,
) -> Progress:
    """Return the progress after another page."""
    days = dict(progress.by_day)
    for key, number in by_day.items():
        kept = key if key in days or len(days) < MAX_ACCOUNTS else ""
        days[kept] = days.get(kept, 0) + number
    return replace(
        progress,
        after=after,
        all_listed=after is None,
        named=(*progress.named, *handed_over)[:MAX_NAMED],
        unreadable_named=(*progress.unreadable_named, *unreadable_ids)[:MAX_UNREADABLE_NAMED],
        by_day=days,
        **{name: getattr(progress, name) + count for name, count in counts.items()},
    )


def _key(provider: str) -> dict[str, Any]:
    return to_item({PARTITION_KEY: PROGRESS_PARTITION + provider, SORT_KEY: "-"})
