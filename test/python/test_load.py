"""A worker runs the copy of a module that its host has kept, under the name of the file."""

import linecache
import traceback
from pathlib import Path

import pytest

from anabranch._load import load_module, source_digest


def _files(folder: Path) -> tuple[Path, Path]:
    kept, file = folder / "kept" / "0123.py", folder / "pinned_here.py"
    kept.parent.mkdir()
    kept.write_text("import neighbour_of_it\n\ndef fails():\n    raise ValueError(neighbour_of_it.word)\n")
    file.write_text("def fails():\n    return 'edited'\n")
    (folder / "neighbour_of_it.py").write_text("word = 'from beside the file'\n")
    return file, kept


def test_a_copy_runs_as_if_it_were_the_file_with_its_neighbours_and_its_lines(tmp_path: Path) -> None:
    file, kept = _files(tmp_path)
    module = load_module(str(file), str(kept))
    assert module.__file__ == str(file)
    with pytest.raises(ValueError, match="from beside the file") as raised:
        module.fails()
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    linecache.checkcache(str(file))
    assert (last.filename, last.line) == (str(file), "raise ValueError(neighbour_of_it.word)")


def test_another_copy_is_another_module_and_the_same_one_is_loaded_once(tmp_path: Path) -> None:
    file, kept = _files(tmp_path)
    first = load_module(str(file), str(kept))
    assert load_module(str(file), str(kept)) is first
    assert load_module(str(file)).fails() == "edited"
    assert source_digest(str(kept)) != source_digest(str(file))
