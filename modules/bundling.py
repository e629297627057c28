"""Which functions there are, and where their bundles lie. Synth only reads them: building is ``make bundle``."""

from pathlib import Path

FUNCTIONS = ("ingestion", "processing", "status", "dead_letter", "replay")
BUNDLES = Path(__file__).resolve().parent.parent / ".build" / "bundles"


def bundle_of(folder: Path, function: str) -> Path:
    """Return the bundle of a function.

    Raises
    ------
    FileNotFoundError
        When it has not been built.
    """
    bundle = folder / f"{function}.zip"
    if not bundle.is_file():
        raise FileNotFoundError(f"the bundle of {function} has not been built: run 'make bundle' first")
    return bundle
