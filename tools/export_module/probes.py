"""Two sets of values that lie as far apart as settings allow, so that a synth with each shows where a value goes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modules.settings.model import Settings
from modules.settings.validation import SettingsError
from tools.export_module.errors import ModuleError
from tools.export_module.inputs import Input
from tools.export_module.paths import with_values

# One as long as it may be, the other short, and with characters that names sometimes lose.
TEXTS: Mapping[str, tuple[str, str]] = {
    "environment": ("longest-probe-01", "probe-2"),
    "service": ("First probe of the Service: one", "second.probe/2"),
    "region": ("xx-first-1", "yy-longer-other-2"),
}


def choose(settings: Settings, inputs: Sequence[Input]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of settings for two synths: of the inputs, and of the region.

    One has every number low, the other high. A value that the stack cuts at a limit, or computes something from, then
    shows: it is not there at one of the ends. No two inputs that are no texts have the same pair of values.

    Raises
    ------
    ModuleError
        When an input has no two values to choose from.
    """
    one, other = _extreme(settings, inputs, 0), _extreme(settings, inputs, -1)
    pairs: set[tuple[Any, Any]] = set()
    for item in inputs:
        if item.path in TEXTS:
            continue
        steps = _steps(item)
        at = steps.index(other[item.path])
        while (one[item.path], steps[at]) in pairs or steps[at] == one[item.path]:
            at -= 1
            if at < 0:
                raise ModuleError(f"{item.path}: has too few values to be told from the other inputs")
        other[item.path] = steps[at]
        pairs.add((one[item.path], other[item.path]))
    return one, other


def _extreme(settings: Settings, inputs: Sequence[Input], end: int) -> dict[str, Any]:
    """Return values at the first or the last that the rules between settings allow."""
    values: dict[str, Any] = {path: texts[end] for path, texts in TEXTS.items()}
    numbers = [item for item in inputs if item.path not in TEXTS]
    # Twice, because a value that was moved can make room for one before it.
    for item in [*numbers, *numbers]:
        steps = _steps(item)
        default = item.default_in(settings)
        if default not in steps:
            raise ModuleError(f"{item.path}: the default {default!r} is not allowed; allowed: {item.rule.allowed()}")
        start = steps.index(values.get(item.path, default))
        accepted = _accepts(settings, values, item.path, steps)
        values[item.path] = steps[_furthest(start, range(len(steps))[end], accepted)]
    return values


def _steps(item: Input) -> Sequence[Any]:
    if item.rule.choices:
        return item.rule.choices
    if item.rule.low is None or item.rule.high is None:
        raise ModuleError(f"{item.path}: only choices, and numbers with a range, can be inputs")
    return range(item.rule.low, item.rule.high + 1)


def _accepts(settings: Settings, values: Mapping[str, Any], path: str, steps: Sequence[Any]) -> Callable[[int], bool]:
    def accepts(position: int) -> bool:
        try:
            with_values(settings, {**values, path: steps[position]})
        except SettingsError:
            return False
        return True

    return accepts


def _furthest(start: int, end: int, accepts: Callable[[int], bool]) -> int:
    """Return the accepted position that is nearest to an end; rules between settings cut off one side."""
    if accepts(end):
        return end
    good, bad = start, end
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if accepts(middle) else (good, middle)
    return good
