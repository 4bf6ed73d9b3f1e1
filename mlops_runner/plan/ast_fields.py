"""Which fields of which syntax node count as code: the literal table behind `canonical_ast`.

Nodes and fields are listed by hand, because `ast` gains both with every Python version and a fingerprint must not.
Left out: positions, `ctx` (the parent says it), `type_comment`, `type_ignores` and `kind` (the u of u"text").
"""

SKIPPED = frozenset({"ctx", "type_comment", "type_ignores", "kind"})

# Written only where they hold something: Python versions without the field agree with those that leave it empty.
OPTIONAL = ("type_params", "default_value", "is_lazy")

# Where statements stand. A statement that is only a string does nothing, and is a docstring or a comment.
BLOCKS = frozenset({"body", "orelse", "finalbody"})

_STATEMENTS = {
    "AnnAssign": "target annotation value simple",
    "Assert": "test msg",
    "Assign": "targets value",
    "AsyncFor": "target iter body orelse",
    "AsyncFunctionDef": "name args body decorator_list returns",
    "AsyncWith": "items body",
    "AugAssign": "target op value",
    "Break": "",
    "ClassDef": "name bases keywords body decorator_list",
    "Continue": "",
    "Delete": "targets",
    "Expr": "value",
    "For": "target iter body orelse",
    "FunctionDef": "name args body decorator_list returns",
    "Global": "names",
    "If": "test body orelse",
    "Import": "names",
    "ImportFrom": "module names level",
    "Match": "subject cases",
    "Module": "body",
    "Nonlocal": "names",
    "Pass": "",
    "Raise": "exc cause",
    "Return": "value",
    "Try": "body handlers orelse finalbody",
    "TryStar": "body handlers orelse finalbody",
    "TypeAlias": "name value",
    "While": "test body orelse",
    "With": "items body",
}

_EXPRESSIONS = {
    "Attribute": "value attr",
    "Await": "value",
    "BinOp": "left op right",
    "BoolOp": "op values",
    "Call": "func args keywords",
    "Compare": "left ops comparators",
    "Constant": "value",
    "Dict": "keys values",
    "DictComp": "key value generators",
    "FormattedValue": "value conversion format_spec",
    "GeneratorExp": "elt generators",
    "IfExp": "test body orelse",
    "Interpolation": "value str conversion format_spec",
    "JoinedStr": "values",
    "Lambda": "args body",
    "List": "elts",
    "ListComp": "elt generators",
    "Name": "id",
    "NamedExpr": "target value",
    "Set": "elts",
    "SetComp": "elt generators",
    "Slice": "lower upper step",
    "Starred": "value",
    "Subscript": "value slice",
    "TemplateStr": "values",
    "Tuple": "elts",
    "UnaryOp": "op operand",
    "Yield": "value",
    "YieldFrom": "value",
}

_PARTS = {
    "ExceptHandler": "type name body",
    "MatchAs": "pattern name",
    "MatchClass": "cls patterns kwd_attrs kwd_patterns",
    "MatchMapping": "keys patterns rest",
    "MatchOr": "patterns",
    "MatchSequence": "patterns",
    "MatchSingleton": "value",
    "MatchStar": "name",
    "MatchValue": "value",
    "ParamSpec": "name",
    "TypeVar": "name bound",
    "TypeVarTuple": "name",
    "alias": "name asname",
    "arg": "arg annotation",
    "arguments": "posonlyargs args vararg kwonlyargs kw_defaults kwarg defaults",
    "comprehension": "target iter ifs is_async",
    "keyword": "arg value",
    "match_case": "pattern guard body",
    "withitem": "context_expr optional_vars",
}

_OPERATORS = (
    "Add And BitAnd BitOr BitXor Div Eq FloorDiv Gt GtE In Invert Is IsNot LShift Lt LtE MatMult Mod Mult Not NotEq "
    "NotIn Or Pow RShift Sub UAdd USub"
)

FIELDS: dict[str, tuple[str, ...]] = {
    **{name: tuple(fields.split()) for name, fields in (_STATEMENTS | _EXPRESSIONS | _PARTS).items()},
    **dict.fromkeys(_OPERATORS.split(), ()),
}
