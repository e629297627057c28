"""Guards: rules that the whole of a stack must keep, checked at synth. A user's dangerous mistake stops there."""

from modules.guards.guarding import GuardError, Guards, guard_error, guard_everything
from modules.guards.waiver import Waiver

__all__ = ["GuardError", "Guards", "Waiver", "guard_error", "guard_everything"]
