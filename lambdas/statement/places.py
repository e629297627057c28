"""Where statements are; read at synth too, so that nothing of AWS's SDK is imported here."""

# Of the statements, and of their pages beside them.
STATEMENT_PREFIX = "statements/"
# How far the statement is that is being made; the only object below the prefix that is overwritten.
PROGRESS_KEY = f"{STATEMENT_PREFIX}progress.json"


def key_of(day: str) -> str:
    """Return the object key of the statement of a day such as ``2026-01-31``."""
    return f"{STATEMENT_PREFIX}{day}.json"


def page_key_of(day: str) -> str:
    """Return the object key of a statement's page."""
    return f"{STATEMENT_PREFIX}{day}.html"
