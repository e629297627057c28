"""A delivery that is about to wait for a paused endpoint while somebody activates it."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.delivery.domain.holds import PAUSED
from lambdas.delivery.domain.lifecycle import created
from lambdas.delivery.domain.model import Delivery, Endpoint, EndpointState, Event, Health
from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.messages import Deliver
from lambdas.delivery_worker.admission import Admission
from lambdas.delivery_worker.deliver import DeliverConsumer
from lambdas.delivery_worker.recording import Recorder
from lambdas.delivery_worker.reporting import Report
from lambdas.shared import times

NOW = 1_790_000_000.0
RETENTION = Retention(delivered_days=30, dead_days=14)
ENDPOINT = Endpoint(
    tenant_id="t",
    endpoint_id="ep",
    url="https://example.com",
    filters={},
    secrets=(),
    headers={},
    state=EndpointState.PAUSED,
    created_at=times.iso(NOW),
    updated_at=times.iso(NOW),
)
EVENT = Event(
    tenant_id="t",
    event_id="evt",
    event_type="a",
    created_at=times.iso(NOW),
    size=2,
    sha256="",
    correlation_id="c",
    expires_at=int(NOW) + 10_000_000,
)


@dataclass
class World:
    """The tables; the endpoint's state is that of each read in turn."""

    states: list[EndpointState]
    delivery: Delivery = field(default_factory=lambda: created(EVENT, "ep", NOW, RETENTION))
    done: list[str] = field(default_factory=list)

    def read_endpoint(self, tenant_id: str, endpoint_id: str) -> tuple[Endpoint, Health]:
        del tenant_id, endpoint_id
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return replace(ENDPOINT, state=state), Health()

    def change(self, seen: Delivery, new: Delivery) -> bool:
        assert seen == self.delivery
        self.done.append("delivery recorded")
        self.delivery = new
        return True

    def run(self) -> None:
        stores: dict[str, Any] = {
            "deliveries": SimpleNamespace(read=lambda *_: self.delivery, change=self.change),
            "endpoints": SimpleNamespace(read=self.read_endpoint),
            "events": SimpleNamespace(read=lambda *_: (EVENT, b"{}"), keep_until=lambda *_: None),
        }
        nothing: Any = None
        due: Any = SimpleNamespace(
            hold=lambda *_, **__: self.done.append("hold made"),
            release_soon=lambda *_: self.done.append("hold due"),
        )
        attempts: Any = SimpleNamespace(client=SimpleNamespace(seconds=15.0))
        worker = DeliverConsumer(
            admission=Admission(health=nothing, attempt_seconds=15.0, jitter=lambda: 0.0),
            attempts=attempts,
            recorder=Recorder(
                due=due, queue=nothing, announcer=nothing, retention=RETENTION, clock=lambda: NOW, **stores
            ),
            endpoint_health=nothing,
            clock=lambda: NOW,
            **stores,
        )
        message = Deliver(tenant_id="t", event_id="evt", endpoint_id="ep", version=self.delivery.version)
        worker.run(message, "m", NOW + 60, Report(log=lambda *_, **__: None))


@pytest.mark.parametrize("state", [EndpointState.PAUSED, EndpointState.DISABLED])
def test_while_the_endpoint_is_not_active_it_is_held_up(state):
    world = World([EndpointState.PAUSED, state])

    world.run()

    # The hold is there first: whoever dies between the two leaves nothing without one.
    assert world.done == ["hold made", "delivery recorded"]
    assert (world.delivery.held, world.delivery.waiting_for) == (True, PAUSED)
    assert world.delivery.due_at == times.iso(RETENTION.waits_until(world.delivery.expires_at))


def test_activated_between_looking_and_recording_its_hold_is_due_at_once():
    # Whoever activates an endpoint has its hold looked at once: what is held up later must see to that itself.
    world = World([EndpointState.PAUSED, EndpointState.ACTIVE])

    world.run()

    assert world.done == ["hold made", "delivery recorded", "hold due"]
    assert world.delivery.held
    assert world.delivery.attempts == 0
