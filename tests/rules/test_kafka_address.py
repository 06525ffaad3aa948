"""What a Kafka URL says, and what it may not say; and the token for a cluster of MSK."""

import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tifo.adapters.kafka.address import KafkaAddress, Layout, Security
from tifo.adapters.kafka.iam import TOKEN_S, msk_tokens
from tifo.adapters.kafka.topics import DEAD_RETENTION_H, new_topic

HERE = "kafka://127.0.0.1:9092/tifo"
AWAY = "kafka://b-1.example:9096,b-2.example:9096/tifo"


def test_url_names_brokers_and_a_prefix() -> None:
    address = KafkaAddress.parse(AWAY)
    assert (address.seeds, address.prefix) == (("b-1.example:9096", "b-2.example:9096"), "tifo")
    assert (address.security, address.layout, address.compression) == (Security(), Layout(), "lz4")


def test_topics_are_made_as_options_say() -> None:
    options = "create=1&partitions=24&replicas=2&retention_h=48&retention_mib=512&compression=zstd"
    address = KafkaAddress.parse(f"{AWAY}?{options}")
    assert address.layout == Layout(True, 24, 2, 48, 512)
    assert address.compression == "zstd"


def test_topics_are_kept_for_a_time_of_their_own() -> None:
    address = KafkaAddress.parse(f"{AWAY}?create=1&retention_h=48").keeping({"ads": 720})
    kept = {
        name: int(made.config["retention.ms"]) / 3_600_000
        for name in ("tifo.ads", "tifo.sessions", "tifo.billing.dead", "tifo.billing.again")
        for made in (new_topic(name, address),)
    }
    assert kept == {
        "tifo.ads": 720,
        "tifo.sessions": 48,
        "tifo.billing.dead": DEAD_RETENTION_H,
        "tifo.billing.again": 48,
    }


def test_ipv6_broker_is_one() -> None:
    assert KafkaAddress.parse("kafka://[::1]:9092/tifo").seeds == ("[::1]:9092",)


def test_tls_with_a_password_is_told_to_the_client(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    options = f"tls=1&ca=/ca.pem&sasl=scram-sha-512&user=tifo&password_file={secret}"
    assert KafkaAddress.parse(f"{AWAY}?{options}").security.config() == {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "/ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "tifo",
        "sasl.password": "open sesame",
    }


def test_certificate_of_a_client_is_told() -> None:
    security = KafkaAddress.parse(f"{AWAY}?tls=1&cert=/c.pem&key=/k.pem").security
    assert security.config() == {
        "security.protocol": "SSL",
        "ssl.certificate.location": "/c.pem",
        "ssl.key.location": "/k.pem",
    }


def test_plain_connection_is_plain() -> None:
    assert KafkaAddress.parse(HERE).security.config() == {"security.protocol": "PLAINTEXT"}


def test_msk_is_asked_for_with_a_token() -> None:
    security = KafkaAddress.parse(f"{AWAY}?tls=1&sasl=msk-iam&region=eu-west-3").security
    assert security.config() == {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("kafka://127.0.0.1:9092", "PREFIX"),
        ("kafka://127.0.0.1:9092/a/b", "PREFIX"),
        ("kafka://tifo:secret@127.0.0.1:9092/tifo", "password is read from a file"),
        ("kafka://127.0.0.1/tifo", "HOST:PORT"),
        ("kafka://127.0.0.1:70000/tifo", "HOST:PORT"),
        ("kafka://:9092/tifo", "HOST:PORT"),
        (f"kafka://{','.join(['a:1'] * 17)}/tifo", "at most 16"),
        (f"{HERE}?password=secret", "no option 'password'"),
        (f"{HERE}?create=yes", "create is 1 or 0"),
        (f"{HERE}?partitions=0", "partitions is a number of 1 to 48"),
        (f"{HERE}?partitions=20", "partitions is a number that divides 48"),
        (f"{HERE}?replicas=99", "replicas is a number"),
        (f"{HERE}?retention_h=0", "retention_h is a number"),
        (f"{HERE}?compression=rar", "compression is one of none, lz4"),
        (f"{HERE}?ca=/ca.pem", "go with tls=1"),
        (f"{HERE}?tls=1&cert=/c.pem", "both cert and key"),
        (f"{AWAY}?sasl=plain&user=a&password_file=/p", "sasl goes with tls=1"),
        (f"{AWAY}?tls=1&sasl=plain&user=a", "user and password_file go together"),
        (f"{AWAY}?tls=1&user=a&password_file=/p", "user and password_file go together"),
        (f"{AWAY}?tls=1&sasl=msk-iam", "region"),
        (f"{AWAY}?tls=1&region=eu-west-3", "region"),
        (f"{AWAY}?tls=1&sasl=kerberos", "sasl is one of plain"),
    ],
)
def test_url_that_cannot_be_meant_is_refused(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        KafkaAddress.parse(url)
    assert "secret" not in str(caught.value).removeprefix("there is no option")


def test_token_is_a_signed_address_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "for now")
    token, ends = msk_tokens("eu-west-3", lambda: 1_000.0)("")
    assert ends == 1_000.0 + TOKEN_S
    assert "=" not in token
    address = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    said = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert (address.scheme, address.netloc, address.path) == ("https", "kafka.eu-west-3.amazonaws.com", "/")
    assert said["Action"] == "kafka-cluster:Connect"
    assert said["X-Amz-Expires"] == str(TOKEN_S)
    assert said["X-Amz-Credential"].endswith("/eu-west-3/kafka-cluster/aws4_request")
    assert (said["X-Amz-SignedHeaders"], said["X-Amz-Security-Token"]) == ("host", "for now")
    assert {"X-Amz-Signature", "X-Amz-Date", "X-Amz-Algorithm", "User-Agent"} <= said.keys()


def test_token_without_credentials_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(RuntimeError, match="no AWS credentials"):
        msk_tokens("eu-west-3", lambda: 1_000.0)("")
