"""An alarm on what a function counts."""

from dataclasses import dataclass

from modules.settings.formats import TEXT
from modules.settings.validation import Validated, setting


@dataclass(frozen=True, kw_only=True)
class EventAlarm(Validated):
    """An alarm on a metric that a function emits.

    Raises
    ------
    SettingsError
        When CloudWatch takes no such alarm.
    """

    id: str = setting(
        doc="Name of the alarm, without prefix and environment.",
        pattern="[A-Za-z0-9_.-]+",
        words="letters, digits, hyphens, underscores and dots",
    )
    function: str = setting(doc="Function that counts.", rule=TEXT)
    metric: str = setting(doc="Name of its metric.", pattern="[ -~]{1,255}", words="1 to 255 characters of ASCII")
    description: str = setting(doc="What it means, for whom the alarm wakes.", rule=TEXT)
    threshold: int = setting(0, low=0, doc="Count in five minutes that is still borne.")
