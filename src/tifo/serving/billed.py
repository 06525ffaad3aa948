"""Reading which part of the books is asked for."""

from falcon.asgi import Request

from tifo.api.billing import HOURS, HOURS_MAX
from tifo.kernel.errors import Refusal
from tifo.kernel.limits import ID_LENGTH_MAX
from tifo.serving.routes import Query

BILLED_QUERY = (
    Query("event", "of this event; without, of all"),
    Query("hours", f"of so many whole hours and the one that runs; {HOURS} without", int),
)
"""What `billed_query` reads."""


def billed_query(req: Request) -> tuple[str, int]:
    """The event, empty for all, and the hours; raises `Refusal` (invalid)."""
    text = req.get_param("hours") or str(HOURS)
    if not (text.isdecimal() and len(text) <= 4 and 0 < int(text) <= HOURS_MAX):
        raise Refusal("invalid", f"hours is a whole number from 1 to {HOURS_MAX}.")
    return (req.get_param("event") or "")[:ID_LENGTH_MAX], int(text)
