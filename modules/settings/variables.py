"""How much the environment variables of a function hold."""

import json
from collections.abc import Mapping

from modules.settings.validation import SettingsError

# https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
MAX_BYTES = 4_096


def size_of(variables: Mapping[str, str]) -> int:
    """Return the bytes of variables as Lambda counts them: as JSON, in which a quotation mark of a text takes two."""
    return len(json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False).encode())


def check_room(subject: str, text: str, *, others: int) -> None:
    """Check that a variable fits, of which the text grows with a setting.

    Parameters
    ----------
    subject : str
        The setting and what is in it, with which an error begins.
    others : int
        Bytes that the function's variables take up to without the text.

    Raises
    ------
    SettingsError
        When the text is longer than what the others leave.
    """
    size, room = size_of({"": text}) - size_of({"": ""}), MAX_BYTES - others
    if size > room:
        raise SettingsError(
            f"{subject} take {size:,} bytes of a function's environment, of which Lambda leaves {room:,}; allowed: "
            "fewer of them in one environment, or shorter ones"
        )
