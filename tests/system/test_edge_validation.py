"""Every form of the configuration, read by Envoy itself."""

import pytest

from tifo.edge import binary
from tifo.edge.application import Application, ApplicationEdge, application_config
from tifo.edge.cdn import LocalCdn, cdn_config
from tifo.edge.front import Front, Service, front_config
from tifo.edge.settings import AccessLog, EdgeSettings
from tifo.kernel.errors import SettingsError
from tifo.serving.routes import Credential, Route

pytestmark = pytest.mark.system

ROUTES = (
    Route("sessions.start", "POST", "/v1/sessions", "", Credential.ACCESS, body_bytes_max=8192),
    Route("steering.manifest", "GET", "/v1/steering/{token}", "", Credential.PATH),
    Route("control.stream", "GET", "/v1/control/stream", "", Credential.OPERATOR, media="text/event-stream"),
)
FOLDERS = (Route("pages.assets", "GET", "/assets/", ""),)
SETTINGS = EdgeSettings(
    operator_host="0.0.0.0",
    access_log=AccessLog("/dev/stdout", sample_percent=0.5),
    cors_origins=("https://tv.example",),
    trace_sampling_percent=0.1,
)


def application(folder):
    app = Application("no_such_application:application", ROUTES, FOLDERS, frozenset({"steering.manifest"}))
    return application_config(ApplicationEdge(SETTINGS, folder / "admin.sock", app, app))


def cdn(folder):
    return cdn_config(
        LocalCdn(
            id="cdn-a",
            host="127.0.0.1",
            port=8081,
            origin_host="127.0.0.1",
            origin_port=8085,
            keys={"k1": b"s" * 32},
            cache_folder=folder,
            cache_bytes_max=1_000_000,
            admin_socket=folder / "admin.sock",
        )
    )


def front(folder):
    service = Service("sessions", (("sessions.tifo", 8080), ("10.0.0.9", 8080)), ROUTES, FOLDERS, "/healthz")
    return front_config(Front(SETTINGS, (service,), folder / "admin.sock"))


def validate(config, folder):
    binary.write_config(config, folder / "envoy.json")
    binary.validate(folder / "envoy.json")


@pytest.mark.parametrize("form", [application, cdn, front])
def test_envoy_takes_every_form(form, tmp_path):
    validate(form(tmp_path), tmp_path)


def test_a_configuration_that_envoy_refuses_is_refused_in_its_words(tmp_path):
    config = front(tmp_path)
    config["static_resources"]["listeners"][0]["adress"] = {}
    with pytest.raises(SettingsError, match="no such field: 'adress'") as refused:
        validate(config, tmp_path)
    assert not refused.value.problems[0].startswith("[")


def test_an_application_is_not_started_by_a_check(tmp_path):
    config = application(tmp_path)
    assert "no_such_application" in str(config)
    validate(config, tmp_path)
