"""The webhook that is measured: a signed event of Stripe, as API Gateway hands it to a function."""

import hashlib
import hmac
import json
from typing import Any

SECRET = "whsec_bench"  # noqa: S105 (of no account)
RECEIVED_AT = 1_790_000_000
ENVIRONMENT = {
    "PROVIDERS": json.dumps(
        # What the preset standard deploys.
        {
            entry: {"entry": entry, "secretArn": f"arn:aws:secretsmanager:us-east-1:000000000000:secret:{entry}"}
            for entry in ("stripe", "github", "standard-webhooks", "generic")
        }
    ),
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/bench",
    "MESSAGE_GROUP_BY": "provider",
    "BUCKET_NAME": "bench",
    "TABLE_NAME": "bench",
    "EVENT_BUS_NAME": "bench",
    "ARCHIVE_BY": "batch",
    "MAX_RECEIVE_COUNT": "3",
    "MAX_BODY_BYTES": "4194304",
}
# What Lambda sets by itself.
LAMBDA = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_SESSION_TOKEN": "bench",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "LAMBDA_TASK_ROOT": "/var/task",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "Webhooks",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}


def api_gateway_event() -> dict[str, Any]:
    """Return a request as API Gateway's REST API hands it on, payload format 1.0."""
    payload = {
        "id": "evt_1MqqbKLt4dXK03v5qaIbiNCC",
        "object": "event",
        "api_version": "2024-06-20",
        "created": RECEIVED_AT - 2,
        "type": "charge.succeeded",
        "data": {
            "object": {
                "id": "ch_3MmlLrLkdIwHu7ix0snN0B15",
                "object": "charge",
                "amount": 1099,
                "currency": "usd",
                "payment_intent": "pi_3MmlLrLkdIwHu7ix0snN0B15",
                "metadata": {f"field{number}": "x" * 40 for number in range(25)},
            }
        },
        "livemode": True,
    }
    body = json.dumps(payload)
    signature = hmac.new(SECRET.encode(), f"{RECEIVED_AT}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Accept": "*/*; q=0.5, application/xml",
        "Content-Type": "application/json; charset=utf-8",
        "Host": "api.example.com",
        "Stripe-Signature": f"t={RECEIVED_AT},v1={signature}",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    return {
        "resource": "/webhook/{provider}",
        "path": "/webhook/stripe",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"provider": "stripe"},
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/webhook/{provider}",
            "httpMethod": "POST",
            "path": "/live/webhook/stripe",
            "accountId": "000000000000",
            "protocol": "HTTP/1.1",
            "stage": "live",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": RECEIVED_AT * 1000,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "Stripe/1.0"},
        },
        "body": body,
        "isBase64Encoded": False,
    }
