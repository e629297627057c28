"""What the functions of this repository call, observed by running them against a counting endpoint."""

from tools.estimate.observed.functions import Observer
from tools.estimate.observed.usage import Usage

__all__ = ["Observer", "Usage"]
