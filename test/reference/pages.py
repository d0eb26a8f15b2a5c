"""Writes the reference of the Python package as one page of Markdown. Run it through: npm run reference.

What stands on it is what ``help()`` says: signatures as they are written, and docstrings. A public name without one
is a failure. Names are those of ``__all__``; what is private does not exist here.
"""

import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

MODULES = ["anabranch", "anabranch.testing", "anabranch.types", "anabranch.errors"]
SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Yields):")


def page() -> Iterator[str]:
    """The lines of the page, module by module."""
    seen: set[int] = set()
    for path in MODULES:
        module = importlib.import_module(path)
        yield from [f"# {path}", "", *prose(documented(path, module)), ""]
        for name in names_of(module):
            value = getattr(module, name)
            if inspect.ismodule(value) or id(value) in seen:
                continue
            seen.add(id(value))
            yield from entry(name, value)


def names_of(module: object) -> list[str]:
    """The public names of a module: those that it lists, or those that it defines."""
    listed = getattr(module, "__all__", None)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return sorted(listed if listed is not None else [name for name in own if not name.startswith("_")])


def entry(name: str, value: object) -> Iterator[str]:
    """One name: its signature and its docstring; of a class, also those of its members."""
    if not callable(value):
        yield from [f"## {name}", "", f"`{name} = {value!r}`", ""]
        return
    yield from [f"## {name}", "", *signature(name, value), *prose(documented(name, value)), ""]
    if not inspect.isclass(value):
        return
    for member, found in vars(value).items():
        if member.startswith("_") or not (inspect.isfunction(found) or isinstance(found, property)):
            continue
        title = f"{name}.{member}"
        shown = [] if isinstance(found, property) else signature(title, found)
        yield from [f"### {title}", "", *shown, *prose(documented(title, found)), ""]


def documented(name: str, value: object) -> str:
    """The docstring, which every public name has."""
    doc = inspect.getdoc(value)
    if not doc:
        raise SystemExit(f"{name} has no docstring")
    return doc


class Written(str):
    """An annotation as the source has it, without the quotes of a text."""

    __repr__ = str.__str__


def signature(name: str, value: object) -> list[str]:
    """The call as it is written in the source; its parameters on lines of their own where it is long."""
    call = inspect.signature(value)
    written = [
        each.replace(annotation=Written(each.annotation)) if isinstance(each.annotation, str) else each
        for each in call.parameters.values()
        if each.name != "self"
    ]
    answer = call.return_annotation
    shown = str(call.replace(parameters=written, return_annotation=Written(answer) if answer else answer))
    return ["```python", wrapped(f"{name}{shown}"), "```", ""]


def wrapped(line: str) -> str:
    """A call with each of its parameters on a line of its own, where it is long."""
    if len(line) <= 110:
        return line
    inside = re.sub(r", (?=[*/]|[a-z_]+: )", ",\n    ", line)
    return re.sub(r"\)( -> [^)]*)?$", r",\n)\1", inside.replace("(", "(\n    ", 1))


def prose(doc: str) -> Iterator[str]:
    """A docstring as Markdown: sections are lists, examples are code."""
    for part in re.split(r"\n(?=\S[^\n]*:\n    )", doc):
        head, _, body = part.partition("\n")
        if SECTION.fullmatch(head):
            items = re.sub(r"\n {4,}", " ", textwrap.dedent(body)).strip().split("\n")
            yield from [f"**{head[:-1]}**", "", *(f"- {each}" for each in items if each.strip()), ""]
        elif head == "Example:":
            yield from ["**Example**", "", "```python", textwrap.dedent(body).rstrip(), "```", ""]
        else:
            yield from [part.rstrip(), ""]


if __name__ == "__main__":
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    text = re.sub(r"(?<!`)``(?!`)", "`", "\n".join(page()))
    Path(sys.argv[1]).write_text(re.sub(r"\n{3,}", "\n\n", text), encoding="utf-8")
