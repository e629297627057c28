"""Write the OpenAPI document of the operators' lists from the parameters that the function checks.

It is checked in, so that a change of the API shows in review as a change of what callers see. A test holds it against
the code, and what the function answers against it.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from lambdas.inbound.record_items import State, Step
from lambdas.operator.request import COUNTS, EVENTS, PAYLOAD, Parameter
from modules.constructs.route import Route
from modules.inbound import routes
from tools import ROOT

TARGET = ROOT / "docs" / "operator-openapi.json"
VERSION = "1.0.0"
_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_NEXT = {
    "type": ["string", "null"],
    "description": "For `next` of the next page; null on the last one. A page may be short, or empty, and have one.",
}
_STATE = {"type": "string", "enum": [*map(str, State)]}
_EVENT = {
    "type": "object",
    "required": ["provider", "eventId", "eventType", "transactionId", "receivedAt", "correlationId", "scheme"],
    "properties": {
        "provider": _TEXT,
        "eventId": _TEXT,
        "eventType": _TEXT,
        "transactionId": _TEXT,
        "state": {**_STATE, "description": "Absent while the event failed and was not recorded yet."},
        "occurredAt": {"type": ["string", "null"], "description": "As the provider says; null if it does not."},
        "receivedAt": _TIME,
        "amount": {"type": ["integer", "string", "null"]},
        "currency": {"type": ["string", "null"]},
        "amountUnit": {"type": ["string", "null"]},
        "exponent": {"type": "integer"},
        "mode": _TEXT,
        "account": _TEXT,
        "unsigned": {},
        "correlationId": _TEXT,
        "scheme": {**_TEXT, "description": "How the signature was verified."},
        "recovered": {"type": "boolean", "description": "True if it was fetched from its provider's list of events."},
        "sameBytesAs": _TEXT,
        "archive": {
            "type": "object",
            "required": ["key", "offset", "size", "sha256"],
            "properties": {
                "key": _TEXT,
                "offset": {"type": "integer"},
                "size": {"type": "integer"},
                "sha256": _TEXT,
            },
        },
        "deadLetter": {**_TEXT, "description": "Object with the message that was given up."},
        "deadLetteredAt": {**_TIME, "description": "Of a dead letter."},
        "conflictAt": {**_TIME, "description": "When another payload under its id was last noted as a conflict."},
        "lastFailure": {
            "type": "object",
            "required": ["reason", "at"],
            "properties": {"reason": _TEXT, "at": _TIME, "receiveCount": {"type": "integer"}},
        },
    },
}
_A_EVENT = {"$ref": "#/components/schemas/Event"}
_RECORD = {
    "allOf": [_A_EVENT],
    "type": "object",
    "required": ["record", "timeline"],
    "properties": {
        "record": {**_TEXT, "description": "For `record` of the payload."},
        "timeline": {
            "type": "array",
            "description": "The newest first.",
            "items": {
                "type": "object",
                "required": ["step", "at"],
                "properties": {"step": {"type": "string", "enum": [*map(str, Step)]}, "at": _TIME},
            },
        },
    },
}
_SCHEMAS: dict[str, Any] = {
    "Event": _EVENT,
    "Record": _RECORD,
    "Events": {
        "type": "object",
        "required": ["events", "next"],
        "properties": {"events": {"type": "array", "items": _A_EVENT}, "next": _NEXT},
    },
    "OneEvent": {
        "type": "object",
        "required": ["event", "records", "transaction"],
        "properties": {
            "event": {**_TEXT, "description": "`<provider>:<event id>`."},
            "records": {
                "type": "array",
                "description": "The event, and each dead letter with its id and another payload.",
                "items": {"$ref": "#/components/schemas/Record"},
            },
            "transaction": {
                "type": "object",
                "required": ["transactionId", "otherEvents", "hasMore"],
                "properties": {
                    "transactionId": _TEXT,
                    "otherEvents": {"type": "array", "items": _A_EVENT},
                    "hasMore": {"type": "boolean"},
                },
            },
        },
    },
    "Counts": {
        "type": "object",
        "required": ["from", "to", "exact", "counts"],
        "properties": {
            "from": _TIME,
            "to": _TIME,
            "exact": {
                "type": "boolean",
                "description": "Whether every event was counted. If not, they are estimates from a sample, "
                "and a state that few events have may be missing.",
            },
            "counts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["provider", "state", "events"],
                    "properties": {
                        "provider": _TEXT,
                        "state": {"enum": [*map(str, State), None]},
                        "events": {"type": "integer"},
                    },
                },
            },
        },
    },
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {**_TEXT, "description": "What is wrong: the parameter, and its value."}},
    },
}
_ERRORS = {
    400: "A parameter is wrong.",
    404: "No such event is known.",
    409: "The payload cannot be read now; the error says why.",
}


def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Webhook operators' API",
            "version": VERSION,
            "description": "Find events, and see what became of them. Requests need AWS credentials.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "."}],
        "paths": {
            **_path(routes.EVENTS, "List and search events, the newest first", EVENTS, "Events"),
            **_path(routes.EVENT, "One event, with its timeline and its transaction", (), "OneEvent", 404),
            **_path(routes.PAYLOAD, "The exact bytes that were received", PAYLOAD, None, 404, 409),
            **_path(routes.COUNTS, "Count events by provider and state", COUNTS, "Counts"),
        },
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "aws": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4, service execute-api.",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
        "security": [{"aws": []}],
    }


def rendered() -> bytes:
    """Return the document's bytes, the same from the same code."""
    return (json.dumps(document(), indent=1, ensure_ascii=False) + "\n").encode()


def main() -> None:
    """Write the document."""
    TARGET.write_bytes(rendered())
    print(f"openapi: {TARGET.name}, {TARGET.stat().st_size:,} bytes")


def _path(route: Route, summary: str, query: Sequence[Parameter], answer: str | None, *errors: int) -> dict[str, Any]:
    content = (
        {"application/json": {"schema": {"$ref": f"#/components/schemas/{answer}"}}}
        if answer
        else {"application/octet-stream": {}}
    )
    refused = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "`<provider>:<event id>`, or `~` and the base64url of that.",
            "schema": _TEXT,
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    in_query = [
        {"name": one.name, "in": "query", "required": False, "description": one.description, "schema": one.schema}
        for one in query
    ]
    return {
        route.path: {
            route.method.lower(): {
                "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
                "summary": summary,
                "parameters": [*in_path, *in_query],
                "responses": {
                    "200": {"description": "Done.", "content": content},
                    **{str(one): {"description": _ERRORS[one], "content": refused} for one in (400, *errors)},
                },
            }
        }
    }


if __name__ == "__main__":
    main()
