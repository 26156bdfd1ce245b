"""What a mutant is: one small change of one function, as a careless edit would make it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import CodeType

SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
ROUNDINGS = {
    "ROUND_HALF_UP": "ROUND_DOWN",
    "ROUND_CEILING": "ROUND_FLOOR",
    "ROUND_FLOOR": "ROUND_CEILING",
}
LOOKUPS = {"lt": "lte", "lte": "lt", "gt": "gte", "gte": "gt"}
DELETED = ast.Raise | ast.Return | ast.AugAssign | ast.Continue | ast.Break
CONDITIONAL = ast.If | ast.IfExp | ast.While | ast.match_case


@dataclass(frozen=True)
class Mutant:
    """One change: where, what it was and became, and the whole file compiled with it."""

    path: str
    # Or the constant's name.
    function: str
    lines: range
    before: str
    after: str
    # None for a constant, which steps by `step` instead: mutated code would not run again.
    code: CodeType | None
    step: int = 0

    @property
    def name(self) -> str:
        return f"{self.path} {self.function}: {self.before} → {self.after}"


@dataclass(frozen=True)
class _Edit:
    """`new` takes the place of a field or of an item of a list; None deletes the item."""

    owner: ast.AST
    field: str
    index: int | None
    new: object
    # The smallest expression or statement around it.
    shown: ast.AST


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a file by qualified name; inner ones belong to these."""
    for node in tree.body:
        for part in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(part, ast.FunctionDef):
                yield part.name if part is node else f"{node.name}.{part.name}", part


def mutants(
    path: str, source: str, *, filename: str, skip_calls: list[str], skip_keywords: list[str]
) -> Iterator[Mutant]:
    """Every mutant of a file. What runs at import, annotations and prose are left alone."""
    tree = ast.parse(source)
    for function, node in functions(tree):
        names: dict[tuple[str, str], int] = {}
        for edit in _edits_of_body(node, "body", skip_calls, skip_keywords):
            is_left_out = edit.field == "keywords" and edit.new is None
            before = _short(edit.owner.keywords[edit.index] if is_left_out else edit.shown)
            old = _put(edit)
            is_negated = old is edit.shown
            after = _short(edit.new if is_negated else edit.shown)
            after = "pass" if isinstance(edit.new, ast.Pass) else after
            after = f"left out of {ast.unparse(edit.owner.func)}()" if is_left_out else after
            code = compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)
            _restore(edit, old)
            names[before, after] = nth = names.get((before, after), 0) + 1
            lines = range(edit.shown.lineno, edit.shown.end_lineno + 1)
            after = after if nth == 1 else f"{after} ({nth})"
            yield Mutant(path, function, lines, before, after, code)


def constants(path: str, source: str) -> Iterator[Mutant]:
    """Every constant of a file of limits, one step less and one step more."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, lines = node.targets[0].id, range(node.lineno, node.end_lineno + 1)
            for step, after in ((-1, "one step less"), (1, "one step more")):
                yield Mutant(path, name, lines, _short(node.value), after, None, step)


def stepped(value: object, step: int) -> object:
    """A limit moved by its kind's smallest step: a cent, a second, one; of several the first."""
    if isinstance(value, tuple):
        return (stepped(value[0], step), *value[1:])
    if isinstance(value, timedelta):
        return value + timedelta(seconds=step)
    return value + step * Decimal("0.01") if isinstance(value, Decimal) else value + step


def _put(edit: _Edit) -> object:
    old = getattr(edit.owner, edit.field)
    if edit.index is None:
        setattr(edit.owner, edit.field, edit.new)
    else:
        new = [] if edit.new is None else [edit.new]
        setattr(edit.owner, edit.field, [*old[: edit.index], *new, *old[edit.index + 1 :]])
    return old


def _restore(edit: _Edit, old: object) -> None:
    setattr(edit.owner, edit.field, old)


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 150 else f"{text[:150]}…"


