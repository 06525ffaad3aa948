"""`tifo ads` beside its platform: which files it takes, and what it says."""

from pathlib import Path

import pytest

from tifo import cli_ads
from tifo.api.ad_control import AdLeverAnswer, Explained, ItemExplained, SlotExplained
from tifo.cli_platform import NotDone

SAMPLE = Path(__file__).parents[2] / "docs" / "inventory-sample.toml"


def test_sound_inventory_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    cli_ads.check(SAMPLE)
    said = " ".join(capsys.readouterr().out.split())
    assert "is sound: 2 line items, 2 campaigns and 3 creatives." in said


def test_every_problem_has_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "inventory.toml"
    file.write_text('zone = "Nowhere"\nhouse = ["gone"]\n')
    with pytest.raises(NotDone) as caught:
        cli_ads.check(file)
    first, *problems = str(caught.value).splitlines()
    assert first == f"{file} cannot be put in force:"
    assert problems == [
        "  line 1: zone: there is no time zone 'Nowhere'; write one such as Europe/Paris",
        "  line 2: house[0]: there is no creative 'gone'",
    ]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "inventory.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NotDone, match=r"inventory\.toml"):
        cli_ads.check(file)


def test_explanation_is_told_in_tables(capsys: pytest.CaptureFixture[str]) -> None:
    slots = (SlotExplained("brew-10", 10, "ad", "brew"), SlotExplained("house-1", 10, "house", ""))
    items = (ItemExplained("brew", "chosen", "it is in the pod"),)
    cli_ads._show(Explained(7, slots, 2.5, items))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "1 brew-10 10 brew" in lines
    assert "2 house-1 10 house" in lines
    assert "2.5 seconds are left to the channel." in lines
    assert "brew chosen it is in the pod" in lines
    assert "By revision 7 of the inventory, under the lever in force, personal (decided for each" in " ".join(
        lines
    )


@pytest.mark.parametrize(
    ("lever", "in_force", "said"),
    [
        ("house", AdLeverAnswer("house", "house", "operator", "ada"), "house (house ads only), said by ada."),
        ("cohort", AdLeverAnswer(in_force="cohort", by="posture"), "house ads), by the posture."),
        ("personal", AdLeverAnswer(in_force="none", by="operator"), "as if the lever were personal (decided "
         "for each viewer); in force is none."),
    ],
)  # fmt: skip
def test_explanation_says_under_which_lever(lever, in_force, said: str, capsys) -> None:
    cli_ads._show(Explained(7, (), 0.0, (), lever, in_force))
    assert said in " ".join(capsys.readouterr().out.split())
