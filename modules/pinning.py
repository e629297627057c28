"""Fixed Terraform addresses for everything that holds data."""

from modules.cdk import TerraformResource


def pin(resource: TerraformResource, logical_id: str) -> None:
    """Fix a resource's logical id.

    By default it is the construct's path and a hash of it, so that moving the construct would replace the resource and
    lose what it holds. Each layer begins the id with its own, so that a stack can hold the layer twice.
    """
    resource.override_logical_id(logical_id)
