"""Reading records: by transaction for the status, by event or by time for a replay."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.inbound.record_items import (
    BY_EVENT_INDEX,
    BY_RECEIVED_INDEX,
    PARTITION_KEY,
    RECEIVED_SHARDS,
    received_bucket,
)
from lambdas.shared.dynamodb import from_item, to_item

# A long and empty range has many buckets: at about 10 ms each, these take less than API Gateway's 29 s.
MAX_QUERIES_FOR_A_PAGE = 500
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
        """Yield every record of a transaction, strongly consistent, the latest sort key first."""
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#key = :id",
            "ExpressionAttributeNames": {"#key": PARTITION_KEY},
            "ExpressionAttributeValues": to_item({":id": transaction_id}),
            "ConsistentRead": True,
            "ScanIndexForward": False,
        }
        while True:
            response = self._dynamodb.query(**arguments)
            yield from (from_item(item) for item in response["Items"])
            if "LastEvaluatedKey" not in response:
                return
            arguments["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    def by_event(self, event_key: str) -> dict[str, Any] | None:
        """Return the record of an event, by ``<provider>:<event id>``."""
        response = self._dynamodb.query(
            TableName=self._table,
            IndexName=BY_EVENT_INDEX,
            KeyConditionExpression="eventKey = :key",
            ExpressionAttributeValues=to_item({":key": event_key}),
            Limit=1,
        )
        found = self._read_whole(response["Items"])
        return found[0] if found else None

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
            Largest number of records to read. A page may have fewer, or none, and still not be the last one.
        """
        buckets = received_buckets(provider, start, end)
        found: list[dict[str, Any]] = []
        queries = 0
        while bucket < len(buckets) and len(found) < limit and queries < MAX_QUERIES_FOR_A_PAGE:
            queries += 1
            arguments: dict[str, Any] = {
                "TableName": self._table,
                "IndexName": BY_RECEIVED_INDEX,
                "KeyConditionExpression": "receivedBucket = :bucket AND receivedAt BETWEEN :start AND :end",
                "ExpressionAttributeValues": to_item({":bucket": buckets[bucket], ":start": start, ":end": end}),
                "Limit": limit - len(found),
            }
            if after:
                arguments["ExclusiveStartKey"] = to_item(after)
            response = self._dynamodb.query(**arguments)
            found.extend(response["Items"])
            if "LastEvaluatedKey" in response:
                after = from_item(response["LastEvaluatedKey"])
            else:
                bucket, after = bucket + 1, None
        records = [record for record in self._read_whole(found) if record["receivedAt"] < end]
        return RecordPage(records=records, bucket=bucket, after=after, complete=bucket >= len(buckets))

    def _read_whole(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Read the records of index entries, strongly consistent, because an index may be behind its table."""
        keys = [{name: item[name] for name in ("transactionId", "timestamp")} for item in items]
        records: list[dict[str, Any]] = []
        while keys:
            request = {self._table: {"Keys": keys[:_MAX_BATCH_GET], "ConsistentRead": True}}
            response = self._dynamodb.batch_get_item(RequestItems=request)
            records.extend(from_item(item) for item in response["Responses"].get(self._table, []))
            unread = response.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            keys = unread + keys[_MAX_BATCH_GET:]
        return records


def received_buckets(provider: str, start: str, end: str) -> list[str]:
    """Return the partition keys of a time range in the index by time of receipt, in reading order."""
    first = datetime.fromisoformat(start).replace(minute=0, second=0, microsecond=0)
    hours = int((datetime.fromisoformat(end) - first) / timedelta(hours=1))
    times = [(first + timedelta(hours=number)).isoformat(timespec="milliseconds") for number in range(hours + 1)]
    return [received_bucket(provider, time, shard) for time in times for shard in range(RECEIVED_SHARDS)]
