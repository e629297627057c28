"""``GET /orders/{id}``: the states of the events of one transaction."""

import json
import os
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

DYNAMODB = boto3.resource("dynamodb")
RECORDS = DYNAMODB.Table(os.environ["TABLE_NAME"])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer a request of API Gateway."""
    del context
    order = event["pathParameters"]["id"]
    # The index holds the records' keys, of which one call reads at most 100.
    of_order = Key("transaction").eq(order)
    indexed = RECORDS.query(IndexName="byTransaction", KeyConditionExpression=of_order, Limit=100)["Items"]
    keys = [{name: item[name] for name in ("transactionId", "timestamp")} for item in indexed]
    answer = DYNAMODB.batch_get_item(RequestItems={RECORDS.name: {"Keys": keys}}) if keys else {"Responses": {}}
    found = answer["Responses"].get(RECORDS.name, [])
    body = {"order": order, "states": [item["state"] for item in found]}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
