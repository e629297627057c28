"""What the tests of the delivery API share: tables, queue and secret on the local AWS, and calls like API Gateway's."""

import base64
import json
import uuid
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from lambdas.delivery.queue.messages import Message, read
from lambdas.delivery.store.deliveries import Deliveries
from lambdas.shared.dynamodb import from_item, to_item
from tests.lambdas.support import NOW, Clients, api_gateway_event, create_delivery_tables, lambda_context

URL = "https://example.com/webhooks"


@dataclass(frozen=True, kw_only=True)
class ApiResponse:
    """What a handler answered."""

    status: int
    headers: dict[str, str]
    raw: str

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass(frozen=True, kw_only=True)
class Place:
    """One test's own tables, queue and secret, as `modules.delivery.tables` describes them."""

    dynamodb: Any
    sqs: Any
    secretsmanager: Any
    name: str
    queue_url: str
    secret_arn: str

    @classmethod
    def build(cls, clients: Clients) -> "Place":
        name = f"delivery-{uuid.uuid4().hex[:12]}"
        create_delivery_tables(clients.dynamodb, name)
        return cls(
            dynamodb=clients.dynamodb,
            sqs=clients.sqs,
            secretsmanager=clients.secretsmanager,
            name=name,
            queue_url=clients.sqs.create_queue(QueueName=name)["QueueUrl"],
            secret_arn=clients.secretsmanager.create_secret(Name=name)["ARN"],
        )

    @property
    def tenants_table(self) -> str:
        return f"{self.name}-tenants"

    @property
    def endpoints_table(self) -> str:
        return f"{self.name}-endpoints"

    @property
    def events_table(self) -> str:
        return f"{self.name}-events"

    @property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.dynamodb, self.events_table)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "TENANTS_TABLE": self.tenants_table,
            "ENDPOINTS_TABLE": self.endpoints_table,
            "EVENTS_TABLE": self.events_table,
            "QUEUE_URL": self.queue_url,
            "DEAD_LETTER_QUEUE_URL": self.queue_url,
            "SIGNING_KEYS_SECRET_ARN": self.secret_arn,
            "MAX_EVENT_BYTES": "20000",
            "ENDPOINT_RULES": "public-https",
        }

    def publish_key(self, **changes: str) -> None:
        """Have a key pair for asymmetric signatures, as far as the tenants' API can see one."""
        key = {"keyId": "key_1", "publicKey": "whpk_", "createdAt": "2026-01-31T12:00:00.000Z", **changes}
        item = to_item({"id": "keys#public", "keys": [key]})
        self.dynamodb.put_item(TableName=self.tenants_table, Item=item)

    def items(self, table: str) -> list[dict[str, Any]]:
        """Return every item of a table, read past the code under test."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [from_item(item) for page in pages for item in page["Items"]]

    def identities(self) -> list[dict[str, Any]]:
        """Return tenants and tokens, which are in one table with the audit log."""
        return [item for item in self.items(self.tenants_table) if not item["id"].startswith("audit#")]

    def payloads(self) -> list[bytes]:
        return [bytes(item["body"]) for item in self.items(self.events_table) if item["item"] == "payload"]

    def event_ids(self) -> list[str]:
        return [item["eventId"] for item in self.items(self.events_table) if item["item"] == "event"]

    def sent(self) -> list[Message]:
        """Take the messages that are on the queue now."""
        found: list[Message] = []
        while batch := self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"]
        ).get("Messages", []):
            for one in batch:
                message = read(one["Body"])
                assert one["Attributes"]["MessageGroupId"] == message.tenant_id
                found.append(message)
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=one["ReceiptHandle"])
        return found


def proxy_event(
    method: str,
    path: str,
    *,
    tenant: str | None = None,
    access: str | None = None,
    body: bytes | Any = None,
    headers: dict[str, str] | None = None,
    query: dict[str, Any] | None = None,
    stage: str = "live",
) -> dict[str, Any]:
    """Return the event of a REST API whose bodies are all base64, with the authorizer's context of a tenant.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    given = headers or ({"Content-Type": "application/json"} if raw is not None else {})
    many = {name: value if isinstance(value, list) else [str(value)] for name, value in (query or {}).items()}
    event = api_gateway_event(
        method=method,
        path=path,
        headers=given,
        query={name: values[-1] for name, values in many.items()} or None,
        body=None if raw is None else base64.b64encode(raw),
        base64_encoded=raw is not None,
        received_at=NOW,
        stage=stage,
    )
    if tenant:
        event["requestContext"]["authorizer"] = {
            "tenantId": tenant,
            "tokenId": "tok_x",
            "principalId": tenant,
            **({"access": access} if access else {}),
        }
    return event | {"multiValueQueryStringParameters": many or None}


def answer_of(proxied: dict[str, Any]) -> ApiResponse:
    """Return a proxy answer as a caller sees it."""
    headers = {name.lower(): values[-1] for name, values in (proxied.get("multiValueHeaders") or {}).items()}
    headers |= {name.lower(): value for name, value in (proxied.get("headers") or {}).items()}
    body = proxied.get("body") or ""
    return ApiResponse(status=proxied["statusCode"], headers=headers, raw=body)


@dataclass(frozen=True, kw_only=True)
class ApiCaller:
    """Calls one handler."""

    module: ModuleType
    tenant: str | None = None
    access: str | None = None

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> ApiResponse:
        tenant = more.pop("tenant", self.tenant)
        event = proxy_event(method, path, tenant=tenant, access=self.access, body=body, **more)
        return answer_of(self.module.handler(event, lambda_context()))

    def create_endpoint(self, **fields: Any) -> dict[str, Any]:
        answer = self("POST", "/v1/endpoints", {"url": URL, **fields})
        assert answer.status == 201, answer.raw
        return answer.json

    def send(self, key: str | None = None, **payload: Any) -> str:
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        answer = self("POST", "/v1/events", {"type": "invoice.paid", **payload}, headers=headers)
        assert answer.status == 201, answer.raw
        return answer.json["eventId"]
