"""A stack as rules and tools read it: what is in it, where it comes from, and what refers to what.

`modules.terraform_json.stack` reads what a synth writes, and `modules.terraform_json.plan` what Terraform prints of a
plan. Both make the same document: what only AWS knows is a reference, such as ``${aws_sqs_queue.queues_main.arn}``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from modules.terraform_json.kinds import Kind, kind_of

# `${data.aws_iam_policy_document.trust.json}`, `${module.webhooks.aws_subnet.private["a"].arn}`: address, attribute.
REFERENCE = re.compile(
    r"\$\{((?:module\.[\w-]+(?:\[[^\]]+\])?\.)*(?:data\.)?[a-z]\w*\.[\w-]+(?:\[[^\]]+\])?)"
    r"(?:\.([\w-]+(?:\.[\w-]+|\[[^\]]*\])*))?\}"
)
_INDEX = re.compile(r"\[[^\]]+\]$")


class NotInStackError(Exception):
    """The stack lacks what a tool needs to read from it; the message says what."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """A resource or a data source.

    Attributes
    ----------
    address : str
        Terraform address, from the root.
    type : str
        Terraform type; with ``data.`` before it for a data source.
    path : str
        Where it is to be fixed: the path of the construct that made it, where one is known, or else the address.
    values : Mapping[str, Any]
        What the stack says about it; in a plan, also what Terraform knows already.
    arguments : frozenset[str]
        Arguments that the provider takes for it; of a plan, those that the source sets, and ``tags``.
    written : Mapping[str, Any]
        Those values that the source sets. The same before the first apply and after it.
    before : Mapping[str, Any]
        Of a plan, its values now; empty for one that is not there yet.
    actions : Sequence[str]
        Of a plan, what Terraform would do: ``create``, ``update``, ``delete``, ``no-op``; two for a replacement.
    """

    address: str
    type: str
    path: str
    values: Mapping[str, Any] = field(repr=False)
    arguments: frozenset[str] = field(default=frozenset(), repr=False)
    written: Mapping[str, Any] = field(default_factory=dict, repr=False)
    before: Mapping[str, Any] = field(default_factory=dict, repr=False)
    actions: Sequence[str] = ()

    def __getitem__(self, attribute: str) -> Any:
        return self.values[attribute]

    @property
    def id(self) -> str:
        """Its logical id, which is the last part of its address."""
        return self.address.rpartition(".")[2]

    @property
    def is_data(self) -> bool:
        """Whether it is a data source."""
        return self.type.startswith("data.")

    @property
    def kind(self) -> Kind:
        """Its type in words."""
        return kind_of(self.type)

    @property
    def name(self) -> str:
        """Its name in AWS; without one, its id."""
        values = self.values or self.before
        name = values.get(self.kind.name) or values.get("name")
        return name if isinstance(name, str) else self.id

    @property
    def label(self) -> str:
        """What it is and its name."""
        return f"{self.kind.noun} {self.name}"

    @property
    def tags(self) -> Mapping[str, Any]:
        """Its tags, those of the provider included; none where they cannot be read."""
        given = (self.get(name, {}) for name in ("tags", "tags_all"))
        return {tag: value for tags in given if isinstance(tags, Mapping) for tag, value in tags.items()}

    @property
    def environment(self) -> str:
        """Its tag ``Environment``; empty without one."""
        return str(self.tags.get("Environment") or "")

    def get(self, path: str, default: Any = None) -> Any:
        """Return an attribute; ``a.b`` is the attribute ``b`` of the first block ``a``.

        Parameters
        ----------
        default : Any
            Returned where nothing is set, or null.
        """
        value: Any = self.values
        for part in path.split("."):
            value = next(iter(blocks(value)), {}).get(part)
        return default if value is None else value

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """Return the blocks of a name. Terraform's JSON takes one block as an object or as a list."""
        return blocks(self.values.get(name))

    def block(self, name: str) -> Mapping[str, Any]:
        """Return the first block of a name, or an empty one."""
        return next(iter(self.blocks(name)), {})


