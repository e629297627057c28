"""Tags of the module's resources: its own, and those that the caller adds."""

import json
from collections.abc import Mapping
from typing import Any

from modules.constructs.tags import tags_of
from modules.settings.model import Settings
from tools.export_module.hcl import expression, mapping

TAGS = "tags"
# A tag that says who may change a resource must name what really does.
_MANAGED = {"ManagedBy": "terraform"}


def with_callers_tags(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document whose resources have the caller's tags too; those of the module win."""
    blocks = [block for kind in document["resource"].values() for block in kind.values()]
    tagged = [block["tags"] for block in blocks if "tags" in block]
    if not tagged:
        return dict(document)
    common = {name: value for name, value in tagged[0].items() if all(tags.get(name) == value for tags in tagged)}
    resources = {
        type_: {name: _tagged(block, common) for name, block in named.items()}
        for type_, named in document["resource"].items()
    }
    merged = expression(f"merge(var.{TAGS}, {mapping(common | _MANAGED)})")
    return {**document, "locals": {"tags": merged}, "resource": resources}


def _tagged(block: Mapping[str, Any], common: Mapping[str, str]) -> dict[str, Any]:
    if "tags" not in block:
        return dict(block)
    own = {name: value for name, value in block["tags"].items() if name not in common}
    tags = expression(f"merge(local.tags, {mapping(own)})" if own else "local.tags")
    return {**block, "tags": tags}


def tags_block() -> dict[str, Any]:
    """Return the block of the variable that takes the caller's own tags."""
    own = sorted(tags_of(Settings()))
    return {
        "description": f"More tags for every resource. The module sets {', '.join(own)} itself",
        "type": "map(string)",
        "nullable": False,
        "default": {},
        "validation": [
            {
                "condition": expression(f"length(setintersection(keys(var.{TAGS}), {json.dumps(own)})) == 0"),
                "error_message": f"{TAGS}: {', '.join(own)} are set by the module",
            }
        ],
    }
