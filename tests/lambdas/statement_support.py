"""A world of records in memory, of which statements are made: a bucket with versions, metrics, and calls that die."""

import io
import json
from collections import Counter
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from types import SimpleNamespace

from lambdas.inbound.archive import Archive
from lambdas.inbound.record_items import (
    BY_RECEIVED_INDEX,
    INDEXES,
    PARTITION_KEY,
    SORT_KEY,
    first_key,
    partition_of,
    received_bucket,
    shard_of,
)
from lambdas.inbound.record_queries import RecordQueries
from lambdas.shared import times
from lambdas.shared.dynamodb import to_item
from lambdas.statement.chain import Statement, days_of
from lambdas.statement.logic import Statements
from lambdas.statement.places import PROGRESS_KEY, STATEMENT_PREFIX, key_of, page_key_of
from lambdas.statement.sources import Sources
from tests.lambdas.simulation.memory_dynamodb import MemoryDynamoDB, Paginator, failure
from tests.lambdas.support import Clock, CrashError, create_table, event

DAY = "2026-01-31"
BEGIN = datetime(2026, 1, 31, tzinfo=UTC).timestamp()
HOUR, WHOLE_DAY = 3_600.0, 86_400.0
# When its statement is made.
MADE_AT = BEGIN + WHOLE_DAY + 3.25 * HOUR
NAME = "of-the-tests"