class Document:
    """A stack.

    Parameters
    ----------
    everything : Iterable[Resource]
        Its resources and data sources.
    environment : str
        Environment suffix. Where none is given, the tags say it.
    leaving : Iterable[Resource]
        Of a plan, resources that Terraform would destroy or forget.
    providers : Mapping[str, str]
        Terraform providers and the versions that the stack asks for.
    configured : Mapping[str, Mapping[str, Any]]
        What resources call a provider, such as ``aws`` or ``aws.eu``, to its configuration.
    beside : Sequence[Document]
        Other stacks of the same app.
    is_plan : bool
        Whether it was read from a plan.
    """

    def __init__(
        self,
        everything: Iterable[Resource],
        *,
        environment: str = "",
        leaving: Iterable[Resource] = (),
        providers: Mapping[str, str] | None = None,
        configured: Mapping[str, Mapping[str, Any]] | None = None,
        beside: "Sequence[Document]" = (),
        is_plan: bool = False,
    ) -> None:
        self._by_address = {each.address: each for each in everything}
        self.environment = environment
        self.leaving = tuple(leaving)
        self.providers = providers or {}
        self.configured = configured or {}
        self.beside = beside
        self.is_plan = is_plan

    def resources(self) -> list[Resource]:
        """Return the resources; without data sources, and without what a plan would destroy."""
        return [each for each in self._by_address.values() if not each.is_data]

    def data(self) -> list[Resource]:
        """Return the data sources."""
        return [each for each in self._by_address.values() if each.is_data]

    def all(self, *types: str) -> list[Resource]:
        """Return the resources, or data sources, of some types."""
        return [each for each in self._by_address.values() if each.type in types]

    def one(self, type_: str) -> Resource:
        """Return the only resource of a type.

        Raises
        ------
        NotInStackError
            When there is none, or there are several.
        """
        found = self.all(type_)
        if len(found) != 1:
            names = ", ".join(re.sub(r"_[0-9A-F]{8}$", "", each.id) for each in found) or "none"
            raise NotInStackError(f"one {type_} is expected in the stack; there are: {names}")
        return found[0]

    @cached_property
    def environments(self) -> Sequence[str]:
        """The environment suffixes: that of the stack, or every tag ``Environment``. A plan may have several."""
        tagged = sorted({each.environment for each in self.resources() if each.environment})
        return [self.environment] if self.environment else tagged

    def environments_of(self, resource: Resource) -> Sequence[str]:
        """Return the environments that a resource may be of: that of its tag, in a plan."""
        return [resource.environment] if resource.environment and not self.environment else self.environments

    def at(self, address: str) -> Resource | None:
        """Return what has an address, also where it is one of several and only all of them together are known."""
        return self._by_address.get(address) or self._by_address.get(_INDEX.sub("", address))

    def referred_to(self, value: Any) -> list[tuple[Resource, str]]:
        """Return what the references in a text point to, each with the attribute that is read."""
        found = ((self.at(address), attribute) for address, attribute in REFERENCE.findall(str(value)))
        return [(target, attribute) for target, attribute in found if target]

    def pointing_at(self, type_: str, attribute: str, target: Resource) -> list[Resource]:
        """Return the resources of a type whose attribute refers to a resource."""
        return [
            each
            for each in self.all(type_)
            if any(found is target for found, _ in self.referred_to(each.get(attribute)))
        ]

    def find(self, value: Any, *types: str) -> Resource | None:
        """Return the resource that an ARN, id, URL or name means; None where it is not of this stack.

        It may be written as a reference, also to an alias of a function, or spelt out.

        Parameters
        ----------
        types : str
            What it may be. Without any, it may be anything that is referred to.
        """
        if not isinstance(value, str):
            return None
        for target, _ in self.referred_to(value):
            if not types or target.type in types:
                return target
            if target.type == "aws_lambda_alias":
                return self.find(target.get("function_name"), *types)
        text = self.literal(value)
        for known in (self._by_name.get(type_, {}) for type_ in types):
            for part in (text, *re.split(r"[:/]", text)):
                if part in known:
                    return known[part]
        return None

    @cached_property
    def _by_name(self) -> Mapping[str, Mapping[str, Resource]]:
        found: dict[str, dict[str, Resource]] = {}
        for resource in self.resources():
            if name := self.name(resource):
                found.setdefault(resource.type, {})[name] = resource
        return found

    def name(self, resource: Resource) -> str:
        """Return a resource's name in AWS, as far as it is known; empty where it is given none."""
        return self.literal(resource.get(resource.kind.name, ""))

    def literal(self, value: Any, depth: int = 5) -> str:
        """Return a text in which every reference to something that the stack spells out is replaced by it.

        References to references are followed ``depth`` times; a circle, which Terraform refuses, stays a reference.
        """
        text = str(value)
        for match in list(REFERENCE.finditer(text)):
            target = self.at(match[1])
            spelt = target.values.get(match[2]) if target else None
            if isinstance(spelt, str) and depth:
                text = text.replace(match[0], self.literal(spelt, depth - 1))
        return text

    def plain(self, text: str) -> str:
        """Return a text in which each reference reads as what it is, such as ``<account>`` or ``<id of API x>``."""

        def said(match: re.Match[str]) -> str:
            item = self._by_address.get(match[1])
            if item is None or item.is_data:
                return f"<{match[2].removesuffix('_id')}>" if match[2] else match[0]
            return f"<{match[2]} of {self.plain(item.label)}>"

        return REFERENCE.sub(said, text)


def blocks(value: Any) -> list[Mapping[str, Any]]:
    """Return nested blocks as a list, whether they are written as one object or as a list of them."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, Mapping)]


def is_true(value: Any) -> bool:
    """Tell whether a value is true for Terraform. An expression is not: nobody knows it yet."""
    return value is True or value == "true"


def number(value: Any, default: int) -> float | None:
    """Return a number, the provider's default where none is given, or None for what is only known later."""
    if value is None:
        return default
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def listed(value: Any) -> list[str]:
    """Return one text or a list of them as a list."""
    if value is None:
        return []
    return [str(each) for each in (value if isinstance(value, list) else [value])]
