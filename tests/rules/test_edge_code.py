"""Every format has edge code or a reason for none, no secret is in it, and VCL signs the texts that we "
"sign."""

import base64
import hashlib
import hmac
import io
import json
import re

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from test_url_tokens import FORMS

from tifo import cli
from tifo.edgecode import command
from tifo.edgecode.generate import GENERATORS, edge_code
from tifo.edgecode.model import INSTALL, EdgeCode
from tifo.kernel.errors import SettingsError
from tifo.settings import KeySet, PathwaySettings, Settings
from tifo.tokens import fastly
from tifo.tokens.formats import FORMATS, TokenSettings
from tifo.tokens.ports import Grant

KIDS = ("k1", "k2")


def pathway(form: str, place: str = "", **token: object) -> PathwaySettings:
    """A pathway of a form of the property suite, with the keys k1, which signs, and k2."""
    told, keys = FORMS[form]
    named = {"format": told.format, "algorithm": told.algorithm, "salt": told.salt, "place": place}
    secrets = {kid: keys[kid] for kid in KIDS}
    settings = TokenSettings(**{**named, "escape_early": told.escape_early, **token})
    return PathwaySettings("cdn-x", "https://x.example", KeySet("k1", secrets), settings)


def made(form: str, place: str = "") -> EdgeCode:
    return edge_code(pathway(form, place))


def texts(code: EdgeCode) -> dict[str, str]:
    return {file.name: file.text for file in code.files}


EVERY = [(form, place) for form, (told, _) in FORMS.items() for place in FORMATS[told.format].places]


@pytest.mark.parametrize(("form", "place"), EVERY, ids=lambda one: one)
class TestEvery:
    def test_it_has_files_or_a_sentence(self, form: str, place: str) -> None:
        code = made(form, place)
        assert bool(code.files) != bool(code.why_none)
        assert len(code.why_none) > 60 or code.steps

    def test_no_secret_is_in_it(self, form: str, place: str) -> None:
        whole = "".join(texts(made(form, place)).values())
        assert "PRIVATE KEY" not in whole
        for secret in pathway(form, place).keys.secrets.values():
            assert not any(one in whole for one in spellings(secret))

    def test_its_page_names_every_file_and_every_key(self, form: str, place: str) -> None:
        files = texts(made(form, place))
        for name in files.keys() - {INSTALL}:
            folder = name.partition("/")[0]
            assert folder in files[INSTALL] or folder.removeprefix("k1").removeprefix("k2") in files[INSTALL]
        if files:
            whole = "".join(files) + "".join(files.values())
            assert all(kid in whole for kid in KIDS)

    def test_its_files_say_what_made_them(self, form: str, place: str) -> None:
        for name, text in texts(made(form, place)).items():
            if not name.endswith((".json", ".pem", ".config")) or name == "remap.config":
                assert "`tifo export edge-code cdn-x`" in text, name

    def test_its_json_is_json(self, form: str, place: str) -> None:
        for name, text in texts(made(form, place)).items():
            if name.endswith(".json") or name == "uri_signing.config":
                assert json.loads(text)


def spellings(secret: str) -> list[str]:
    """A secret as anybody would write it: every line of a PEM, or hexadecimal and base64."""
    if "PRIVATE" in secret:
        return [line for line in secret.splitlines() if "-----" not in line and len(line) > 20][1:]
    raw = bytes.fromhex(secret)
    encoded = (base64.b64encode(raw), base64.urlsafe_b64encode(raw))
    return [secret, secret.upper(), *(one.decode().rstrip("=") for one in encoded)]


def test_every_format_has_a_generator() -> None:
    assert set(GENERATORS) == set(FORMATS)


def test_format_without_code_says_what_to_choose() -> None:
    assert "`tifo serve cdn-x`" in made("path-jws").why_none
    assert 'token.place = "query"' in made("akamai", "path").why_none
    assert 'token.place = "query"' in made("media-cdn", "path").why_none


def test_pathway_that_could_sign_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"keys\.pathways\.cdn-x"):
        edge_code(PathwaySettings("cdn-x", "https://x", KeySet(), TokenSettings("cat")))


def test_akamais_rule_says_what_the_settings_say() -> None:
    rule = json.loads(texts(made("akamai-early"))["akamai-rule.json"])
    (behaviour,) = rule["behaviors"]
    assert behaviour["name"] == "verifyTokenAuthorization"
    assert {**behaviour["options"], "key": "", "transitionKey": "", "salt": ""} == {
        "useAdvanced": True, "location": "QUERY_STRING", "locationId": "hdnts", "algorithm": "SHA1",
        "escapeHmacInputs": True, "ignoreQueryString": True, "key": "", "transitionKey": "", "salt": "",
        "failureResponse": True,
    }  # fmt: skip


def test_cloudfront_and_media_cdn_get_public_keys() -> None:
    rsa = load_pem_private_key(pathway("cloudfront").keys.secrets["k1"].encode(), None).public_key()
    pem = rsa.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert texts(made("cloudfront"))["k1.public.pem"] == pem
    ed25519 = load_pem_private_key(pathway("media-cdn").keys.secrets["k2"].encode(), None).public_key()
    raw = ed25519.public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert (
        f"- id: k2\n  value: {base64.urlsafe_b64encode(raw).decode()}"
        in texts(made("media-cdn"))["keyset.yaml"]
    )


