"""Reading records: by transaction for the status, by event or by time for a replay or a list."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from lambdas.inbound.envelope import RecordKey
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.record_items import (
    BY_EVENT_INDEX,
    BY_RECEIVED_INDEX,
    BY_TRANSACTION_INDEX,
    INDEXES,
    LISTING,
    MAX_LISTED,
    PARTITION_KEY,
    SHARDS,
    SORT_KEY,
    State,
    key_of_record,
    listed_keys,
    listing_id_of,
    partition_of,
    received_bucket,
    received_minute,
)
from lambdas.shared.dynamodb import from_item, to_item

# A long and empty range has many buckets: at about 10 ms each, these take less than API Gateway's 29 s.
MAX_QUERIES_FOR_A_PAGE = 500
# Events of a transaction with which one that comes late is compared, in one read.
NEWEST = 25
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_MAX_BATCH_GET = 100


@dataclass(frozen=True, kw_only=True)
class RecordPage:
    """Records, and where the next page begins.

    Attributes
    ----------
    records : Sequence[dict]
        The records' plain values.
    bucket : int
        Number of the bucket to continue with, counted over the hours and shards of the range.
    after : dict | None
        Where to continue in that bucket; None for its beginning.
    complete : bool
        Whether this is the last page of the range.
    """

    records: Sequence[dict[str, Any]]
    bucket: int
    after: dict[str, Any] | None
    complete: bool


class RecordQueries:
    """Reads records.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        Table name.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def transaction(self, transaction_id: str) -> Iterator[dict[str, Any]]:
        """Yield every record of a transaction.

        The index may miss a record of the last moments. What is found is read strongly consistent.
        """
        found = self._of_transaction(transaction_id)
        while some := list(islice(found, _MAX_BATCH_GET)):
            yield from self._read_whole(some)
        # The records of version 0.1.0.
        yield from map(from_item, self._query("#key = :id", {"#key": PARTITION_KEY}, {":id": transaction_id}))

    def has_later_routed(self, event: WebhookEvent, key: RecordKey) -> bool:
        """Return whether an event of the same provider and transaction was routed that occurred later.

        That is looked up among the events of the transaction that were received last, `NEWEST` of them.

        Parameters
        ----------
        key : RecordKey
            The event's own record, which is not read.
        """
        if event.occurred_at is None:
            return False
        newest = islice(self._of_transaction(event.transaction_id, page=NEWEST), NEWEST)
        others = [item for item in newest if key_of_record(from_item(item)) != key]
        return any(
            record["provider"] == event.provider
            and record.get("state") == State.ROUTED
            and record.get("occurredAt", "") > event.occurred_at
            for record in self._read_whole(others)
        )

    def by_event(self, event_key: str) -> list[dict[str, Any]]:
        """Return the records of an event, by ``<provider>:<event id>``, its own dead letters included."""
        found = self.by_id(event_key)
        # An event with an id that an earlier event has.
        first, _, occurrence = event_key.rpartition(":")
        if ":" in first:
            names = {"#key": PARTITION_KEY, "#sort": SORT_KEY}
            values = {":id": partition_of(first), ":sort": occurrence}
            found += [from_item(item) for item in self._query("#key = :id AND #sort = :sort", names, values)]
        return [record for record in found if f"{record['provider']}:{record['eventId']}" == event_key]

    def by_id(self, event_key: str) -> list[dict[str, Any]]:
        """Return the records of all events that came under an id, those with another id of their own included."""
        names = {"#key": PARTITION_KEY}
        found = [from_item(item) for item in self._query("#key = :id", names, {":id": partition_of(event_key)})]
        index = self._query("#key = :id", {"#key": "eventKey"}, {":id": event_key}, BY_EVENT_INDEX)
        return found + self._read_whole(list(index))

    def _of_transaction(self, transaction_id: str, page: int | None = None) -> Iterator[dict[str, Any]]:
        values = {":id": transaction_id}
        return self._query("#key = :id", {"#key": "transaction"}, values, BY_TRANSACTION_INDEX, page)

    def _query(
        self,
        condition: str,
        names: Mapping[str, str],
        values: Mapping[str, str],
        index: str | None = None,
        page: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield all items of a query, the latest first; of the table, strongly consistent; `page` of them a call."""
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": dict(names),
            "ExpressionAttributeValues": to_item(values),
            "ScanIndexForward": False,
            **({"IndexName": index} if index else {"ConsistentRead": True}),
            **({"Limit": page} if page else {}),
        }
        while True:
            response = self._dynamodb.query(**arguments)
            yield from response["Items"]
            if "LastEvaluatedKey" not in response:
                return
            arguments["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    def by_received(
        self, provider: str, start: str, end: str, *, bucket: int, after: dict[str, Any] | None, limit: int
    ) -> RecordPage:
        """Return the next records of a provider that were received from `start` to before `end`.

        Parameters
        ----------
        start, end : str
            ISO 8601, UTC, as `lambdas.shared.times.iso` writes them.
        bucket, after
            Where to continue, from the previous `RecordPage`; 0 and None for the first one.
        limit : int
            Number of records from which on no more are read; a listing is read whole. A page may have fewer, or none,
            and still not be the last one.
        """
        buckets = received_buckets(provider, start, end)
        found: list[dict[str, Any]] = []
        queries = 0
        # A listing is in the index at the time of its first record.
        earliest = received_minute(start)
        while bucket < len(buckets) and len(found) < limit and queries < MAX_QUERIES_FOR_A_PAGE:
            queries += 1
            arguments: dict[str, Any] = {
                "TableName": self._table,
                "IndexName": BY_RECEIVED_INDEX,
                "KeyConditionExpression": "receivedBucket = :bucket AND receivedAt BETWEEN :start AND :end",
                "ExpressionAttributeValues": to_item({":bucket": buckets[bucket], ":start": earliest, ":end": end}),
                # Each entry may be that of a listing.
                "Limit": max(1, (limit - len(found)) // MAX_LISTED),
            }
            if after:
                arguments["ExclusiveStartKey"] = to_item(after)
            response = self._dynamodb.query(**arguments)
            entries = self.records_of([from_item(item) for item in response["Items"]])
            found.extend(record for records in entries for record in records if record)
            if "LastEvaluatedKey" in response:
                after = from_item(response["LastEvaluatedKey"])
            else:
                bucket, after = bucket + 1, None
        records = [record for record in found if start <= record["receivedAt"] < end]
        return RecordPage(records=records, bucket=bucket, after=after, complete=bucket >= len(buckets))

    def all_received(self, provider: str, start: str, end: str, *, at_once: int) -> Iterator[dict[str, Any]]:
        """Yield the records of `by_received`, as they are asked for; about so many are read at once."""
        bucket, after, complete = 0, None, False
        while not complete:
            page = self.by_received(provider, start, end, bucket=bucket, after=after, limit=at_once)
            yield from page.records
            bucket, after, complete = page.bucket, page.after, page.complete

    def newest(
        self, index: str, partition: str, *, start: str, end: str, limit: int, after: Mapping[str, Any] | None = None
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return the next entries of a partition of an index, the newest first, and where they continue, if they do.

        It is one call.

        Parameters
        ----------
        start, end : str
            The range of the index's time, both included.
        after : Mapping[str, Any] | None
            Where to continue, from the previous call; None for the first one.
        """
        of, at = INDEXES[index]
        response = self._dynamodb.query(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#of = :of AND #at BETWEEN :start AND :end",
            ExpressionAttributeNames={"#of": of, "#at": at},
            ExpressionAttributeValues=to_item({":of": partition, ":start": start, ":end": end}),
            ScanIndexForward=False,
            Limit=limit,
            **({"ExclusiveStartKey": after} if after else {}),
        )
        return [from_item(item) for item in response["Items"]], response.get("LastEvaluatedKey")

    def count_received(self, bucket: str) -> int:
        """Return how many entries a partition of the index by time of receipt has."""
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": BY_RECEIVED_INDEX,
            "KeyConditionExpression": "receivedBucket = :bucket",
            "ExpressionAttributeValues": to_item({":bucket": bucket}),
            "Select": "COUNT",
        }
        counted = 0
        while True:
            response = self._dynamodb.query(**arguments)
            counted += int(response["Count"])
            if "LastEvaluatedKey" not in response:
                return counted
            arguments["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    def records_of(
        self, entries: Sequence[Mapping[str, Any]], attributes: Sequence[str] | None = None
    ) -> list[list[dict[str, Any] | None]]:
        """Return the records of each entry of an index.

        A listing has several, in its order. There is None for each that does not exist, or was not created with it.

        Parameters
        ----------
        attributes : Sequence[str] | None
            Those of a record that are read, its keys and its listing among them; None for all.
        """
        wire_keys = [to_item({name: entry[name] for name in (PARTITION_KEY, SORT_KEY)}) for entry in entries]
        of_either = None if attributes is None else [*attributes, "records"]
        read = {key_of_record(item): item for item in self._read_whole(wire_keys, of_either)}
        listings = {key: item for key, item in read.items() if listing_id_of(item)}
        # Two listings may have one key, and one call must not name an item twice.
        keys = dict.fromkeys(key for item in listings.values() for key in listed_keys(item))
        listed_wire_keys = [to_item({PARTITION_KEY: key.partition, SORT_KEY: key.sort}) for key in keys]
        listed = {key_of_record(record): record for record in self._read_whole(listed_wire_keys, attributes)}
        records: list[list[dict[str, Any] | None]] = []
        for key in map(key_of_record, entries):
            if (listing := listings.get(key)) is None:
                records.append([read.get(key)])
                continue
            of_listing = [listed.get(each) for each in listed_keys(listing)]
            records.append([one if one and one.get(LISTING) == listing_id_of(listing) else None for one in of_listing])
        return records

    def existing(self, keys: Iterable[RecordKey]) -> dict[RecordKey, dict[str, Any]]:
        """Return those records with these keys that exist, strongly consistent, a hundred in a call."""
        distinct = [to_item({PARTITION_KEY: key.partition, SORT_KEY: key.sort}) for key in dict.fromkeys(keys)]
        return {key_of_record(record): record for record in self._read_whole(distinct)}

    def _read_whole(
        self, items: Sequence[dict[str, Any]], attributes: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Read the records of index entries, strongly consistent, because an index may be behind its table."""
        names = {f"#a{number}": name for number, name in enumerate(attributes or ())}
        projected = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if names else {}
        keys = [{name: item[name] for name in (PARTITION_KEY, SORT_KEY)} for item in items]
        order = {key_of_record(from_item(key)): place for place, key in enumerate(keys)}
        records: list[dict[str, Any]] = []
        while keys:
            request = {self._table: {"Keys": keys[:_MAX_BATCH_GET], "ConsistentRead": True, **projected}}
            response = self._dynamodb.batch_get_item(RequestItems=request)
            records.extend(from_item(item) for item in response["Responses"].get(self._table, []))
            unread = response.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            keys = unread + keys[_MAX_BATCH_GET:]
        return sorted(records, key=lambda record: order[key_of_record(record)])


def received_buckets(provider: str, start: str, end: str) -> list[str]:
    """Return the partition keys of a time range in the index by time of receipt, in reading order."""
    first = datetime.fromisoformat(start).replace(minute=0, second=0, microsecond=0)
    hours = int((datetime.fromisoformat(end) - first) / timedelta(hours=1))
    times = [(first + timedelta(hours=number)).isoformat(timespec="milliseconds") for number in range(hours + 1)]
    return [bucket for time in times for bucket in buckets_of_hour(provider, time)]


def buckets_of_hour(provider: str, time: str) -> list[str]:
    """Return the partition keys of the hour of a time in the index by time of receipt."""
    return [received_bucket(provider, time, shard) for shard in range(SHARDS)]
