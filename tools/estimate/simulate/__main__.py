"""Simulate a burst and a slow downstream of each preset, or of an environment of ``cdktf.json``."""

import argparse
import math
import os
import sys

from modules.settings.presets import PRESETS
from modules.settings.validation import SettingsError
from tools import ROOT
from tools.estimate.assumptions import ASSUMPTIONS
from tools.estimate.observed.functions import NotObservedError, Observer
from tools.estimate.simulate import lambda_capacity, page
from tools.estimate.simulate.deployment import Deployment, read
from tools.estimate.simulate.model import Model
from tools.estimate.simulate.needs import Needs, needs
from tools.estimate.simulate.platform import AWS
from tools.estimate.simulate.plot import draw
from tools.estimate.simulate.scenarios import TIMES, SimulationError, burst, slow_downstream, uncollected
from tools.estimate.simulate.senders import RETRIES, Retries
from tools.estimate.simulate.timing import Timing, observed
from tools.estimate.synthesized import NotInStackError, webhook_path
from tools.estimate.synthesized.synthesis import choose, synthesize

PICTURES = ROOT / ".build" / "simulate"
# Of the sample webhooks whose calls are observed; their number hardly depends on it.
_SAMPLE_BYTES = 2048


def main() -> None:
    """Print the runs, and draw them."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--preset", default="", help="all of them by default")
    parser.add_argument("--environment", default="", help="environment of cdktf.json instead of presets")
    parser.add_argument("--rate", default="", help="normal load in webhooks/s; a tenth of the throttle by default")
    parser.add_argument("--seconds", default="60", help="how long the burst is")
    parser.add_argument("--slow", default="30", help="by how much a slow downstream makes processing longer")
    parser.add_argument("--senders", default="adyen", help=f"how senders try again: {', '.join(RETRIES)}")
    parser.add_argument("--seed", default="1", help="of the random numbers")
    parser.add_argument("--capacity", action="store_true", help="only how much of the throttle's rate Lambda accepts")
    asked = parser.parse_args()
    try:
        slow, seed = _number("SLOW", asked.slow, 1, 10_000), int(_number("SEED", asked.seed, 0, 2**31))
        seconds = _number("SECONDS", asked.seconds, 1, 3_600)
        rate = _number("RATE", asked.rate, 0.1, 20_000) if asked.rate else None
        if asked.senders not in RETRIES:
            raise SimulationError(f"SENDERS: {asked.senders!r} is not known; allowed: {', '.join(RETRIES)}")
        every = ["standard"] if asked.capacity else list(PRESETS)
        chosen = [asked.preset] if asked.preset or asked.environment else every
        for preset in chosen:
            name, deployment, timing = _deployed(preset, asked.environment)
            print("\n".join(page.deployed(name, deployment, timing, AWS, _needs(deployment, timing))))
            if asked.capacity:
                table = list(lambda_capacity.rows(deployment, timing, deployment.throttle_rate))
                print("\n".join(page.lambda_capacity(table, deployment.throttle_rate)))
                continue
            _simulate(
                name,
                deployment,
                timing,
                normal=rate or deployment.throttle_rate / TIMES,
                seconds=seconds,
                slow=slow,
                retries=RETRIES[asked.senders],
                seed=seed,
            )
        print("Limits of AWS (tools/estimate/simulate/platform.py)")
        for limit, value, source in AWS.printed():
            print(f"  {limit:21} {value:>8g}  {source}")
    except (SimulationError, SettingsError, NotInStackError, NotObservedError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")


def _deployed(preset: str, environment: str) -> tuple[str, Deployment, Timing]:
    settings, name = choose(preset, environment)
    stack = synthesize(settings)
    deployment = read(stack)
    path = webhook_path(stack)
    with Observer(stack, path, _SAMPLE_BYTES) as observer:
        return name, deployment, observed(path, observer, ASSUMPTIONS)


def _needs(deployment: Deployment, timing: Timing) -> Needs:
    return needs(deployment.throttle_rate, deployment, timing, AWS)


def _simulate(
    name: str,
    deployment: Deployment,
    timing: Timing,
    *,
    normal: float,
    seconds: float,
    slow: float,
    retries: Retries,
    seed: int,
) -> None:
    for scenario in (burst(normal, seconds, retries), slow_downstream(normal, slow, retries)):
        with uncollected():
            outcome = Model(deployment, timing, AWS, seed=seed).run(scenario.load)
        print("\n".join(page.scenario(scenario, outcome, deployment, retries)))
        picture = PICTURES / f"{name.replace(' ', '-')}-{scenario.name}.png"
        draw(name, scenario, outcome, deployment.busy_status, picture)
        print(f"  picture: {os.path.relpath(picture)}\n", flush=True)


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise SimulationError(f"{name}: {text!r} is not a number") from error
    if not math.isfinite(number) or not low <= number <= high:
        raise SimulationError(f"{name}: {text} is not allowed; allowed: {low:g} to {high:g}")
    return number


if __name__ == "__main__":
    main()
