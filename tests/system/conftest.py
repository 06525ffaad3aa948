"""Exposes the platforms' fixtures to the stories; what they are stands in `platforms.py`."""

import importlib.util
import sys
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("platforms", Path(__file__).with_name("platforms.py"))
_MODULE = sys.modules[_SPEC.name] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

new_folder = _MODULE.new_folder
platform = _MODULE.platform
