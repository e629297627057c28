"""How the AWS bindings are loaded: of over 2,000 modules, in Python and again in Node.js, only those that are used.

Loading all of them takes most of a synth's time. ``STOCK_BINDINGS=1`` in the environment does so, as CDKTF by itself
would. A test compares the two: they write the same bytes.
"""

import json
import os
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

# The package that `modules.synth.cdk` imports from.
BINDINGS = "cdktf_cdktf_provider_aws"
_IN_NODE = Path(__file__).with_name("lazy_bindings.cjs")


def load() -> None:
    """Start Node.js, and have the bindings' modules loaded one by one; to be called before CDKTF is imported.

    In Python, the bindings' package is put in its place without running its ``__init__``, which imports every
    submodule. In Node.js, which jsii starts when ``constructs`` is imported, `lazy_bindings.cjs` does the same.

    Warns
    -----
    RuntimeWarning
        When CDKTF was imported before, or these bindings are not installed. The synth is right, and slow.
    """
    # At every start, jsii warns that a Node.js release has reached its end of life. It works on these two.
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")
    if os.environ.get("STOCK_BINDINGS") == "1":
        return
    if "constructs" in sys.modules:
        warnings.warn(
            f"import {__package__} before cdktf and its bindings: Node.js runs already and loads all of them",
            RuntimeWarning,
            stacklevel=2,
        )
    if spec := find_spec(BINDINGS):
        if BINDINGS not in sys.modules:
            sys.modules[BINDINGS] = package = module_from_spec(spec)
            package.__getattr__ = _submodule  # type: ignore[method-assign]
    else:
        warnings.warn(
            f"{BINDINGS} is not installed, so that other bindings are loaded as a whole: name them in {__file__}",
            RuntimeWarning,
            stacklevel=2,
        )
    before = os.environ.get("NODE_OPTIONS")
    # https://nodejs.org/api/cli.html#node_optionsoptions: blanks in quotes, and a backslash before what is special.
    required = f"--require {json.dumps(str(_IN_NODE), ensure_ascii=False)}"
    os.environ["NODE_OPTIONS"] = f"{before} {required}" if before else required
    try:
        import_module("constructs")
    finally:
        if before is None:
            del os.environ["NODE_OPTIONS"]
        else:
            os.environ["NODE_OPTIONS"] = before


def _submodule(name: str) -> ModuleType:
    """Return a module of the bindings for ``import <bindings> as aws; aws.kms_key``."""
    try:
        return import_module(f"{BINDINGS}.{name}")
    except ModuleNotFoundError as error:
        raise AttributeError(f"module {BINDINGS!r} has no attribute {name!r}") from error


def type_by_name(kind: type) -> str | None:
    """Return the Terraform type that the name of a binding's module means, without a call to Node.js.

    It is right but for the few types whose name has a digit before a word, such as ``aws_lexv2models_bot``, which
    gives one that is no type; None for a class of other bindings.
    """
    package, _, module = kind.__module__.partition(".")
    return f"aws_{module}" if package == BINDINGS else None