def _edits_of_body(
    owner: ast.AST, field: str, skip_calls: list[str], skip_keywords: list[str]
) -> Iterator[_Edit]:
    for index, statement in enumerate(getattr(owner, field)):
        is_call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        if is_call and ast.unparse(statement.value.func).startswith(tuple(skip_calls)):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        stored = isinstance(statement, ast.Assign) and not isinstance(
            statement.targets[0], ast.Name | ast.Tuple
        )
        if is_call or stored or isinstance(statement, DELETED):
            yield _Edit(owner, field, index, ast.Pass(), statement)
        yield from _edits(statement, statement, skip_calls, skip_keywords)


def _edits(
    node: ast.AST, shown: ast.AST, skip_calls: list[str], skip_keywords: list[str]
) -> Iterator[_Edit]:
    """The edits of a node and of all below it."""
    if isinstance(node, ast.expr | ast.stmt):
        shown = node
    yield from _own_edits(node, shown, skip_keywords)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "args") and not isinstance(
            node, ast.Call
        ):
            continue
        items = value if isinstance(value, list) else [value]
        if items and isinstance(items[0], ast.stmt):
            yield from _edits_of_body(node, field, skip_calls, skip_keywords)
            continue
        for index, child in enumerate(items):
            if isinstance(child, ast.keyword) and child.arg in skip_keywords:
                continue
            if isinstance(child, ast.AST):
                # A part of a name that changes everywhere at once changes nothing.
                if not isinstance(node, ast.JoinedStr) and (new := _replaced(child)):
                    place = index if isinstance(value, list) else None
                    yield _Edit(node, field, place, new, shown)
                if not isinstance(child, ast.JoinedStr) or " " not in ast.unparse(child):
                    yield from _edits(child, shown, skip_calls, skip_keywords)


def _own_edits(node: ast.AST, shown: ast.AST, skip_keywords: list[str]) -> Iterator[_Edit]:
    """What is changed or left out inside this node."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            yield _Edit(node, "ops", index, SWAPS[type(operator)](), shown)
    if isinstance(node, ast.BoolOp | ast.BinOp | ast.AugAssign) and type(node.op) in SWAPS:
        yield _Edit(node, "op", None, SWAPS[type(node.op)](), shown)
    condition = "guard" if isinstance(node, ast.match_case) else "test"
    test = getattr(node, condition) if isinstance(node, CONDITIONAL) else None
    if test and not isinstance(test, ast.Compare | ast.UnaryOp):
        yield _Edit(node, condition, None, ast.UnaryOp(ast.Not(), test), test)
    if isinstance(node, ast.comprehension):
        yield from (_Edit(node, "ifs", index, None, shown) for index in range(len(node.ifs)))
    if isinstance(node, ast.Call):
        for index, keyword in enumerate(node.keywords):
            if keyword.arg not in skip_keywords:
                yield _Edit(node, "keywords", index, None, shown)
    if isinstance(node, ast.keyword) and node.arg and "__" in node.arg:
        name, _, lookup = node.arg.rpartition("__")
        if lookup in LOOKUPS:
            yield _Edit(node, "arg", None, f"{name}__{LOOKUPS[lookup]}", shown)
    if isinstance(node, ast.List | ast.Tuple | ast.Set) and isinstance(
        getattr(node, "ctx", ast.Load()), ast.Load
    ):
        yield from (_Edit(node, "elts", index, None, shown) for index in range(len(node.elts)))
    if isinstance(node, ast.JoinedStr):
        for index, part in enumerate(node.values):
            if isinstance(part, ast.FormattedValue):
                yield _Edit(node, "values", index, None, shown)


def _replaced(node: ast.AST) -> ast.AST | None:
    """What a careless edit would write in its place, if anything."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            return ast.Constant(not node.value)
        if isinstance(node.value, int):
            return ast.Constant(node.value + 1)
        if isinstance(node.value, str) and " " not in node.value:
            return ast.Constant(f"XX{node.value}")
    if isinstance(node, ast.Name) and node.id in NAMES:
        return ast.Name(NAMES[node.id], ast.Load())
    if isinstance(node, ast.Name) and node.id in ROUNDINGS:
        # Their values are their names, and the module may not have imported the other one.
        return ast.Constant(ROUNDINGS[node.id])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        return node.operand
    return None
