"""From a stack to its parametrized document: the values of inputs become references to variables."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modules.constructs.api_layer import IMMUTABLE_AFTER_DEPLOY
from modules.settings.model import Settings
from tools.export_module.errors import ModuleError
from tools.export_module.hcl import expression
from tools.export_module.inputs import Input
from tools.export_module.paths import with_values
from tools.export_module.probes import TEXTS
from tools.export_module.references import fill, replace_texts, unify, used

# The region is no input: it is that of the provider that the caller passes.
REGION = "${data.aws_region.current.name}"
_DEPLOYMENT = "aws_api_gateway_deployment"


def parametrize(
    settings: Settings,
    inputs: Sequence[Input],
    probes: tuple[Mapping[str, Any], Mapping[str, Any]],
    synth: Callable[[Settings], Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the stack's document with a reference wherever it has the value of an input.

    Three synths: two with values far apart, in which every difference must be an input, and one with the settings'
    own values, which the document must be when they are filled in.

    Parameters
    ----------
    settings : Settings
        Shape of the stack, and the inputs' defaults.
    probes : tuple
        The values of the two synths, as `choose` chose them.
    synth : Callable
        Returns the document of the stack of some settings.

    Raises
    ------
    ModuleError
        When a value is computed from an input instead of being it, or an input has no effect.
    """
    texts = {item.path: item.reference for item in inputs if item.path in TEXTS} | {"region": REGION}
    numbers = {
        (str(probes[0][item.path]), str(probes[1][item.path])): item.reference
        for item in inputs
        if item.path not in TEXTS
    }
    one, other = (
        replace_texts(
            _without_deployment_triggers(synth(with_values(settings, values))),
            {values[path]: reference for path, reference in texts.items()},
        )
        for values in probes
    )
    document: dict[str, Any] = unify(one, other, numbers)
    computed = [item.computed.expression for item in inputs if item.computed]
    if unused := {item.name for item in inputs if not item.only_checked} - used([document, computed]):
        raise ModuleError(f"{', '.join(sorted(unused))}: without effect on the stack")
    defaults = {item.reference: item.default_in(settings) for item in inputs} | {REGION: settings.region}
    plain = _without_deployment_triggers(synth(settings))
    _require_equal(fill(document, defaults), fill(plain, {}), "")
    _add_deployment_triggers(document, inputs)
    if REGION in json.dumps(document):
        document["data"] = {**document["data"], "aws_region": {**document["data"].get("aws_region", {}), "current": {}}}
    return document


def _require_equal(filled: Any, plain: Any, where: str) -> None:
    if isinstance(filled, dict) and isinstance(plain, dict) and filled.keys() == plain.keys():
        for name, item in filled.items():
            _require_equal(item, plain[name], f"{where}.{name}".lstrip("."))
    elif isinstance(filled, list) and isinstance(plain, list) and len(filled) == len(plain):
        for at, (item, other) in enumerate(zip(filled, plain, strict=True)):
            _require_equal(item, other, f"{where}[{at}]")
    elif filled != plain:
        raise ModuleError(f"{where}: {filled!r:.80} with the inputs' defaults, but {plain!r:.80} in the stack")


def _without_deployment_triggers(document: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the stack computes from the definition of its API; `_add_deployment_triggers` makes it anew."""
    resources = dict(document["resource"])
    if _DEPLOYMENT in resources:
        resources[_DEPLOYMENT] = {
            name: {key: value for key, value in block.items() if key != "triggers"}
            for name, block in resources[_DEPLOYMENT].items()
        }
    return {**document, "resource": resources}


def _add_deployment_triggers(document: Mapping[str, Any], inputs: Sequence[Input]) -> None:
    """Make an API be deployed anew when its definition changes, or an input that is part of it."""
    for deployment in document["resource"].get(_DEPLOYMENT, {}).values():
        api = deployment["rest_api_id"]
        definition = {
            f"{kind}.{name}": {key: value for key, value in block.items() if key != "tags"}
            for kind in (binding.TF_RESOURCE_TYPE for binding in IMMUTABLE_AFTER_DEPLOY)
            for name, block in document["resource"].get(kind, {}).items()
            if block.get("rest_api_id", expression(f"{kind}.{name}.id")) == api
        }
        digest = hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()
        references = [item.reference for item in inputs if item.name in used(definition)]
        deployment["triggers"] = {"definition": " ".join([digest, *references])}
