"""Which addresses are this machine's own."""

import ipaddress

LOCALHOST = "localhost"


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only; a name that is no address is not."""
    if host == LOCALHOST:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
