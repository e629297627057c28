"""Starts Node.js, and imports meanwhile settings, which do not need it. To be imported before anything that does."""

from modules.bindings import start_early

start_early()

import modules.environments  # noqa: E402, F401
