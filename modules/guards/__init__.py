"""Guards: the rules of `modules.rules` that run at synth. A user's dangerous mistake stops there."""

from modules.guards.guarding import GuardError, Guards, guard_error, guard_everything
from modules.guards.waiver import Waiver

__all__ = ["GuardError", "Guards", "Waiver", "guard_error", "guard_everything"]
