"""The chain of statements: each names the one before it by key and digest, and that one's page by its digest."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from lambdas.shared.errors import TellableError
from lambdas.statement.places import STATEMENT_PREFIX, key_of

_KEY = re.compile(re.escape(STATEMENT_PREFIX) + r"(\d{4}-\d\d-\d\d)\.json", re.ASCII)


_MEMBERS = {"day", "differences", "notCovered"}
_OF_PREVIOUS = {"key", "sha256", "page"}
# What later statements, and those who verify, read.
_OF_PROVIDER = {"provider", "accounts", "entries", "open", "openNotNamed", "settled", "later"}


class NotAStatementError(TellableError):
    """What is where a statement should be is none."""


@dataclass(frozen=True)
class Statement:
    """A statement as it is stored.

    Attributes
    ----------
    day : str
        Its day, by its key.
    content : bytes
        The object.
    """

    day: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The digest by which the next one names it."""
        return digest(self.content)

    @cached_property
    def said(self) -> dict[str, Any]:
        """What it says.

        Raises
        ------
        NotAStatementError
            When it is not the statement of its day.
        """
        try:
            said = json.loads(self.content)
            previous, providers = said["previous"], said["providers"]
            whole = previous is None or set(previous) >= _OF_PREVIOUS
            whole = whole and all(set(one) >= _OF_PROVIDER for one in providers) and set(said) >= _MEMBERS
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise NotAStatementError(f"{key_of(self.day)} is no statement")
        if said["day"] != self.day:
            raise NotAStatementError(f"{key_of(self.day)} is the statement of another day")
        return dict(said)

    @property
    def providers(self) -> dict[str, dict[str, Any]]:
        """What it says of each provider."""
        return {one["provider"]: one for one in self.said["providers"]}


def broken_links(statements: Sequence[Statement]) -> Iterator[str]:
    """Yield where a chain is broken: a day that is missing, and one that is not what the next one names."""
    for one, following in pairwise(statements):
        day = day_after(one.day)
        while day < following.day:
            yield f"the statement of {day} is missing"
            day = day_after(day)
        previous = following.said["previous"] or {}
        if day == following.day == day_after(one.day) and previous.get("sha256") != one.sha256:
            yield (
                f"the statement of {following.day} is of one before it with the digest {previous.get('sha256')}, and "
                f"that of {one.day} has {one.sha256}"
            )


def digest(content: bytes) -> str:
    """Return the digest of a statement or a page."""
    return hashlib.sha256(content).hexdigest()


def write(said: Mapping[str, Any]) -> str:
    """Return a statement's text, the same for the same content."""
    return json.dumps(said, indent=1, sort_keys=True) + "\n"


def days_of(keys: Iterable[str]) -> list[str]:
    """Return the days of which there are statements, in order."""
    return sorted(found[1] for key in keys if (found := _KEY.fullmatch(key)) and _is_day(found[1]))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def day_after(day: str, days: int = 1) -> str:
    """Return the day so many days after another one."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
