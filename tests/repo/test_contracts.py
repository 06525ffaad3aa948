"""`contracts/` is what the code says, OpenAPI is valid and complete, and yesterday's clients still work."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tifo import export
from tifo.kernel.errors import CODES

Json = dict[str, Any]


def stale(folder, made) -> Iterator[str]:
    """A sentence for each file of the folder that is not what is made now."""
    for name, text in made.items():
        if not (folder / name).is_file():
            yield f"{name} is missing: make contracts"
        elif (folder / name).read_text() != text:
            yield f"{name} is stale: make contracts"
    for path in sorted(folder.rglob("*.*")):
        if (name := path.relative_to(folder).as_posix()) not in made:
            yield f"{name} is no contract"


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(document: Json, schema: Json) -> Json:
    if "$ref" in schema:
        return resolved(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def fields(document: Json, schema: Json, where: str = "") -> Iterator[tuple[str, bool, Json]]:
    """(path, required, schema) of every field of a JSON value, however deep."""
    schema = resolved(document, schema)
    for name, inner in schema.get("properties", {}).items():
        yield f"{where}.{name}", name in schema.get("required", ()), inner
        yield from fields(document, inner, f"{where}.{name}")
    for inner in (schema.get("items"), *schema.get("prefixItems", ()), *schema.get("anyOf", ())):
        if isinstance(inner, dict):
            yield from fields(document, inner, f"{where}[]" if inner is schema.get("items") else where)


def answers(document: Json, operation: Json) -> Iterator[tuple[str, Json]]:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            for media, content in response.get("content", {"": {}}).items():
                yield f"{status} {media}".strip(), content.get("schema", {})


def bodies(operation: Json) -> dict[str, Json]:
    content = operation.get("requestBody", {}).get("content", {})
    return {media: one["schema"] for media, one in content.items()}


def broken(old: Json, new: Json) -> Iterator[str]:
    """A sentence for everything that a client of `old` relies on and `new` does not keep."""
    after = dict(operations(new))
    for name, operation in operations(old):
        if name not in after:
            yield f"{name} is gone"
            continue
        yield from (f"{name}: {why}" for why in _answers_broken(old, operation, new, after[name]))
        yield from (f"{name}: {why}" for why in _bodies_broken(old, operation, new, after[name]))
        yield from (f"{name}: {why}" for why in _parameters_broken(operation, after[name]))


def _answers_broken(old: Json, before: Json, new: Json, after: Json) -> Iterator[str]:
    given = dict(answers(new, after))
    for kind, schema in answers(old, before):
        if kind not in given:
            yield f"no longer answers {kind}"
            continue
        now = {path: (required, resolved(new, one)) for path, required, one in fields(new, given[kind])}
        for path, required, one in fields(old, schema):
            if not required:
                continue
            if path not in now or not now[path][0]:
                yield f"the answer's {path} is no longer promised"
            elif resolved(old, one).get("type") != now[path][1].get("type"):
                yield f"the answer's {path} has another type"


def _bodies_broken(old: Json, before: Json, new: Json, after: Json) -> Iterator[str]:
    taken = bodies(after)
    for media, schema in bodies(before).items():
        if media not in taken:
            yield f"no longer takes {media}"
            continue
        known = {path for path, _, _ in fields(old, schema)}
        now = {path: required for path, required, _ in fields(new, taken[media])}
        yield from (f"the body's {path} is no longer taken" for path in known - set(now))
        yield from (
            f"the body needs {path} now" for path, required in now.items() if required and path not in known
        )
    if not bodies(before) and bodies(after):
        yield "a body is needed now"


def _parameters_broken(before: Json, after: Json) -> Iterator[str]:
    now = {one["name"]: one for one in after.get("parameters", ())}
    known = {one["name"] for one in before.get("parameters", ())}
    yield from (f"the parameter {name} is gone" for name in known - set(now))
    yield from (
        f"the parameter {name} is needed now"
        for name, one in now.items()
        if one.get("required") and name not in known
    )


def undescribed(document: Json) -> Iterator[str]:
    """A sentence for each operation that does not say what it, its parameters or its refusals are."""
    for name, operation in operations(document):
        if not operation.get("summary"):
            yield f"{name} has no summary"
        for parameter in operation.get("parameters", ()):
            if not parameter.get("description"):
                yield f"{name} does not say what {parameter['name']} is"
        refusals = {
            status: one for status, one in operation["responses"].items() if not status.startswith(("2", "3"))
        }
        if "default" not in refusals:
            yield f"{name} does not say how it refuses"
        for status, refusal in refusals.items():
            if "application/problem+json" not in refusal.get("content", {}):
                yield f"{name} refuses with {status} in another form"


@pytest.fixture(scope="module")
def made():
    return export.contracts()


@pytest.fixture(scope="module")
def document(made) -> Json:
    return json.loads(made["openapi.json"])


@pytest.fixture(scope="module")
def yesterday(root) -> Json:
    return json.loads((root / "tests/repo/data/openapi-0.1.json").read_text())


def test_contracts_are_what_the_code_says(made, root) -> None:
    assert not list(stale(root / "contracts", made))


def test_openapi_is_valid(document) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_openapi_describes_everything(document) -> None:
    assert not list(undescribed(document))


def test_operations_have_names_of_their_own(document) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_every_refusal_of_openapi_is_one_of_ours(document) -> None:
    codes = {
        code
        for _, operation in operations(document)
        for status, one in operation["responses"].items()
        if status.isdecimal() and not status.startswith(("2", "3"))
        for code in one["description"].split(", ")
    }
    assert codes <= set(CODES)


def test_old_client_is_served(yesterday, document) -> None:
    assert not list(broken(yesterday, document))


@pytest.mark.parametrize(
    "change",
    [
        lambda new: new["paths"].pop("/v1/events"),
        lambda new: new["paths"]["/v1/sessions"]["post"]["responses"].pop("201"),
        lambda new: new["paths"]["/v1/cmcd"]["post"]["requestBody"]["content"].pop("application/cmcd"),
        lambda new: new["paths"]["/v1/ads/{token}/breaks/{brk}"]["get"].update(parameters=[]),
        lambda new: new["paths"]["/v1/events"]["get"].update(
            parameters=[{"name": "day", "in": "query", "required": True}]
        ),
        lambda new: new["components"]["schemas"]["StartAnswer"]["properties"].pop("heartbeat_s"),
        lambda new: new["components"]["schemas"]["StartAnswer"]["required"].remove("token"),
        lambda new: new["components"]["schemas"]["Streams"]["properties"].update(limit={"type": "string"}),
        lambda new: new["components"]["schemas"]["EventAnswer"]["properties"].pop("state"),
        lambda new: new["components"]["schemas"]["StartBody"]["properties"].pop("takeover"),
        lambda new: new["components"]["schemas"]["StartBody"]["required"].append("takeover2")
        or new["components"]["schemas"]["StartBody"]["properties"].update(takeover2={"type": "string"}),
    ],
    ids=[
        "operation-gone", "status-gone", "media-gone", "parameter-gone", "parameter-needed", "field-gone",
        "field-no-longer-promised", "field-of-another-type", "nested-field-gone", "body-field-gone",
        "body-field-needed",
    ],
)  # fmt: skip
def test_change_that_breaks_an_old_client_is_complained_of(yesterday, change) -> None:
    new = json.loads(json.dumps(yesterday))
    change(new)
    assert list(broken(yesterday, new))


def test_new_operations_and_fields_break_no_old_client(yesterday) -> None:
    new = json.loads(json.dumps(yesterday))
    new["paths"]["/v1/new"] = new["paths"]["/v1/events"]
    new["components"]["schemas"]["StartAnswer"]["properties"]["place"] = {"type": "integer"}
    assert not list(broken(yesterday, new))


def test_stale_missing_and_stray_contracts_are_complained_of(tmp_path) -> None:
    (tmp_path / "a.md").write_text("then")
    (tmp_path / "c.md").write_text("?")
    assert list(stale(tmp_path, {"a.md": "now", "b.md": ""})) == [
        "a.md is stale: make contracts",
        "b.md is missing: make contracts",
        "c.md is no contract",
    ]


def test_invalid_openapi_is_complained_of(document) -> None:
    wrong = json.loads(json.dumps(document))
    wrong["paths"]["/v1/events"]["get"]["responses"] = {"200": {}}
    assert list(OpenAPIV31SpecValidator(wrong).iter_errors())


@pytest.mark.parametrize(
    "change",
    [
        lambda operation: operation.pop("summary"),
        lambda operation: operation["parameters"][0].pop("description"),
        lambda operation: operation["responses"].pop("default"),
        lambda operation: operation["responses"].update({"404": {"description": "gone"}}),
    ],
)
def test_undescribed_operation_is_complained_of(document, change) -> None:
    vague = json.loads(json.dumps(document))
    change(vague["paths"]["/v1/events/{event}"]["get"])
    assert list(undescribed(vague))
