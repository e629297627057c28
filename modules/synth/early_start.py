"""Starts Node.js, and imports meanwhile settings, which do not need it. To be imported before anything that does."""

from modules.synth.bindings import start_early

start_early()

import modules.settings.environments  # noqa: E402, F401
