"""``make smoke``: a deployed environment, checked from outside and without harm."""
