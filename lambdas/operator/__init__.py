"""``GET /internal/events``, ``/internal/payloads`` and ``/internal/counts``: finding events, and looking at one."""
