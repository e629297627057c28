"""Reads a Terraform plan in its JSON form.

Source of the form: https://developer.hashicorp.com/terraform/internals/json-format
"""

from collections.abc import Iterator, Mapping
from typing import Any

from modules.terraform_json.document import REFERENCE, Document, Resource
from modules.terraform_json.source import Module

# Of a deployed queue or role, Terraform also reads what other resources of the stack wrote there. It counts only where
# the source of the resource itself says it.
_READ_BACK = ("inline_policy", "managed_policy_arns", "policy", "redrive_allow_policy", "redrive_policy")


class PlanError(Exception):
    """A file is not what ``terraform show -json`` writes of a plan, or the plan is not whole."""


def read(document: Any) -> Document:
    """Read a plan.

    Raises
    ------
    PlanError
        When it is no plan, or Terraform says that it is not complete.
    """
    if not isinstance(document, Mapping) or not {"resource_changes", "configuration"} <= document.keys():
        raise PlanError("not a plan in the form that 'terraform show -json <plan file>' prints")
    if document.get("errored"):
        raise PlanError("Terraform stopped with an error while it made this plan, so that it is not whole")
    if document.get("complete") is False:
        raise PlanError("not the whole plan: parts were deferred, or only some resources were targeted")
    root = Module("", document["configuration"].get("root_module", {}))
    entries = {entry["address"]: entry for entry in (*_read_before(document), *document["resource_changes"])}
    planned = [(entry["change"]["after"] is not None, _resource(entry, root)) for _, entry in sorted(entries.items())]
    providers = document["configuration"].get("provider_config", {})
    return Document(
        (each for stays, each in planned if stays),
        leaving=(each for stays, each in planned if not stays),
        providers={
            said.get("full_name", name): said.get("version_constraint", "any")
            for name, said in sorted(providers.items())
        },
        is_plan=True,
    )


def _read_before(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield data sources that Terraform could read while planning, in the form of the planned ones."""
    modules = [document.get("prior_state", {}).get("values", {}).get("root_module", {})]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        for item in module.get("resources", []):
            if item["mode"] == "data":
                yield {
                    **item,
                    "module_address": module.get("address", ""),
                    "change": {"actions": ["read"], "before": None, "after": item["values"], "after_unknown": {}},
                }


def _resource(entry: Mapping[str, Any], root: Module) -> Resource:
    change = entry["change"]
    module = root.descendant(entry.get("module_address") or "")
    prefix = "data." if entry["mode"] == "data" else ""
    type_ = f"{prefix}{entry['type']}"
    said = module.expressions(f"{type_}.{entry['name']}")
    written = module.block(said)
    after = change["after"]
    values = {} if after is None else _merge(after, written)
    takes_tags = {"tags", "tags_all"} & {*(after or {}), *said}
    return Resource(
        address=entry["address"],
        type=type_,
        path=entry["address"],
        values={name: value for name, value in values.items() if name not in _READ_BACK or name in said},
        arguments=frozenset([*said, "tags"] if takes_tags else said),
        written=written,
        before=change.get("before") or {},
        actions=tuple(change["actions"]),
    )


def _merge(after: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """Return planned values, with what the source says wherever it says more than "known after apply"."""
    merged = {name: value for name, value in after.items() if value is not None}
    for name, says in written.items():
        if name not in merged:
            merged[name] = says
        elif _is_blocks(says) and _is_blocks(merged[name]):
            merged[name] = _merge_blocks(merged[name], says)
        elif isinstance(says, Mapping) and isinstance(merged[name], Mapping):
            merged[name] = {**merged[name], **{key: item for key, item in says.items() if _refers(item)}}
        elif _refers(says):
            merged[name] = says
    return merged


def _merge_blocks(after: list[Any], written: list[Any]) -> list[Any]:
    """Merge nested blocks. Terraform sorts those that are a set, so each is matched with its own source."""
    left = list(written)
    merged = []
    for block in after:
        if not isinstance(block, Mapping) or not left:
            merged.append(block)
            continue
        says = max(left, key=lambda item: (_agreement(block, item), -left.index(item)))
        left.remove(says)
        merged.append(_merge(block, says))
    return merged


def _agreement(block: Mapping[str, Any], says: Mapping[str, Any]) -> int:
    agree = sum(1 for name, value in says.items() if block.get(name) == value)
    differ = sum(1 for name, value in says.items() if block.get(name) not in (None, value) and not _open(value))
    return agree - differ


def _open(value: Any) -> bool:
    return isinstance(value, (list, Mapping)) or _refers(value)


def _is_blocks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _refers(value: Any) -> bool:
    if isinstance(value, str):
        return REFERENCE.search(value) is not None
    if isinstance(value, list):
        return any(_refers(item) for item in value)
    if isinstance(value, Mapping):
        return any(_refers(item) for item in value.values())
    return False