class VersionedS3:
    """A bucket in memory that keeps what is overwritten and removed."""

    def __init__(self, clock):
        self.versions = {}
        self.written = {}
        self.clock = clock

    @property
    def objects(self):
        return {key: content[-1] for key, content in sorted(self.versions.items()) if content[-1] is not None}

    def put_object(self, *, Key, Body, IfNoneMatch=None, **_):  # noqa: N803 - boto3's names
        if IfNoneMatch and Key in self.objects:
            raise failure("PutObject", "PreconditionFailed")
        self.versions.setdefault(Key, []).append(Body)
        self.written[Key] = datetime.fromtimestamp(self.clock() // 1, UTC)

    def get_object(self, *, Key, **_):  # noqa: N803
        if Key not in self.objects:
            raise failure("GetObject", "NoSuchKey")
        return {"Body": io.BytesIO(self.objects[Key])}

    def head_object(self, *, Key, **_):  # noqa: N803
        return {"LastModified": self.written[Key]}

    def delete_object(self, *, Key, **_):  # noqa: N803
        self.versions[Key].append(None)

    def list_objects_v2(self, *, Prefix, StartAfter="", **_):  # noqa: N803
        keys = [key for key in self.objects if key.startswith(Prefix) and key > StartAfter]
        return {"Contents": [{"Key": key} for key in keys]}

    def list_object_versions(self, *, Prefix, **_):  # noqa: N803
        listed = [
            {"Key": key, "IsLatest": number == len(contents) - 1}
            for key, contents in sorted(self.versions.items())
            if key.startswith(Prefix)
            for number, _ in enumerate(contents)
        ]
        return {"Versions": listed}

    def get_paginator(self, operation):
        return Paginator(getattr(self, operation))


class Metrics:
    """CloudWatch: what was counted, by metric and dimensions, at a time each."""

    def __init__(self):
        self.counted = []

    def count(self, name, number, at, **dimensions):
        self.counted.append((name, dimensions, at, number))

    def list_metrics(self, *, MetricName, Dimensions, **_):  # noqa: N803
        wanted = {one["Name"]: one.get("Value") for one in Dimensions}
        found = [
            {"Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()]}
            for name, dimensions, *_ in self.counted
            if name == MetricName
            and all(key in dimensions and value in (None, dimensions[key]) for key, value in wanted.items())
        ]
        return {"Metrics": [one for number, one in enumerate(found) if one not in found[:number]]}

    def get_metric_data(self, *, MetricDataQueries, StartTime, EndTime, **_):  # noqa: N803
        results = []
        for query in MetricDataQueries:
            metric = query["MetricStat"]["Metric"]
            dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
            period = query["MetricStat"]["Period"]
            sums: Counter[float] = Counter()
            for name, of, at, number in self.counted:
                is_asked = (name, of) == (metric["MetricName"], dimensions)
                if is_asked and StartTime.timestamp() <= at < EndTime.timestamp():
                    sums[at - at % period] += float(number)
            stamps = [datetime.fromtimestamp(at, UTC) for at in sums]
            results.append({"Id": query["Id"], "Timestamps": stamps, "Values": list(sums.values())})
        return {"MetricDataResults": results}

    def get_paginator(self, operation):
        return Paginator(getattr(self, operation))


class InTurn(Executor):
    """Does one thing after the other, so that a death is always at the same place."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Mortal:
    """A client of which the n-th call ends the process, before or after it is done."""

    def __init__(self, client, calls, deadly, *, after):
        self._client, self._calls, self._deadly, self._after = client, calls, deadly, after

    def __getattr__(self, name):
        real = getattr(self._client, name)
        if name == "get_paginator":
            return lambda operation: Paginator(getattr(self, operation))

        def call(**arguments):
            self._calls.append(name)
            dies = len(self._calls) == self._deadly
            if dies and not self._after:
                raise CrashError(name)
            answer = real(**arguments)
            if dies:
                raise CrashError(name)
            return answer

        return call


class StatementWorld:
    """Records, a bucket and metrics."""

    def __init__(self):
        self.clock = Clock(MADE_AT)
        self.dynamodb = MemoryDynamoDB(self.clock)
        create_table(self.dynamodb, NAME, (PARTITION_KEY, SORT_KEY), INDEXES, "KEYS_ONLY")
        self.s3 = VersionedS3(self.clock)
        self.cloudwatch = Metrics()
        self.told = []

    def record(self, event_id, at=BEGIN + HOUR, *, provider="acme", state="ROUTED", **more):
        """Write a record as processing leaves it."""
        of, received_at = event(event_id, provider=provider), times.iso(at)
        key = first_key(of)
        item = {
            PARTITION_KEY: key.partition,
            SORT_KEY: key.sort,
            "provider": provider,
            "eventId": event_id,
            "receivedAt": received_at,
            "receivedBucket": received_bucket(provider, received_at, shard_of(of.key)),
            **({"state": state} if state else {}),
            **more,
        }
        self.dynamodb.put_item(TableName=NAME, Item=to_item(item))

    def listing(self, event_ids, at=BEGIN + HOUR, *, provider="acme", state="ROUTED", written=None, **more):
        """Write records that have one entry in the index together; not all of them where a run was killed."""
        received_at, listing_id = times.iso(at), event_ids[0]
        keys = [[partition_of(f"{provider}:{event_id}"), "-"] for event_id in event_ids]
        listing = {
            PARTITION_KEY: f"listing {listing_id}",
            SORT_KEY: "-",
            "receivedBucket": received_bucket(provider, received_at, shard_of(listing_id)),
            "receivedAt": received_at,
            "records": keys,
        }
        self.dynamodb.put_item(TableName=NAME, Item=to_item(listing))
        for event_id, (partition, sort) in list(zip(event_ids, keys, strict=True))[:written]:
            item = {
                PARTITION_KEY: partition,
                SORT_KEY: sort,
                "provider": provider,
                "eventId": event_id,
                "receivedAt": received_at,
                "listing": listing_id,
                "state": state,
                **more,
            }
            self.dynamodb.put_item(TableName=NAME, Item=to_item(item))

    def report(
        self,
        since,
        until,
        *,
        provider="acme",
        recovered=(),
        dry_run=False,
        problems=(),
        recovered_of_all=None,
        by_day=(),
        not_named=0,
        **numbers,
    ):
        """Write the report of a window of reconciliation."""
        key = f"reconciliation/{provider}/{until.replace('-', '').replace(':', '')}"
        of_all = len(recovered) if recovered_of_all is None else recovered_of_all
        counts = {"listed": 0, "present": 0, "recovered": of_all, "unreadable": 0, "unwanted": 0} | numbers
        days = [dict(zip(("day", "account", "mode", "events"), one, strict=True)) for one in by_day]
        said = {"since": since, "until": until, **counts, "problems": list(problems), "recoveredIds": list(recovered)}
        body = json.dumps({**said, "byDay": days, "byDayNotNamed": not_named, "registration": None}).encode()
        self.s3.put_object(Key=f"{key}{'-dry-run' if dry_run else ''}.json", Body=body)

    def statements(self, *, s3=None, dynamodb=None, **changes):
        """Return what makes statements, as a new invocation has it."""
        s3, dynamodb = s3 or self.s3, dynamodb or self.dynamodb
        values = {
            "queries": RecordQueries(dynamodb, NAME),
            "executor": InTurn(),
            "archive": Archive(s3, NAME),
            "write_progress": lambda text: s3.put_object(Bucket=NAME, Key=PROGRESS_KEY, Body=text.encode()),
            "sources": Sources(s3, self.cloudwatch, NAME, "Webhooks"),
            "providers": {"acme": None},
            "look_back_days": 3,
            "quarantines": True,
            "ingestion": "ingestion-of-the-tests",
            "delivery_worker": None,
            "tenants": {},
            "clock": self.clock,
            "on_written": lambda statement: self.told.append((statement.day, statement.sha256)),
        }
        return Statements(**(values | changes))

    def run(self, seconds=900.0, **changes):
        return self.statements(**changes).run(seconds if callable(seconds) else lambda: seconds)

    def stored(self):
        """Return what is below the prefix, but for the progress, which is overwritten."""
        return {
            key: content
            for key, content in self.s3.objects.items()
            if key.startswith(STATEMENT_PREFIX) and key != PROGRESS_KEY
        }

    def chain(self):
        return [Statement(day, self.s3.objects[key_of(day)]) for day in days_of(self.s3.objects)]

    def said(self, day=DAY, provider="acme"):
        """Return what the statement of a day says of a provider."""
        return Statement(day, self.s3.objects[key_of(day)]).providers[provider]

    def page(self, day=DAY):
        return self.s3.objects[page_key_of(day)].decode()

    @property
    def target(self):
        clients = {"s3": self.s3, "dynamodb": self.dynamodb}
        return SimpleNamespace(
            settings=SimpleNamespace(statement_look_back_days=3),
            client=clients.__getitem__,
            outputs={"bucket_name": NAME, "table_name": NAME},
        )


def index_entries(world):
    """Return the entries of the index by time of receipt."""
    return world.dynamodb.tables[NAME].indexes[BY_RECEIVED_INDEX]
