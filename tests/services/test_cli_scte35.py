"""`tifo scte35`: a cue as people paste it, or why it is none."""

import io
import json

import pytest

from tifo.cli_scte35 import NoCue, decode

SIGNAL = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg=="


def test_cue_is_told_with_what_it_asks_for(capsys) -> None:
    decode(SIGNAL)
    told = json.loads(capsys.readouterr().out)
    assert (told["command"]["is"], told["command"]["pts_s"]) == ("TimeSignal", 21388.766756)
    (segment,) = told["descriptors"]
    assert (segment["type_id"], segment["duration_s"], segment["upid"]) == (0x34, 307.0, "000000002ca0a18a")
    (brk,) = told["breaks"]
    assert (brk["kind"], brk["event_id"], brk["duration_s"]) == ("out", 0x4800008E, 307.0)


def test_cue_is_read_from_the_input(capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SIGNAL}\n"))
    decode()
    assert json.loads(capsys.readouterr().out)["is"] == "Section"


@pytest.mark.parametrize("text", ["hello", "/DA0", "00", "A" * 10_000])
def test_text_that_is_no_cue_is_told_why(text: str) -> None:
    with pytest.raises(NoCue, match="That is no cue: "):
        decode(text)
