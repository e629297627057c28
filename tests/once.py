"""What is made once in a run of the tests, however many workers it has."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from tools.build.locked import locked


def once(folders: pytest.TempPathFactory, name: str, make: Callable[[], Any]) -> Any:
    """Return a JSON value that the first worker who asks for it makes; everybody gets a copy of their own."""
    folder = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    made = folder / f"{name}.json"
    with locked(made.with_suffix(".lock")):
        if not made.exists():
            made.write_text(json.dumps(make()), encoding="utf-8")
        return json.loads(made.read_text(encoding="utf-8"))
