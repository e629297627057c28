"""What the functions of the inbound half share: providers, records, the archive, the queue's envelope."""
