"""Settings of the property tests."""

from hypothesis import settings

# A loaded machine is slow, and that is no defect of the code under test.
settings.register_profile("unit", deadline=None, max_examples=100)
settings.load_profile("unit")
