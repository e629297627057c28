"""Write the OpenAPI document of the operators' API: of lists from the parameters that the function checks.

It is checked in, so that a change of the API shows in review as a change of what callers see. A test holds it against
the code, and what the function answers against it.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from lambdas.inbound.record_items import State, Step
from lambdas.operator.request import AUDIT, COUNTS, EVENTS, PAYLOAD, Parameter
from lambdas.replay.request import MAX_EVENTS, MAX_RANGE_HOURS
from lambdas.shared.audit import MAX_REASON_CHARS
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
_ACTION = {
    "dryRun": {
        "type": "boolean",
        "default": False,
        "description": "Whether to look only: nothing is changed or recorded.",
    },
    "reason": {**_TEXT, "minLength": 1, "maxLength": MAX_REASON_CHARS, "description": "Why, for the audit log."},
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
        "erasedAt": {**_TIME, "description": "When its payload was erased."},
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
    "Audit": {
        "type": "object",
        "required": ["entries", "next"],
        "properties": {"entries": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}}, "next": _NEXT},
    },
    "Entry": {
        "type": "object",
        "required": ["at", "requestId", "who", "action", "asked", "reason", "outcome", "counts"],
        "properties": {
            "at": _TIME,
            "requestId": {**_TEXT, "description": "The logs have it as `correlation_id`."},
            "who": {"type": ["string", "null"], "description": "ARN of the IAM principal."},
            "action": {**_TEXT, "description": "Method and path of the route."},
            "asked": {"type": "object", "description": "The request."},
            "reason": {"type": ["string", "null"]},
            "outcome": {
                "type": ["string", "null"],
                "description": "`done`, `incomplete` where not every event that was asked for was sent, or the error. "
                "Null while the action is carried out, and where it is not known if it was.",
            },
            "counts": {
                "type": ["object", "null"],
                "description": "Of a replay: `matched`, `replayed`, `failed` and `notFound`.",
                "additionalProperties": {"type": "integer"},
            },
        },
    },
    "ReplayRequest": {
        "type": "object",
        "description": "Either `eventIds`, or `provider`, `from` and `to`.",
        "additionalProperties": False,
        "properties": {
            "eventIds": {
                "type": "array",
                "items": {
                    **_TEXT,
                    "description": "`<provider>:<event id>`: the event, and each dead letter with its id.",
                },
                "minItems": 1,
                "maxItems": MAX_EVENTS,
            },
            "provider": {**_TEXT, "description": "Deployed name."},
            "from": {**_TIME, "description": "Received at this time or later."},
            "to": {**_TIME, "description": f"Received before this time, at most {MAX_RANGE_HOURS} hours after `from`."},
            "status": _STATE,
            "anyMode": {"type": "boolean", "default": False, "description": "Whether to route what is held, too."},
            "next": {**_TEXT, "description": "`next` of the page before."},
            **_ACTION,
        },
    },
    "Replay": {
        "type": "object",
        "required": ["replayId", "dryRun", "matched", "replayed", "notFound", "failed", "next"],
        "properties": {
            "replayId": {**_TEXT, "description": "The timelines have it."},
            "dryRun": {"type": "boolean"},
            "matched": {"type": "integer"},
            "replayed": {"type": "array", "items": _TEXT},
            "notFound": {"type": "array", "items": _TEXT},
            "failed": {"type": "object", "description": "Event to the reason.", "additionalProperties": _TEXT},
            "next": _NEXT,
        },
    },
    "RedriveRequest": {"type": "object", "additionalProperties": False, "properties": _ACTION},
    "Redrive": {
        "type": "object",
        "required": ["dryRun", "messages", "underWay"],
        "properties": {
            "dryRun": {"type": "boolean"},
            "messages": {"type": "integer", "description": "How many wait, about, as SQS counts."},
            "underWay": {"type": "boolean", "description": "Whether SQS moves them."},
        },
    },
    "EraseRequest": {
        "type": "object",
        "required": ["eventId"],
        "additionalProperties": False,
        "properties": {
            "eventId": {**_TEXT, "description": "`<provider>:<event id>`."},
            "record": {
                **_TEXT,
                "description": "`record` of the event's answer: only the places that it names. All records, and "
                "copies in objects of the event's own, if it is left out.",
            },
            **_ACTION,
        },
    },
    "Erased": {
        "type": "object",
        "required": ["dryRun", "places", "sameBytes", "erasedAt"],
        "properties": {
            "dryRun": {"type": "boolean"},
            "places": {
                "type": "array",
                "description": "Where the payload was.",
                "items": {
                    "type": "object",
                    "required": ["key", "offset", "size"],
                    "properties": {
                        "key": _TEXT,
                        "offset": {"type": ["integer", "null"], "description": "Null for a whole object."},
                        "size": {"type": ["integer", "null"]},
                    },
                },
            },
            "sameBytes": {
                "type": "array",
                "description": "Events of which other records name one of the places, and lose what is there too.",
                "items": _TEXT,
            },
            "erasedAt": {**_TIME, "type": ["string", "null"], "description": "Null for a dry run."},
        },
    },
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {**_TEXT, "description": "What is wrong: the field, and its value."}},
    },
}
_ERRORS = {
    400: "A field is wrong.",
    404: "No such event is known.",
    409: "It cannot be done now; the error says why.",
    503: "It could not be recorded, and was not done.",
}


def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Webhook operators' API",
            "version": VERSION,
            "description": "Find events, see what became of them, and act. Requests need AWS credentials.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "."}],
        "paths": {
            **_path(routes.EVENTS, "List and search events, the newest first", EVENTS, "Events"),
            **_path(routes.EVENT, "One event, with its timeline and its transaction", (), "OneEvent", 404),
            **_path(routes.PAYLOAD, "The exact bytes that were received", PAYLOAD, None, 404, 409),
            **_path(routes.COUNTS, "Count events by provider and state", COUNTS, "Counts"),
            **_path(routes.AUDIT, "List what operators did, the newest first", AUDIT, "Audit"),
            **_action(routes.REPLAY, "Send events through the pipeline again", "Replay", 202),
            **_action(
                routes.REDRIVE,
                "Send back what is in the dead letter queue of the ingest queue, where there is one",
                "Redrive",
                202,
                409,
            ),
            **_action(routes.ERASE, "Erase the payload of an event", "Erased", 200, 404, 409, body="EraseRequest"),
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


def _action(
    route: Route, summary: str, answer: str, done: int, *errors: int, body: str | None = None
) -> dict[str, Any]:
    path = _path(route, summary, (), answer, *errors, 503)
    operation = path[route.path]["post"]
    content = {"schema": {"$ref": f"#/components/schemas/{body or answer + 'Request'}"}}
    operation["requestBody"] = {"required": answer != "Redrive", "content": {"application/json": content}}
    answers = operation["responses"]
    if done != 200:
        answers |= {"200": {**answers["200"], "description": "A dry run."}, str(done): answers["200"]}
    return path


if __name__ == "__main__":
    main()
