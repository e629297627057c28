"""The module as files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from modules.settings.model import Settings
from tools.export_module.account import account_of
from tools.export_module.errors import ModuleError
from tools.export_module.input_rules import RuleBetweenInputs
from tools.export_module.inputs import Input
from tools.export_module.kinds import INBOUND, ModuleKind
from tools.export_module.parametrize import parametrize
from tools.export_module.paths import with_values
from tools.export_module.probes import choose
from tools.export_module.readme import account_readme, module_readme
from tools.export_module.references import used
from tools.export_module.synthesis import synthesize
from tools.export_module.tags import TAGS, tags_block, with_callers_tags
from tools.export_module.texts import MARK

ACCOUNT = "account"
# A variable's validation may look at another variable since 1.9; 1.10 is what the rest of this project asks for.
REQUIRED_VERSION = ">= 1.10"
_LOG_ROLE = "api.manage_account_log_role"


@dataclass(frozen=True, kw_only=True)
class TerraformModule:
    """The stack of some settings as a Terraform module.

    Attributes
    ----------
    settings : Settings
        The shape of the stack, and the defaults of the inputs.
    source : str
        Where the settings come from, in words.
    bundles : Path
        Folder with the functions' bundles.
    kind : ModuleKind
        Which stack.
    """

    settings: Settings
    source: str
    bundles: Path
    kind: ModuleKind = INBOUND

    def files(self) -> dict[str, bytes]:
        """Return the module's files: path below its folder to content, twice the same bytes.

        Raises
        ------
        ModuleError
            When the stack cannot be written as a module.
        SettingsError
            When a setting is wrong.
        FileNotFoundError
            When the bundles have not been built.
        """
        kind = self.kind.shaped_by(self.settings)
        synthesized = synthesize(kind.stack, self.settings, self.bundles)
        # One for each account and region: two instances of the module would fight over it.
        instance = self._parametrized(manage_account_log_role=False)
        whole = self._parametrized(manage_account_log_role=True)
        bundles = {path: f"bundles/{PurePosixPath(path).name}" for path in synthesized.assets}
        if len(set(bundles.values())) < len(bundles):
            raise ModuleError(f"two assets have one name: {', '.join(sorted(bundles))}")
        versions = {"required_version": REQUIRED_VERSION, "required_providers": synthesized.required_providers}
        files = _terraform_files(_with_bundles(instance, bundles), kind.inputs, kind.rules, self.settings, versions)
        files["README.md"] = module_readme(kind, self.source, self.settings, kind.inputs, instance["output"]).encode()
        files |= {bundles[path]: content for path, content in synthesized.assets.items()}
        if account := account_of(whole, instance):
            inputs = [item for item in kind.inputs if item.name in used(account)]
            of_account = _terraform_files(account, inputs, kind.rules, self.settings, versions)
            of_account["README.md"] = account_readme(inputs, self.settings).encode()
            files |= {f"{ACCOUNT}/{name}": content for name, content in of_account.items()}
        return dict(sorted(files.items()))

    def write(self, folder: Path) -> None:
        """Write the files into a folder: a new one, an empty one, or that of an earlier module.

        Raises
        ------
        ModuleError
            When something else is in the folder.
        """
        if folder.is_dir() and any(folder.iterdir()) and not _is_module(folder):
            raise ModuleError(f"{folder}: is neither empty nor a module that was written before")
        files = self.files()
        for old in [*folder.glob(f"{ACCOUNT}/*.tf.json"), *folder.glob("bundles/*.zip")]:
            if old.relative_to(folder).as_posix() not in files:
                old.unlink()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _parametrized(self, *, manage_account_log_role: bool) -> dict[str, Any]:
        kind = self.kind.shaped_by(self.settings)
        settings = with_values(self.settings, {_LOG_ROLE: manage_account_log_role})
        return parametrize(
            settings,
            kind.inputs,
            choose(settings, kind.inputs),
            lambda probed: synthesize(kind.stack, probed, self.bundles).document,
        )


def _is_module(folder: Path) -> bool:
    readme = folder / "README.md"
    return readme.is_file() and MARK in readme.read_text(encoding="utf-8")


def _terraform_files(
    document: Mapping[str, Any],
    inputs: Sequence[Input],
    rules: Sequence[RuleBetweenInputs],
    settings: Settings,
    versions: Mapping[str, Any],
) -> dict[str, bytes]:
    outputs = document.get("output", {})
    variables = {item.name: item.block(settings, rules) for item in inputs} | {TAGS: tags_block()}
    main = with_callers_tags({name: block for name, block in document.items() if name != "output"})
    main["locals"] = main.get("locals", {}) | {item.name: item.local for item in inputs if item.local}
    blocks = {
        "main.tf.json": main,
        "variables.tf.json": {"variable": variables},
        "versions.tf.json": {"terraform": versions},
        **({"outputs.tf.json": {"output": outputs}} if outputs else {}),
    }
    return {
        name: (json.dumps(block, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
        for name, block in blocks.items()
    }


def _with_bundles(value: Any, bundles: Mapping[str, str]) -> Any:
    """Return a document in which the assets' paths are those of the module's bundles."""
    if isinstance(value, str):
        return f"${{path.module}}/{bundles[value]}" if value in bundles else value
    if isinstance(value, dict):
        return {name: _with_bundles(item, bundles) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_bundles(item, bundles) for item in value]
    return value
