"""What every provider's list of events has in common."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lambdas.reconcile.api import Api

DAY_SECONDS = 86_400


class NotAListError(ValueError):
    """The answer is not a list of events."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An event as its provider's API shows it.

    Attributes
    ----------
    body : bytes
        The event, in the form of a webhook's body.
    headers : Mapping[str, str]
        The headers of its webhook that the API shows, in lower case.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a list.

    Attributes
    ----------
    events : Sequence[Fetched]
        Its events.
    after : str | None
        Where the next page begins; None for the last one.
    """

    events: Sequence[Fetched]
    after: str | None


class EventList(ABC):
    """A provider's list of events.

    Attributes
    ----------
    hosts : tuple[str, str]
        The hosts of its API for live money and for test money.
    retention_seconds : int
        How far the list goes back.
    page_size : int
        Events of a page at most.
    one_by_one : bool
        Whether each event is a call of its own besides.
    per_second : float
        Calls a second that leave the provider's limit to others.
    key_pattern : str
        Regular expression of an API key, matched as a whole.
    key_doc : str
        What the key is, and what it must be allowed.
    signed : bool
        Whether it shows the headers of a webhook, its signature among them: only then are the bytes known.
    has_all_types : bool
        Whether it has events of types to which the registration is not subscribed.
    needs_hook : bool
        Whether there is a list for each registration.

    Parameters
    ----------
    api : Api
        The provider's API.
    key : str
        The API key.
    hook : str
        The path of the registration, for a provider that has a list for each.
    """

    hosts: ClassVar[tuple[str, str]]
    retention_seconds: ClassVar[int]
    page_size: ClassVar[int] = 100
    one_by_one: ClassVar[bool] = False
    per_second: ClassVar[float]
    key_pattern: ClassVar[str] = "[!-~]{8,512}"
    key_doc: ClassVar[str]
    signed: ClassVar[bool] = False
    has_all_types: ClassVar[bool] = False
    needs_hook: ClassVar[bool] = False

    def __init__(self, api: Api, key: str, hook: str = "") -> None:
        self._api = api
        self._key = key
        self._hook = hook

    @property
    def host(self) -> str:
        """The host that is asked."""
        return self._api.host

    @abstractmethod
    def page(self, since: float, until: float, after: str | None) -> Page:
        """Return a page of the events that were created from `since` to before `until`, seconds since the epoch.

        A few events beyond both ends may be among them.

        Raises
        ------
        ApiError
            When the provider does not answer.
        NotAListError
            When the answer is something else.
        """


def compact(document: Any) -> bytes:
    """Return a JSON document without blanks."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def objects_in(document: Any, member: str) -> list[dict[str, Any]]:
    """Return the objects of an array in an answer.

    Raises
    ------
    NotAListError
        When there is no such array.
    """
    found = document.get(member, []) if isinstance(document, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise NotAListError(f"no array of objects: {member}")
    return found
