"""Lists and maps of one operator as tables: how they come, and what the reply says became of them."""

from __future__ import annotations

from .._chain.collections import Changes, ListForm, MapForm, change_forms, nothing, sent_forms
from .._chain.operator import Operator
from .._protocol import kinds
from .._protocol.frame import Table
from .._protocol.ipc import Layout, Template


class Collections:
    """The layouts of the tables LIST and MAP that come, and the templates of those that go."""

    def __init__(self, operator: Operator) -> None:
        forms = operator.collections
        self._operator = operator
        self.layouts: dict[int, Layout] = {
            kinds.LIST: Layout(sent_forms(forms, ListForm)),
            kinds.MAP: Layout(sent_forms(forms, MapForm)),
        }
        self._templates = {
            kinds.LIST: (kinds.schema_lists(operator.index), Template(change_forms(forms, ListForm))),
            kinds.MAP: (kinds.schema_maps(operator.index), Template(change_forms(forms, MapForm))),
        }

    def tables(self, changes: Changes, keys: int) -> list[Table]:
        """The tables of the reply; a kind of which nothing changed is left out."""
        made: list[Table] = []
        for kind, (schema, template) in self._templates.items():
            if not any(name in changes for name in template.forms):
                continue
            columns = {
                name: changes[name] if name in changes else nothing(self._operator.collections[name], keys)
                for name in template.forms
            }
            made.append(Table(kind, self._operator.index, 0, schema, keys, template.render(columns, keys)))
        return made
