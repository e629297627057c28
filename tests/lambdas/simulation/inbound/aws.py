"""S3 and EventBridge in memory, and clients of them for the functions."""

import io
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.inbound.aws_calls.errors import AwsRefusedError, AwsUnreachableError
from tests.lambdas.simulation.faults import Chaos
from tests.lambdas.simulation.memory_dynamodb import MemoryDynamoDB, failure


class MemoryS3:
    """One bucket, in which nothing is written twice."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **request: Any) -> dict[str, Any]:
        key = request["Key"]
        if request.get("IfNoneMatch") == "*" and key in self.objects:
            raise failure("PutObject", "PreconditionFailed")
        self.objects[key] = request["Body"]
        return {}

    def get_object(self, **request: Any) -> dict[str, Any]:
        if request["Key"] not in self.objects:
            raise failure("GetObject", "NoSuchKey")
        return {"Body": io.BytesIO(self.objects[request["Key"]])}

    def delete_object(self, **request: Any) -> dict[str, Any]:
        self.objects.pop(request["Key"], None)
        return {}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        keys = sorted(key for key in self.objects if key.startswith(request["Prefix"]))
        return {"Contents": [{"Key": key} for key in keys]}


class MemoryBus:
    """An event bus, which refuses a part of a call at times.

    Attributes
    ----------
    published
        Called with each entry that is on the bus.
    """

    def __init__(self, chaos: Chaos, published: Callable[[dict[str, Any]], None]) -> None:
        self._chaos = chaos
        self._published = published
        self._number = 0

    def put_events(self, **request: Any) -> dict[str, Any]:
        entries = request["Entries"]
        if not 1 <= len(entries) <= 10:
            raise failure("PutEvents", "ValidationException", "Entries: 1 to 10 expected")
        some = self._chaos.hits(self._chaos.rates.partial)
        results: list[dict[str, str]] = []
        for entry in entries:
            if some and self._chaos.chance.random() < 0.5:
                self._chaos.happened["refused"] += 1
                results.append({"ErrorCode": "ThrottlingException"})
                continue
            self._number += 1
            results.append({"EventId": f"bus-{self._number}"})
            self._published(entry)
        return {"FailedEntryCount": sum("ErrorCode" in one for one in results), "Entries": results}


class PartlyRefusing:
    """DynamoDB that refuses some statements of a batch at times."""

    def __init__(self, memory: MemoryDynamoDB, chaos: Chaos) -> None:
        self._memory = memory
        self._chaos = chaos

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._memory, operation)

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:
        chance = self._chaos.chance
        if not self._chaos.hits(self._chaos.rates.partial):
            return self._memory.batch_execute_statement(**request)
        statements = request["Statements"]
        refused = [chance.random() < 0.4 for _ in statements]
        taken = [one for one, no in zip(statements, refused, strict=True) if not no]
        done = iter(self._memory.batch_execute_statement(Statements=taken)["Responses"] if taken else ())
        self._chaos.happened["refused"] += sum(refused)
        code = {"Error": {"Code": chance.choice(("ThrottlingError", "TransactionConflict", "InternalServerError"))}}
        return {"Responses": [code if no else next(done) for no in refused]}


class AwsCalls:
    """A client with the errors of `lambdas.inbound.aws_calls`, which ingestion has instead of boto3."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, operation: str) -> Any:
        target = getattr(self._client, operation)

        def call(**request: Any) -> Any:
            try:
                return target(**request)
            except ClientError as error:
                raise AwsRefusedError(operation, 503, error.response["Error"]["Code"]) from error
            except BotoCoreError as error:
                raise AwsUnreachableError(operation, "no answer") from error

        return call
