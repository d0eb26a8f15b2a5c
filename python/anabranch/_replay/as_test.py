"""A pytest case that fails as the captured call did, and passes once the code is mended."""

from __future__ import annotations

import re

from .call import Replayed
from .capture import Capture

_LITERAL = re.compile(r"bool|u?int(8|16|32|64)|double|float|string|binary")


def test_text(capture: Capture, found: Replayed) -> str:
    """The text of a test file: the rows as they stand in it where one function is called over plain values."""
    at = len(capture.origins) - 1 if found.failure is None else found.failure[0]
    function = capture.origins[at].function
    said = None if found.failure is None else found.failure[1]
    why = "" if said is None else f"    # {said.type}: {said.message.splitlines()[0]}\n"
    head = f'"""Made by anabranch replay --as-test of {capture.path.name}."""\n\n'
    name = f"def test_{function}_takes_the_rows_of_{_words(capture.path.stem)}():\n"
    is_check = capture.origins[at].check is not None
    if len(capture.origins) > 1 or is_check or capture.state or not _is_plain(capture):
        return f'{head}import anabranch as ab\n\n\n{name}{why}    ab.testing.replay("{capture.path}")\n'
    module = capture.origins[0].module.removesuffix(".py").replace("/", ".")
    params = f", params={dict(capture.params)!r}" if capture.params else ""
    lines = "".join(f"        {n!r}: {capture.rows.column(n).to_pylist()!r},\n" for n in capture.rows.schema.names)
    imports = f"from {module} import {function}\n\nimport anabranch as ab\n\n\n"
    call = f"    ab.testing.run_transform({function}, rows{params})\n"
    return f"{head}{imports}{name}    rows = {{\n{lines}    }}\n{why}{call}"


def _is_plain(capture: Capture) -> bool:
    return all(_LITERAL.fullmatch(str(field.type)) for field in capture.rows.schema)


def _words(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower()
