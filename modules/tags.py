"""Tags on every resource that takes any."""

from collections.abc import Mapping
from typing import Any

import jsii

from modules.cdk import Aspects, IAspect, IConstruct, TerraformStack
from modules.settings import Settings


def tags_of(settings: Settings) -> dict[str, str]:
    """Return the tags of a stack's resources."""
    return {"Environment": settings.environment, "Service": settings.service, "ManagedBy": "cdktf"}


def tag_everything(stack: TerraformStack, tags: Mapping[str, str]) -> None:
    """Tag all of a stack's resources when it is synthesized, those included that are added later.

    The tags stand on each resource and not in the provider block, so that they are still there when the synthesized
    stack is used without that block.
    """
    Aspects.of(stack).add(_Tagger(tags))


@jsii.implements(IAspect)
class _Tagger:
    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags = dict(tags)

    def visit(self, node: IConstruct) -> None:
        taggable: Any = node
        if hasattr(taggable, "tags_input"):
            taggable.tags = self._tags | (taggable.tags_input or {})
