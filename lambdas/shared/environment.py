"""What the stack passes to a function."""

import os


def setting(name: str) -> str:
    """Return a value that the stack passes to the function.

    Raises
    ------
    RuntimeError
        When the stack did not set it.
    """
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"environment variable {name} is not set")
    return value
