"""``python -m anabranch._replay FILE``: what ``anabranch replay`` starts.

Exit codes: 0 the call is fine, or both versions of the code give the same; 1 it failed or they differ; 2 it cannot be
replayed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..errors import AnabranchError
from .as_test import test_text
from .call import replay
from .capture import Capture, read_capture
from .debug import stepping, stop_where_it_raised
from .difference import differences
from .modules import Code, code_of, folders_of
from .show import as_json, as_text, differences_text

FINE, FAILED, REFUSED = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Replay the file that the arguments name."""
    asked = _parser().parse_args(arguments)
    try:
        if len(asked.files) > 1:
            return _several(asked)
        capture = read_capture(asked.files[0])
        folders = folders_of(capture, asked.module_folder)
        code = code_of(capture, folders)
        for file in code.changed:
            print(f"note: {file.name} is not as it was when the call was captured", file=sys.stderr)
        if asked.pdb:
            return _debug(capture, code)
        if asked.against:
            return _compare(capture, code, code_of(capture, folders, Path(asked.against).resolve()), asked.json)
        return _once(capture, code, as_test=asked.as_test, as_data=asked.json)
    except AnabranchError as error:
        if asked.json:
            said = {"class": type(error).__name__, "code": error.code, "message": error.message, "hint": error.hint}
            print(json.dumps({"error": said}))
        print(error, file=sys.stderr)
        return REFUSED


def _several(asked: argparse.Namespace) -> int:
    """One line a capture, and how many are fine now."""
    found: list[dict[str, object]] = []
    fine = 0
    for file in asked.files:
        capture = read_capture(file)
        one = replay(capture, code_of(capture, folders_of(capture, asked.module_folder)).operators)
        fine += one.fine
        found.append({"file": file, **as_json(one)})
        if not asked.json:
            said = "fine" if one.failure is None else f"{one.failure[1].type}: {one.failure[1].message.splitlines()[0]}"
            print(f"{file}: {said}")
    print(_json({"replayed": found}) if asked.json else f"{fine} of {len(found)} are fine now")
    return FINE if fine == len(found) else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="anabranch replay", add_help=False)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pdb", action="store_true")
    parser.add_argument("--as-test", action="store_true")
    parser.add_argument("--against")
    parser.add_argument("--module-folder")
    return parser


def _once(capture: Capture, code: Code, *, as_test: bool, as_data: bool) -> int:
    found = replay(capture, code.operators)
    if as_test:
        text = test_text(capture, found)
        print(_json({"test": text}) if as_data else text, end="\n" if as_data else "")
        return FINE
    print(_json(as_json(found)) if as_data else as_text(capture, found))
    return FINE if found.fine else FAILED


def _compare(capture: Capture, before: Code, after: Code, as_data: bool) -> int:
    one, other = replay(capture, before.operators), replay(capture, after.operators)
    found = differences(one, other)
    if as_data:
        rows = [{"what": d.what, "rows": d.rows, "first": [list(row) for row in d.first]} for d in found]
        print(_json({"before": as_json(one), "after": as_json(other), "differences": rows}))
    else:
        for name, each in (("before", one), ("after", other)):
            if each.failure is not None:
                print(f"{name}: {each.failure[1].type}: {each.failure[1].message}")
        print(differences_text(found))
    return FAILED if found or one.fine != other.fine else FINE


def _debug(capture: Capture, code: Code) -> int:
    found = replay(capture, code.operators)
    if stop_where_it_raised(found, tuple(str(file) for file in code.files)):
        return FAILED
    print("nothing was raised in it; from its first line:", file=sys.stderr)
    return FINE if replay(capture, code.operators, stepping).fine else FAILED


def _json(value: object) -> str:
    return json.dumps(value, default=str)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
