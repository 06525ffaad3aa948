"""What no file says: one machine's paths, registries' addresses, secrets, how the work was organised."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping

import pytest

# Written so that no pattern is found in this file itself.
EVERYWHERE: Mapping[str, str] = {
    "a path of one machine": r"(?<![\w.~$}-])/(wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+)(/|\b)(?!_)",
    "a registry": r"pypi\.or[g]|pythonhosted\.or[g]|registry\.npm[j]s|registry\.yarnpk[g]"
    r"|proxy\.golang\.or[g]|repo\d?\.maven|deb\.debian\.or[g]|archive\.ubuntu\.co[m]|static\.crates\.i[o]",
    "how the work was organised": r"\b[Ii]ssues?[ -](?:#|number|tracker|text|note)|\bthe brie[f]\b"
    r"|\bsub-?agen[t]|\b(demand|standard|desig[n]|styl[e])s?\.md\b|before-sto[p]",
}

OUTSIDE_CI: Mapping[str, str] = {"a folder beside the repository": r"\.\./share[d]"}

OUTSIDE_TESTS: Mapping[str, str] = {
    "a folder for temporary files": r"(?<![\w.])/tm[p]\b",
    "a secret": r"(?<![\w-])(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{32,}(?![\w-])"
    r"|-----BEGIN [A-Z ]*PRIVATE KE[Y]|\beyJ[\w-]{10,}\.[\w-]{10,}",
}

DEFAULT_SECRET = re.compile(
    r"\b\w*(secret|password|token|api_?key)\w*\s*(?::\s*\w+\s*)?=\s*[\"'](?=[^\"']{8,})(\S+)[\"']", re.I
)
"""A constant that looks like a secret: at least eight characters without a blank."""

RANDOM = re.compile(r"(?=.*\d.*\d)(?=.*[A-Z].*[A-Z])(?=.*[a-z].*[a-z])[A-Za-z0-9+/_-]{24,}={0,2}")

NOT_SECRETS = frozenset({"access token", "playback token", "x-path-token"})

HASHED = ("requirements.lock", "web/package-lock.json")
"""Digests in these are what they are for."""


def said(source) -> Iterator[str]:
    """A sentence for each line that says what it should not."""
    patterns = dict(EVERYWHERE)
    if not source.path.startswith((".ci/run", "web/")):  # the pages have a folder of that name
        patterns |= OUTSIDE_CI
    if not source.path.startswith(("tests/", *HASHED)):
        patterns |= OUTSIDE_TESTS
    for number, line in enumerate(source.text.splitlines(), 1):
        for what, pattern in patterns.items():
            if re.search(pattern, line):
                yield f"{source.path}:{number} names {what}"


def default_secrets(source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        match = DEFAULT_SECRET.search(line)
        if match and match[2] not in NOT_SECRETS:
            yield f"{source.path}:{number} has a secret of its own: {match[0]}"


def random_texts(source) -> Iterator[str]:
    """A sentence for each text that looks drawn by lot: long, one word, characters of every kind."""
    for node in ast.walk(source.tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str) and RANDOM.fullmatch(value):
            yield f"{source.path}:{node.lineno} has a text that looks like a key"


def unpinned(lock: str) -> Iterator[str]:
    """A sentence for each requirement of a lock file without an exact version or without a hash."""
    for block in re.split(r"\n(?=\S)", lock.strip()):
        name = block.partition("\n")[0].split(";")[0].strip(" \\")
        if name.startswith("#") or not name:
            continue
        if "==" not in name:
            yield f"{name} has no exact version"
        if "--hash=sha256:" not in block:
            yield f"{name} has no hash"


def registries_in(lock: dict) -> list[str]:
    return [name for name, package in lock["packages"].items() if "resolved" in package]


def without_integrity(lock: dict) -> list[str]:
    return [name for name, package in lock["packages"].items() if name and "integrity" not in package]


def test_no_file_says_what_it_should_not(files) -> None:
    assert not [found for one in files for found in said(one)]


def test_there_is_no_default_secret(package) -> None:
    assert not [found for one in package for found in (*default_secrets(one), *random_texts(one))]


def test_every_requirement_is_pinned_and_has_its_hash(root) -> None:
    assert not list(unpinned((root / "requirements.lock").read_text()))


def test_lock_of_the_pages_is_pinned_and_names_no_registry(root) -> None:
    lock = json.loads((root / "web/package-lock.json").read_text())
    assert not registries_in(lock)
    assert not without_integrity(lock)


def test_every_dependency_is_in_the_lock(root) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=~! ;]", one)[0].lower().replace("_", "-") for one in wanted}
    locked = {
        line.partition("==")[0].partition("[")[0]
        for line in (root / "requirements.lock").read_text().splitlines()
        if "==" in line
    }
    assert names <= locked


@pytest.mark.parametrize(
    "text",
    [
        "data = '/wor" + "k/main/data'",
        "see /roo" + "t/notes",
        "cd /hom" + "e/ada/tifo",
        "FOLDER = Path('/tm" + "p/x')",
        "cat ../share" + "d/list",
        "index-url = https://pyp" + "i.org/simple",
        "https://registry.npm" + "js.org/hls.js",
        "https://files.pythonhosted" + ".org/x",
        "GOPROXY=https://proxy.golang" + ".org",
        "https://repo" + ".maven.apache.org",
        "deb http://deb.debian" + ".org/debian bookworm main",
        "as Issue" + " #12 asks",
        "see desig" + "n.md",
        "KEY = '" + "0a1b2c3d4e5f" * 4 + "'",
        "-----BEGIN RSA PRIVATE" + " KEY-----",
    ],
)
def test_word_that_no_file_says_is_complained_of(snippet, text: str) -> None:
    assert list(said(snippet("src/tifo/x.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "DATA/run/settings.toml",
        "the accounts service issues tokens",
        "docs/operations.md",
        "pathway/cdn-a",
        "/worker",
    ],
)
def test_ordinary_words_are_fine(snippet, text: str) -> None:
    assert not list(said(snippet("src/tifo/x.py", text)))


@pytest.mark.parametrize(
    "text",
    ['operator_token: str = "letmein-please"', "SECRET = 'correct-horse'", 'password="hunter2hunter2"'],
)
def test_default_secret_is_complained_of(snippet, text: str) -> None:
    assert list(default_secrets(snippet("src/tifo/settings.py", text)))


@pytest.mark.parametrize("value", ['"q83vEjRWeJCrze8SNFZ4kKvN7w=="', "b'MTIzNDU2Nzg5MGFiY2RlZmdoaWpr'"])
def test_key_in_the_code_is_complained_of(snippet, value: str) -> None:
    assert list(random_texts(snippet("src/tifo/tokens/keys.py", f"KEY = {value}")))


def test_empty_secret_is_fine(snippet) -> None:
    assert not list(default_secrets(snippet("src/tifo/settings.py", 'operator_token: str = ""')))


@pytest.mark.parametrize("lock", ["falcon==4.4.0\n    # via tifo", "falcon>=4.4 \\\n    --hash=sha256:00"])
def test_loose_requirement_is_complained_of(lock: str) -> None:
    assert list(unpinned(lock))


def test_registry_in_the_lock_of_the_pages_is_complained_of() -> None:
    lock = {"packages": {"": {}, "node_modules/x": {"resolved": "https://somewhere/x.tgz"}}}
    assert registries_in(lock) == without_integrity(lock) == ["node_modules/x"]
