"""Exposes the fixtures of platforms and of the browser to the stories."""

from browsers import browser
from platforms import new_folder, platform

__all__ = ["browser", "new_folder", "platform"]
