"""The golden synths: what each preset and delivery deploy, written down to be reviewed like code.

``make golden`` writes them anew; a test compares. What is left out changes without a change of what is deployed: the
bundles' digests and paths, and Terraform's own block, of which only the backend says something.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from modules.constructs.bundling import BUNDLES
from modules.settings.environments import build_settings
from modules.synth.cdk import Testing
from tools.generate import reviewed_stacks

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "synth" / "golden"
# Each one's environment is called like it. One has a subscriber, whose queues no preset has by itself.
VALUES: Mapping[str, Mapping[str, Any]] = {
    name: {
        **reviewed_stacks.values_of(name),
        **({"routing": {"subscribers": {"ledger": "stripe"}}} if name == "ordered" else {}),
    }
    for name in reviewed_stacks.NAMES
}
# Attributes that follow from code or from what else is in the file, by Terraform type.
_LEFT_OUT = {
    "aws_lambda_function": ("filename", "source_code_hash"),
    "aws_api_gateway_deployment": ("triggers",),
}


def main() -> None:
    """Write the golden synths, or those that are named."""
    FOLDER.mkdir(exist_ok=True)
    for preset in sys.argv[1:] or VALUES:
        path(preset).write_text(golden(synthesize(preset)), encoding="utf-8")
        print(f"golden: {path(preset).name}")


def path(preset: str) -> Path:
    """Return where the golden synth of a preset lies."""
    return FOLDER / f"{preset}.json"


def synthesize(preset: str, bundles: Path = BUNDLES) -> dict[str, Any]:
    """Return the Terraform JSON of a preset."""
    settings = build_settings(preset, VALUES[preset])
    stack = reviewed_stacks.build(Testing.app(), settings, bundles)
    document: dict[str, Any] = json.loads(Testing.synth(stack, True))
    return document


def golden(document: Mapping[str, Any]) -> str:
    """Return a synthesized stack as its golden file has it: sorted, and with JSON in texts written out."""
    kept = {**document, "terraform": {"backend": document["terraform"]["backend"]}}
    kept["resource"] = {
        kind: {
            id_: {name: value for name, value in resource.items() if name not in _LEFT_OUT.get(kind, ())}
            for id_, resource in resources.items()
        }
        for kind, resources in document["resource"].items()
    }
    return json.dumps(_written_out(kept), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def differences(accepted: str, now: str) -> list[str]:
    """Return what differs between two golden synths, a line for each value: ``-`` as accepted, ``+`` as it is now."""
    before, after = (dict(_values("", json.loads(text))) for text in (accepted, now))
    return [
        f"{sign} {place}: {json.dumps(values[place])}"
        for place in sorted({*before, *after})
        if before.get(place) != after.get(place)
        for sign, values in (("-", before), ("+", after))
        if place in values
    ]


def _values(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping | list) and value:
        for name, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _values(f"{place}.{name}" if place else str(name), item)
    else:
        yield place, value


def _written_out(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _written_out(item) for name, item in value.items() if name != "//"}
    if isinstance(value, list):
        return [_written_out(item) for item in value]
    if isinstance(value, str) and value.startswith('{"'):
        # The template of a message is no JSON before its variables are filled in.
        with suppress(ValueError):
            return _written_out(json.loads(value))
    return value


if __name__ == "__main__":
    main()
