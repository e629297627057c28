"""What every provider's list of events, and how it shows our registration there, has in common."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lambdas.reconcile.api import Api, ApiError
from lambdas.shared import times
from lambdas.shared.errors import TellableError

DAY_SECONDS = 86_400
MAX_ID = 256
# Of a list that is asked for with a cursor which the provider no longer knows.
_CURSOR_GONE = frozenset({400, 404, 410, 422})


class NotAListError(TellableError):
    """The answer is not a list of events."""


class KeyModeError(TellableError):
    """The API key is of another mode than what is deployed."""


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
    at : float | None
        The time by which the list has it in a window, seconds since the epoch; None if it is counted elsewhere.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    id: str = ""
    at: float | None = None


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


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a provider sends, and where to.

    Attributes
    ----------
    id : str
        Its id with the provider.
    url : str
        Where webhooks are sent.
    enabled : bool
        Whether they are sent at all.
    types : Sequence[str]
        What is subscribed to, in the provider's words; ``*`` stands for any characters.
    """

    id: str
    url: str
    enabled: bool
    types: Sequence[str]


class EventList(ABC):
    """A provider's list of events, and our registrations there.

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
    key_modes : Mapping[str, str]
        How a key begins, and the mode that it is of then.
    key_doc : str
        What the key is, and what it must be allowed.
    signed : bool
        Whether it shows the headers of a webhook, its signature among them: only then are the bytes known.
    has_all_types : bool
        Whether it has events of types to which the registration is not subscribed.
    needs_hook : bool
        Whether there is a list for each registration.
    shows_registrations : bool
        Whether the API shows how webhooks are registered; otherwise nobody looks.
    registration_doc : str
        What to do about a key that may not read registrations.

    Parameters
    ----------
    api : Api
        The provider's API.
    key : str
        The API key.
    hook : str
        The path or id of the registration, for a provider of which it is known.
    """

    hosts: ClassVar[tuple[str, str]]
    retention_seconds: ClassVar[int]
    page_size: ClassVar[int] = 100
    one_by_one: ClassVar[bool] = False
    per_second: ClassVar[float]
    key_pattern: ClassVar[str] = "[!-~]{8,512}"
    key_modes: ClassVar[Mapping[str, str]] = {}
    key_doc: ClassVar[str]
    signed: ClassVar[bool] = False
    has_all_types: ClassVar[bool] = False
    needs_hook: ClassVar[bool] = False
    shows_registrations: ClassVar[bool] = True
    registration_doc: ClassVar[str]

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

    @abstractmethod
    def registrations(self) -> list[Registration]:
        """Return our registrations, disabled ones too; those of other systems may be among them.

        Raises
        ------
        ApiError
            When the provider does not answer, or the key may not read them.
        NotAListError
            When the answer is something else.
        """

    def undelivered(self, since: float, until: float, *, alone: bool) -> int | None:
        """Return how many events of a time the provider could not deliver to us, of a page at most.

        Parameters
        ----------
        alone : bool
            Whether all that the provider sends, it sends to us.

        Returns
        -------
        int | None
            None where the provider does not tell. It raises what `registrations` does.
        """
        del since, until, alone
        return None

    @staticmethod
    def subscription(event_type: str) -> str:
        """Return what must be subscribed to, to receive events of a type."""
        return event_type

    @classmethod
    def check_mode(cls, key: str, deployed: str | None) -> None:
        """Check that an API key is not of another mode than what is deployed, as far as both say theirs.

        Raises
        ------
        KeyModeError
            When it is.
        """
        mode = cls.mode_of(key)
        if deployed and mode and mode != deployed:
            raise KeyModeError(f"the API key is of {mode} mode, and what is deployed of {deployed} mode")

    @classmethod
    def mode_of(cls, key: str) -> str | None:
        """Return the mode that an API key is of; None if it does not say."""
        return next((mode for begin, mode in cls.key_modes.items() if key.startswith(begin)), None)

    def authorize(self) -> None:
        """Have the next calls carry the key."""
        self._api.headers["Authorization"] = f"Bearer {self._key}"

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


def shown(event: Mapping[str, Any], member: str = "id", *, at: float | None) -> Fetched:
    """Return an event that a list shows whole, with its id in a member of it."""
    return Fetched(body=compact(event), id=id_in(event, member), at=at)


def last_id(entries: Sequence[Mapping[str, Any]], member: str, *, more: Any) -> str | None:
    """Return the id of a page's last entry, behind which the next page begins; None for the last page.

    Parameters
    ----------
    more : Any
        What the answer has as ``has_more``.

    Raises
    ------
    NotAListError
        When that is neither true nor false, or nobody knows where the next page begins.
    """
    if type(more) is not bool:
        raise NotAListError("a page without has_more")
    if not more:
        return None
    if not entries or not (last := text_in(entries[-1], member)):
        raise NotAListError(f"a page with has_more, of which no last entry has {member}")
    return last


def cursor_in(answer: Mapping[str, Any], member: str) -> str | None:
    """Return the cursor of the next page in an answer; None for the last page.

    Raises
    ------
    NotAListError
        When it is no text.
    """
    given = answer.get(member)
    if not isinstance(given, str | None):
        raise NotAListError(f"a page of which {member} is no text")
    return given or None


def check_moved(after: str | None, following: str | None) -> None:
    """Check that the next page is another one, since a list that stands still never ends.

    Raises
    ------
    NotAListError
        When the next page begins where this one does.
    """
    if following is not None and following == after:
        raise NotAListError("a page of which the next one begins where it does")


def all_entries(page: Callable[[str | None], tuple[list[dict[str, Any]], str | None]]) -> Iterator[dict[str, Any]]:
    """Yield the entries of all pages.

    Parameters
    ----------
    page : Callable[[str | None], tuple[list[dict[str, Any]], str | None]]
        Takes where a page begins, and returns its entries and where the next one begins; None for the first, and last.
    """
    after = None
    while True:
        entries, following = page(after)
        check_moved(after, following)
        yield from entries
        if (after := following) is None:
            return


def id_in(entry: Mapping[str, Any], member: str) -> str:
    """Return an id of an entry to tell: nothing else of a payload is told."""
    given = entry.get(member)
    return given[:MAX_ID] if isinstance(given, str) else f"without {member}"


def text_in(entry: Mapping[str, Any], member: str) -> str:
    """Return a text of an entry; empty without one."""
    given = entry.get(member)
    return given if isinstance(given, str) else ""


def time_in(entry: Mapping[str, Any], member: str) -> float | None:
    """Return a time that is a text of an entry, as seconds since the epoch; None without one."""
    return times.parse(text_in(entry, member))


def texts_in(entry: Mapping[str, Any], member: str) -> list[str]:
    """Return the texts of an array of an entry; none without one."""
    given = entry.get(member)
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []


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
