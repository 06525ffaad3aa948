"""Akamai's tokens: published vectors, and both of its own libraries."""

import json
import subprocess
import sys

import pytest

from oracles import node
from tifo.tokens.akamai import AkamaiTokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant

BEGIN, END = 1_700_000_000, 1_700_000_300
KEY = "52a152a152a152a152a152a152a152a1"
KEYS = Keyring("k1", {"k1": bytes.fromhex(KEY)})
PATH = "/live/ch1/master.m3u8"
ACL = "/live/ch1/*!/live/ch1/master.m3u8"
FOLDER = Grant("sess-1", "/live/ch1/", BEGIN, END)
FILE = Grant("sess-1", PATH, BEGIN, END)
HEAD = f"st={BEGIN}~exp={END}"

PYTHON = """
import json, sys
from akamai.edgeauth import EdgeAuth
told = json.load(sys.stdin)
auth = EdgeAuth(**told["options"])
print(auth.generate_acl_token(told["acl"]) if told["acl"] else auth.generate_url_token(told["url"]))
"""


def python_library(options: dict[str, object], acl: str, url: str) -> str:
    """In a process of its own: on import it sets the time zone of the whole process."""
    told = json.dumps({"options": options, "acl": acl, "url": url})
    command = [sys.executable, "-W", "ignore", "-c", PYTHON]
    return subprocess.run(command, input=told, capture_output=True, text=True, check=True).stdout.strip()


def javascript_library(options: dict[str, object], acl: str, url: str) -> str:
    names = {
        "session_id": "sessionId",
        "start_time": "startTime",
        "end_time": "endTime",
        "escape_early": "escapeEarly",
    }
    named = {names.get(key, key): value for key, value in options.items()}
    return node("akamai", options=named, acl=acl, url=url)["token"]


@pytest.mark.parametrize(
    ("token", "early"),
    [
        (
            f"{HEAD}~acl={ACL}~id=sess-1~data=p=1"
            "~hmac=77e9e392b85e1b0671667b250e10693dd1acf5b9d8378939a48f00e556d117a8",
            False,
        ),
        (
            f"{HEAD}~id=sess-1~data=p=1"
            "~hmac=3e5da34d1959d4ab376183a5ffaaa8bda3a3f07155ac7c50c6798c9212b81631",
            False,
        ),
        (
            f"{HEAD}~id=sess-1~data=p%3d1"
            "~hmac=f0c316c0aac94eb3e69099686eda9bea5b4208d870192a2224a38d03f7c20fa6",
            True,
        ),
    ],
    ids=["acl", "url", "url-escaped-early"],
)
def test_vector_verifies(token: str, early: bool) -> None:
    found = AkamaiTokens(KEYS, escape_early=early).verify(token, PATH, BEGIN)
    assert (found.session, found.begin, found.end) == ("sess-1", BEGIN, END)
    # Once more as a player's measurements leave it.
    anew = token.replace("%", "%25").replace("~", "%7E").replace("=", "%3D").replace("!", "%21")
    assert AkamaiTokens(KEYS, escape_early=early).verify(anew, PATH, BEGIN) == found


@pytest.mark.parametrize("library", [python_library, javascript_library])
@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
@pytest.mark.parametrize(("salt", "early"), [("", False), ("pepper", False), ("", True), ("pepper", True)])
def test_library_writes_the_same_token(library, algorithm: str, salt: str, early: bool) -> None:
    options: dict[str, object] = {
        "key": KEY,
        "algorithm": algorithm,
        "session_id": "sess-1",
        "start_time": BEGIN,
        "end_time": END,
        "escape_early": early,
    }
    if salt:
        options["salt"] = salt
    tokens = AkamaiTokens(KEYS, algorithm, salt, early)
    assert tokens.sign(FOLDER) == library(options, "/live/ch1/*", "")
    assert tokens.sign(FILE) == library(options, "", PATH)


def test_file_is_granted_exactly() -> None:
    tokens = AkamaiTokens(KEYS)
    assert tokens.verify(tokens.sign(FILE), PATH, BEGIN) == FILE
    with pytest.raises(TokenRefused, match="signature"):
        tokens.verify(tokens.sign(FILE), PATH + "8", BEGIN)


@pytest.mark.parametrize(
    "acl", ["/*/ch1/*", "/live/ch?/*", "/live/ch*", "*", "/live/ch1/*/x", "", "/live/ch1/"]
)
def test_access_list_that_opens_no_whole_folder_opens_nothing(acl: str) -> None:
    token = python_library({"key": KEY, "start_time": BEGIN, "end_time": END}, acl or "!", "")
    with pytest.raises(TokenRefused, match="path"):
        AkamaiTokens(KEYS).verify(token, PATH, BEGIN)


@pytest.mark.parametrize(
    "fields",
    [
        "ip=1.2.3.4~exp=9",
        "acl=/*~exp=9",
        "exp=9~exp=9",
        "st=1",
        "exp=9~x=1",
        "exp=9~",
        "exp=0x9",
        "st=-1~exp=9",
    ],
)
def test_signed_fields_that_we_do_not_process_are_refused(fields: str) -> None:
    import hashlib
    import hmac

    url = "" if "~acl" in fields else f"~url={PATH}"
    code = hmac.new(bytes.fromhex(KEY), f"{fields}{url}".encode(), hashlib.sha256).hexdigest()
    with pytest.raises(TokenRefused, match="claims"):
        AkamaiTokens(KEYS).verify(f"{fields}~hmac={code}", PATH, BEGIN)


def test_token_of_another_salt_is_refused() -> None:
    with pytest.raises(TokenRefused, match="signature"):
        AkamaiTokens(KEYS).verify(AkamaiTokens(KEYS, salt="x").sign(FOLDER), PATH, BEGIN)
