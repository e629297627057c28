"""A function's environment variables: what the stack writes of a model, the function reads as the same model."""

from dataclasses import dataclass

import pytest

from lambdas.shared.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Every(Environment):
    """A field of each kind."""

    table_name: str
    max_bytes: int
    seconds: float
    tenant_metrics: bool
    secret_arn: str | None = None
    days: int = 30


WRITTEN = {
    "TABLE_NAME": "records",
    "MAX_BYTES": "1048576",
    "SECONDS": "2.5",
    "TENANT_METRICS": "off",
    "DAYS": "14",
}
VALUES = Every(
    table_name="records",
    max_bytes=1048576,
    seconds=2.5,
    tenant_metrics=False,
    secret_arn=None,
    days=14,
)


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an environment with every variable but those that may be missing."""
    for name, value in WRITTEN.items():
        monkeypatch.setenv(name, value)


def test_a_model_is_read_as_it_was_written() -> None:
    """Given what a model writes, then the same model is read; a variable that is None is not written."""
    assert VALUES.to_environment() == WRITTEN
    assert Every.from_environment() == VALUES


def test_a_variable_with_a_default_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no variable, or an empty one, then its field holds the default."""
    monkeypatch.delenv("DAYS")
    monkeypatch.setenv("SECRET_ARN", "")
    assert Every.from_environment().days == 30
    assert Every.from_environment().secret_arn is None


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Given a variable that is not set, or empty, then the error names it."""
    monkeypatch.setenv("TABLE_NAME", value) if value is not None else monkeypatch.delenv("TABLE_NAME")
    with pytest.raises(RuntimeError, match=r"^environment variable TABLE_NAME is not set$"):
        Every.from_environment()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MAX_BYTES", "1e6", "a whole number"),
        ("SECONDS", "soon", "a number"),
        ("TENANT_METRICS", "true", "on or off"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    """Given a value that its field does not take, then the error names variable, value and what is expected."""
    monkeypatch.setenv(name, value)
    with pytest.raises(RuntimeError, match=rf"^environment variable {name}: '{value}' is not {expected}$"):
        Every.from_environment()
