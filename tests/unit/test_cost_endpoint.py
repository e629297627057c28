"""The counting endpoint: what it counts, and that nothing goes by uncounted."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tools.estimate.observed.endpoint import CountingEndpoint, UnknownCallError
from tools.estimate.observed.table import Table

ITEM = {"transactionId": {"S": "t"}, "timestamp": {"S": "1"}, "text": {"S": "x" * 2_000}}


@pytest.fixture
def endpoint():
    with CountingEndpoint({"records": Table(keys=("transactionId", "timestamp"))}) as running:
        yield running


def client(endpoint, service):
    return boto3.client(
        service,
        endpoint_url=endpoint.url,
        verify=str(endpoint.certificate_authority),
        region_name="us-east-1",
        aws_access_key_id="observed",
        aws_secret_access_key="observed",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_call_that_it_does_not_know_is_no_call_that_is_free(endpoint):
    with pytest.raises(ClientError):
        client(endpoint, "dynamodb").scan(TableName="records")

    with pytest.raises(UnknownCallError, match="Scan"):
        endpoint.restart()


def test_a_statement_that_it_cannot_read_is_not_free(endpoint):
    statement = {"Statement": "DELETE FROM records WHERE a = ?", "Parameters": [{"S": "b"}]}
    with pytest.raises(ClientError):
        client(endpoint, "dynamodb").batch_execute_statement(Statements=[statement])

    with pytest.raises(UnknownCallError, match="DELETE FROM"):
        endpoint.restart()


def test_an_object_that_is_there_is_asked_for_and_not_stored_again(endpoint):
    s3 = client(endpoint, "s3")
    stored = {"Bucket": "archive", "Key": "raw/1", "Body": b"12345", "Metadata": {"key": "value"}, "IfNoneMatch": "*"}
    s3.put_object(**stored)
    with pytest.raises(ClientError):
        s3.put_object(**stored)

    usage = endpoint.restart()

    assert dict(usage.calls) == {"PutObject": 2}
    assert usage.objects == [5 + len("key") + len("value")]


def test_a_write_that_its_condition_refuses_costs_what_is_there(endpoint):
    dynamodb = client(endpoint, "dynamodb")
    new = {"TableName": "records", "Item": ITEM, "ConditionExpression": "attribute_not_exists(#s)"}
    new["ExpressionAttributeNames"] = {"#s": "state"}
    dynamodb.put_item(**new)
    assert endpoint.restart().table_write_units == 2

    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.put_item(**new)

    assert endpoint.restart().table_write_units == 2


def test_a_transaction_costs_twice_and_a_read_by_four_kilobytes(endpoint):
    dynamodb = client(endpoint, "dynamodb")
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "records", "Item": ITEM}}])
    key = {name: ITEM[name] for name in ("transactionId", "timestamp")}
    dynamodb.get_item(TableName="records", Key=key)
    dynamodb.get_item(TableName="records", Key=key, ConsistentRead=True)

    usage = endpoint.restart()

    assert usage.table_write_units == 4
    assert usage.read_units == 0.5 + 1


def test_a_message_is_counted_with_its_size_and_its_group(endpoint):
    client(endpoint, "sqs").send_message(QueueUrl=f"{endpoint.url}/0/main", MessageBody="ü", MessageGroupId="g")

    usage = endpoint.restart()

    assert (usage.message_bytes, usage.grouped_messages) == ([2], 1)
