"""The shape of the folders: of a service and of a worker."""

import ast
from collections.abc import Mapping

import pytest

from tifo import app
from tifo.settings import Settings

ALWAYS = frozenset({"__init__.py", "service.py", "routes.py"})
"""A service has use cases and answers HTTP."""

WHERE_NEEDED = frozenset({"rules.py", "ports.py", "settings.py"})
"""Decisions (most have some), a store of its own, something to set (beacons have nothing)."""

ITS_OWN: Mapping[str, Mapping[str, str]] = {
    "sessions": {
        "slots.py": "the stream limit as a rule that a store may call: stores do not see rules.py",
        "admission.py": "the use case of a start",
        "renewals.py": "renewals on their way to the store",
        "telling.py": "what the log is told",
    },
    "accounts": {
        "logins.py": "which tokens are believed, and when",
        "sightings.py": "devices on their way to the store",
    },
    "ads": {
        "tracking.py": "signed addresses, and what comes back by them",
        "vast.py": "a pod in the words of VAST and VMAP",
        "inventory_file.py": "an inventory from a file, with the lines of its problems",
        "inventory_check.py": "whether an inventory is sound",
        "model.py": "what decisions are made of",
        "index.py": "an inventory made ready for them",
        "dayparts.py": "hours of the week",
        "decision.py": "who is asked in what order, and what became of each",
        "pods.py": "who may join a pod, and where",
        "desk.py": "the inventory in force, and how operators change it",
        "operator_routes.py": "what operators ask of it",
        "deciding.py": "decisions with all they need in memory",
        "cohorts.py": "decisions that viewers who are alike share",
        "served.py": "a pod with its addresses, as one viewer is served it",
        "asset_list.py": "a pod in the words of HLS interstitials",
        "budgets.py": "a node's parts of the budgets",
        "exposures.py": "what the accounts of a node have seen",
        "shared_exposures.py": "the same over all nodes: told behind the pods, read before the breaks",
        "presence.py": "which accounts are there",
        "tally.py": "pods and what fills them, counted",
        "standings.py": "how far line items are, and what a node says of ads",
        "billed.py": "the books summed up, with prices",
        "billed_routes.py": "what operators ask of the books of billing",
        "changes.py": "what an inventory changes, in words for the audit trail",
        "outside_tally.py": "what came of asking an outside server, counted",
        "pacing.py": "how fast a budget may be spent, as a rule that a store may call",
        "outside.py": "ads of outside servers, fetched ahead of a break",
        "shaping.py": "when they are asked, and by how many, as a rule",
        "fetching.py": "what is fetched of one of them, at its pace",
        "chain.py": "from a tag to an ad, through wrappers",
        "outside_vast.py": "what they answer, read as ads or as an error",
    },
    "control": {
        "qoe.py": "what viewers had, of all insight nodes",
        "reach.py": "how many different ones there were, of all insight nodes",
        "break_rules.py": "what may be said of breaks, and when",
        "origins.py": "how live origins do, of all nodes",
        "ads.py": "what becomes of breaks, of all nodes",
        "billed_routes.py": "the books, to look at and to take away",
        "letters.py": "what groups of workers set aside, shown and delivered again",
        "letters_routes.py": "the same for operators",
    },
    "video": {
        "origins.py": "live origins elsewhere, read beside the requests",
        "hls_origin.py": "what one offers in HLS, and how it stands in a playlist",
        "dash_origin.py": "the same in DASH",
        "attributes.py": "attribute lists of HLS",
        "xml_reading.py": "XML of others, within limits",
        "references.py": "where a document of others may lead",
    },
}
"""Files that only one has: a use case or a part that would make its service.py or rules.py two things."""

OF_ONE_WORKER: Mapping[str, Mapping[str, str]] = {
    "anomalies": {
        "expectation.py": "how many there should be",
        "cases.py": "when it is told, and when it is over",
    },
    "billing": {
        "slots.py": "what is known of a slot and where it counts, as a rule that a store may call",
    },
    "insight": {
        "share.py": "what a worker knows of the partitions that it holds",
        "strays.py": "what does not go with sessions",
        "reach.py": "how many different viewers there were",
        "plays.py": "how each player goes on",
        "window.py": "figures over a sliding window",
        "qoe.py": "what viewers had, as the rules of it",
    },
    "lake": {
        "gathering.py": "what was read and is not written yet",
        "keeping.py": "the use case of few files, none too old",
    },
    "steering": {
        "model.py": "what the loop is told in",
        "demand.py": "how much there is to carry",
        "health.py": "which CDNs are bad",
        "learning.py": "what they carry in truth",
        "schedule.py": "who is expected",
        "allocation.py": "who has room for what",
        "routing.py": "where it would be best",
        "state.py": "what is remembered, and what is in force",
        "telling.py": "what is said of it",
    },
}
"""The same of workers."""

OF_A_WORKER = (frozenset({"__init__.py", "service.py"}), WHERE_NEEDED)
"""A worker answers nobody: it reads the event log."""


def misshapen(
    folders: Mapping[str, set[str]],
    always: frozenset[str],
    where_needed: frozenset[str],
    its_own: Mapping[str, Mapping[str, str]] = ITS_OWN,
) -> list[str]:
    own = {name: always | set(its_own.get(name, ())) for name in folders}
    return [
        f"{name}: without {sorted(own[name] - files)}, and with {sorted(files - own[name] - where_needed)}"
        for name, files in folders.items()
        if not own[name] <= files <= own[name] | where_needed
    ]


def folders_of(package, parent: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in (one.path.removeprefix(parent) for one in package if one.path.startswith(parent)):
        folder, _, name = path.rpartition("/")
        if folder:
            found.setdefault(folder, set()).add(name)
    return found


def test_every_service_has_the_same_shape(package) -> None:
    services = folders_of(package, "src/tifo/services/")
    assert services and not misshapen(services, ALWAYS, WHERE_NEEDED)


def test_every_worker_has_the_same_shape(package) -> None:
    workers = folders_of(package, "src/tifo/workers/")
    assert set(workers) == set(app.WORKERS)
    assert not misshapen(workers, *OF_A_WORKER, OF_ONE_WORKER)


def test_every_service_is_in_the_service_table(package) -> None:
    without_a_folder = {"pages"}
    assert set(app.SERVICES) == set(folders_of(package, "src/tifo/services/")) | without_a_folder


def test_every_settings_file_has_its_place_in_the_root(package) -> None:
    paths = [one.path.split("/") for one in package if one.path.endswith("/settings.py")]
    named = {parts[-2] for parts in paths if parts[-2] != "tifo"}
    assert named <= set(Settings.__struct_fields__)


def test_packages_are_empty_rooms(package) -> None:
    inits = [one for one in package if one.path.endswith("/__init__.py") and one.module != "tifo"]
    assert not [
        one.path for one in inits if [node for node in one.tree.body if not isinstance(node, ast.Expr)]
    ]


@pytest.mark.parametrize(
    "files", [{"__init__.py", "service.py"}, ALWAYS | {"models.py"}, ALWAYS - {"service.py"}]
)
def test_misshapen_service_is_complained_of(files) -> None:
    assert misshapen({"x": set(files)}, ALWAYS, WHERE_NEEDED)
