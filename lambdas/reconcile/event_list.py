"""What every provider's list of events has in common."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lambdas.reconcile.api import Api, ApiError
from lambdas.shared.errors import TellableError

DAY_SECONDS = 86_400
MAX_ID = 256
# Of a list that is asked for with a cursor which the provider no longer knows.
_CURSOR_GONE = frozenset({400, 404, 410, 422})


class NotAListError(TellableError):
    """The answer is not a list of events."""


class CursorGoneError(ApiError):
    """The provider no longer knows where the page begins."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An event as its provider's API shows it.

    Attributes
    ----------
    body : bytes
        The event, in the form of a webhook's body.
    headers : Mapping[str, str]
        The headers of its webhook that the API shows, in lower case.
    id : str
        Its id as the list has it, to be told if it cannot be read.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a list.

    Attributes
    ----------
    events : Sequence[Fetched]
        Its events.
    after : str | None
        Where the next page begins; None for the last one.
    unreadable : Sequence[str]
        Ids of the entries that are no events of the provider's that can be read.
    """

    events: Sequence[Fetched]
    after: str | None
    unreadable: Sequence[str] = ()


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
        CursorGoneError
            When the provider no longer knows `after`.
        ApiError
            When the provider does not answer.
        NotAListError
            When the answer is something else.
        """

    @contextmanager
    def _listing(self, after: str | None) -> Iterator[None]:
        """Tell the refusal of a cursor from that of any other call."""
        try:
            yield
        except ApiError as error:
            if after is None or error.status not in _CURSOR_GONE:
                raise
            raise CursorGoneError(self.host, error.status, f"status {error.status}") from error


def compact(document: Any) -> bytes:
    """Return a JSON document without blanks."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def shown(event: Mapping[str, Any], member: str = "id") -> Fetched:
    """Return an event that a list shows whole, with its id in a member of it."""
    return Fetched(body=compact(event), id=id_in(event, member))


def id_in(entry: Mapping[str, Any], member: str) -> str:
    """Return an id of an entry to tell: nothing else of a payload is told."""
    given = entry.get(member)
    return given[:MAX_ID] if isinstance(given, str) else f"without {member}"


def objects_in(document: Any, member: str, *, optional: bool = False) -> list[dict[str, Any]]:
    """Return the objects of an array in an answer.

    Parameters
    ----------
    optional : bool
        Whether the provider leaves out an empty array.

    Raises
    ------
    NotAListError
        When there is no such array.
    """
    found = document.get(member, [] if optional else None) if isinstance(document, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise NotAListError(f"no array of objects: {member}")
    return found
