"""Every provider that can be sent for, from its signature to the proof of it in the archive.

PayPal is not among them: nobody but PayPal can sign for it, and its certificates come from its own hosts only. It has a
stack whose function takes the tests for PayPal, in ``test_paypal.py``.
"""

from lambdas.inbound.providers.registry import REGISTRY
from tests.e2e.proven import every_event, every_sender, follow_to_the_proof, hear_braintrees_challenge, make
from tools.senders import SENDERS


@every_event
def test_an_event_is_routed_archived_and_proven(stack, downstream, number, entry, event):
    sent = make(stack, entry, number, event=event)

    answer = stack.post(sent)

    # Then its provider hears what it wants to hear
    wanted = REGISTRY[entry].response
    assert answer.status_code == wanted.status
    assert wanted.body is None or answer.text == wanted.body
    follow_to_the_proof(stack, downstream, sent)


@every_sender
def test_an_event_that_somebody_else_signed_is_refused(stack, entry, number):
    forged = make(stack, entry, number, secret=SENDERS[entry].new_secret())

    assert stack.post(forged).status_code == 401
    assert stack.status(forged.transaction_id) is None


def test_braintree_hears_the_answer_to_its_challenge(stack):
    hear_braintrees_challenge(stack)
