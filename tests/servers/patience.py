"""How long tests wait for what is promised: they end when it comes, so a busy machine costs only time."""

WITHIN_S_MAX = 30.0
"""Seconds in which what one process promises comes true on a machine that has much else to do."""
