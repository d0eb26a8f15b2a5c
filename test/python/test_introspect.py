"""What a module declares, as data."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
from host import PYTHON

import anabranch as ab
from anabranch._introspect import describe, dispatch
from anabranch._schema import digest

TEXT = '''
from anabranch import float64
Click = ab.schema({"user": ab.utf8, "at": ab.timestamp("ms", "UTC")})


@ab.transform(inputs=Click, outputs={"hour": ab.int32}, timeout_ms=5_000)
def hour(batch):
    """The hour of day.

    In UTC.
    """


@ab.keyed(inputs={"at": "timestamp[ms, UTC]"}, state={"n": ab.int64.default(0)}, kind="filter", mode="row",
          side={"odd": {"why": ab.utf8}}, at_end=print)
def first_ten(row, state): ...
'''


def test_a_module_is_described_with_its_schemas_and_functions(module):
    path = module(TEXT)
    found = describe(str(path))
    assert found["source"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found["schemas"] == {"Click": [["user", "utf8"], ["at", "timestamp[ms, UTC]"]]}
    hour, ten = found["functions"]
    assert (hour["name"], hour["kind"], hour["keyed"], hour["mode"]) == ("hour", "transform", False, "batch")
    assert hour["inputs"] == found["schemas"]["Click"]
    assert hour["outputs"] == [["hour", "int32"]]
    assert hour["doc"] == "The hour of day.\n\nIn UTC."
    assert (hour["timeoutMs"], hour["line"], hour["atEnd"]) == (5000, 11, False)
    assert (ten["kind"], ten["keyed"], ten["mode"], ten["atEnd"]) == ("filter", True, "row", True)
    assert ten["state"] == [["n", "int64", {"default": 0}]]
    assert ten["side"] == {"odd": [["why", "utf8"]]}
    names = ("kind", "keyed", "mode", "inputs", "outputs", "state", "side", "atEnd")
    assert ten["declared"] == digest({name: ten[name] for name in names})


def test_that_batches_may_overtake_is_declared_and_so_part_of_the_digest(module):
    text = """
@ab.transform(inputs={"x": ab.int64}, outputs={}, calls=ab.Calls(ORDER), mode="row")
async def f(row): ...
"""
    plain, free = (
        describe(str(module(text.replace("ORDER", order))))["functions"][0] for order in ("", 'order="unordered"')
    )
    assert (plain["unordered"], free["unordered"]) == (False, True)
    assert plain["declared"] != free["declared"]


def test_only_what_the_module_itself_declares_is_in_it(module):
    module('Other = ab.schema({"x": ab.int8})\n\n@ab.filter(inputs=Other)\ndef far(batch): ...\n', "far_module.py")
    found = describe(str(module("from far_module import Other, far\nMine = ab.schema({})\n", "near_module.py")))
    assert list(found["schemas"]) == ["Mine"]
    assert found["functions"] == []


def test_a_module_that_changed_is_read_anew(module):
    for column in ("a", "b"):
        path = module(f'S = ab.schema({{"{column}": ab.int8}})\n', "changing.py")
        assert describe(str(path))["schemas"] == {"S": [[column, "int8"]]}


def test_modules_of_one_name_in_two_folders_are_two(module, tmp_path):
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(module(f'S = ab.schema({{"{folder}": ab.int8}})\n', f"{folder}/same_name.py"))
    assert [list(describe(str(p))["schemas"]["S"][0]) for p in paths] == [["a", "int8"], ["b", "int8"]]


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("import sys; sys.exit(3)", "SystemExit", "sys.exit(3)"),
        ("1 / 0", "ZeroDivisionError", "1 / 0"),
        ("import no_such_package", "ModuleNotFoundError", "import no_such_package"),
        ("def broken(:", "SyntaxError", "def broken(:"),
        ('ab.schema({"x": int})', "anabranch.errors.PlanError", "ab.schema"),
    ],
)
def test_a_module_that_does_not_import_is_an_answer_not_an_end(module, text, kind, line):
    answer = json.loads(dispatch(json.dumps({"op": "describe", "path": str(module(text))})))
    assert (answer["ok"], answer["type"]) == (False, kind)
    assert line in answer["traceback"] + answer["message"]
    assert "_introspect.py" not in answer["traceback"]


def test_dispatch_answers_whatever_it_is_asked():
    for asked in ("", "[]", '{"op": "other"}', '{"op": "describe", "path": "/no/such.py"}'):
        assert json.loads(dispatch(asked))["ok"] is False


def test_the_command_prints_json_even_where_the_module_prints(module):
    path = module("print('hello')\nimport os; os.write(1, b'raw')\n" + TEXT)
    ran = subprocess.run(
        [sys.executable, "-m", "anabranch._introspect", str(path)],
        env={**os.environ, "PYTHONPATH": str(PYTHON)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout)["functions"][0]["name"] == "hour"
    assert "hello" in ran.stderr


@pytest.mark.parametrize(
    "declare",
    [
        lambda: ab.keyed(inputs={}, state={}, outputs={}, kind="window"),
        lambda: ab.transform(inputs={}, outputs={}, mode="cell"),
        lambda: ab.transform(inputs={}, outputs={}, timeout_ms=0),
        lambda: ab.flat_map(inputs={}, outputs={"parent": ab.int32}),
        lambda: ab.keyed(inputs={}, state={}, outputs={"x": ab.int8}, kind="filter"),
        lambda: ab.transform(inputs={}, outputs={}, side={"parent": {}}),
        lambda: ab.transform(inputs={}, outputs={})(3),
    ],
)
def test_a_wrong_declaration_is_a_fault_of_the_plan_at_import(declare):
    with pytest.raises(ab.PlanError):
        declare()
