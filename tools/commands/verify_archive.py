"""``make verify-archive``: every archived payload verified anew, as if it came at the time at which it came."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from lambdas.inbound.archive import BATCH_PREFIX, CERTIFICATE_PREFIX, RAW_PREFIX
from lambdas.inbound.batch_object import NotABatchObjectError
from tools.commands.archive_proof import ArchivedPayload, Proof, prove
from tools.commands.secret import read_secrets
from tools.commands.target_stack import NoTargetError, Target, run

console = Console()


def main() -> int:
    """Verify and show; return 1 when any payload is neither proven nor fetched from its provider."""
    parser = argparse.ArgumentParser(prog="make verify-archive")
    parser.add_argument("--provider", help="deployed name; all by default")
    parser.add_argument("--retired", type=Path, help="file with retired keys: a JSON object of lists by deployed name")
    arguments = parser.parse_args()
    target = Target.chosen()
    keys = all_keys(target, arguments.retired)
    certificate_of = partial(archived_certificate, target)
    proofs: dict[str, Counter[Proof]] = {}
    doubtful: list[tuple[str, str]] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for payload in archived(target, arguments.provider, doubtful):
        proof = prove(payload, keys.get(payload.provider, ()), certificate_of)
        proofs.setdefault(payload.provider, Counter())[proof] += 1
        seen[payload.provider, payload.event, payload.sha256] += 1
        if proof not in {Proof.PROVEN, Proof.FETCHED, Proof.ERASED}:
            doubtful.append((payload.place, proof))
    if arguments.provider and not proofs and not doubtful:
        raise NoTargetError(f"PROVIDER: nothing is archived under {arguments.provider!r}")
    shown = [proof for proof in Proof if proof is not Proof.IN_GLACIER]
    table = Table("provider", *shown, title="Archived payloads", title_justify="left")
    for provider, counts in sorted(proofs.items()):
        table.add_row(provider, *(str(counts[proof]) for proof in shown))
    console.print(table)
    if copies := seen.total() - len(seen):
        console.print(
            f"{copies} of them are copies. The same bytes are archived again when a provider sends an event again, or "
            "when a batch is retried with other messages. The record names one copy; the others do no harm."
        )
    for place, found in doubtful:
        console.print(f"[yellow]{found}[/]: {place}", soft_wrap=True)
    if any(found == Proof.IN_GLACIER for _, found in doubtful):
        console.print("Objects in Glacier can be read after 'aws s3api restore-object'. Then verify again.")
    return 1 if doubtful else 0


def all_keys(target: Target, retired: Path | None) -> dict[str, list[str]]:
    """Return each provider's keys, see `keys_of`, then the retired ones.

    Raises
    ------
    NoTargetError
        When the file of retired keys is none.
    """
    names = {**target.outputs["secret_arns"], **target.settings.provider_options}
    keys = {name: keys_of(target, name) for name in names}
    if retired is not None:
        try:
            for name, more in json.loads(retired.read_text(encoding="utf-8")).items():
                keys.setdefault(name, []).extend(str(key) for key in more)
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise NoTargetError(f"RETIRED: {retired} is not a JSON object of lists: {type(error).__name__}") from error
    return keys


def keys_of(target: Target, provider: str) -> list[str]:
    """Return a provider's keys in Secrets Manager.

    A PayPal webhook's id stands in the place of a key, see `tools.commands.archive_proof.prove`.
    """
    arn = target.outputs["secret_arns"].get(provider)
    keys = list(read_secrets(target.client("secretsmanager"), arn)) if arn else []
    webhook_id = target.settings.provider_options.get(provider, {}).get("webhook_id")
    return [*keys, webhook_id] if webhook_id else keys


def archived_certificate(target: Target, key_id: str) -> bytes | None:
    """Return the certificate that was archived under a key id, or None."""
    s3 = target.client("s3")
    try:
        answer = s3.get_object(Bucket=target.outputs["bucket_name"], Key=f"{CERTIFICATE_PREFIX}{key_id}.pem")
    except s3.exceptions.NoSuchKey:
        return None
    return bytes(answer["Body"].read())


def archived(target: Target, provider: str | None, unreadable: list[tuple[str, str]]) -> Iterator[ArchivedPayload]:
    """Yield the archive's payloads, one at a time; add what cannot be read to a list, with the reason."""
    s3: Any = target.client("s3")
    bucket = target.outputs["bucket_name"]
    prefixes = (f"{RAW_PREFIX}{provider}/", BATCH_PREFIX) if provider else (RAW_PREFIX,)
    pages = (s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix) for prefix in prefixes)
    for item in (item for found in pages for page in found for item in page.get("Contents", [])):
        key = item["Key"]
        if key.count("/") != 3:
            unreadable.append((key, Proof.MISPLACED))
            continue
        try:
            answer = s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            # A listing has the class GLACIER also for what was restored, so that only reading tells.
            if error.response["Error"]["Code"] != "InvalidObjectState":
                raise
            unreadable.append((key, Proof.IN_GLACIER))
            continue
        try:
            payloads = ArchivedPayload.of_object(key, answer["Body"].read(), answer["Metadata"])
        except NotABatchObjectError as error:
            unreadable.append((key, f"{Proof.CHANGED}, {error}"))
            continue
        yield from (payload for payload in payloads if provider in (None, payload.provider))


if __name__ == "__main__":
    run(main)
