"""Reads the configuration of a process: a YAML file, and keys on the command line.

    config = load(EnbConfig, Path("enb.yaml"), ["--enb.n-prb", "50"])

Every value is text until the model says what it means, so that ``plmn: 00101`` or a key of digits stays what was
written. What is wrong is told in a line each: where, which key, its value, and what is allowed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from picocell.config_errors import KeyPath, dotted, error_line, is_path, leaves, model_of, suggestion
from picocell.observe.config import BASE

Model = TypeVar("Model", bound=BaseModel)

_COMMAND_LINE: Final = "command line"
_NULLS: Final = ("", "~", "null", "Null", "NULL")
_COMMENT_COLUMN: Final = 36
_WIDTH: Final = 120
_MAX_LINES: Final = 8


class ConfigError(ValueError):
    """What is wrong with a configuration.

    Attributes:
        lines: a line each.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(_one_line(line) for line in lines)
        super().__init__("\n".join(self.lines))


def _one_line(text: str) -> str:
    """Text that stays one line, whatever was quoted in it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def load(model: type[Model], file: Path | None, overrides: Sequence[str] = ()) -> Model:
    """Read a configuration.

    Args:
        model: what it is checked by.
        file: YAML file; None for the model's defaults. Paths in it are relative to it.
        overrides: words of the command line, ``--any.key value`` or ``--any.key=value``, values as in YAML; paths among
            them are relative to the working directory.

    Raises:
        ConfigError: the file cannot be read, or something in it or on the command line is not allowed.
    """
    values: dict[str, Any] = {}
    origins: dict[KeyPath, str] = {}
    if file is not None:
        values = _read(file, origins)
    for key, text in _overrides(model, overrides):
        _override(model, values, origins, key, text)
    base = file.parent.resolve() if file is not None else None
    try:
        return model.model_validate(values, context={BASE: base})
    except ValidationError as error:
        where = str(file) if file is not None else _COMMAND_LINE if overrides else "defaults"
        lines = [error_line(model, one, where, origins) for one in error.errors()]
        rest = len(lines) - _MAX_LINES
        raise ConfigError(lines[:_MAX_LINES] + ([f"{where}: and {rest} more errors"] if rest > 0 else [])) from None


def render(config: BaseModel) -> str:
    """A configuration as YAML with a comment a key, which `load` reads again."""
    plain = config.model_dump(mode="json")
    title = (type(config).__doc__ or "").splitlines()[0].rstrip(".")
    lines = [
        f"# {title.replace('``', '')}.",
        "# Paths are relative to this file; on the command line: --section.key value",
    ]
    for name, field in type(config).model_fields.items():
        lines += ["", *_section(name, field, getattr(config, name), plain[name], 0)]
    return "\n".join(lines) + "\n"


# the file


def _read(file: Path, origins: dict[KeyPath, str]) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{file}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: not UTF-8 text (byte {error.start})"]) from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError([f"{file}{_yaml_problem(error)}"]) from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError([f"{file}: allowed are sections of keys, such as 'log:' and below it '  level: info'"])
    try:
        found: dict[str, Any] = _value(node, (), str(file), origins, 0)
    except RecursionError:
        raise ConfigError([f"{file}: an alias that contains itself"]) from None
    return found


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f":{mark.line + 1}" if mark is not None else ""
    return f"{where}: not YAML: {getattr(error, 'problem', None) or ' '.join(str(error).split())}"


def _value(node: yaml.Node, path: KeyPath, file: str, origins: dict[KeyPath, str], depth: int) -> Any:
    """Text, None, lists and dictionaries of a node; where each was written is noted in ``origins``."""
    where = f"{file}:{node.start_mark.line + 1}"
    origins[path] = where
    if depth > 20:
        raise ConfigError([f"{where}: more than 20 levels"])
    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value in _NULLS else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, i), file, origins, depth + 1) for i, item in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value).replace("-", "_")
        line = f"{file}:{key.start_mark.line + 1}"
        if name in found:
            raise ConfigError([f"{line}: {dotted((*path, name))} is there twice"])
        found[name] = _value(value, (*path, name), file, origins, depth + 1)
        origins[(*path, name)] = line
    return found


# the command line


def _overrides(model: type[BaseModel], words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Keys and values; a switch without a value is true."""
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("--") or len(word) < 3:
            raise ConfigError([f"{_COMMAND_LINE}: {word!r}: allowed are --section.key value"])
        key, equals, value = word[2:].partition("=")
        if equals:
            yield key, value
        elif left and not left[0].startswith("--"):
            yield key, left.pop(0)
        elif _is_switch(model, key):
            yield key, "true"
        else:
            raise ConfigError([f"{_COMMAND_LINE}: --{key} needs a value"])


