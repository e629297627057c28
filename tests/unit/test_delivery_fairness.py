"""A dead tenant with 10,000 deliveries delays no healthy one: the rules of delivery, on a model of the queue."""

from dataclasses import replace

import pytest

from lambdas.delivery.domain.attempt_result import HttpResult, classify
from lambdas.delivery.domain.circuit_breaker import Gate, gate, has_to_open, open_ms
from lambdas.delivery.domain.holds import PAGE_SECONDS, Hold, allowance
from lambdas.delivery.domain.lifecycle import after_attempt, created, due_ms
from lambdas.delivery.domain.model import Delivery, Endpoint, Event, Health
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.domain.retry_schedules import STANDARD_WEBHOOKS
from tests.unit.fair_queue import FairQueue, Simulation

CONSUMERS = 100
"""Ten functions with ten threads each."""
TIMEOUT_SECONDS = 15.0
HEALTHY_SECONDS = 0.1
PARKING_SECONDS = 0.02
BACKLOG = 10_000
KEPT = Retention()
DEAD = Endpoint(
    tenant_id="dead", endpoint_id="ep", url="", filters={}, secrets=(), headers={}, created_at="", updated_at=""
)
HOLD = Hold(tenant_id="dead", endpoint_id="ep", due_at="", touched_ms=0)


class Rules:
    """The worker's decisions, by the rules that it runs on, for a dead endpoint and a healthy one."""

    def __init__(self, queue, breaker=True):
        self.simulation = Simulation(queue=queue, consumers=CONSUMERS, work=self.work)
        self.health = Health()
        self.breaker = breaker
        self.held = []
        self.dwell = []
        self.attempts = 0
        self.parks = 0

    def send(self, at, group, number):
        event = Event(
            tenant_id=group,
            event_id=f"evt_{number}",
            event_type="a",
            created_at="",
            size=0,
            sha256="",
            correlation_id="",
            expires_at=KEPT.created(at),
        )
        self.simulation.send_at(at, group, (created(event, "ep", at, KEPT), at))

    def work(self, now, group, message):
        delivery, sent_at = message
        if group == "healthy":
            self.dwell.append(now - sent_at)
            return HEALTHY_SECONDS, lambda ended: None
        now_ms = int(now * 1_000)
        where = gate(self.health, now_ms) if self.breaker else Gate.CLOSED
        if where is Gate.OPEN:
            self.parks += 1
            return PARKING_SECONDS, lambda ended: self.held.append(delivery)
        probe = where is Gate.HALF_OPEN
        if probe:
            self.health = replace(self.health, probing_until=now_ms + 60_000)
        self.attempts += 1

        def failed(ended):
            self.fail(int(ended * 1_000), probe)
            result = classify(HttpResult(status=None, problem="timed out: answer"), ended)
            new = after_attempt(delivery, result, ended, schedule=STANDARD_WEBHOOKS, jitter=0.5, retention=KEPT)
            self.again(new, ended)

        return TIMEOUT_SECONDS, failed

    def fail(self, now_ms, probe):
        failures = self.health.consecutive_failures + 1
        self.health = replace(self.health, consecutive_failures=failures)
        if probe or has_to_open(self.health):
            self.health = replace(
                self.health,
                open_until=now_ms + open_ms(self.health.openings),
                openings=self.health.openings + 1,
                probing_until=None,
            )

    def release(self, now):
        """Release a page of what is held up, as the sweeper does each minute."""
        number = allowance(HOLD, DEAD, self.health, int(now * 1_000)).number
        page, self.held = self.held[:number], self.held[number:]
        for place, delivery in enumerate(page):
            at = now + place * PAGE_SECONDS / number
            self.simulation.send_at(at, "dead", (delivery, at))

    def again(self, delivery: Delivery, now):
        if not delivery.state.final:
            at = max(due_ms(delivery) / 1_000, now)
            self.simulation.send_at(at, "dead", (delivery, at))


def simulated(fair, breaker, seconds=3_600.0):
    """Run a healthy tenant's event each second beside a dead tenant's backlog, which is there first."""
    rules = Rules(FairQueue(fair=fair), breaker)
    for number in range(BACKLOG):
        rules.send(0.0, "dead", number)
    for second in range(int(seconds)):
        rules.send(second + 0.5, "healthy", second)
    for minute in range(PAGE_SECONDS, int(seconds) + PAGE_SECONDS + 1, PAGE_SECONDS):
        rules.simulation.run(float(minute))
        rules.release(float(minute))
    return rules


def test_a_dead_tenant_with_10000_deliveries_does_not_delay_a_healthy_one():
    rules = simulated(fair=True, breaker=True)
    waited = sorted(rules.dwell)
    print(
        f"healthy tenant waits {waited[len(waited) // 2]:.2f} s in the middle, {waited[-1]:.2f} s at most; "
        f"the dead one has {rules.attempts} attempts and {rules.parks} parked deliveries in an hour"
    )

    assert len(waited) == 3_600
    # At worst, every consumer has just begun an attempt of the dead one's and waits for its deadline.
    assert waited[-1] <= TIMEOUT_SECONDS
    assert waited[int(len(waited) * 0.99)] <= 1.0
    # And the dead one's deliveries keep their attempts for the day when it is back.
    assert rules.attempts < BACKLOG / 10
    assert len(rules.held) > BACKLOG * 0.9


def test_the_breaker_alone_does_it_too_as_on_a_local_aws_whose_queue_is_not_fair():
    # Of what the end-to-end test shows, see tests/e2e/test_delivery_fairness.py.
    rules = simulated(fair=False, breaker=True, seconds=600.0)

    assert len(rules.dwell) == 600
    assert max(rules.dwell) <= 2 * TIMEOUT_SECONDS


class SlowRules(Rules):
    """The other tenant's endpoint takes everything, just before the deadline: no breaker opens for that."""

    def work(self, now, group, message):
        if group == "healthy":
            return super().work(now, group, message)
        self.attempts += 1
        return TIMEOUT_SECONDS - 0.1, lambda ended: None


@pytest.mark.parametrize("fair", [True, False])
def test_a_slow_tenant_that_no_breaker_sees_costs_a_healthy_one_an_attempt_s_time_at_most(fair):
    rules = SlowRules(FairQueue(fair=fair))
    for number in range(BACKLOG):
        rules.send(0.0, "dead", number)
    for second in range(600):
        rules.send(second + 0.5, "healthy", second)
    rules.simulation.run(660.0)

    # On a plain queue the healthy one would stand behind the whole backlog.
    assert len(rules.dwell) == (600 if fair else 0)
    assert max(rules.dwell, default=0.0) <= TIMEOUT_SECONDS


@pytest.mark.parametrize(("fair", "breaker"), [(False, False)])
def test_without_fair_queue_and_breaker_it_would(fair, breaker):
    # The test above must be able to fail: this is the same backlog on a plain queue.
    rules = simulated(fair, breaker, seconds=600.0)
    assert max(rules.dwell, default=1e9) > 60.0 or len(rules.dwell) < 600
