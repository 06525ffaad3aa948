"""Tifo: the back end that carries a live match to millions."""
