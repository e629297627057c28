"""What the functions of delivery do: take events in, requeue, replay, administer endpoints and keys."""
