"""What security groups let through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modules.terraform_json.document import Document, Resource, listed

_ANYWHERE = ("0.0.0.0/0", "::/0")
_GROUPS = ("aws_security_group", "aws_default_security_group")
_HTTPS = (("tcp", 443, 443), ("6", 443, 443))
# Who is on the other side, in each of the three ways in which Terraform writes a rule.
_PEERS = (
    "cidr_ipv4",
    "cidr_ipv6",
    "cidr_blocks",
    "ipv6_cidr_blocks",
    "prefix_list_id",
    "prefix_list_ids",
    "referenced_security_group_id",
    "security_groups",
    "source_security_group_id",
)


@dataclass(frozen=True, eq=False)
class Path:
    """What a rule of a security group lets through.

    Attributes
    ----------
    resource : Resource
        What Terraform writes the rule with.
    group : Resource | None
        The group.
    inward : bool
        Whether it lets in; otherwise it lets out.
    ports : tuple
        Protocol, first and last port.
    peers : tuple[str, ...]
        Addresses, groups and prefix lists on the other side.
    """

    resource: Resource
    group: Resource | None
    inward: bool
    ports: tuple[Any, Any, Any]
    peers: tuple[str, ...]

    @property
    def anywhere(self) -> bool:
        """Whether the other side may be any address."""
        return any(peer in _ANYWHERE for peer in self.peers)

    @property
    def https(self) -> bool:
        """Whether it is HTTPS, and nothing else."""
        return self.ports in _HTTPS


def paths(plan: Document) -> list[Path]:
    """Return what every rule lets through, whichever of Terraform's three ways it is written in."""
    return [_path(plan, *found) for found in _rules(plan)]


def _rules(plan: Document) -> Iterator[tuple[Resource, Resource | None, str, Mapping[str, Any]]]:
    for direction in ("ingress", "egress"):
        for group in plan.all(*_GROUPS):
            for block in group.blocks(direction):
                yield group, group, direction, block
        for item in plan.all(f"aws_vpc_security_group_{direction}_rule"):
            yield item, plan.find(item.get("security_group_id")), direction, item.values
    for item in plan.all("aws_security_group_rule"):
        yield item, plan.find(item.get("security_group_id")), str(item.get("type")), item.values


def _path(plan: Document, resource: Resource, group: Resource | None, direction: str, block: Mapping[str, Any]) -> Path:
    peers = [peer for name in _PEERS for peer in listed(block.get(name))]
    targets = [(plan.find(peer), peer) for peer in peers]
    return Path(
        resource=resource,
        group=group,
        inward=direction == "ingress",
        ports=(block.get("ip_protocol", block.get("protocol")), block.get("from_port"), block.get("to_port")),
        peers=tuple(target.label if target else plan.plain(peer) for target, peer in targets),
    )
