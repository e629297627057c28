"""The receiver: verifies deliveries and simulates faults, for tests of a deployed stack and of users' own."""
