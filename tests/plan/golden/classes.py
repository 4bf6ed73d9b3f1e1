# ruff: noqa
# fmt: off
"""Classes and pattern matching."""


class Empty: "Docstring."


@dataclass(frozen=True)
class Point(Base, metaclass=Meta, **options):
    """A point."""

    x: int = 0
    """An attribute's docstring."""
    y: int = 0

    def match(self, value):
        match value:
            case None | True | -1 | 2.5 | "text" | b"bytes" | 1 + 2j: return 0
            case Point(0, y=1) | Point(x=0): return 1
            case [1, 2, *rest] | (3, *rest): return 2
            case {"a": 1, "b": [x], **others} if x: return 3
            case {}: return 4
            case str() as text: return 5
            case module.CONSTANT: return 6
            case (a, b) if a == b: return 7
            case anything: return 8
        match a, b:
            case _: pass
