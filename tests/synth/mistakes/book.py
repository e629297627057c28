"""Where mistakes, and what is so near to one that it must not be taken for it, are noted."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.synth.edits import Edit

Make = Callable[[Edit], None]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What a user does wrong, and what must be said about it.

    Attributes
    ----------
    guard : str
        Id of the guard that finds it.
    paths : tuple[str, ...]
        Where, below the stack, in the order in which they are found.
    says : str
        Words of what is found.
    make : Callable
        Makes it.
    on_a_plan : bool
        Whether a plan has it as well. What an expression of Terraform's own says is known there.
    """

    guard: str
    paths: tuple[str, ...]
    says: str
    make: Make
    on_a_plan: bool


@dataclass(frozen=True)
class Book:
    """The mistakes, and what is right, of one kind of guards."""

    mistakes: dict[str, Mistake] = field(default_factory=dict)
    rights: dict[str, Make] = field(default_factory=dict)

    def mistake(
        self, guard: str, path: str | tuple[str, ...], says: str, name: str | None = None, *, on_a_plan: bool = True
    ):
        """Note that a function makes a mistake that this guard, and no other, finds there."""
        paths = (path,) if isinstance(path, str) else path

        def note(make: Make) -> Make:
            self._once(name or make.__name__)
            self.mistakes[name or make.__name__] = Mistake(
                guard=guard, paths=paths, says=says, make=make, on_a_plan=on_a_plan
            )
            return make

        return note

    def right(self, make: Make, name: str | None = None) -> Make:
        """Note that a function does something that no guard may find."""
        self._once(name or make.__name__)
        self.rights[name or make.__name__] = make
        return make

    def _once(self, name: str) -> None:
        assert name not in self.mistakes.keys() | self.rights.keys(), f"{name} is noted twice"
