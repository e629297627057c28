"""Which functions there are, and where their bundles lie. Synth only reads them: building is ``make bundle``."""

from pathlib import Path

FUNCTIONS = ("ingestion", "processing", "status", "dead_letter", "replay")
NATIVE_SUFFIX = "_native"
BUNDLES = Path(__file__).resolve().parent.parent / ".build" / "bundles"


def bundle_of(folder: Path, function: str, *, native: bool = False) -> Path:
    """Return the bundle of a function.

    Parameters
    ----------
    native : bool
        Whether it must hold the compiled code that some providers' signatures need; of ingestion there is such a one.

    Raises
    ------
    FileNotFoundError
        When it has not been built.
    """
    bundle = folder / f"{function}{NATIVE_SUFFIX if native else ''}.zip"
    if not bundle.is_file():
        raise FileNotFoundError(f"the bundle of {function} has not been built: run 'make bundle' first")
    return bundle
