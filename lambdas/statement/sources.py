"""What others say of a day: reconciliation's reports, the metrics of CloudWatch, and the quarantine."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.inbound.archive import REPORT_PREFIX
from lambdas.inbound.metric_values import Metric, metric_values, refusals
from lambdas.inbound.metrics import ACCEPTED, REFUSED
from lambdas.inbound.quarantine import prefix_of, time_in_key

# What delivery's worker counts by tenant, and what a statement calls it.
DELIVERY_NUMBERS = {"Delivered": "delivered", "FailedAttempts": "failedAttempts", "DeadLettered": "givenUp"}
# CloudWatch lists no metric that has had no value for two weeks.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
LISTED_DAYS = 13
_DRY_RUN = "-dry-run"
# An hour's values are kept for 15 months, so that a day that is made up for late has the same.
_PERIOD = 3_600


def bounds(day: str) -> tuple[datetime, datetime]:
    """Return when a day begins and ends, in UTC."""
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return begin, begin + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The windows of a provider's list that were compared with the records about a day.

    Attributes
    ----------
    reports : Sequence[Mapping[str, Any]]
        Reports of the windows that ended in the day, of the first one that ended after it, and of those before that no
        statement has, in order.
    before : bool
        Whether a window ended before the day.
    """

    reports: Sequence[Mapping[str, Any]]
    before: bool


class Sources:
    """Asks for what others say.

    Parameters
    ----------
    s3, cloudwatch
        boto3 clients.
    bucket : str
        Name of the archive bucket.
    namespace : str
        Of the metrics.
    """

    def __init__(self, s3: Any, cloudwatch: Any, bucket: str, namespace: str) -> None:
        self._s3 = s3
        self._cloudwatch = cloudwatch
        self._bucket = bucket
        self._namespace = namespace

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        """See `keys_below`."""
        return keys_below(self._s3, self._bucket, prefix, after)

    def read(self, key: str) -> bytes:
        """See `read_object`."""
        return read_object(self._s3, self._bucket, key)

    def windows(self, provider: str, day: str, compared: str | None) -> Windows:
        """Return the windows of a provider's list about a day.

        Parameters
        ----------
        compared : str | None
            The end of the last window that a statement has; None without any.
        """
        prefix = f"{REPORT_PREFIX}{provider}/"
        begin, end = (prefix + time_in_key(at.timestamp()) for at in bounds(day))
        first = next((key for key in self.keys(prefix) if _DRY_RUN not in key), None)
        after = (
            begin
            if compared is None
            else min(begin, f"{prefix}{time_in_key(datetime.fromisoformat(compared).timestamp())}.json")
        )
        reports = []
        for key in self.keys(prefix, after):
            if _DRY_RUN in key:
                continue
            report = json.loads(self.read(key))
            if datetime.fromisoformat(report["since"]) < bounds(day)[1]:
                reports.append(report)
            if key >= end:
                break
        return Windows(reports=reports, before=first is not None and first < begin)

    def quarantined(self, provider: str, day: str, after: str = "") -> Iterator[str]:
        """Yield the names of a day's webhooks that are in the quarantine now, behind another one."""
        return self.keys(f"{prefix_of(provider)}{day.replace('-', '')}T", after)

    def counted(self, service: str, providers: Collection[str], day: str) -> dict[str, dict[str, Any]]:
        """Return what ingestion accepted and refused of each provider on a day.

        Parameters
        ----------
        service : str
            Value of the dimension of its metrics.
        """
        refused = refusals(self._cloudwatch, self._namespace, service, providers)
        accepted = [{"service": service, "provider": name} for name in providers]
        sums = self._sums([(ACCEPTED, one) for one in accepted] + [(REFUSED, one) for one in refused], day)
        found: dict[str, dict[str, Any]] = {
            one["provider"]: {"accepted": total, "refused": {}} for one, total in zip(accepted, sums, strict=False)
        }
        for one, total in zip(refused, sums[len(accepted) :], strict=True):
            if total:
                found[one["provider"]]["refused"][one["reason"]] = total
        return found

    def delivered(
        self, service: str, tenants: Mapping[str, Mapping[str, Sequence[str] | None]], day: str
    ) -> dict[str, list[dict[str, Any]]]:
        """Return what delivery's worker counted of each provider's events on a day, by tenant.

        Parameters
        ----------
        tenants : Mapping[str, Mapping[str, Sequence[str] | None]]
            See `lambdas.statement.environment`.
        """
        pairs = [(provider, tenant) for provider, of in tenants.items() for tenant in of]
        asked = [
            (metric, {"service": service, "tenant": tenant, "provider": provider})
            for provider, tenant in pairs
            for metric in DELIVERY_NUMBERS
        ]
        sums = iter(self._sums(asked, day))
        found: dict[str, list[dict[str, Any]]] = {provider: [] for provider in tenants}
        for provider, tenant in pairs:
            numbers = {number: next(sums) for number in DELIVERY_NUMBERS.values()}
            found[provider].append({"tenant": tenant, "accounts": tenants[provider][tenant], **numbers})
        return found

    def _sums(self, metrics: Sequence[tuple[str, Mapping[str, str]]], day: str) -> list[int]:
        asked = [Metric(self._namespace, name, dimensions) for name, dimensions in metrics]
        return [round(sum(of.values())) for of in metric_values(self._cloudwatch, asked, *bounds(day), _PERIOD)]


def keys_below(s3: Any, bucket: str, prefix: str, after: str = "") -> Iterator[str]:
    """Yield the keys of a bucket below a prefix, behind another key, in order."""
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, **({"StartAfter": after} if after else {})
    )
    for page in pages:
        yield from (one["Key"] for one in page.get("Contents", ()))


def read_object(s3: Any, bucket: str, key: str) -> bytes:
    """Return an object of a bucket."""
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
