"""What is wrong with a setting is told with its line in the file."""

from pathlib import Path

import pytest

from tifo.kernel.errors import SettingsError
from tifo.settings_lines import located

TEXT = """# the match
data = "data"

[sessions]
lease_s = 90   # [not.a.table]

[[steering_loop.cdns]]
id = "cdn-a"
isp_gbps = { AS64500 = 10 }

[[ steering_loop.cdns ]] # the dear one
id = "cdn-b"
"gbps" = -3
isp_gbps.AS64500 = 5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "tifo.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        ("data: too long", 2),
        ("sessions.lease_s: 90; too short", 5),
        ("sessions.gather_s: 0; above 0", 4),
        ("steering_loop.cdns[0].isp_gbps: 'Orange' is no AS number", 9),
        ("steering_loop.cdns[0].isp_gbps.AS64500: -1; at least 0", 9),
        ("steering_loop.cdns[0].gbps: inf; at least 0", 7),
        ("steering_loop.cdns[1].gbps: -3; at least 0", 13),
        ("steering_loop.cdns[1].isp_gbps.AS64500: 5", 14),
    ],
)
def test_problem_has_the_line_of_what_it_is_about(file: Path, problem: str, line: int) -> None:
    assert located(SettingsError((problem,)), file).problems == (f"{file}:{line}: {problem}",)


@pytest.mark.parametrize("problem", ["keys.playback: no key is set", "pathways: 0 set", "no such scenario"])
def test_problem_that_the_file_says_nothing_of_has_none(file: Path, problem: str) -> None:
    assert located(SettingsError((problem,)), file).problems == (problem,)


def test_without_a_file_nothing_is_added(tmp_path: Path) -> None:
    error = SettingsError(("data: too long",))
    assert located(error, None) is located(error, tmp_path / "none.toml") is error
