"""Exposes the fixtures of platforms, of the browser and of rehearsals to the stories."""

from browsers import browser
from platforms import new_folder, platform, quiet
from rehearsing import lighter_generator

__all__ = ["browser", "lighter_generator", "new_folder", "platform", "quiet"]
