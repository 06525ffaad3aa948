"""The desk of the ad inventory: what operators put in force, on every node within a second."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping

import msgspec
import structlog

from tifo.api.ad_control import LineItems
from tifo.api.audit import AuditNotes
from tifo.api.events import OperatorActed
from tifo.api.inventory import Inventory
from tifo.board.entries import ADS, InventoryWord, decode_all
from tifo.board.ports import Entry
from tifo.board.view import BoardView
from tifo.eventlog.acts import Acts
from tifo.eventlog.publisher import Publisher
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.ads import changes
from tifo.services.ads.changes import Source
from tifo.services.ads.deciding import Decider
from tifo.services.ads.index import Index
from tifo.services.ads.inventory_check import InventoryUnsound, built
from tifo.services.ads.ports import InventoryConflict, InventoryStore, KeptInventory

LOOK_S = 0.1
"""Seconds between two looks whether the board has told of a new inventory."""

ASK_S = 30.0
"""Seconds between two questions to the store itself, for what the board did not tell."""

_WORD = "inventory"

_log = structlog.get_logger(__name__)


class InventoryDesk(LineItems):
    """Follows the inventory on this node, and takes new ones from operators.

    An inventory is made ready in a thread, beside the requests. The last one stays in force while the store
    fails; before the first could be read, breaks are the house's.
    """

    def __init__(
        self,
        store: InventoryStore,
        decider: Decider,
        view: BoardView,
        publisher: Publisher,
        notes: AuditNotes,
        clock: Clock,
    ) -> None:
        self._store = store
        self._decider = decider
        self._view = view
        self._publisher = publisher
        self._acts = Acts(publisher, notes, clock)
        self._clock = clock
        self._kept = KeptInventory(0, Inventory())
        self._used_at = clock.now()
        self._told = InventoryWord(0)
        self._ask_at = 0.0
        self._changing = asyncio.Lock()
        effect = "the last inventory stays in force"
        self._looking = Background("ad-inventory", LOOK_S, self.look, effect)

    @property
    def kept(self) -> KeptInventory:
        """The inventory in force on this node."""
        return self._kept

    @property
    def since(self) -> float:
        """When it was put in force, in epoch seconds: as the board says, else when this node had it."""
        told = self._told.revision == self._kept.revision and self._told.at
        return self._told.at if told else self._used_at

    async def open(self) -> None:
        """Read the inventory if the store answers, and follow it."""
        self._view.follow(ADS, self._hear)
        try:
            await self.look()
        except Unavailable as error:
            _log.warning("ad-inventory.unread", why=error.why, effect="breaks are the house's until it is")
        await self._looking.open()

    async def close(self) -> None:
        """Stop following."""
        await self._looking.close()
        await self._store.close()

    async def look(self) -> None:
        """Put in force what is new. Raises `Unavailable`."""
        now = self._clock.monotonic()
        if self._told.revision <= self._kept.revision and now < self._ask_at:
            return
        self._ask_at = now + ASK_S
        async with self._changing:
            if await self._store.revision() != self._kept.revision:
                await self._use(await self._store.read())

    async def load(self, operator: str, document: object, on: int | None, source: Source) -> int:
        """Put what a decoded body says in force, in place of revision `on` or of any; its revision.

        The audit trail has who, from where, and what changed. Raises `Refusal` (invalid with every problem,
        inventory-changed, unavailable).
        """
        before, kept = await self._put(document, on)
        detail = changes.told(kept.revision, before, kept.inventory, source)
        await self._acts.note(operator, "ad-inventory", _WORD, detail)
        return kept.revision

    async def _put(self, document: object, on: int | None) -> tuple[Inventory, KeptInventory]:
        """The inventory that was in force until now, and the one that is from now on."""
        inventory = await asyncio.to_thread(_checked, document)
        async with self._changing:
            before = await self._before(on)
            try:
                revision = await self._store.put(inventory, before.revision)
            except InventoryConflict as error:
                raise Refusal(
                    "inventory-changed", f"The inventory has the revision {error.found} by now."
                ) from None
            except ValueError as error:
                raise Refusal("too-large", f"{error}.") from None
            kept = KeptInventory(revision, inventory)
            await self._use(kept)
        await self._tell(revision)
        return before.inventory, kept

    async def _before(self, on: int | None) -> KeptInventory:
        """What is to be replaced; an `on` that is out of date is refused when it comes to that."""
        found = await self._store.revision()
        kept = self._kept if found == self._kept.revision else await self._store.read()
        return kept if on is None else KeptInventory(on, kept.inventory)

    async def switch(self, operator: str, line_item: str, *, active: bool) -> int:
        """Switch a line item on or off; the inventory's revision. Raises `Refusal` (not-found; as `load`)."""
        kept = await self._store.read()
        items = kept.inventory.line_items
        if line_item not in {one.id for one in items}:
            raise Refusal("not-found", f"There is no line item {line_item}.")
        changed = tuple(
            msgspec.structs.replace(one, active=active) if one.id == line_item else one for one in items
        )
        inventory = msgspec.structs.replace(kept.inventory, line_items=changed)
        _, now = await self._put(msgspec.to_builtins(inventory), kept.revision)
        detail = f"revision {now.revision}, {line_item} {'on' if active else 'off'}"
        self._publisher.tell(
            OperatorActed(operator=operator, action="ad-inventory", target=_WORD, detail=detail)
        )
        return now.revision

    async def _use(self, kept: KeptInventory) -> None:
        index = await asyncio.to_thread(Index, kept.inventory)
        self._kept, self._used_at = kept, self._clock.now()
        self._decider.use(index)
        _log.info("ad-inventory.in-force", revision=kept.revision, line_items=len(index.items))

    async def _tell(self, revision: int) -> None:
        """The other nodes; those that the board does not reach ask the store themselves."""
        word = InventoryWord(revision, self._clock.now())
        with contextlib.suppress(Unavailable):
            await self._view.write(ADS + _WORD, msgspec.json.encode(word))

    def _hear(self, written: Mapping[str, Entry], _gone: Collection[str]) -> None:
        for word in decode_all(written, InventoryWord).values():
            if word.revision >= self._told.revision:
                self._told = word


def _checked(document: object) -> Inventory:
    try:
        return built(document)
    except InventoryUnsound as error:
        problems = [msgspec.to_builtins(one) for one in error.problems]
        detail = f"The inventory has {len(problems)} problems; the first: {error.problems[0]}."
        raise Refusal("invalid", detail, members={"problems": problems}) from None
