"""Fixed Terraform addresses for everything that holds data."""

from typing import TypeVar
from weakref import WeakKeyDictionary

from modules.synth.cdk import TerraformResource, TerraformStack

# Asking a resource for its address would fix it, so that what was pinned is remembered here.
_ADDRESSES: "WeakKeyDictionary[TerraformStack, set[str]]" = WeakKeyDictionary()
Resource = TypeVar("Resource", bound=TerraformResource)


def pin(resource: Resource, logical_id: str) -> Resource:
    """Fix the logical id of a resource that was just created, before anything refers to it, and return the resource.

    By default it is the construct's path and a hash of it, so that moving the construct would replace the resource and
    lose what it holds. Each layer begins the id with its own, so that a stack can hold the layer twice.

    Raises
    ------
    ValueError
        When another resource of the stack has this address, or something refers to the old one already.
    """
    address = f"{resource.terraform_resource_type}.{logical_id}"
    taken = _ADDRESSES.setdefault(TerraformStack.of(resource), set())
    if address in taken:
        raise ValueError(f"{resource.node.path}: another resource of the stack is {address} already")
    taken.add(address)
    resource.override_logical_id(logical_id)
    if resource.friendly_unique_id != logical_id:
        raise ValueError(f"{resource.node.path}: something refers to it already, so that it cannot be {address}")
    return resource
