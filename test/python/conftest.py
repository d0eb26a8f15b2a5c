"""Test modules of transforms are importable by name, as a user's own are."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

MODULES = Path(__file__).parent / "modules"
sys.path.insert(0, str(MODULES))
# The machine is shared: a slow example is no failure of the code.
settings.register_profile("shared", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("shared")


@pytest.fixture
def module(tmp_path):
    """Writes a module of transforms and returns its path."""

    def write(text, name="transforms.py"):
        path = tmp_path / name
        path.write_text(
            "import anabranch as ab\nimport numpy as np\nimport pyarrow as pa\nimport pyarrow.compute as pc\n" + text
        )
        return path

    return write
