"""The stack, synthesized and taken out of its frame: no provider, no backend, no metadata."""

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.guards import guard_error
from modules.settings.model import Settings
from modules.synth.cdk import App, Construct, TerraformStack
from tools.export_module.errors import ModuleError

# Blocks that belong to whoever calls a module.
_FRAME = ("provider", "terraform")


@dataclass(frozen=True, kw_only=True)
class Synthesized:
    """What synth wrote for some settings.

    Attributes
    ----------
    document : Mapping[str, Any]
        Resources, data sources, outputs.
    required_providers : Mapping[str, Any]
        The providers and the versions of them that are allowed.
    assets : Mapping[str, bytes]
        Path as the document has it, to content.
    """

    document: Mapping[str, Any]
    required_providers: Mapping[str, Any]
    assets: Mapping[str, bytes]


def synthesize(
    stack: Callable[[Construct, str, Settings, Path], TerraformStack], settings: Settings, bundles: Path
) -> Synthesized:
    """Synthesize a stack with some settings.

    Raises
    ------
    ModuleError
        When a guard stops synth, or something chooses a provider for itself: a module's providers are its caller's.
    """
    with tempfile.TemporaryDirectory() as folder:
        app = App(outdir=folder)
        stack(app, "module", settings, bundles)
        try:
            app.synth()
        except RuntimeError as error:
            if (mistakes := guard_error(error)) is None:
                raise
            raise ModuleError(str(mistakes)) from error
        written = Path(folder) / "stacks" / "module"
        whole: dict[str, Any] = json.loads((written / "cdk.tf.json").read_text(encoding="utf-8"))
        files = {path.relative_to(written).as_posix(): path for path in written.rglob("*") if path.is_file()}
        assets = {name: path.read_bytes() for name, path in files.items() if name != "cdk.tf.json"}
    _refuse_chosen_providers(whole)
    return Synthesized(
        document={name: _without_metadata(block) for name, block in whole.items() if name not in (*_FRAME, "//")},
        # CDKTF writes the short form, which means HashiCorp's.
        required_providers={
            name: {**provider, "source": re.sub(r"^(?!.*/)", "hashicorp/", provider["source"])}
            for name, provider in whole["terraform"]["required_providers"].items()
        },
        assets=assets,
    )


def _without_metadata(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_metadata(item) for name, item in value.items() if name != "//"}
    if isinstance(value, list):
        return [_without_metadata(item) for item in value]
    return value


def _refuse_chosen_providers(whole: Mapping[str, Any]) -> None:
    for kind in ("resource", "data"):
        for type_, instances in whole.get(kind, {}).items():
            for name, block in instances.items():
                if "provider" in block:
                    raise ModuleError(f"{type_}.{name}: chooses the provider {block['provider']!r}")
