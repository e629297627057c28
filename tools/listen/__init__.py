"""``make listen``: an environment's events, forwarded to a developer's machine as they came."""
