"""The handlers that verify a signature before they do anything else, and what each needs to do so."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from lambdas.inbound.providers.registry import REGISTRY
from modules.terraform_json.document import Resource


def _verifies_providers(variables: Mapping[str, Any]) -> str:
    """Say why ingestion would verify nothing; nothing where it verifies every webhook."""
    try:
        deployed = json.loads(str(variables.get("PROVIDERS")))
    except ValueError:
        return "its variable PROVIDERS is missing or no JSON"
    if not isinstance(deployed, dict) or not deployed:
        return "its variable PROVIDERS names no provider"
    for name, provider in deployed.items():
        entry = REGISTRY.get(str(provider.get("entry"))) if isinstance(provider, dict) else None
        if entry is None or getattr(entry, "scheme", None) is None:
            return f"its provider {name!r} has no entry with a signature scheme in the registry"
    return ""


def _verifies_endpoints(variables: Mapping[str, Any]) -> str:
    """Say why the receiver would verify nothing; nothing where it knows the endpoints' secrets."""
    return "" if variables.get("ENDPOINTS_TABLE") else "its variable ENDPOINTS_TABLE is missing"


# The entry that takes both requests and the inbox's batches.
DIRECT = "lambdas.ingestion.direct_integration.handler"
# A function that only has the variables of such a handler verifies nothing, so that both count.
_VERIFIERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "lambdas.ingestion.handler.handler": _verifies_providers,
    DIRECT: _verifies_providers,
    "lambdas.delivery_receiver.handler.handler": _verifies_endpoints,
}


def why_unverified(function: Resource | None) -> str:
    """Say why a function verifies nothing of a request; nothing where it verifies each."""
    if function is None:
        return "no function of the stack that verifies signatures answers it"
    verifies = _VERIFIERS.get(str(function.get("handler")))
    if verifies is None:
        return f"{function.path} answers it, whose handler {function.get('handler')} verifies no signature"
    why = verifies(variables_of(function))
    return f"{function.path} answers it, but {why}" if why else ""


def why_unverified_batch(function: Resource | None) -> str:
    """Say why a function verifies nothing of an inbox's messages; nothing where it verifies each."""
    if function is None:
        return "what receives from it is no function of the stack"
    if function.get("handler") != DIRECT:
        return f"{function.path} receives from it, whose handler {function.get('handler')} verifies no message"
    why = _verifies_providers(variables_of(function))
    return f"{function.path} receives from it, but {why}" if why else ""


def variables_of(function: Resource) -> Mapping[str, Any]:
    """Return a function's environment variables."""
    variables = function.block("environment").get("variables")
    return variables if isinstance(variables, Mapping) else {}
