"""Akamai's own behaviour for EdgeAuth tokens, as a rule of a property."""

import json

from tifo.edgecode.model import EdgeCode, EdgeFile, Subject

ACCEPTED_KEYS_MAX = 2
"""The behaviour's key and its transition key."""


def edge_code(subject: Subject) -> EdgeCode:
    """One rule for Property Manager."""
    if subject.in_path:
        return EdgeCode(
            why_none="Akamai's own behaviour reads a token from the query, a cookie or a header, not from "
            'the path: set token.place = "query". For tokens in the path choose the format `cat`, which '
            "has an EdgeWorker."
        )
    rule = {
        "name": f"Tifo: tokens of {subject.pathway}",
        "comments": f"Made by `tifo export edge-code {subject.pathway}`. Goes into the property of "
        f"{subject.base_url}, before the rules that serve.",
        "criteria": [],
        "behaviors": [{"name": "verifyTokenAuthorization", "options": _options(subject)}],
    }
    file = EdgeFile("akamai-rule.json", json.dumps(rule, indent=2) + "\n")
    return EdgeCode((file,), _steps(subject))


def _options(subject: Subject) -> dict[str, object]:
    key, *others = subject.kids
    return {
        "useAdvanced": True,
        "location": "QUERY_STRING",
        "locationId": subject.chosen.name,
        "algorithm": subject.chosen.algorithm.upper(),
        "escapeHmacInputs": subject.token.escape_early,
        # A file's address is signed without its query, in which the token itself stands.
        "ignoreQueryString": True,
        "key": _put(subject.where(key)),
        **({"transitionKey": _put(subject.where(others[0]))} if others else {}),
        **({"salt": _put(f"pathways.{subject.pathway}.token.salt")} if subject.token.salt else {}),
        "failureResponse": True,
    }


def _put(secret: str) -> str:
    """What stands for a secret: no hexadecimal digits, so that nothing is ever checked with it."""
    return f"put {secret} here"


def _steps(subject: Subject) -> tuple[str, ...]:
    spare = subject.kids[ACCEPTED_KEYS_MAX:]
    return (
        "Add `akamai-rule.json` to the property (Property Manager's JSON editor, or its API), above the "
        "rules that serve.",
        "Replace each `put ... here` by the secret that it names: the behaviour keeps its keys in the "
        "property itself and has no reference to a store.",
        "A playlist's relative addresses lose the query: let the property answer a good token with a "
        "cookie (Adaptive Media Delivery: Segmented Media Protection).",
        *(
            f"The behaviour accepts {ACCEPTED_KEYS_MAX} keys, and refuses tokens of `{kid}`: take it from "
            "the settings."
            for kid in spare
        ),
    )
