"""What is known of the networks that viewers come from."""

from abc import abstractmethod
from typing import Protocol

ISP_LENGTH_MAX = 80
"""Characters of an ISP's number and name."""


class Networks(Protocol):
    """Which ISP an address belongs to; asked on the hot path, so it answers from memory."""

    @abstractmethod
    def isp(self, address: str) -> str:
        """The AS number and name, such as "AS64500 Example Telecom", of an IPv4 or IPv6 address.

        Empty where it is not known: a private address, a text that is no address, a source that does
        not read. Never raises.
        """
