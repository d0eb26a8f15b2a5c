"""A job's plan as data, from the portable JSON that ``anabranch plan --json`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._schema import Schema, schema_from_json

Node = Mapping[str, Any]


class JobPlan:
    """What a job will do.

    Attributes:
        job: name of the job.
        params: its parameters.
        nodes: what the job wrote, in order, as in the portable JSON: ``id``, ``kind``, ``input`` and more.
    """

    def __init__(self, portable: Mapping[str, Any]) -> None:
        self.job: str = portable["job"]
        self.params: Mapping[str, object] = portable["params"]
        self.nodes: list[Node] = list(portable["nodes"])
        self._by_id = {node["id"]: node for node in self.nodes}

    @property
    def sources(self) -> dict[str, Schema]:
        """The declared columns of each source, by its id."""
        return {node["id"]: schema_from_json(node["schema"]) for node in self.nodes if node["kind"] == "source"}

    @property
    def sinks(self) -> dict[str, Schema]:
        """The columns that each sink is given, by its id."""
        return {node["id"]: self._columns(node["input"]) for node in self.nodes if node["kind"] == "sink"}

    def _columns(self, edge: Mapping[str, str]) -> Schema:
        node = self._by_id[edge["node"]]
        return schema_from_json(node["fn"]["side"][edge["output"]] if "output" in edge else node["schema"])

    def __repr__(self) -> str:
        return f'<plan of job "{self.job}": {", ".join(self._by_id)}>'

    def _repr_html_(self) -> str:
        from ._html import plan_html

        return plan_html(self)
