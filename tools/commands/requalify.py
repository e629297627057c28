"""``make requalify``: verify quarantined webhooks anew, as of their time of receipt, and hand over what is proven.

The webhooks come here, and the secrets do not: ingestion verifies. A webhook is removed only when ingestion has handed
it over, so that the command can be stopped at any point and run again. What was handed over twice is a duplicate.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

from rich.console import Console
from rich.table import Table

from lambdas.inbound.quarantine import REQUALIFY, Outcome, prefix_of, time_in_key
from modules.constructs.naming import Names
from tools.commands.target_stack import NoTargetError, Target, run, time_of

console = Console()
# Ingestion hands over each by itself; so many take it a second or two.
MAX_MESSAGES = 100
# An invocation takes 6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_BYTES = 5_000_000
# As many as boto3 keeps open.
CONNECTIONS = 10


def main() -> int:
    """Verify and hand over; return 1 when something that is proven could not be handed over."""
    parser = argparse.ArgumentParser(prog="make requalify")
    parser.add_argument("provider", help="deployed name")
    parser.add_argument("--since", help="received at this time or later, RFC 3339")
    parser.add_argument("--until", help="received before this time, RFC 3339")
    parser.add_argument("--dry-run", action="store_true", help="verify only")
    arguments = parser.parse_args()
    target = Target.chosen()
    target.entry_of(arguments.provider)
    since = None if arguments.since is None else time_of("SINCE", arguments.since)
    until = None if arguments.until is None else time_of("UNTIL", arguments.until)
    counts = requalify(target, arguments.provider, since=since, until=until, dry_run=arguments.dry_run)
    if not counts:
        told = "" if since is until is None else " in this time"
        console.print(f"nothing of {arguments.provider} is quarantined{told}")
        return 0
    table = Table("outcome", "reason", "webhooks", title=f"Quarantined of {arguments.provider}", title_justify="left")
    for (outcome, reason), count in sorted(counts.items()):
        table.add_row(outcome, reason, f"{count:,}")
    console.print(table)
    if arguments.dry_run:
        console.print("Nothing was changed. Without DRY_RUN=1, what is proven is handed over, in order of receipt.")
    else:
        console.print(f"What is {Outcome.ACCEPTED} is removed. The rest stays until it expires.")
    return 1 if any(outcome == Outcome.REFUSED for outcome, _ in counts) else 0


def requalify(
    target: Target, provider: str, *, since: float | None = None, until: float | None = None, dry_run: bool
) -> Counter[tuple[str, str]]:
    """Verify a provider's quarantined webhooks in order of receipt; return how many had which outcome and reason.

    Parameters
    ----------
    since, until : float | None
        Seconds since the epoch; `until` is not part of the range.
    dry_run : bool
        Whether nothing is handed over.

    Raises
    ------
    NoTargetError
        When ingestion fails.
    """
    s3, bucket = target.client("s3"), target.outputs["bucket_name"]
    counts: Counter[tuple[str, str]] = Counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        keys = _keys(s3, bucket, provider, since, until)
        some = iter(lambda: list(islice(keys, MAX_MESSAGES)), [])
        messages = (each for part in some for each in pool.map(partial(_read, s3, bucket), part) if each is not None)
        for batch in _batches(messages):
            left = batch
            while left:
                results = _verified(target, [message for _, message in left], dry_run=dry_run)
                found = list(zip(left, results, strict=False))
                accepted = [key for (key, _), result in found if result["outcome"] == Outcome.ACCEPTED]
                list(pool.map(lambda key: s3.delete_object(Bucket=bucket, Key=key), accepted))
                counts.update((result["outcome"], result["reason"] or "") for result in results)
                left = left[len(results) :]
    return counts


def _keys(s3: Any, bucket: str, provider: str, since: float | None, until: float | None) -> Iterator[str]:
    """Yield the keys of a provider's webhooks in order of receipt."""
    prefix = prefix_of(provider)
    start = {} if since is None else {"StartAfter": prefix + time_in_key(since)}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
        for item in page.get("Contents", []):
            if until is not None and item["Key"] >= prefix + time_in_key(until):
                return
            yield item["Key"]


def _read(s3: Any, bucket: str, key: str) -> tuple[str, str] | None:
    """Return a key with its message; None if it is gone, because it expired or somebody else requalified it."""
    try:
        return key, s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except s3.exceptions.NoSuchKey:
        return None


def _batches(messages: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield as many as one invocation takes."""
    batch: list[tuple[str, str]] = []
    size = 0
    for key, message in messages:
        if batch and (len(batch) == MAX_MESSAGES or size + len(message) > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((key, message))
        size += len(message)
    if batch:
        yield batch


def _verified(target: Target, messages: Sequence[str], *, dry_run: bool) -> list[dict[str, Any]]:
    event = {REQUALIFY: {"messages": messages, "dryRun": dry_run}}
    function = Names(target.settings.environment)("ingestion")
    answer = target.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or not isinstance(said, dict) or not said.get("results"):
        raise NoTargetError(f"{function} could not verify: see its log; run this again, which goes on where it ended")
    results: list[dict[str, Any]] = said["results"]
    return results


if __name__ == "__main__":
    run(main)
