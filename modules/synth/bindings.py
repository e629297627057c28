"""How the AWS bindings are loaded: of some 2,200 modules, in Python and again in Node.js, only those that are used.

Loaded whole, they take most of a synth's time. What is loaded here writes the same bytes, and a test compares the two.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

_BINDINGS = "cdktf_cdktf_provider_aws"
_IN_NODE = Path(__file__).with_name("lazy_bindings.cjs")


def load_lazily() -> None:
    """Have the bindings' modules loaded one by one; to be called before they and CDKTF are imported.

    In Python an empty package of the same path stands in for the bindings' own, whose ``__init__`` imports every
    submodule. In Node.js, which jsii starts when its first package is imported, `lazy_bindings.cjs` does the like.
    Where others have imported either before, that part stays as it is.

    Raises
    ------
    ModuleNotFoundError
        When the bindings are not installed.
    """
    if _BINDINGS not in sys.modules:
        spec = PathFinder.find_spec(_BINDINGS)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"{_BINDINGS} is not installed: run 'make setup'", name=_BINDINGS)
        package = ModuleType(_BINDINGS)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules[_BINDINGS] = package
    _start()


def _start() -> None:
    """Import what starts Node.js, which is nothing where it has been imported."""
    # jsii says at every start when a Node.js release has reached its end; it works on these all the same.
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")
    with _node_requires(_IN_NODE):
        import_module("constructs")


def type_by_name(kind: type) -> str | None:
    """Return the Terraform type that the name of a binding's module means, without a call to Node.js.

    It is right but for the few types whose name has a digit before a word, such as ``aws_lexv2models_bot``, which
    gives one that is no type; None for a class of other bindings.
    """
    package, _, module = kind.__module__.partition(".")
    return f"aws_{module}" if package == _BINDINGS else None


@contextmanager
def _node_requires(script: Path) -> Iterator[None]:
    """Have Node.js processes that are started meanwhile run a script first, after what they are told already."""
    before = os.environ.get("NODE_OPTIONS")
    # https://nodejs.org/api/cli.html#node_optionsoptions: blanks in quotes, and a backslash before what is special.
    os.environ["NODE_OPTIONS"] = f"{before or ''} --require {json.dumps(str(script), ensure_ascii=False)}".strip()
    try:
        yield
    finally:
        if before is None:
            del os.environ["NODE_OPTIONS"]
        else:
            os.environ["NODE_OPTIONS"] = before
