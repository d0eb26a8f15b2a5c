"""A rule as data: the JSON form goes to types files and plans, so that both languages name it alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..errors import PlanError

TEMPLATES: Mapping[str, str] = {
    "not_null": "{0} must not be null",
    "between": "{0} must be {bounds}",
    "one_of": "{0} must be one of {values}",
    "matches": "{0} must match {pattern}",
    "null_ratio": "{0} must be null in at most {most} of the rows",
    "fresh": "{0} must not be older than {max_age_ms} ms",
    "unique": "{all} must be unique",
    "at_most": "{0} must be at most {1}",
    "less_than": "{0} must be less than {1}",
    "that": "{text}",
    "given": "{text}",
}
"""What each kind of rule demands. ``given`` is a rule of another library's schema."""


@dataclass(frozen=True)
class Rule:
    """One rule; ``columns`` is empty until a contract binds it to its column."""

    kind: str
    columns: tuple[str, ...] = ()
    arguments: Mapping[str, object] = field(default_factory=dict)
    test: Callable[..., object] | None = None

    def on(self, column: str) -> Rule:
        """The rule of that column."""
        if self.columns or self.kind == "that":
            hint = f"write it behind the columns: ab.contract({{...}}, ab.check.{self.kind}(...))"
            raise PlanError(f'check.{self.kind} of column "{column}" names columns itself', code="ANB1017", hint=hint)
        return replace(self, columns=(column,))

    @property
    def text(self) -> str:
        """What is demanded, as a phrase: ``price must be between 0 and 100``."""
        words = {name: _word(value) for name, value in self.arguments.items()}
        if self.kind in ("that", "given"):
            words["text"] = str(self.arguments["text"])
        if self.kind == "between":
            words["bounds"] = _bounds(self.arguments["low"], self.arguments["high"])
        return TEMPLATES[self.kind].format(*self.columns, all=", ".join(self.columns), **words)

    def to_json(self) -> dict[str, object]:
        """The rule without its Python code."""
        return {
            "kind": self.kind,
            "columns": list(self.columns),
            "arguments": dict(self.arguments),
            "text": self.text,
        }


RuleLike = Rule
"""What the functions of ``ab.check`` answer."""


def rule_from_json(said: Mapping[str, object]) -> Rule:
    """A rule that another language wrote down."""
    kind, columns, arguments = str(said["kind"]), said["columns"], said["arguments"]
    if kind not in TEMPLATES or kind in ("that", "given"):
        raise PlanError(f'there is no check "{kind}"', code="ANB1017")
    if not isinstance(columns, list) or not isinstance(arguments, Mapping):
        raise PlanError(f"the check {said!r} cannot be read", code="ANB1021")
    return Rule(kind, tuple(str(name) for name in columns), dict(arguments))


def _bounds(low: object, high: object) -> str:
    if low is None:
        return f"at most {_word(high)}"
    return f"at least {_word(low)}" if high is None else f"between {_word(low)} and {_word(high)}"


def _word(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_word(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
