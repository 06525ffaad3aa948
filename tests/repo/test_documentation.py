"""The documentation: links lead somewhere, commands exist, the changelog has a place for the next change."""

import re
import shlex
from collections.abc import Iterable, Iterator

import pytest

from tifo import app, cli

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
BLOCK = re.compile(r"^```(console|bash|sh)\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`((?:make|tifo) [^`]+)`")
HEADING = re.compile(r"^#+ +(.*)$", re.M)
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def broken_links(source, root) -> Iterator[str]:
    """A sentence for each relative link to a file or a heading that is not there."""
    for target in LINK.findall(FENCED.sub("", source.text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (root / source.path).parent / path if path else root / source.path
        if not file.exists():
            yield f"{source.path}: {target} leads nowhere"
        elif anchor and anchor not in anchors(file.read_text()):
            yield f"{source.path}: {target}: there is no such heading"


def anchors(text: str) -> set[str]:
    """The headings' anchors, as GitHub makes them."""
    headings = HEADING.findall(FENCED.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> Iterator[str]:
    """Every command of a page: the lines after `$ ` in console blocks, all lines of shell blocks."""
    for kind, block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if kind != "console":
                yield line
            elif line.startswith("$ "):
                yield line[2:]
    yield from INLINE.findall(FENCED.sub("", text))


def unknown_commands(source, targets: frozenset[str]) -> Iterator[str]:
    """A sentence for each `make` target and `tifo` command or option that does not exist."""
    for command in commands(source.text):
        words = shlex.split(command, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        match words:
            case ["make", *rest]:
                yield from (
                    f"{source.path}: make {one}: no such target"
                    for one in rest
                    if re.fullmatch(r"[a-z][a-z-]*", one) and one not in targets
                )
            case ["tifo" | ".venv/bin/tifo", *rest]:
                yield from (f"{source.path}: {command}: {why}" for why in _unfit(rest))


def _unfit(words: list[str]) -> Iterator[str]:
    command = cli.app
    while words and not words[0].startswith("--") and command.default_command is None:
        if words[0] not in command:
            yield f"no such command {words[0]}"
            return
        command, words = command[words[0]], words[1:]
    if command.default_command is None:
        return
    known = {name for argument in command.assemble_argument_collection() for name in argument.names}
    yield from (
        f"no such option {one}"
        for one in words
        if one.startswith("--") and one.partition("=")[0] not in known
    )


@pytest.fixture(scope="module")
def pages(written):
    return [one for one in written if one.path.endswith(".md")]


@pytest.fixture(scope="module")
def targets(root) -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text(), re.M))


def test_links_lead_somewhere(pages, root) -> None:
    assert not [complaint for page in pages for complaint in broken_links(page, root)]


def test_commands_exist(pages, targets) -> None:
    assert not [complaint for page in pages for complaint in unknown_commands(page, targets)]


def test_changelog_has_a_place_for_the_next_change(root) -> None:
    headings = HEADING.findall((root / "CHANGELOG.md").read_text())
    assert headings[1] == "Unreleased"


def misnumbered(names: list[str]) -> bool:
    numbers = [name[:4] for name in sorted(names)]
    return numbers != [f"{number:04d}" for number in range(1, len(numbers) + 1)]


def test_decisions_are_numbered_without_a_gap(pages) -> None:
    assert not misnumbered(
        [one.path.split("/")[2] for one in pages if one.path.startswith("docs/decisions/")]
    )


@pytest.mark.parametrize("names", [["0001-a.md", "0003-c.md"], ["0001-a.md", "0001-b.md"], ["a.md"]])
def test_gap_in_the_decisions_is_complained_of(names: list[str]) -> None:
    assert misnumbered(names)


def unnamed(help_text: str, names: Iterable[str]) -> set[str]:
    return set(names) - set(re.findall(r"[a-z-]+", help_text))


def test_help_names_everything_that_can_be_served() -> None:
    assert not unnamed(cli.serve.__doc__, (*app.SERVICES, "channel", "front"))
    assert not unnamed(cli.worker.__doc__, app.WORKERS)


def test_help_that_forgets_a_service_is_complained_of() -> None:
    assert unnamed("Services: accounts catalogue.", ("accounts", "video")) == {"video"}


@pytest.mark.parametrize(
    "text", ["[a](nowhere.md)", "![a](images/nothing.png)", "[a](#no-such-heading)", "# Here\n\n[a](#there)"]
)
def test_link_that_leads_nowhere_is_complained_of(snippet, tmp_path, text: str) -> None:
    (tmp_path / "page.md").write_text(text)
    assert list(broken_links(snippet("page.md", text), tmp_path))


@pytest.mark.parametrize(
    "text", ["# Here, now\n\n[a](#here-now)", "[a](https://example.org)", "[a](page.md)"]
)
def test_link_that_leads_somewhere_is_fine(snippet, tmp_path, text: str) -> None:
    (tmp_path / "page.md").write_text(text)
    assert not list(broken_links(snippet("page.md", text), tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ make coffee\n```",
        "```console\n$ tifo brew\n```",
        "```bash\nTIFO_CONFIG=x.toml tifo up --colour red\n```",
        "by `make coffee`",
        "by `tifo up --colour red`",
    ],
)
def test_command_that_does_not_exist_is_complained_of(snippet, text: str) -> None:
    assert list(unknown_commands(snippet("page.md", text), frozenset({"up"})))


@pytest.mark.parametrize(
    "text", ["```console\n$ make up\ntifo brew\n$ tifo up --port 9000\n```", "`tifo check`", "`tifo --help`"]
)
def test_command_that_exists_is_fine(snippet, text: str) -> None:
    assert not list(unknown_commands(snippet("page.md", text), frozenset({"up"})))
