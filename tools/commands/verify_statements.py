"""``make verify-statements``: the chain of daily statements, and the records that they count."""

import argparse
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from rich.console import Console
from rich.table import Table

from lambdas.inbound.record_items import Step
from lambdas.inbound.record_queries import RecordQueries
from lambdas.shared.times import iso
from lambdas.statement.baseline import Stated, numbers_of, stated
from lambdas.statement.chain import NotAStatementError, Statement, broken_links, day_after, days_of, digest
from lambdas.statement.counting import ATTRIBUTES, NUMBERS, WAITING, Tally, count_on, number_of
from lambdas.statement.logic import SETTLE_SECONDS
from lambdas.statement.page import page_of
from lambdas.statement.places import PROGRESS_KEY, STATEMENT_PREFIX, key_of, page_key_of
from lambdas.statement.sources import keys_below, read_object
from tools.commands.target_stack import NoTargetError, Target, run

console = Console()
_SIDE_BY_SIDE = 10
# After which the newest day must have its statement: runs are an hour apart.
_LATE_SECONDS = SETTLE_SECONDS + 2 * 3_600.0
# By which the clocks of S3, which tells whole seconds, and of processing may differ.
_SKEW_SECONDS = 60.0
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)


@dataclass(kw_only=True)
class _Recount(Tally):
    """What there is of a provider's day now.

    Attributes
    ----------
    stated_at : str
        When the day's statement was written.
    still_routed : int
        Records that were routed by then, and are so, or are being replayed.
    """

    attributes: ClassVar[tuple[str, ...]] = (*ATTRIBUTES, "timeline")
    stated_at: str
    still_routed: int = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """See `Tally.add`."""
        super().add(record)
        if number_of(record) in {"routed", WAITING}:
            self.still_routed += _was_routed(record, self.stated_at)


def _was_routed(record: Mapping[str, Any], at: str) -> bool:
    timeline = record.get("timeline", ())
    # Of a timeline that was shortened, or of a record that has none, nobody knows.
    if not timeline or any(one["step"] == Step.OMITTED for one in timeline):
        return True
    return any(one["step"] == Step.ROUTED and one["at"] <= at for one in timeline)


def main() -> int:
    """Verify and show; return 1 on any difference."""
    parser = argparse.ArgumentParser(prog="make verify-statements")
    parser.add_argument("--since", help="first day of which the records are counted again, such as 2026-01-31")
    parser.add_argument("--provider", help="deployed name of which they are counted; all by default")
    parser.add_argument("--digest", help="a digest that was noted elsewhere: one statement must have it")
    arguments = parser.parse_args()
    if arguments.since is not None and not _DAY.fullmatch(arguments.since):
        raise NoTargetError(f"SINCE: {arguments.since!r} is not a day such as 2026-01-31")
    if arguments.digest is not None and not _DIGEST.fullmatch(arguments.digest):
        raise NoTargetError(f"DIGEST: {arguments.digest!r} is not a SHA-256 digest of 64 hexadecimal digits")
    target = Target.chosen()
    chain, keys = read_chain(target)
    if not chain:
        raise NoTargetError("there is no statement yet")
    try:
        faults = [*faults_of_chain(target, chain, keys, arguments.digest), *faults_of_copies(target)]
        found = list(counts(target, chain, arguments.since or "", arguments.provider))
    except NotAStatementError as error:
        console.print(str(error), style="red", highlight=False, markup=False)
        return 1
    if arguments.provider and not found:
        raise NoTargetError(f"PROVIDER: no statement counts {arguments.provider!r} in this time")
    faults += [fault for *_, fault in found if fault]
    show(chain, found)
    for fault in faults:
        console.print(fault, style="red", highlight=False, markup=False, soft_wrap=True)
    differing = [statement for statement in chain if statement.said["differences"]]
    if differing:
        days = ", ".join(statement.day for statement in differing)
        console.print(f"Statements that say of differences themselves: {days}", highlight=False, soft_wrap=True)
    console.print(
        f"The digest of the last one is {chain[-1].sha256}. Note it elsewhere.", highlight=False, soft_wrap=True
    )
    return 1 if faults else 0


def read_chain(target: Target) -> tuple[list[Statement], set[str]]:
    """Return all statements, and the keys of all that is beside them."""
    keys = statement_keys(target)
    return [read_statement(target, day) for day in days_of(keys)], keys


def statement_keys(target: Target) -> set[str]:
    """Return the keys of statements, and of what is beside them."""
    return set(keys_below(target.client("s3"), target.outputs["bucket_name"], STATEMENT_PREFIX))


def read_statement(target: Target, day: str) -> Statement:
    """Return the statement of a day, of which there is one."""
    return Statement(day, _read(target, key_of(day)))


def totals(statement: Statement) -> dict[str, Any]:
    """Return the numbers of a statement over all of its providers and accounts."""
    providers = statement.said["providers"]
    accounts = [account for one in providers for account in one["accounts"]]
    return {
        "day": statement.day,
        "sha256": statement.sha256,
        **{name: sum(account[name] for account in accounts) for name in NUMBERS},
        "open": sum(len(one["open"]) + one["openNotNamed"] for one in providers),
        "differences": len(statement.said["differences"]),
    }


