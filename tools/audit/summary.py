"""A plan as a reviewer accepts it: what the source says, small enough to be read in a diff.

Left out is what differs between accounts, or between builds of the same source: ids, ARNs, the digests of bundles.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.terraform_json.document import REFERENCE, Document, Resource
from modules.terraform_json.statements import DOCUMENT, managed_policies, policies
from tools.audit.model.routes import routes
from tools.audit.model.words import entry_point, managed_sentence, sentence

Summary = Mapping[str, Any]

# Attributes that say nothing a reviewer could weigh, and why.
_NOISE = {
    "dashboard_body",  # what a dashboard draws
    "filename",  # the path of the bundle, with its digest
    "source_code_hash",  # the digest of the bundle
    "tags",  # once for the whole stack, below
    "triggers",  # the digest of the routes, which are listed themselves
}


def summarize(plan: Document) -> dict[str, Any]:
    """Return the summary of a plan."""
    tags = {json.dumps(item.written["tags"], sort_keys=True) for item in plan.resources() if item.written.get("tags")}
    return {
        "providers": dict(plan.providers),
        "tags": [json.loads(text) for text in sorted(tags)],
        "statements": sorted(
            {sentence(plan, policy, statement) for policy in policies(plan) for statement in policy.statements}
            | {managed_sentence(plan, policy) for policy in managed_policies(plan)}
        ),
        "entry_points": [entry_point(route) for route in routes(plan)],
        "resources": {item.address: _attributes(plan, item) for item in plan.resources()},
    }


def _attributes(plan: Document, item: Resource) -> dict[str, Any]:
    return {
        name: value
        for name, value in sorted(item.written.items())
        if name not in _NOISE and value not in (None, "", [], {}) and not _is_document(plan, value)
    }


def _is_document(plan: Document, value: Any) -> bool:
    """Tell whether a value is nothing but a policy's text, whose statements are listed themselves."""
    if not isinstance(value, str):
        return False
    found = REFERENCE.fullmatch(value)
    target = plan.find(value) if found else None
    return target is not None and target.type == DOCUMENT


def dump(summary: Summary) -> str:
    """Return a summary as JSON with one attribute on each line."""
    lines = []
    for part, value in summary.items():
        if part == "resources":
            entries = [f"  {json.dumps(address)}: {_object(attributes)}" for address, attributes in value.items()]
            lines.append(f" {json.dumps(part)}: {{\n" + ",\n".join(entries) + "\n }")
        elif isinstance(value, list):
            entries = [f"  {json.dumps(entry, sort_keys=True, ensure_ascii=False)}" for entry in value]
            lines.append(f" {json.dumps(part)}: [\n" + ",\n".join(entries) + "\n ]")
        else:
            lines.append(f" {json.dumps(part)}: {json.dumps(value, sort_keys=True)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _object(attributes: Mapping[str, Any]) -> str:
    if not attributes:
        return "{}"
    entries = [
        f"   {json.dumps(name)}: {json.dumps(value, sort_keys=True, ensure_ascii=False)}"
        for name, value in attributes.items()
    ]
    return "{\n" + ",\n".join(entries) + "\n  }"


def read_accepted(folder: Path, name: str) -> Summary | None:
    """Return the accepted summary of a stack, or None when none was accepted yet.

    Raises
    ------
    ValueError
        When the file is not JSON.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        accepted: Summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"accepted plan {path.name} is not JSON, as after a merge: {error}") from error
    return accepted


def accept(folder: Path, name: str, summary: Summary) -> Path:
    """Write a summary as the accepted one, and return where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(dump(summary), encoding="utf-8")
    return path
