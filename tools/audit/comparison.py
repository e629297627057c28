"""What changed between the plan that was last accepted and this one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modules.rules.rule import Finding
from modules.terraform_json.kinds import HOLDS_DATA, kind_of
from tools.audit.summary import Summary

_ABSENT = "not set"
# Besides its name, what a resource with data cannot change without being replaced.
_FIXED = {
    "aws_dynamodb_table": ("hash_key", "range_key"),
    "aws_sqs_queue": ("fifo_queue",),
    "aws_cloudwatch_event_archive": ("event_source_arn",),
}


@dataclass(frozen=True)
class Change:
    """An attribute of a resource that is there in both plans.

    Attributes
    ----------
    before, after : str
        Its values as JSON, or that it is not set.
    """

    address: str
    attribute: str
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """The changes against the accepted plan.

    Attributes
    ----------
    accepted : bool
        False when no plan of the stack was accepted yet; then nothing is compared.
    lists : Mapping[str, tuple[Sequence[str], Sequence[str]]]
        Part of the summary to what was added to it and what was removed from it; the IAM statements first.
    changed : Sequence[Change]
        Changed attributes.
    """

    accepted: bool
    lists: Mapping[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    changed: Sequence[Change] = ()

    @property
    def count(self) -> int:
        """How many changes there are."""
        return len(self.changed) + sum(len(added) + len(removed) for added, removed in self.lists.values())


def compare(accepted: Summary | None, current: Summary) -> Comparison:
    """Return what changed."""
    if accepted is None:
        return Comparison(accepted=False)
    parts = ("statements", "entry_points", "providers", "tags", "resources")
    lists = {part: _difference(_texts(accepted.get(part)), _texts(current.get(part))) for part in parts}
    return Comparison(accepted=True, lists=lists, changed=list(_changed(accepted, current)))


def _difference(before: Sequence[str], after: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    return [text for text in after if text not in before], [text for text in before if text not in after]


def _texts(part: Any) -> Sequence[str]:
    if isinstance(part, Mapping):
        return [name if isinstance(value, Mapping) else f"{name} {value}" for name, value in part.items()]
    return [item if isinstance(item, str) else json.dumps(item, sort_keys=True) for item in part or []]


def _changed(accepted: Summary, current: Summary) -> Iterator[Change]:
    before, after = accepted.get("resources", {}), current["resources"]
    for address in sorted(before.keys() & after.keys()):
        old, new = dict(_leaves(before[address])), dict(_leaves(after[address]))
        for attribute in sorted(old.keys() | new.keys()):
            if old.get(attribute) != new.get(attribute):
                yield Change(address, attribute, _shown(old, attribute), _shown(new, attribute))


def _leaves(attributes: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value with its path, so that of a block only what changed is told: ``environment.0.variables.A``."""
    for name, value in attributes.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield from _leaves({str(index): item for index, item in enumerate(value)}, f"{path}{name}.")
        else:
            yield path + name, value


def _shown(attributes: Mapping[str, Any], attribute: str) -> str:
    if attribute not in attributes:
        return _ABSENT
    return json.dumps(attributes[attribute], sort_keys=True, ensure_ascii=False)


def findings(comparison: Comparison) -> list[Finding]:
    """Return the changes as findings: what is not accepted fails the audit, and what destroys data says so."""
    if not comparison.accepted:
        message = "no plan of this stack is accepted: review the page, then run 'make audit-accept'"
        return [Finding("unaccepted-change", "the whole stack", message)]
    found = []
    for part, (added, removed) in comparison.lists.items():
        word = part.removesuffix("s").replace("_", " ")
        # A resource is known by its address; of the rest, the text itself is what there is.
        found += [_finding(part, text, f"new {word}") for text in added]
        found += [_finding(part, text, f"{word} is gone") for text in removed]
    found += [
        Finding("unaccepted-change", item.address, f"{item.attribute}: {item.before} → {item.after}")
        for item in comparison.changed
    ]
    return sorted([*found, *_destroyed(comparison)])


def _finding(part: str, text: str, message: str) -> Finding:
    if part == "resources":
        return Finding("unaccepted-change", text, message)
    return Finding("unaccepted-change", part.replace("_", " "), f"{message}: {text}")


def _destroyed(comparison: Comparison) -> Iterator[Finding]:
    for address in comparison.lists["resources"][1]:
        if _type(address) in HOLDS_DATA:
            message = "is in the accepted plan and not in this one: Terraform would destroy it and all its data"
            yield Finding("data-destroyed", address, message)
    for change in comparison.changed:
        type_ = _type(change.address)
        if type_ in HOLDS_DATA and change.attribute in (kind_of(type_).name, *_FIXED.get(type_, ())):
            message = f"{change.attribute} changed: Terraform would replace it, and the new one is empty"
            yield Finding("data-destroyed", change.address, message)


def _type(address: str) -> str:
    parts = [part for part in address.split(".") if part]
    while len(parts) > 2 and parts[0] == "module":
        parts = parts[2:]
    return parts[0]
