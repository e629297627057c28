"""A synthesized stack as guards read it: what stands in it, where it comes from, and what refers to what."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from modules.synth.bindings import type_by_name
from modules.synth.cdk import TerraformResource, TerraformStack

# `${aws_sqs_queue.queues_main.arn}`, `${data.aws_iam_policy_document.trust.json}`
_REFERENCE = re.compile(r"\$\{((?:data\.)?[a-z]\w*)\.([\w-]+)((?:\.\w+|\[[^\]]*\])*)\}")
# What AWS knows a resource by, where that is not its attribute `name`.
_NAME_ATTRIBUTES = {
    "aws_cloudwatch_composite_alarm": "alarm_name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_db_instance": "identifier",
    "aws_docdb_cluster": "cluster_identifier",
    "aws_lambda_function": "function_name",
    "aws_lambda_layer_version": "layer_name",
    "aws_neptune_cluster": "cluster_identifier",
    "aws_rds_cluster": "cluster_identifier",
    "aws_redshift_cluster": "cluster_identifier",
    "aws_s3_bucket": "bucket",
}


def name_attribute(type_: str) -> str:
    """Return the attribute that holds a resource's name in AWS."""
    return _NAME_ATTRIBUTES.get(type_, "name")


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """A resource or a data source.

    Attributes
    ----------
    type : str
        Terraform type; with ``data.`` before it for a data source.
    id : str
        Logical id.
    path : str
        Path of the construct that made it; the Terraform address, where an escape hatch wrote it without a construct.
    values : Mapping[str, Any]
        What the stack says about it.
    """

    type: str
    id: str
    path: str
    values: Mapping[str, Any] = field(repr=False)

    def get(self, attribute: str, default: Any = None) -> Any:
        """Return an attribute; the default also where it is null."""
        value = self.values.get(attribute)
        return default if value is None else value

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """Return the blocks of a name. Terraform's JSON takes one block as an object or as a list."""
        return blocks(self.values.get(name))

    def block(self, name: str) -> Mapping[str, Any]:
        """Return the first block of a name, or an empty one."""
        return next(iter(self.blocks(name)), {})


class Configuration:
    """The Terraform configuration of one stack.

    Parameters
    ----------
    document : Mapping[str, Any]
        What the stack's ``to_terraform`` returns, metadata included.
    environment : str
        Environment suffix.
    arguments : Mapping[str, frozenset[str]]
        Resource type to the arguments that the provider takes for it, for the types that the stack has.
    """

    def __init__(
        self, document: Mapping[str, Any], *, environment: str, arguments: Mapping[str, frozenset[str]]
    ) -> None:
        self.environment = environment
        self.arguments = arguments
        self._by_address = {
            (f"{prefix}{type_}", id_): _resource(f"{prefix}{type_}", id_, values)
            for kind, prefix in (("resource", ""), ("data", "data."))
            for type_, instances in document.get(kind, {}).items()
            for id_, values in instances.items()
            if not _is_nowhere(values)
        }

    @classmethod
    def of(cls, stack: TerraformStack, environment: str) -> Self:
        """Read a stack as it is now."""
        document = stack.to_terraform()
        kinds = {type(node) for node in stack.node.find_all() if isinstance(node, TerraformResource)}
        arguments = {
            type_: frozenset(name.removesuffix("_input") for name in dir(kind) if name.endswith("_input"))
            for kind in kinds
            if (type_ := _type(kind, document.get("resource", {}))) is not None
        }
        return cls(document, environment=environment, arguments=arguments)

    def everything(self) -> Iterator[Resource]:
        """Yield every resource and data source."""
        yield from self._by_address.values()

    def resources(self) -> Iterator[Resource]:
        """Yield every resource."""
        yield from (each for each in self.everything() if not each.type.startswith("data."))

    def all(self, *types: str) -> list[Resource]:
        """Return the resources, or data sources, of some types."""
        return [each for each in self.everything() if each.type in types]

    def takes(self, resource: Resource, argument: str) -> bool:
        """Tell whether the provider takes an argument for a resource."""
        return argument in self.arguments.get(resource.type, frozenset())

    def referred_to(self, value: Any) -> list[tuple[Resource, str]]:
        """Return what the references in a text point to, each with the attribute that is read."""
        found = []
        for type_, id_, attributes in _REFERENCE.findall(str(value)):
            if target := self._by_address.get((type_, id_)):
                found.append((target, attributes.rpartition(".")[2]))
        return found

    def users(self, resource: Resource) -> frozenset[str]:
        """Return the types of the resources that refer to one."""
        return frozenset(self._users.get(resource, ()))

    @cached_property
    def _users(self) -> dict[Resource, set[str]]:
        found: dict[Resource, set[str]] = {}
        for user in self.everything():
            for text in texts(user.values):
                for target, _ in self.referred_to(text):
                    found.setdefault(target, set()).add(user.type)
        return found

    def find(self, type_: str, value: Any) -> Resource | None:
        """Return the resource of a type that an ARN, id, URL or name means; none where it is not of this stack.

        It may be written as a reference, also to an alias of a function, or spelt out.
        """
        for target, _ in self.referred_to(value):
            if target.type == type_:
                return target
            if target.type == "aws_lambda_alias":
                return self.find(type_, target.get("function_name"))
        return self._by_name.get(type_, {}).get(self._spelt_name(type_, value), None)

    def name(self, resource: Resource) -> str:
        """Return a resource's name in AWS, as far as it is known at synth; empty where it is given none."""
        return self.literal(resource.get(name_attribute(resource.type), ""))

    def literal(self, value: Any, depth: int = 5) -> str:
        """Return a text in which every reference to something that the stack spells out is replaced by it.

        References to references are followed ``depth`` times; a circle, which Terraform refuses, stays a reference.
        """
        text = str(value)
        for match in list(_REFERENCE.finditer(text)):
            target = self._by_address.get((match[1], match[2]))
            spelt = target.get(match[3].removeprefix(".")) if target else None
            if isinstance(spelt, str) and depth:
                text = text.replace(match[0], self.literal(spelt, depth - 1))
        return text

    @cached_property
    def _by_name(self) -> dict[str, dict[str, Resource]]:
        found: dict[str, dict[str, Resource]] = {}
        for resource in self.resources():
            if name := self.name(resource):
                found.setdefault(resource.type, {})[name] = resource
        return found

    def _spelt_name(self, type_: str, value: Any) -> str:
        known = self._by_name.get(type_, {})
        text = self.literal(value)
        return next((part for part in (text, *re.split(r"[:/]", text)) if part in known), "")


def _type(kind: type[TerraformResource], present: Container[str]) -> str | None:
    """Return a class's Terraform type, which Node.js is asked for only where its name does not give one present."""
    named = type_by_name(kind)
    return named if named in present else getattr(kind, "TF_RESOURCE_TYPE", None)


def _is_nowhere(values: Mapping[str, Any]) -> bool:
    """Tell whether an escape hatch has none made of a resource, so that it guards nothing either."""
    return str(values.get("count")) == "0" or values.get("for_each") in ({}, [])


def _resource(type_: str, id_: str, values: Mapping[str, Any]) -> Resource:
    path = values.get("//", {}).get("metadata", {}).get("path", f"{type_}.{id_}")
    return Resource(
        type=type_, id=id_, path=path, values={name: value for name, value in values.items() if name != "//"}
    )


def blocks(value: Any) -> list[Mapping[str, Any]]:
    """Return nested blocks as a list, whether they are written as one object or as a list of them."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, Mapping)]


def is_true(value: Any) -> bool:
    """Tell whether a value is true for Terraform. An expression is not: nobody knows it at synth."""
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
