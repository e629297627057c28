"""A test that shares its id with another is one that a run side by side leaves out: the suite refuses it."""

from types import SimpleNamespace

import pytest

from tests.conftest import pytest_collection_modifyitems


def test_two_tests_of_one_id_stop_the_run():
    items = [SimpleNamespace(nodeid=f"tests/test_one.py::test_{name}") for name in ("a", "b", "a")]

    with pytest.raises(AssertionError, match=r"one id: tests/test_one\.py::test_a"):
        next(pytest_collection_modifyitems(None, items))
