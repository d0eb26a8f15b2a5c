"""What notebooks show: schemas, plans and results as small tables. Every text of a user is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._job import JobResult
    from ._plan import JobPlan
    from ._schema import Schema
    from .testing import Run

_ROWS_SHOWN = 10


def table_html(headers: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table; None is shown as null."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    title = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return "<i>null</i>" if value is None else escape(str(value))


def schema_html(schema: Schema) -> str:
    """Columns, types, and what is declared beside them."""
    rows = [
        (
            name,
            declared.type,
            ", ".join(
                [
                    *(["required"] if declared.is_required else []),
                    *([f"default {declared.default_value!r}"] if declared.has_default else []),
                ]
            ),
        )
        for name, declared in schema.fields.items()
    ]
    return table_html(["column", "type", ""], rows)


def plan_html(plan: JobPlan) -> str:
    """One row a node: what it is, where its rows come from, and the columns that it gives."""
    rows = [(node["id"], _what(node), _inputs(node), _columns(node)) for node in plan.nodes]
    return table_html(["id", "what", "reads", "columns"], rows, f'job "{plan.job}"')


def _what(node: Mapping[str, Any]) -> str:
    if node["kind"] == "python":
        fn = node["fn"]
        return f"{'keyed ' if fn['keyed'] else ''}{fn['kind']} {fn['name']}"
    if node["kind"] == "key":
        return f"key {', '.join(node['columns'])}"
    if node["kind"] in ("source", "sink"):
        return f"{node['kind']} {node['connector']['kind']}"
    return str(node["kind"])


def _inputs(node: Mapping[str, Any]) -> str:
    edges = node.get("inputs") or [node["input"]] if node["kind"] != "source" else []
    return ", ".join(f"{edge['node']}.{edge['output']}" if "output" in edge else edge["node"] for edge in edges)


def _columns(node: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind, *_ in node.get("schema", []))


def result_html(result: JobResult) -> str:
    """Counts, and the first rows of each sink."""
    parts = [f"<p>{escape(repr(result).strip('<>'))}</p>"]
    parts += [head_html(sink, table) for sink, table in result.outputs.items()]
    if result.rows_dead:
        parts.append(head_html("dead letters", result.dead_letters))
    return "".join(parts)


def run_html(run: Run) -> str:
    """Everything that came out of a function, the first rows of each."""
    parts = [head_html("rows", run.rows)]
    parts += [head_html(f'side output "{name}"', table) for name, table in run.sides.items()]
    parts += [head_html(f'at_end "{name}"' if name else "at_end", table) for name, table in run.end.items()]
    if run.dead:
        rows = [(one["row"], one["code"], one["message"]) for one in run.dead[:_ROWS_SHOWN]]
        parts.append(table_html(["row", "code", "message"], rows, f"dead: {len(run.dead):,} rows"))
    return "".join(parts)


def head_html(name: str, table: object) -> str:
    """The first rows of a table of any kind."""
    from ._frames import to_arrow

    arrow = to_arrow(table, name)
    rows = [tuple(row.values()) for row in arrow.slice(0, _ROWS_SHOWN).to_pylist()]
    return table_html(arrow.column_names, rows, f"{name}: {arrow.num_rows:,} rows")
