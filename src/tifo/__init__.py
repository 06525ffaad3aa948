"""Tifo: the back end that carries a live match to millions."""

__version__ = "0.1.0"
