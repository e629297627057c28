"""The job itself, for both peers: Stripe's signature over the exact bytes, then one message to SQS."""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

TOLERANCE_SECONDS = 300
SECRET_SECONDS = 300
_CONFIG = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})


class RefusedError(Exception):
    """The webhook is not accepted.

    Attributes
    ----------
    status : int
        HTTP status.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Job:
    """Accepts webhooks of Stripe."""

    def __init__(self) -> None:
        self._sqs = boto3.client("sqs", config=_CONFIG)
        self._secrets_manager = boto3.client("secretsmanager", config=_CONFIG)
        self._queue_url = os.environ["QUEUE_URL"]
        self._secret_arn = json.loads(os.environ["PROVIDERS"])["stripe"]["secretArn"]
        self._secret: tuple[float, list[str]] = (0.0, [])

    def accept(
        self, signature: str | None, body: bytes, content_type: str, correlation_id: str, at: float
    ) -> dict[str, str]:
        """Verify a webhook and send it to the queue.

        Raises
        ------
        RefusedError
            When it is not accepted.
        """
        self._verify(signature or "", body, at)
        try:
            event = json.loads(body)
            event_id, event_type, data = event["id"], event["type"], event["data"]["object"]
        except (ValueError, KeyError, TypeError) as error:
            raise RefusedError(400, "malformed") from error
        transaction_id = data.get("payment_intent") or data.get("id") or event_id
        message = {
            "event": {"provider": "stripe", "id": event_id, "type": event_type, "transaction": transaction_id},
            "receivedAt": at,
            "correlationId": correlation_id,
            "contentType": content_type,
            "body": base64.b64encode(body).decode("ascii"),
        }
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message), MessageGroupId="stripe")
        return {"eventId": event_id, "transactionId": transaction_id, "correlationId": correlation_id}

    def _verify(self, header: str, body: bytes, at: float) -> None:
        parts: dict[str, list[str]] = {}
        for part in header.split(","):
            name, _, value = part.partition("=")
            parts.setdefault(name.strip(), []).append(value)
        signed_at = parts.get("t", [""])[0]
        if not (signed_at.isascii() and signed_at.isdigit()) or abs(at - int(signed_at)) > TOLERANCE_SECONDS:
            raise RefusedError(401, "timestamp")
        content = signed_at.encode() + b"." + body
        for secret in self._secrets():
            expected = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest().encode()
            if any(hmac.compare_digest(expected, given.encode()) for given in parts.get("v1", [])):
                return
        raise RefusedError(401, "signature")

    def _secrets(self) -> list[str]:
        read_at, secrets = self._secret
        if not secrets or time.monotonic() - read_at > SECRET_SECONDS:
            answer: Mapping[str, Any] = self._secrets_manager.get_secret_value(SecretId=self._secret_arn)
            secrets = json.loads(answer["SecretString"])["secrets"]
            self._secret = (time.monotonic(), secrets)
        return secrets
