"""Whom this machine trusts to say who a server is."""

import ssl
from pathlib import Path

KNOWN = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where the distributions keep their bundle."""


def ca_file() -> str:
    """The file of trusted CAs: OpenSSL's own (SSL_CERT_FILE), else the distribution's; empty without any."""
    paths = (ssl.get_default_verify_paths().cafile, *KNOWN)
    return next((path for path in paths if path and Path(path).is_file()), "")
