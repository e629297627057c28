"""What DynamoDB bills for reading while an event is delivered: as much for each endpoint, however many there are."""

import math
from collections import Counter
from itertools import pairwise

import pytest

from lambdas.delivery_receiver.faults import Fault
from tests.lambdas.delivery_support import DeliveryWorld
from tools.estimate.observed.units import READ_UNIT_BYTES, size

PAYLOAD = b'{"type":"invoice.paid","text":"' + b"x" * 1_000 + b'"}'


class ReadUnits:
    """A client that counts the read units of what it reads.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """

    def __init__(self, client):
        self._client = client
        self.units = 0.0

    def __getattr__(self, operation):
        return getattr(self._client, operation)

    def get_item(self, **request):
        answer = self._client.get_item(**request)
        self._count([answer.get("Item", {})], request)
        return answer

    def batch_get_item(self, **request):
        answer = self._client.batch_get_item(**request)
        for table, asked in request["RequestItems"].items():
            found = answer["Responses"].get(table, [])
            for item in [*found, *[{}] * (len(asked["Keys"]) - len(found))]:
                self._count([item], asked)
        return answer

    def query(self, **request):
        answer = self._client.query(**request)
        self._count(answer["Items"], request)
        return answer

    def get_paginator(self, operation):
        assert operation == "query"
        return Pages(self.query)

    def _count(self, items, request):
        units = max(1, math.ceil(sum(map(size, items)) / READ_UNIT_BYTES))
        self.units += units if request.get("ConsistentRead") else units / 2


class Pages:
    def __init__(self, query):
        self._query = query

    def paginate(self, **request):
        answer = self._query(**request)
        assert "LastEvaluatedKey" not in answer
        yield answer


@pytest.mark.parametrize("failures", [0, 1])
def test_reading_costs_as_much_for_each_endpoint_of_fifty_as_of_ten(memory, receiver, failures):
    # Given a tenant with 1, 10 or 50 endpoints, of which each gets the event at the first or the second attempt
    units = {}
    for number in (1, 10, 50):
        client = ReadUnits(memory)
        world = DeliveryWorld(dynamodb=client, name="delivery")
        receiver.received.clear()
        receiver.decide = lambda received: Fault(status=500 if requests(receiver)[received.path] <= failures else 200)
        for one in range(number):
            world.add_endpoint(receiver.url(f"/{one}"), f"ep_{one:02}")
        event = world.add_event(PAYLOAD)

        # When it is delivered to all of them, and expires with the last delivery
        world.run()
        units[number] = client.units
        assert set(requests(receiver).values()) == {failures + 1}
        stored, _ = world.events.read(event.tenant_id, event.event_id)
        assert stored.due_at is None

    # Then another endpoint costs the same, however many there are
    first, second = ((units[more] - units[fewer]) / (more - fewer) for fewer, more in pairwise(units))
    assert second == pytest.approx(first, rel=0.2)


def requests(receiver):
    return Counter(one.path for one in receiver.received)
