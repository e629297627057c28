"""``POST /internal/replay``: an operator has events processed again."""
