"""A Terraform plan in its JSON form, asked by what things are and what they refer to.

Source of the form: https://developer.hashicorp.com/terraform/internals/json-format
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from tools.audit.model.configuration import Module
from tools.audit.model.kinds import Kind, kind_of

# Addresses have an index in brackets where a resource is one of several: aws_subnet.private["a"].arn
REFERENCE = re.compile(r"\$\{((?:module\.[\w-]+(?:\[[^\]]+\])?\.)*(?:data\.)?\w+\.[\w-]+(?:\[[^\]]+\])?)\.([^{}]+)\}")
_INDEX = re.compile(r"\[[^\]]+\]$")


class PlanError(Exception):
    """A file is not what ``terraform show -json`` writes of a plan, or the plan is not whole."""


@dataclass(frozen=True)
class Violation:
    """What a rule of the policy found.

    Attributes
    ----------
    address : str
        Terraform address of the resource.
    message : str
        What is wrong with it, and what would be right.
    """

    address: str
    message: str


@dataclass(frozen=True, eq=False)
class Resource:
    """A resource or a data source of a plan.

    Attributes
    ----------
    address : str
        Terraform address, from the root.
    type : str
        Terraform type.
    data : bool
        Whether it is a data source.
    actions : Sequence[str]
        What Terraform would do: ``create``, ``update``, ``delete``, ``no-op``; two for a replacement.
    values : Mapping
        Its attributes as planned; what only AWS will know stands as a reference, ``${aws_sqs_queue.main.arn}``.
    written : Mapping
        Only those attributes that the stack's source sets. The same before the first apply and after it.
    before : Mapping
        Its attributes now; empty for one that is not there yet.
    """

    address: str
    type: str
    data: bool
    actions: Sequence[str]
    values: Mapping[str, Any] = field(repr=False)
    written: Mapping[str, Any] = field(repr=False)
    before: Mapping[str, Any] = field(repr=False)

    @property
    def kind(self) -> Kind:
        """Its type in words."""
        return kind_of(self.type)

    @property
    def name(self) -> str:
        """Its name in AWS; without one, the last part of its address."""
        values = self.values or self.before
        name = values.get(self.kind.name) or values.get("name")
        return name if isinstance(name, str) else self.address.split(".")[-1]

    @property
    def label(self) -> str:
        """What it is and its name."""
        return f"{self.kind.noun} {self.name}"

    @property
    def environment(self) -> str:
        """Its tag ``Environment``; empty without one."""
        tags = {**self.get("tags", {}), **self.get("tags_all", {})}
        return str(tags.get("Environment") or "")

    def get(self, path: str, default: Any = None) -> Any:
        """Return an attribute; ``a.b`` is the attribute ``b`` of the first block ``a``.

        Parameters
        ----------
        default : Any
            Returned when nothing is set there.
        """
        value: Any = self.values
        for part in path.split("."):
            if isinstance(value, list):
                value = value[0] if value else None
            if not isinstance(value, Mapping):
                return default
            value = value.get(part)
        return default if value is None else value

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """Return the nested blocks of a name."""
        found = self.values.get(name) or []
        return [block for block in found if isinstance(block, Mapping)] if isinstance(found, list) else []

    def breaks(self, message: str) -> Violation:
        """Return that this resource breaks a rule."""
        return Violation(self.address, message)


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan.

    Attributes
    ----------
    document : Mapping
        What ``terraform show -json`` printed.
    everything : Sequence[Resource]
        All resources and data sources, those included that Terraform would destroy.
    """

    document: Mapping[str, Any] = field(repr=False)
    everything: Sequence[Resource] = field(repr=False)

    @classmethod
    def read(cls, document: Any) -> Self:
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
        entries = [*_read_before(document), *document["resource_changes"]]
        unique = {entry["address"]: entry for entry in entries}
        return cls(document, [_resource(entry, root) for _, entry in sorted(unique.items())])

    @cached_property
    def resources(self) -> Sequence[Resource]:
        """The resources that are there when the plan has been applied."""
        return [item for item in self.everything if not item.data and item.values]

    @cached_property
    def _by_address(self) -> Mapping[str, Resource]:
        return {item.address: item for item in self.everything if item.values}

    @cached_property
    def environments(self) -> Sequence[str]:
        """The environment suffixes: every value of the tag ``Environment``. A plan of two modules has two."""
        return sorted({item.environment for item in self.resources if item.environment})

    @property
    def provider_versions(self) -> Mapping[str, str]:
        """Terraform providers and the versions that the stack asks for."""
        providers = self.document["configuration"].get("provider_config", {})
        return {
            found.get("full_name", name): found.get("version_constraint", "any")
            for name, found in sorted(providers.items())
        }

    def all(self, *types: str) -> list[Resource]:
        """Return the resources of some types."""
        return [item for item in self.resources if item.type in types]

    def documents(self) -> list[Resource]:
        """Return the data sources that make IAM policies."""
        return [item for item in self._by_address.values() if item.data and item.type == "aws_iam_policy_document"]

    def target(self, text: Any, *types: str) -> Resource | None:
        """Return the resource that a text refers to, or that is of one of some types and has the text as its name."""
        if not isinstance(text, str):
            return None
        for address, _ in REFERENCE.findall(text):
            found = self._by_address.get(address) or self._by_address.get(_INDEX.sub("", address))
            if found and (not types or found.type in types):
                return found
        for item in self.all(*types):
            if item.name == text:
                return item
        return None

    def targets(self, text: str) -> list[Resource]:
        """Return all resources that a text refers to."""
        found = (self._by_address.get(address) for address, _ in REFERENCE.findall(text))
        return [item for item in found if item]

    def plain(self, text: str) -> str:
        """Return a text in which each reference reads as what it is, such as ``<account>`` or ``<API x>``."""
        return REFERENCE.sub(lambda found: self._plain(found[1], found[2]), text)

    def _plain(self, address: str, attribute: str) -> str:
        item = self._by_address.get(address)
        if item is None or item.data:
            return f"<{attribute.removesuffix('_id')}>"
        return f"<{attribute} of {self.plain(item.label)}>"


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
    written = module.block(module.expressions(f"{prefix}{entry['type']}.{entry['name']}"))
    after = change["after"]
    return Resource(
        address=entry["address"],
        type=entry["type"],
        data=entry["mode"] == "data",
        actions=tuple(change["actions"]),
        values={} if after is None else _merge(after, written),
        written=written,
        before=change.get("before") or {},
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
