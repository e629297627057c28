"""What was looked at, and what was found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import requests
from botocore.exceptions import BotoCoreError, ClientError

# What a call to AWS can end with, and is no defect of this command.
TROUBLE = (ClientError, BotoCoreError, requests.RequestException, TimeoutError)


class Result(StrEnum):
    """How a look ended."""

    GOOD = "ok"
    BAD = "FAILED"
    OPEN = "not checked"


@dataclass(frozen=True)
class Look:
    """What was looked at, and what was found."""

    what: str
    result: Result
    found: str = ""


class WrongError(Exception):
    """Something is not as it must be; the message says what was found."""


def look_at(what: str, look: Callable[[], str | None]) -> Look:
    """Look at something; what goes wrong on the way is found, and ends nothing."""
    try:
        return Look(what, Result.GOOD, look() or "")
    except WrongError as wrong:
        return Look(what, Result.BAD, str(wrong))
    except TROUBLE as error:
        return Look(what, Result.BAD, said(error))


def said(error: Exception, command: str = "smoke") -> str:
    """Return what kind of trouble it is. Its own words may repeat what was sent."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        more = f"; the output {command}_policy_json allows it" if "Denied" in code else ""
        return f"{error.operation_name}: {code}{more}"
    if isinstance(error, requests.HTTPError):
        return f"answered {error.response.status_code}"
    return type(error).__name__