def faults_of_chain(
    target: Target, chain: Sequence[Statement], keys: set[str], known_digest: str | None
) -> Iterator[str]:
    """Yield what is wrong with the chain, with the pages, and with what was noted elsewhere."""
    first, last = chain[0], chain[-1]
    if (previous := first.said["previous"]) is not None:
        yield f"the statement of {first.day} is not the first one: {previous['key']} is missing, and what was before it"
    yield from broken_links(chain)
    due = datetime.fromtimestamp(time.time() - _LATE_SECONDS, UTC).date().isoformat()
    if day_after(last.day) < due:
        yield f"the statements of {day_after(last.day)} to {day_after(due, -1)} are missing"
    following = {one.said["previous"]["key"]: one.said["previous"]["page"] for one in chain if one.said["previous"]}
    for statement in chain:
        key = page_key_of(statement.day)
        if key not in keys:
            yield f"the page {key} is missing"
            continue
        # Another version may have made other pages, so that what the next statement says of it counts.
        made = following.get(key_of(statement.day), digest(page_of(statement).encode()))
        if digest(_read(target, key)) != made:
            yield f"the page {key} is not the one that was written with its statement"
    if known_digest is not None and all(statement.sha256 != known_digest for statement in chain):
        yield f"no statement has the digest {known_digest}: the chain is not the one that it was noted from"


def faults_of_copies(target: Target) -> Iterator[str]:
    """Yield what was overwritten or removed, as far as the bucket still has old versions."""
    s3, bucket = target.client("s3"), target.outputs["bucket_name"]
    seen: set[str] = set()
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=STATEMENT_PREFIX):
        for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            if not one["IsLatest"] and one["Key"] != PROGRESS_KEY and one["Key"] not in seen:
                seen.add(one["Key"])
                yield f"{one['Key']} was overwritten or removed: the bucket has an older version of it"


def counts(
    target: Target, chain: Sequence[Statement], since: str, provider: str | None
) -> Iterator[tuple[str, str, int, int, str | None]]:
    """Yield day, provider, records as stated and as they are now, and what is wrong."""
    queries = RecordQueries(target.client("dynamodb"), target.outputs["table_name"])
    # To these days and later ones, the next statement still says what came.
    looked_at = day_after(chain[-1].day, 1 - target.settings.statement_look_back_days)
    said_on = {statement.day: statement.providers for statement in chain}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as executor:
        for (day, name), of in stated(chain).items():
            if day < since or provider not in (None, name):
                continue
            tally = _Recount(stated_at=_written_at(target, day))
            while not tally.complete:
                count_on(tally, queries, executor, name, day)
            said = said_on[day][name]
            now = sum(numbers["received"] for numbers in tally.accounts.values())
            then = sum(number for (_, what), number in of.numbers.items() if what == "received")
            fault = _fault(day, name, of, said, tally)
            if fault is None and now > then and day < looked_at:
                fault = (
                    f"{day}, {name}: {now - then} records that no statement has: they came when none looked any more"
                )
            yield day, name, then, now, fault


def _fault(day: str, name: str, of: Stated, said: dict[str, Any], tally: _Recount) -> str | None:
    """Return in what the records of a day are not what was stated; None if there are just more, or other states."""
    now = numbers_of(tally)
    missing = {key: number - now[key] for key, number in of.numbers.items() if now[key] < number}
    if missing:
        told = "; ".join(f"{number} {what} of {_words(key)}" for (key, what), number in sorted(missing.items()))
        return f"{day}, {name}: fewer records than was stated: {told}"
    routed = sum(one["routed"] for one in said["accounts"])
    if tally.still_routed < routed:
        return f"{day}, {name}: {routed} events were routed, and {tally.still_routed} of them are now"
    return None


def _words(key: str) -> str:
    account, mode = json.loads(key)
    return f"{account or 'no account'}, {mode or 'no mode'}"


def show(chain: Sequence[Statement], found: Sequence[tuple[str, str, int, int, str | None]]) -> None:
    """Show what was counted, a line for each provider."""
    title = f"Statements of {chain[0].day} to {chain[-1].day}"
    table = Table("provider", "days", "as stated", "now", "recorded since", title=title, title_justify="left")
    for name in sorted({name for _, name, *_ in found}):
        own = [one for one in found if one[1] == name]
        then, now = sum(one[2] for one in own), sum(one[3] for one in own)
        table.add_row(name, str(len(own)), f"{then:,}", f"{now:,}", f"{max(0, now - then):,}")
    console.print(table)


def _written_at(target: Target, day: str) -> str:
    head = target.client("s3").head_object(Bucket=target.outputs["bucket_name"], Key=key_of(day))
    return iso(head["LastModified"].timestamp() + _SKEW_SECONDS)


def _read(target: Target, key: str) -> bytes:
    return read_object(target.client("s3"), target.outputs["bucket_name"], key)


if __name__ == "__main__":
    run(main)