def test_media_cdns_shared_keys_stay_in_secret_manager() -> None:
    keyset = texts(made("media-cdn-hmac"))["keyset.yaml"]
    assert "- secretVersion: projects/PROJECT/secrets/tifo-cdn-x-k1/versions/1" in keyset
    assert "HMAC_SHA_256" in texts(made("media-cdn-hmac"))["routes.yaml"]


def test_parameter_that_nginx_cannot_read_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"pathways\.cdn-x\.token\.name"):
        edge_code(pathway("nginx", "query", name="s.t"))


# --- VCL, without an interpreter of it ----------------------------------------------------------------


@pytest.fixture(params=["path", "query"])
def vcl(request) -> str:
    return texts(made("fastly", request.param))["fastly.vcl"]


def groups(vcl: str) -> dict[str, int]:
    """Which group of the token's expression each variable is taken from."""
    found = re.findall(r"set var\.(\w+) = [^;]*?re\.group\.(\d)", vcl[vcl.index("Malformed token") :])
    return {name: int(number) for name, number in found}


def test_vcl_signs_the_texts_that_we_sign(vcl: str) -> None:
    (pattern,) = re.findall(r'var\.token !~ "\^(.*)\\z"', vcl)
    tokens = pathway("fastly").tokens().tokens
    grant = Grant("ses_1", "/live/demo/", 1_800_000_000, 1_800_000_120)
    found, at = re.fullmatch(pattern, tokens.sign(grant)), groups(vcl)
    secret = pathway("fastly").keys.secrets[found[at["key"]]]
    code = hmac.new(secret.encode(), found[at["said"]].encode(), hashlib.sha256).hexdigest()
    assert "digest.hmac_sha256(var.key, var.said)" in vcl
    assert code == found[at["code"]]
    assert (int(found[at["begin"]]), int(found[at["end"]])) == (grant.begin, grant.end)
    assert (found[at["session"]], found[at["opened"]].replace("~", "/")) == (grant.session, grant.prefix)


def test_vcl_and_python_read_one_pattern(vcl: str) -> None:
    assert f'"^{fastly.PATTERN}\\z"' in vcl


def test_vcl_is_whole_and_asks_in_order(vcl: str) -> None:
    assert vcl.count("{") - vcl.count("}") == 0
    assert all(len(line) - len(line.lstrip()) < 8 for line in vcl.splitlines())
    asked = ["fastly.ff.visits_this_service", "Malformed token", "Unknown key", "Bad signature",
             "Token expired", "Token not yet valid", "Another path", "set req.url ="]  # fmt: skip
    places = [vcl.index(one) for one in asked]
    assert places == sorted(places)


def test_vcl_declares_what_it_uses(vcl: str) -> None:
    declared = re.findall(r"declare local var\.(\w+) ", vcl)
    assert set(re.findall(r"var\.(\w+)", vcl)) == set(declared)


def test_vcl_names_are_words_of_its_language() -> None:
    assert "sub tifo_cdn_x_token {" in texts(made("fastly"))["fastly.vcl"]
    assert "table.lookup(tifo_keys_cdn_x, re.group.2" in texts(made("fastly"))["fastly.vcl"]


# --- the command --------------------------------------------------------------------------------------


def test_one_pathway_is_printed() -> None:
    out = io.StringIO()
    command.export(Settings(pathways=(pathway("fastly"),)), "", None, out)
    assert out.getvalue().startswith(f"==> {INSTALL} <==\n# Edge code of cdn-x")
    assert "==> fastly.vcl <==" in out.getvalue()


def test_reason_for_none_is_printed() -> None:
    out = io.StringIO()
    command.export(Settings(pathways=(pathway("path-jws"),)), "cdn-x", None, out)
    assert out.getvalue().startswith("cdn-x: `path-jws` is the local CDNs' own format")


def test_all_pathways_are_written_each_to_its_folder(tmp_path) -> None:
    others = [PathwaySettings("cdn-y", "https://y", pathway("cat").keys, TokenSettings("cat"))]
    out = io.StringIO()
    command.export(Settings(pathways=(pathway("nginx"), *others)), "", tmp_path, out)
    assert {path.name for path in tmp_path.iterdir()} == {"cdn-x", "cdn-y"}
    assert (tmp_path / "cdn-y/akamai-edgeworker/main.js").is_file()
    assert f"{tmp_path}/cdn-x/{INSTALL}\n" in out.getvalue()


def test_pathway_that_is_not_clear_or_not_there_is_said() -> None:
    two = Settings(pathways=(pathway("nginx"), PathwaySettings("cdn-y", "https://y", KeySet())))
    with pytest.raises(SettingsError, match="cdn-x, cdn-y, or --out DIR"):
        command.export(two, "", None, io.StringIO())
    with pytest.raises(SettingsError, match="no pathway cdn-z; there is cdn-x, cdn-y"):
        command.export(two, "cdn-z", None, io.StringIO())
    with pytest.raises(SettingsError, match="see --config"):
        command.export(Settings(), "", None, io.StringIO())


def test_command_line_reads_the_settings(tmp_path, capsys) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(
        '[[pathways]]\nid = "cdn-x"\nbase_url = "https://x"\ntoken = { format = "fastly" }\n'
        f'keys = {{ current = "k1", secrets = {{ k1 = "{"17" * 32}" }} }}\n'
    )
    cli.export("edge-code", "cdn-x", out_folder=tmp_path / "out", config=config)
    assert (tmp_path / "out/cdn-x/fastly.vcl").is_file()
    assert str(tmp_path / "out/cdn-x/fastly.vcl") in capsys.readouterr().out
