"""The tables of README that follow from the code: settings, outputs, alarms, providers."""

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from lambdas.shared.providers.registry import REGISTRY
from main import build_app
from modules.presets import PRESETS
from modules.settings import BackendSettings, Settings
from modules.validation import rule_of

README = Path(__file__).resolve().parent.parent / "README.md"


def main() -> None:
    """Write the tables into README."""
    README.write_text(with_tables(README.read_text(encoding="utf-8"), synthesized()), encoding="utf-8")


def synthesized() -> dict[str, Any]:
    """Return the Terraform JSON of the standard preset."""
    with tempfile.TemporaryDirectory() as folder:
        build_app("dev", Path(folder)).synth()
        document: dict[str, Any] = json.loads((Path(folder) / "stacks/webhooks-dev/cdk.tf.json").read_text("utf-8"))
    return document


def with_tables(text: str, stack: dict[str, Any]) -> str:
    """Return README's text with the tables as the code has them now.

    Raises
    ------
    ValueError
        When a place for a table is missing.
    """
    tables = {
        "providers": providers_table(),
        "settings": settings_table(),
        "outputs": outputs_table(stack),
        "alarms": alarms_table(stack),
    }
    for name, table in tables.items():
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end: {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"README has no place for the table {name!r}")
        text = f"{before}{begin}{table}{end}{after}"
    return text


def settings_table() -> str:
    """Return every setting with its presets, unit and range."""
    rows = []
    for path, declared in _all_settings(Settings, ""):
        rule = rule_of(declared)
        values = [_preset_value(preset, path, declared) for preset in PRESETS]
        if len(set(values)) == 1:
            values = [values[0], "", ""]
        rows.append([f"`{path}`", *values, rule.allowed(), rule.doc])
    return _table(["setting", *(f"`{preset}`" for preset in PRESETS), "allowed", "meaning"], rows)


def outputs_table(stack: dict[str, Any]) -> str:
    """Return the stack's outputs."""
    rows = [[f"`{name}`", output["description"]] for name, output in stack["output"].items()]
    return _table(["output", "what it is"], sorted(rows))


def alarms_table(stack: dict[str, Any]) -> str:
    """Return the alarms."""
    alarms = stack["resource"]["aws_cloudwatch_metric_alarm"].values()
    rows = [[f"`{alarm['alarm_name'].removesuffix('-dev')}-<suffix>`", alarm["alarm_description"]] for alarm in alarms]
    return _table(["alarm", "goes off when"], sorted(rows))


def providers_table() -> str:
    """Return the registry's entries."""
    rows = []
    for name, entry in REGISTRY.items():
        window = "none: a replay ends as a duplicate"
        tolerance = getattr(entry.scheme, "tolerance_seconds", None)
        if getattr(entry.scheme, "timestamp_header", "signed") is not None and tolerance:
            window = f"{tolerance} s"
        rows.append([f"`{name}`", entry.title, f"`{entry.scheme.name}`", window, entry.source])
    return _table(["entry", "provider", "signature", "replay window", "source"], rows)


def _all_settings(kind: Any, prefix: str) -> Iterator[tuple[str, "Field[Any]"]]:
    for declared in fields(kind):
        section = BackendSettings if declared.name == "backend" else declared.type
        if is_dataclass(section):
            yield from _all_settings(section, f"{prefix}{declared.name}.")
        else:
            yield prefix + declared.name, declared


def _preset_value(preset: str, path: str, declared: "Field[Any]") -> str:
    if path == "preset":
        return "`standard`"
    section, _, name = path.rpartition(".")
    overridden = PRESETS[preset].get(section, {})
    if name in overridden:
        return _show(overridden[name])
    if declared.default_factory is not MISSING:
        return ", ".join(f"`{item}`" for item in declared.default_factory())
    return "required" if declared.default is MISSING else _show(declared.default)


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"`{value}`"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        current = README.read_text(encoding="utf-8")
        sys.exit(0 if with_tables(current, synthesized()) == current else "README's tables are old: run 'make docs'")
    main()
