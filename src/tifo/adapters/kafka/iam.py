"""The token by which an MSK cluster with IAM knows us: a signed address that opens nothing else.

AWS: "IAM access control" of Amazon MSK, over SASL/OAUTHBEARER (RFC 7628).
"""

import base64
from collections.abc import Callable

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.session import get_session

TOKEN_S = 900
"""Seconds for which a token opens a connection; AWS takes no longer one."""

USER_AGENT = "tifo"


def msk_tokens(region: str, now: Callable[[], float]) -> Callable[[str], tuple[str, float]]:
    """What librdkafka asks for tokens: each with the epoch seconds at which it ends.

    Credentials are found as AWS's own tools find them, and again for each token, for they change.
    Raises `RuntimeError` where there are none; librdkafka reports it and asks again.
    """
    session = get_session()

    def token(_config: str) -> tuple[str, float]:
        found = session.get_credentials()
        if found is None:
            raise RuntimeError("no AWS credentials were found")
        ends = now() + TOKEN_S
        request = AWSRequest("GET", f"https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect")
        SigV4QueryAuth(found.get_frozen_credentials(), "kafka-cluster", region, expires=TOKEN_S).add_auth(
            request
        )
        signed = f"{request.url}&User-Agent={USER_AGENT}"
        return base64.urlsafe_b64encode(signed.encode()).decode().rstrip("="), ends

    return token