def _override(model: type[BaseModel], values: dict[str, Any], origins: dict[KeyPath, str], key: str, text: str) -> None:
    path, field = _find(model, key)
    where = f"{_COMMAND_LINE}: --{key}"
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        node = None  # such as *.csv or a lone bracket: text
    # "key: value" inside a value is text: only what starts with a bracket is more than a scalar
    structured = (
        node is not None and not isinstance(node, yaml.ScalarNode) and text.lstrip().startswith(("[", "{", "-"))
    )
    value: Any = text
    if structured:
        assert node is not None
        inner: dict[KeyPath, str] = {}
        value = _value(node, path, "", inner, 0)
    elif text.strip() in _NULLS and text.strip():
        value = None
    elif isinstance(node, yaml.ScalarNode) and node.style is not None:
        value = node.value  # quoted
    if field is not None and is_path(field) and isinstance(value, str) and "://" not in value and value != ":memory:":
        value = str(Path(value).expanduser().absolute())
    section = values
    for name in path[:-1]:
        inside = section.get(str(name))
        if not isinstance(inside, dict):
            inside = section[str(name)] = {}
        section = inside
    section[str(path[-1])] = value
    for known in [known for known in origins if known[: len(path)] == path]:
        del origins[known]
    origins[path] = where


def _find(model: type[BaseModel], key: str) -> tuple[KeyPath, FieldInfo | None]:
    """A key as it is written on the command line.

    Raises:
        ConfigError: there is none.
    """
    path: list[str] = []
    inside: type[BaseModel] | None = model
    field = None
    for part in key.split("."):
        name = part.replace("-", "_")
        if inside is None or name not in inside.model_fields:
            known = [".".join(one) for one in leaves(model)]
            raise ConfigError([f"{_COMMAND_LINE}: --{key} is no key; {suggestion(key.replace('-', '_'), known)}"])
        field = inside.model_fields[name]
        path.append(name)
        inside = model_of(field)
    return tuple(path), field


def _is_switch(model: type[BaseModel], key: str) -> bool:
    _, field = _find(model, key)
    return field is not None and field.annotation is bool


# writing


def _section(name: str, field: FieldInfo, value: Any, plain: Any, indent: int) -> list[str]:
    """Lines of a key or of a section; ``plain`` is the value in what YAML has."""
    pad = " " * indent
    if not isinstance(value, BaseModel):
        if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            items = [_dump(one.model_dump(mode="json", exclude_defaults=True)) for one in value]
            return [f"{pad}# {field.description}", f"{pad}{name}:", *(f"{pad}  - {item}" for item in items)]
        return _key(name, field, plain, pad)
    inner = type(value).model_fields
    if indent and len(inner) <= 2:  # the same for each layer: on one line
        return [f"{pad}{name}: {_dump(plain)}"]
    doc = (type(value).__doc__ or "").splitlines()[0]
    lines = [f"{pad}# {doc}", f"{pad}{name}:"]
    for key, one in inner.items():
        lines += _section(key, one, getattr(value, key), plain[key], indent + 2)
    return lines


def _key(name: str, field: FieldInfo, plain: Any, pad: str) -> list[str]:
    comment = f"# {field.description}"
    line = f"{pad}{name}: {_dump(plain)}"
    joined = f"{line:<{_COMMENT_COLUMN}} {comment}" if len(line) < _COMMENT_COLUMN else f"{line}  {comment}"
    return [joined] if len(joined) <= _WIDTH else [f"{pad}{comment}", line]


def _dump(plain: Any) -> str:
    if isinstance(plain, str) and plain.startswith("0x"):
        return plain
    text = yaml.safe_dump(plain, default_flow_style=True, width=1 << 16, sort_keys=False)
    return text.removesuffix("\n").removesuffix("...").removesuffix("\n")
