"""Exposes the platforms' fixtures to the stories."""

from platforms import new_folder, platform

__all__ = ["new_folder", "platform"]
