"""Write the OpenAPI document of the delivery API from the declarations that the functions serve.

It is checked in, so that a change of the API shows in review as a change of what callers see, and so that serving it
needs none of the packages that make it. A test holds it against the code.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from lambdas.delivery.domain.ids import ENDPOINT, EVENT, REPLAY, TENANT_PATTERN, id_pattern
from lambdas.delivery.http.attempts import NUMBER_PATTERN
from lambdas.delivery.http.rest import Operation
from lambdas.delivery.http.routes import AWS_IAM, PUBLIC_KEYS, TOKEN
from lambdas.delivery.http.schemas import Problem, Refusal
from lambdas.delivery_api import operations as tenants
from lambdas.delivery_operator import operations as operators

TARGET = Path(__file__).resolve().parents[2] / "lambdas" / "delivery_docs" / "openapi.json"
VERSION = "1.0.0"
Services = TypeVar("Services", tenants.TenantServices, operators.OperatorServices)
_REFERENCE = "#/components/schemas/{model}"
_PARAMETERS = {
    "eventId": id_pattern(EVENT),
    "endpointId": id_pattern(ENDPOINT),
    "replayId": id_pattern(REPLAY),
    "tenantId": TENANT_PATTERN,
    "tokenId": "^tok_[0-9a-f]{64}$",
    "number": NUMBER_PATTERN,
    "keyId": "^key_[0-9a-f]{16}$",
}
_TAGS = {
    "events": "Send events, and see their deliveries.",
    "deliveries": "One event on its way to one endpoint.",
    "attempts": "Requests to an endpoint, and what came of them.",
    "endpoints": "Where events go, and which events.",
    "operator": "For operators of the service, with AWS credentials.",
    "token": "What the caller may do.",
    "keys": "Public keys that verify asymmetric signatures.",
}
_SECURITY: Mapping[str, list[dict[str, list[str]]]] = {TOKEN: [{"token": []}], AWS_IAM: [{"aws": []}]}
_MEANINGS = {
    400: "The request is not valid.",
    401: "The token is missing or not valid.",
    403: "Not allowed.",
    404: "Nothing has this id.",
    409: "The request conflicts with the present state.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests. Try again after the time in Retry-After.",
    500: "Internal error.",
    503: "Try again in a moment.",
    504: "Timed out. Try again.",
}
# Those that API Gateway answers too, in a shorter form.
_OF_THE_GATEWAY = frozenset({401, 403, 413, 429, 503, 504})
_ALWAYS = (400, 403, 429, 500, 503, 504)
_SUCCESS = {200: "Done.", 201: "Created.", 202: "Accepted.", 204: "Done. The response has no body."}
_KEYS_PATH = {
    "get": {
        "operationId": "get_webhook_keys",
        "tags": ["keys"],
        "summary": "The public keys of v1a signatures",
        "security": [],
        "responses": {
            "200": {
                "description": "Each key as a JSON Web Key, and in the form of Standard Webhooks.",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["keys"],
                            "properties": {
                                "keys": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["kid", "kty", "crv", "use", "x", "publicKey", "createdAt"],
                                        "properties": {
                                            "kid": {"type": "string"},
                                            "kty": {"const": "OKP"},
                                            "crv": {"const": "Ed25519"},
                                            "use": {"const": "sig"},
                                            "x": {"type": "string"},
                                            "publicKey": {"type": "string", "pattern": "^whpk_"},
                                            "createdAt": {"type": "string"},
                                            "retiredAt": {"type": "string"},
                                        },
                                    },
                                }
                            },
                        }
                    }
                },
            }
        },
    }
}


def declared() -> list[Operation]:
    """Return all operations that the functions serve. They are only declared here, and never carried out."""
    return [
        *tenants.build(_nothing(tenants.TenantServices)).operations,
        *operators.build(_nothing(operators.OperatorServices)).operations,
    ]


def document() -> dict[str, Any]:
    """Return the document."""
    operations = declared()
    references, schemas = _schemas(operations)
    paths: dict[str, Any] = {}
    for operation in operations:
        described = _described(operation, references)
        paths.setdefault(operation.route.path, {})[operation.route.method.lower()] = described
    paths[PUBLIC_KEYS] = _KEYS_PATH
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Webhook delivery API",
            "version": VERSION,
            "description": "Send an event once. It is signed and delivered to every endpoint that subscribes to its "
            "type, with retries for days. You can see every attempt.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        # Below wherever the document itself is.
        "servers": [{"url": "."}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A tenant's token, whk_…, or that of a portal link, whp_…",
                },
                "aws": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4, service execute-api.",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                },
            },
        },
    }


def rendered() -> bytes:
    """Return the document's bytes, the same from the same code."""
    return (json.dumps(document(), indent=1, ensure_ascii=False) + "\n").encode()


