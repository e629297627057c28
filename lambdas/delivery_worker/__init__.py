"""The delivery worker: fans events out to endpoints, and makes the attempts."""
