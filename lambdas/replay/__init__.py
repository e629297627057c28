"""``POST /internal/replay``: processes events again, for operators."""
