"""What is wrong with a configuration, and what would be allowed, in a line each; made of what pydantic found."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import annotated_types
from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from picocell.observe.config import OneOf, RelativePath

KeyPath = tuple[str | int, ...]
"""Names and positions of a value, from the top."""


def error_line(model: type[BaseModel], error: Any, where: str, origins: Mapping[KeyPath, str]) -> str:
    """One error of pydantic in a line of ours."""
    path: KeyPath = tuple(error["loc"])
    origin = where
    for n in range(len(path), -1, -1):
        if path[:n] in origins:
            origin = origins[path[:n]]
            break
    parent, field = _field(model, path)
    name = dotted(path)
    kind, ctx = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = list(parent.model_fields) if parent is not None else []
        return f"{origin}: {name} is no key; {suggestion(str(path[-1]), known)}"
    if kind == "missing":
        return f"{origin}: {name} is missing"
    if kind == "value_error":
        text = str(ctx.get("error", error["msg"]))
        if not text.startswith("allowed"):  # of several keys together, or with the value in it already
            return f"{origin}: {name}: {text}" if name else f"{origin}: {text}"
    else:
        text = _allowed(kind, ctx, field) or f"{error['msg'][0].lower()}{error['msg'][1:]}"
    return f"{origin}: {name} = {_shown(error['input'])}: {text}"


def file_line(config: BaseModel, error: OSError) -> str | None:
    """A file or folder that cannot be had, by the key that names it; None where no key does."""
    place = Path(str(error.filename))
    for path in leaves(type(config)):
        value: Any = config
        for name in path:
            value = getattr(value, name)
        if not isinstance(value, Path) or not (value == place or place in value.parents or value in place.parents):
            continue
        if isinstance(error, FileExistsError | NotADirectoryError):
            wrong = next((one for one in (value, *value.parents) if one.exists() and not one.is_dir()), place)
            return f"{dotted(path)} = {value}: {wrong} is no folder"
        return f"{dotted(path)} = {value}: {f'{place}: ' if place != value else ''}{error.strerror}"
    return None


def _allowed(kind: str, ctx: dict[str, Any], field: FieldInfo | None) -> str | None:
    if kind == "literal_error":
        return f"allowed are {str(ctx['expected']).replace(chr(39), '')}"
    if kind.startswith("bool"):
        return "allowed are true and false"
    bounds = _bounds(field) if field is not None else ""
    choice = next((one.func for one in _metadata(field) if _is_choice(one)), None) if field is not None else None
    if choice is not None and not kind.startswith("value"):
        return f"allowed are {choice}"
    if kind.startswith(("int_", "greater_", "less_", "float_", "finite_")):
        numbers = "numbers" if kind.startswith(("float", "finite")) or _is_float(field) else "whole numbers"
        return f"allowed are {numbers}{bounds}"
    if kind.startswith("string_too"):
        return f"allowed are texts of {_lengths(field)} characters"
    if kind == "string_type":
        return "allowed is a text"
    if kind.startswith(("too_", "tuple_", "list_")):
        lengths = _lengths(field)
        return f"allowed is a list{f' of {lengths} values' if lengths else ''} such as [a, b]"
    if kind.startswith(("model_", "dict_")):
        return "allowed are keys below it, indented"
    return None


def _is_choice(mark: Any) -> bool:
    return isinstance(mark, AfterValidator) and isinstance(mark.func, OneOf)


def _is_float(field: FieldInfo | None) -> bool:
    return field is not None and (field.annotation is float or float in get_args(field.annotation))


def _bounds(field: FieldInfo) -> str:
    low = high = None
    for one in _metadata(field):
        parts = one.metadata if isinstance(one, FieldInfo) else [one]
        for part in parts:
            if isinstance(part, annotated_types.Ge):
                low = f"{part.ge}"
            elif isinstance(part, annotated_types.Gt):
                low = f"more than {part.gt}"
            elif isinstance(part, annotated_types.Le):
                high = f"{part.le}"
            elif isinstance(part, annotated_types.Lt):
                high = f"less than {part.lt}"
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" from {low}"
    return f" up to {high}" if high is not None else ""


def _lengths(field: FieldInfo | None) -> str:
    low = high = None
    for one in _metadata(field) if field is not None else ():
        for part in one.metadata if isinstance(one, FieldInfo) else [one]:
            if isinstance(part, annotated_types.MinLen):
                low = part.min_length
            elif isinstance(part, annotated_types.MaxLen):
                high = part.max_length
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{low} or more"
    return f"at most {high}" if high is not None else ""


def _field(model: type[BaseModel], path: KeyPath) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that a path ends in, and the field that it names."""
    inside: type[BaseModel] | None = model
    field: FieldInfo | None = None
    parent: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):
            kinds = [] if field is None else [kind for kind in get_args(field.annotation) if isinstance(kind, type)]
            inside = next((kind for kind in kinds if issubclass(kind, BaseModel)), None)
            parent = inside
            continue
        parent = inside
        field = inside.model_fields.get(part) if inside is not None else None
        inside = model_of(field) if field is not None else None
    return parent, field


def dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def _shown(value: Any) -> str:
    text = str(value) if isinstance(value, str) and value and value.isprintable() else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def model_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        inside = model_of(field)
        if inside is None:
            yield (*path, name)
        else:
            yield from leaves(inside, (*path, name))


def _metadata(field: FieldInfo) -> Iterator[Any]:
    """Annotations of a field, also those of the kind that may be null."""
    yield from field.metadata
    stack = [field.annotation]
    while stack:
        kind = stack.pop()
        yield from getattr(kind, "__metadata__", ())
        stack += list(get_args(kind)) if kind is not None else []


def is_path(field: FieldInfo) -> bool:
    return any(isinstance(one, RelativePath) for one in _metadata(field))


def suggestion(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"is {' or '.join(close)} meant?"
    return f"allowed are {', '.join(known)}" if len(known) <= 20 else "--print-config shows all keys"
