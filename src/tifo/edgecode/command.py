"""`tifo export edge-code`: what a CDN has to run, printed or written to a folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tifo.edgecode.generate import edge_code
from tifo.edgecode.model import EdgeCode
from tifo.kernel.errors import SettingsError
from tifo.settings import PathwaySettings, Settings


def export(settings: Settings, pathway: str, folder: Path | None, out: TextIO) -> None:
    """Print one pathway's files, or write those of one or of all below `folder`.

    Raises `SettingsError` for a pathway that is not there, and where it is not clear which is meant.
    """
    chosen = _chosen(settings, pathway)
    if folder is None and len(chosen) > 1:
        names = ", ".join(one.id for one in chosen)
        raise SettingsError((f"edge-code: say of which pathway, {names}, or --out DIR for all of them",))
    for one in chosen:
        made = edge_code(one)
        if made.why_none:
            out.write(f"{one.id}: {made.why_none}\n")
        out.writelines(_printed(made) if folder is None else _written(made, folder / one.id))


def _chosen(settings: Settings, pathway: str) -> tuple[PathwaySettings, ...]:
    chosen = tuple(one for one in settings.pathways if pathway in ("", one.id))
    if not chosen:
        there = ", ".join(settings.pathway_ids) or "none; see --config"
        raise SettingsError((f"edge-code: there is no pathway {pathway or 'at all'}; there is {there}",))
    return chosen


def _printed(made: EdgeCode) -> Iterator[str]:
    for file in made.files:
        yield f"==> {file.name} <==\n{file.text}\n"


def _written(made: EdgeCode, folder: Path) -> Iterator[str]:
    for file in made.files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
        yield f"{path}\n"
