"""Exposes the platforms' fixtures to the stories, and the modules that they share by name."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


for _name in ("commands", "players", "broken_tokens"):
    _load(_name)
_PLATFORMS = _load("platforms")

new_folder = _PLATFORMS.new_folder
platform = _PLATFORMS.platform
