import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["api.renditions", "api.creatives", "channel.settings", "channel.timeline", "channel.playlist"]
)
def test_the_channels_catalogue_needs_no_encoder(module: str) -> None:
    code = f"import sys, tifo.{module}; print(*({{'av', 'numpy', 'PIL', 'granian'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
