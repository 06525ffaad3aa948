"""Which accounts are there, so that what they saw elsewhere is read before their next break."""

PRESENT_MAX = 100_000
"""Accounts that came since the last turn; one more begins the next. Some 100 bytes each, twice as many at
the most."""


class Present:
    """The accounts that came in this turn and in the last. To come again costs one look at a dictionary."""

    def __init__(self, accounts_max: int = PRESENT_MAX) -> None:
        self._accounts_max = accounts_max
        self._now: dict[str, None] = {}
        self._before: dict[str, None] = {}
        self.new: dict[str, None] = {}
        """Those that came and had not been there; the reader takes out what it has read."""

    def arrived(self, account: str) -> None:
        """The account is there."""
        if account in self._now:
            return
        if len(self._now) >= self._accounts_max:
            self.turn()
        if account not in self._before:
            self.new[account] = None
        self._now[account] = None

    def turn(self) -> None:
        """Begin a turn: who does not come again in it is gone."""
        self._before, self._now = self._now, {}
        self.new = {one: None for one in self.new if one in self._before}

    def accounts(self) -> tuple[str, ...]:
        """All that are there, each once."""
        return tuple(self._before | self._now)