def main() -> None:
    """Write the document."""
    TARGET.write_bytes(rendered())
    print(f"openapi: {TARGET.name}, {TARGET.stat().st_size:,} bytes")


def _nothing(kind: type[Services]) -> Services:
    """Return services with nothing in them."""
    nothing: dict[str, Any] = dict.fromkeys(field.name for field in fields(kind))
    return kind(**nothing)


def _schemas(operations: list[Operation]) -> tuple[Mapping[Any, Any], dict[str, Any]]:
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for operation in operations:
        if operation.body is not None:
            models[operation.body, "validation"] = None
        if operation.answer is not None:
            models[operation.answer, "serialization"] = None
    for model in (Problem, Refusal):
        models[model, "serialization"] = None
    made, definitions = models_json_schema(list(models), by_alias=True, ref_template=_REFERENCE)
    return {model: schema for (model, _), schema in made.items()}, dict(sorted(_untitled(definitions["$defs"]).items()))


def _untitled(schema: Any) -> Any:
    """Take out the titles that pydantic makes of names: they say the same again."""
    if isinstance(schema, dict):
        return {
            name: _untitled(value) for name, value in schema.items() if not (name == "title" and isinstance(value, str))
        }
    return [_untitled(value) for value in schema] if isinstance(schema, list) else schema


def _described(operation: Operation, references: Mapping[Any, Any]) -> dict[str, Any]:
    route = operation.route
    described: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "tags": [_tag(route.path)],
        "summary": operation.summary,
    }
    kinds = f"For tokens of the kinds {', '.join(f'`{one}`' for one in route.access)}." if route.access else ""
    if description := " ".join(filter(None, (operation.description, kinds))):
        described["description"] = description
    described["security"] = _SECURITY[route.authorization]
    if parameters := [*_path_parameters(route.path), *_query_parameters(operation), *operation.headers]:
        described["parameters"] = parameters
    schema = operation.raw_body or (references[operation.body] if operation.body else None)
    if schema is not None:
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": {"schema": schema}},
        }
    content = {"content": _json(references[operation.answer])} if operation.answer else {}
    described["responses"] = {str(operation.status): {"description": _SUCCESS[operation.status], **content}}
    unauthorized = (401,) if route.authorization == TOKEN else ()
    for status in sorted({*_ALWAYS, *unauthorized, *operation.refusals}):
        form = Refusal if status in _OF_THE_GATEWAY else Problem
        described["responses"][str(status)] = {
            "description": _MEANINGS[status],
            "content": _json(references[form]),
        }
    return described


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _tag(path: str) -> str:
    if path.startswith("/operator/"):
        return "operator"
    return next((name for name in ("deliveries", "attempts") if f"/{name}" in path), path.split("/")[2])


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        schema = {"type": "string", "pattern": _PARAMETERS[name]}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.query is None:
        return
    schema = operation.query.model_json_schema(by_alias=True)
    for name, content in schema["properties"].items():
        described = dict(content)
        # A parameter is left out, and never null.
        for choice in described.pop("anyOf", ()):
            if choice != {"type": "null"}:
                described |= choice
        if described.get("default", ...) is None:
            del described["default"]
        described.pop("title", None)
        description = described.pop("description", None)
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            **({"description": description} if description else {}),
            "schema": described,
        }


if __name__ == "__main__":
    main()
