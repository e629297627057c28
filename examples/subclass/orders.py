"""``GET /orders/{id}``: the states of the events of one transaction."""

import json
import os
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

RECORDS = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer a request of API Gateway."""
    del context
    order = event["pathParameters"]["id"]
    found = RECORDS.query(KeyConditionExpression=Key("transactionId").eq(order))["Items"]
    body = {"order": order, "states": [item["state"] for item in found]}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
