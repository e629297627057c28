"""Which functions there are, what each is built of, and where its bundle lies.

Synth only reads bundles: building is ``make bundle``.
"""

from dataclasses import dataclass
from pathlib import Path

NATIVE_SUFFIX = "_native"
# The functions of stacks that reconcile, and of those that make statements.
RECONCILE, STATEMENT = "reconcile", "statement"
BUNDLES = Path(__file__).resolve().parents[2] / ".build" / "bundles"
# Categories of the Pipfile: what every function needs, what is compiled, and what describes and checks an API.
CATEGORY, NATIVE_CATEGORY, API_CATEGORY = "functions", "functions-native", "functions-api"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle to build.

    Attributes
    ----------
    function : str
        Folder of the function below ``lambdas/``.
    shared : tuple[str, ...]
        Folders below ``lambdas/`` whose code it shares with others.
    categories : tuple[str, ...]
        Categories of the Pipfile whose packages it holds.
    suffix : str
        What its name has besides the function's.
    """

    function: str
    shared: tuple[str, ...] = ("shared", "inbound")
    categories: tuple[str, ...] = (CATEGORY,)
    suffix: str = ""

    @property
    def name(self) -> str:
        """Its file's name, without the suffix of a zip."""
        return self.function + self.suffix

    @property
    def is_native(self) -> bool:
        """Whether it holds compiled code that cannot do without."""
        return self.categories != (CATEGORY,)


def _delivery(function: str, *categories: str) -> Bundle:
    return Bundle(function=function, shared=("shared", "delivery"), categories=(CATEGORY, *categories))


INBOUND_BUNDLES = (
    *(Bundle(function=name) for name in ("ingestion", "processing", "status", "dead_letter", "replay", "operator")),
    # For stacks with a provider whose signatures need compiled code; no other code imports it.
    Bundle(function="ingestion", categories=(CATEGORY, NATIVE_CATEGORY), suffix=NATIVE_SUFFIX),
    Bundle(function=RECONCILE),
    Bundle(function=STATEMENT),
)
DELIVERY_BUNDLES = (
    _delivery("delivery_worker", NATIVE_CATEGORY),
    _delivery("delivery_sweeper"),
    _delivery("delivery_authorizer"),
    _delivery("delivery_api", API_CATEGORY),
    _delivery("delivery_operator", API_CATEGORY, NATIVE_CATEGORY),
    _delivery("delivery_docs"),
    _delivery("delivery_receiver"),
)
ALL_BUNDLES = INBOUND_BUNDLES + DELIVERY_BUNDLES
# Those that every inbound stack has.
FUNCTIONS = tuple(
    bundle.function for bundle in INBOUND_BUNDLES if not bundle.suffix and bundle.function not in {RECONCILE, STATEMENT}
)


def bundle_of(folder: Path, function: str, *, native: bool = False) -> Path:
    """Return the bundle of a function.

    Parameters
    ----------
    native : bool
        Whether it must be the one with compiled code, of a function that has two.

    Raises
    ------
    FileNotFoundError
        When it has not been built.
    """
    bundle = folder / f"{function}{NATIVE_SUFFIX if native else ''}.zip"
    if not bundle.is_file():
        raise FileNotFoundError(f"the bundle of {function} has not been built: run 'make bundle' first")
    return bundle
