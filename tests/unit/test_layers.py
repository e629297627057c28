"""The layers of ``lambdas/``: which folder may import which. A function's bundle holds no other function."""

import ast
from functools import cache

import pytest

from modules.constructs.bundling import ALL_BUNDLES
from tools import ROOT

DOMAIN, STORE, QUEUE = "delivery.domain", "delivery.store", "delivery.queue"
LAYERS = {
    # layer                may import, besides itself
    "shared":              set(),
    "inbound":             {"shared"},
    DOMAIN:                {"shared"},
    STORE:                 {"shared", DOMAIN},
    QUEUE:                 {"shared", DOMAIN},
    "delivery.sending":    {"shared", DOMAIN, STORE},
    "delivery.services":   {"shared", DOMAIN, STORE, QUEUE, "delivery.sending"},
    "delivery.http":       {"shared", DOMAIN, STORE, "delivery.services"},
}  # fmt: skip
# A function may import all of the libraries that its bundle holds.
LIBRARIES = {bundle.function: set(bundle.shared) for bundle in ALL_BUNDLES}


@cache
def imports():
    """Return for each module below ``lambdas/`` the names of the modules that it imports, in functions too."""
    found = {}
    for path in (ROOT / "lambdas").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} has a relative import"
                # What is imported from a package may be a module of it.
                names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[".".join(part for part in parts if part != "__init__")] = names
    return found


def layer_of(module):
    """Return the layer, or the function's folder, of a module below ``lambdas``; None for ``lambdas`` itself."""
    _, *parts = module.split(".")
    if parts[:1] == ["delivery"] and len(parts) > 1:
        return ".".join(parts[:2])
    return parts[0] if parts else None


def allowed(layer):
    """Return the layers that one may import."""
    if layer in LAYERS:
        return LAYERS[layer] | {layer}
    libraries = LIBRARIES.get(layer, set())
    return {each for each in LAYERS if each.split(".")[0] in libraries} | {layer}


def test_each_layer_imports_only_those_below_it():
    modules = imports()
    wrong = {
        f"{module} imports {name}"
        for module, names in modules.items()
        for name in names & set(modules)
        if layer_of(name) not in {None, "delivery"} and layer_of(name) not in allowed(layer_of(module))
    }

    assert wrong == set()


def test_the_table_knows_every_folder():
    found = {layer_of(module) for module in imports()} - {None, "delivery"}

    assert found == set(LAYERS) | set(LIBRARIES)


@pytest.mark.parametrize("function", [name for name in LIBRARIES if name.startswith("delivery_")])
def test_a_stack_can_import_what_a_function_reads_without_the_function_s_packages(function):
    modules, seen = imports(), set()
    left = {f"lambdas.{function}.environment"}
    while left:
        module = left.pop()
        seen.add(module)
        left |= modules.get(module, set()) - seen

    assert {name.split(".")[0] for name in seen} & {"boto3", "botocore", "aws_lambda_powertools", "pydantic"} == set()
    assert "lambdas.shared.environment" in seen
