"""Tags on every resource that takes any."""

from collections.abc import Mapping
from typing import Any

from lambdas import VERSION
from modules.settings.checked import checked
from modules.settings.model import Settings
from modules.settings.rules import OWN_TAGS, check_tags
from modules.synth.at_synth import change_at_synth
from modules.synth.cdk import TerraformStack


def tags_of(settings: Settings) -> dict[str, str]:
    """Return the tags of a stack's resources."""
    return {
        **settings.tags,
        "Environment": settings.environment,
        "Service": settings.service,
        "ManagedBy": "cdktf",
        "Version": VERSION,
    }


@checked
def tag_everything(stack: TerraformStack, tags: Mapping[str, str]) -> None:
    """Tag all of a stack's resources when it is synthesized, those included that are added later.

    The tags stand on each resource and not in the provider block, so that they are still there when the synthesized
    stack is used without that block.

    Raises
    ------
    SettingsError
        When AWS takes no such tag.
    """
    check_tags({name: value for name, value in tags.items() if name not in OWN_TAGS})

    def tag(stack: TerraformStack) -> None:
        for node in stack.node.find_all():
            taggable: Any = node
            # Of the class, since each look at the resource itself is a call to Node.js.
            if hasattr(type(taggable), "tags_input"):
                taggable.tags = {**tags, **(taggable.tags_input or {})}

    change_at_synth(stack, tag)
