"""The user's function. It does what it is granted, and tries what it is not."""

import json
import os

import boto3
from botocore.exceptions import ClientError


def answer(event, context):
    table, transaction = os.environ["TABLE_NAME"], event["pathParameters"]["transactionId"]
    client = boto3.client("dynamodb")
    found = client.query(
        TableName=table,
        IndexName="byTransaction",
        KeyConditionExpression="#transaction = :id",
        ExpressionAttributeNames={"#transaction": "transaction"},
        ExpressionAttributeValues={":id": {"S": transaction}},
    )
    try:
        client.scan(TableName=table)
        scan = "allowed"
    except ClientError as error:
        scan = error.response["Error"]["Code"]
    return {"statusCode": 200, "body": json.dumps({"records": len(found["Items"]), "scan": scan})}
