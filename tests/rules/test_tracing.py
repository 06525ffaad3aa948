"""Which trace a request belongs to, whatever it says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.serving.routes import LeanRequest
from tifo.telemetry.tracing import trace_context

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NONE = ("", "", False)


def context(**headers: str) -> tuple[str, str, bool]:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return trace_context(LeanRequest("GET", ("x",), raw, b""))


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("03", True), ("02", False)])
def test_trace_of_the_caller_goes_on(flags: str, sampled: bool) -> None:
    assert context(traceparent=f"00-{TRACE}-{SPAN}-{flags}") == (TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'z' * 32}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-x1",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_trace_that_is_none_is_passed_over(parent: str) -> None:
    assert context(traceparent=parent) == NONE


@pytest.mark.parametrize(("digit", "sampled"), [("4", False), ("9", True), ("a", True), ("b", True)])
def test_request_id_of_the_edge_says_whether_it_is_traced(digit: str, sampled: bool) -> None:
    request_id = f"4bf92f35-77b3-{digit}da6-a3ce-929d0e0e4736"
    compact = request_id.replace("-", "")
    assert context(x_request_id=request_id) == (compact, compact[:16], sampled)


@pytest.mark.parametrize(
    "request_id", ["", "abc", "-" * 36, "z" * 36, "4bf92f35-77b3-9da6-a3ce-929d0e0e473g "]
)
def test_request_id_of_another_form_is_no_trace(request_id: str) -> None:
    assert context(x_request_id=request_id) == NONE


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_no_header_makes_the_reader_fail(text: str) -> None:
    trace_id, span, _ = context(traceparent=text, x_request_id=text)
    assert int(trace_id or "0", 16) >= 0
    assert int(span or "0", 16) >= 0
