"""The counter of calls to AWS: what it counts, and that no call goes by uncounted."""

import json
import uuid
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

from tools.estimate.observed.counter import CallCounter
from tools.estimate.observed.functions import NotObservedError, invocation
from tools.local.aws import REGION, ROOT_KEY

KEY = {"transactionId": {"S": "t"}, "timestamp": {"S": "1"}}
ITEM = {**KEY, "text": {"S": "x" * 2_000}}


@pytest.fixture
def counted(local_aws):
    """Watched clients, the counter that watches them, and a name that a table, a bucket and a queue have."""
    name = f"cost-{uuid.uuid4()}"
    dynamodb = local_aws.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "transactionId", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in KEY],
    )
    local_aws.client("s3").create_bucket(Bucket=name)
    queue = local_aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    counter = CallCounter(dynamodb)
    session = boto3.Session(ROOT_KEY, ROOT_KEY, region_name=REGION)
    counter.watch_botocore(session)

    def client(service):
        return session.client(service, endpoint_url=local_aws.url, verify=str(local_aws.certificate_authority))

    return SimpleNamespace(name=name, queue=queue, counter=counter, client=client)


def statement(counted, text, *values):
    return {"Statement": text.format(f'"{counted.name}"'), "Parameters": [{"S": value} for value in values]}


def test_a_call_that_it_does_not_know_is_no_call_that_is_free(counted):
    counted.client("dynamodb").scan(TableName=counted.name)
    counted.client("s3").list_objects_v2(Bucket=counted.name)

    assert [call.split()[0] for call in counted.counter.unknown] == ["Scan", "ListObjectsV2"]


def test_an_invocation_with_a_call_that_is_not_counted_is_not_observed():
    answer = [{"batchItemFailures": []}, {"in_order": ["Scan"]}, [], ["Scan (of which nothing is known here)"]]

    with pytest.raises(NotObservedError, match=r"^processing calls Scan"):
        invocation("processing", json.dumps(answer).encode(), [])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('DELETE FROM {} WHERE "transactionId" = ? AND "timestamp" = ?', ("t", "1")),
        ('UPDATE {} SET "text" = ? WHERE "transactionId" = \'t\' AND "timestamp" = \'1\'', ("a",)),
        ('UPDATE {} SET "text" = ? WHERE "transactionId" = ? AND "timestamp" = \'1\'', ("a", "t")),
        ('UPDATE {} SET "text" = ? WHERE "transactionId" = ? AND "timestamp" = ? AND ? = "text"', ("a", "t", "1", "b")),
    ],
    ids=["no insert and no update", "no key among the parameters", "half of the key", "a parameter without a name"],
)
def test_a_statement_that_it_cannot_read_is_not_free(counted, text, values):
    counted.client("dynamodb").batch_execute_statement(Statements=[statement(counted, text, *values)])

    assert counted.counter.unknown
    assert counted.counter.usage.table_write_units == 0


def test_statements_cost_what_the_requests_that_do_the_same_cost(counted):
    create = "INSERT INTO {} VALUE {{'transactionId': ?, 'timestamp': ?, 'text': ?}}"
    change = 'UPDATE {} SET "text" = ? WHERE "transactionId" = ? AND "timestamp" = ? AND "text" <> ?'
    dynamodb = counted.client("dynamodb")
    units = []
    for text, *values in (
        (create, "t", "1", "x" * 2_000),
        # The item is there already, and this is refused.
        (create, "t", "1", "x"),
        (change, "x" * 3_000, "t", "1", "other"),
        (change, "x", "t", "1", "other"),
    ):
        dynamodb.batch_execute_statement(Statements=[statement(counted, text, *values)])
        units.append(counted.counter.usage.table_write_units)
        counted.counter.restart()

    assert units == [2, 2, 3, 3]
    assert counted.counter.unknown == []


def test_an_object_that_is_there_is_asked_for_and_not_stored_again(counted):
    s3 = counted.client("s3")
    stored = {"Bucket": counted.name, "Key": "raw/1", "Body": b"12345", "Metadata": {"key": "value"}}
    s3.put_object(**stored, IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(**stored, IfNoneMatch="*")

    usage = counted.counter.usage

    assert dict(usage.calls) == {"PutObject": 2}
    assert usage.objects == [5 + len("key") + len("value")]


def test_a_write_that_its_condition_refuses_costs_what_is_there(counted):
    dynamodb = counted.client("dynamodb")
    new = {"TableName": counted.name, "Item": ITEM, "ConditionExpression": "attribute_not_exists(transactionId)"}
    dynamodb.put_item(**new)
    created = counted.counter.usage
    counted.counter.restart()
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.put_item(**new)
    refused = counted.counter.usage

    assert (created.table_write_units, created.stored_item_bytes) == (2, 2_000 + 4 + 13 + 1 + 9 + 1 + 100)
    assert (refused.table_write_units, refused.stored_item_bytes) == (2, 0)


def test_a_transaction_costs_twice_and_a_read_by_four_kilobytes(counted):
    dynamodb = counted.client("dynamodb")
    large = {**ITEM, "text": {"S": "x" * 5_000}}
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": counted.name, "Item": large}}])
    dynamodb.get_item(TableName=counted.name, Key=KEY)
    dynamodb.get_item(TableName=counted.name, Key=KEY, ConsistentRead=True)
    dynamodb.get_item(TableName=counted.name, Key={**KEY, "timestamp": {"S": "none"}})
    dynamodb.batch_get_item(
        RequestItems={counted.name: {"Keys": [KEY, {**KEY, "timestamp": {"S": "none"}}], "ConsistentRead": True}}
    )
    of_one = {"KeyConditionExpression": "transactionId = :id", "ExpressionAttributeValues": {":id": {"S": "none"}}}
    dynamodb.query(TableName=counted.name, **of_one)

    usage = counted.counter.usage

    assert usage.table_write_units == 2 * 5
    assert usage.read_units == (1 + 2 + 0.5) + (2 + 1) + 0.5


def test_a_message_is_counted_with_its_size_and_its_group(counted):
    counted.client("sqs").send_message(QueueUrl=counted.queue, MessageBody="ü", MessageGroupId="g")

    usage = counted.counter.usage

    assert (usage.message_bytes, usage.grouped_messages) == ([2], 1)
    assert [message["MessageBody"] for message in counted.counter.messages] == ["ü"]


def test_an_event_is_counted_with_what_eventbridge_bills(counted):
    entry = {"Source": "abc", "DetailType": "de", "Detail": '{"f": "ü"}', "Resources": ["arn:aws:s3:::bucket"]}
    counted.client("events").put_events(Entries=[entry])

    assert counted.counter.usage.event_bytes == [3 + 2 + 11]
