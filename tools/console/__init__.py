"""``make console``: pages over an environment's events, served on the loopback address of this machine."""
