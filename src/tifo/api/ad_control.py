"""What operators ask of the ads and are answered."""

from abc import abstractmethod
from typing import Annotated, Literal, Protocol, get_args

import msgspec

from tifo.api.inventory import Inventory, Problem

AdLever = Literal["personal", "cohort", "house", "none"]
"""Whom ads are decided for, mildest first: each viewer; all who are alike in what targeting looks at and in
their account's cohort; nobody, for breaks are the house's; nobody, for breaks are empty and the channel
shows its own."""

AD_LEVERS: tuple[AdLever, ...] = get_args(AdLever)


class AdLeverBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lever that ads are to be under, unless the posture has a stricter one."""

    ads: AdLever


class AdLeverAnswer(msgspec.Struct, frozen=True):
    """What operators have said, and what is in force: that, or the posture's where it is stricter.

    `by` says whose word is in force; nobody's is `personal`. `operator` is who spoke last for the operators,
    at `at` (epoch seconds), empty and 0 where nobody has. `posture` is the lever of the posture's step.
    """

    ads: AdLever = "personal"
    in_force: AdLever = "personal"
    by: Literal["nobody", "operator", "posture"] = "nobody"
    operator: str = ""
    at: float = 0.0
    posture: AdLever = "personal"


class InventoryAnswer(msgspec.Struct, frozen=True):
    """The inventory in force on the node that answers, and its revision: what the next may say it is on."""

    revision: int
    inventory: Inventory


class RevisionAnswer(msgspec.Struct, frozen=True):
    """The revision that is in force now."""

    revision: int


class CheckAnswer(msgspec.Struct, frozen=True):
    """All that has to be mended before an inventory can be put in force; nothing when it is sound."""

    problems: tuple[Problem, ...]


class SwitchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a line item takes part."""

    active: bool


class SlotExplained(msgspec.Struct, frozen=True):
    """A slot of the pod; `line_item` is empty for house ads and slate."""

    creative: str
    duration_s: int
    kind: str
    line_item: str


class ItemExplained(msgspec.Struct, frozen=True):
    """What became of a line item: a stable word, and a sentence."""

    line_item: str
    verdict: str
    why: str


class Explained(msgspec.Struct, frozen=True):
    """What a viewer would be shown now by the node that answers, and what became of every line item.

    It is so under `lever`, which is in force unless another was asked for; `in_force` says which one is, and
    why.
    """

    revision: int
    pod: tuple[SlotExplained, ...]
    rest_s: float
    line_items: Annotated[tuple[ItemExplained, ...], msgspec.Meta(description="those chosen first")]
    lever: AdLever = "personal"
    in_force: AdLeverAnswer = AdLeverAnswer()


class LineItems(Protocol):
    """The line items in force, wherever ads are decided."""

    @abstractmethod
    async def switch(self, operator: str, line_item: str, *, active: bool) -> int:
        """Switch one on or off, on every node within a second; the inventory's revision. May be repeated.

        Raises `Refusal` (not-found, inventory-changed) or `Unavailable`.
        """
