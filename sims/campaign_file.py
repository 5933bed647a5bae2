"""Campaign files: named sweeps, each a set of parameters of which some are lists, in YAML.

The file is read by ``picocell.config.load(CampaignFile, path)``; every value arrives as text, and the kind of link says
what it means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from picocell.sims.campaign import Campaign, expand, make_points
from picocell.sims.command import at_eb_n0, numbers, sweep
from picocell.sims.point import Point
from picocell.sims.registry import point_class
from picocell.sims.stats import StoppingRule

EB_N0: Final = "eb_n0_db"
"""May be given in place of ``snr_db``."""

_RANGE: Final = ("first", "last", "step")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789-_"
_BOOLS: Final = {"true": True, "yes": True, "false": False, "no": False}

KindName = Literal["downlink", "uplink", "pbch", "pdcch", "pucch", "prach", "coding"]
Metric = Literal["bler_1", "residual_bler", "throughput_percent", "throughput_mbps"]


def _file_name(value: str) -> str:
    if not value or set(value) - set(_LETTERS) or value == "results":
        raise ValueError(f"allowed are names of files in lower case: {_LETTERS[0]}-z, 0-9, - and _, but not 'results'")
    return value


Name = Annotated[str, AfterValidator(_file_name)]
Errors = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=10)]
Confidence = Annotated[float, Field(gt=0, lt=1)]
Subframes = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


class _Section(BaseModel):
    """Keys of one section; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Sweep(_Section):
    """One sweep: every combination of its parameters is a point."""

    name: Name = Field(description="name of its files")
    kind: KindName = Field(description="kind of link")
    title: str = Field("", description="heading in the report")
    text: str = Field("", description="a paragraph below it")
    parameters: dict[str, Any] = Field(description="of the points: a value, a list, 9-12, or first, last and step")
    subframes: Subframes | None = Field(None, description="subframes (trials) a point at most")
    errors: Errors | None = Field(None, description="errors after which a point is done; 0: never")
    precision: Share | None = Field(None, description="done when the interval is narrower than this share; 0: never")
    confidence: Confidence | None = Field(None, description="level of the intervals")
    seed: Seed | None = Field(None, description="of everything random")
    plots: tuple[Metric, ...] = Field((), description="figures drawn over the SNR; what fits if empty")

    @model_validator(mode="before")
    @classmethod
    def _read_parameters(cls, values: Any) -> Any:
        """Give the parameters their types, and refuse those that the kind does not have."""
        if not isinstance(values, dict) or not isinstance(values.get("parameters"), dict):
            return values
        if values.get("kind") not in get_args(KindName):
            return values  # refused as that
        return {**values, "parameters": _parameters(values["kind"], values["parameters"])}

    def points(self) -> list[Point]:
        """Its points, the SNR running fastest.

        Raises:
            ValueError: parameters that do not go together.
        """
        return _points(self.kind, self.parameters)


class CampaignFile(_Section):
    """A campaign of link simulations."""

    title: str = Field("Link simulations", description="of the report")
    text: str = Field("", description="a paragraph below it")
    seed: Seed = Field(1, description="of everything random")
    subframes: Subframes = Field(1000, description="subframes (trials) a point at most")
    errors: Errors = Field(200, description="errors after which a point is done; 0: never")
    precision: Share = Field(0.0, description="done when the interval is narrower than this share; 0: never")
    confidence: Confidence = Field(0.95, description="level of the intervals")
    sweeps: tuple[Sweep, ...] = Field(description="what is simulated, one after the other")

    @model_validator(mode="after")
    def _check_sweeps(self) -> "CampaignFile":
        if not self.sweeps:
            raise ValueError("sweeps is empty: a campaign has one or more")
        names = [one.name for one in self.sweeps]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sweeps are named {', '.join(twice)}")
        return self

    def only(self, names: Sequence[str]) -> "CampaignFile":
        """The same with some of the sweeps.

        Raises:
            ValueError: a name that no sweep has.
        """
        known = [one.name for one in self.sweeps]
        for name in names:
            if name not in known:
                raise ValueError(f"there is no sweep {name!r}: use {', '.join(known)}")
        return self.model_copy(update={"sweeps": tuple(one for one in self.sweeps if one.name in names)})

    def rule(self, one: Sweep) -> StoppingRule:
        """When a point of a sweep is done."""
        names = ("subframes", "errors", "precision", "confidence")
        own = [getattr(one, name) if getattr(one, name) is not None else getattr(self, name) for name in names]
        return StoppingRule(*own)

    def campaign(self, one: Sweep) -> Campaign:
        """What is to be run of a sweep.

        Raises:
            ValueError: points that cannot be simulated, with the name of the sweep.
        """
        try:
            return Campaign(one.points(), seed=self.seed if one.seed is None else one.seed, rule=self.rule(one))
        except ValueError as error:
            raise ValueError(f"sweep {one.name}: {error}") from error


# values


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A parameter that is not allowed."""

    key: str
    value: Any
    text: str


def _parameters(kind_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a kind with their types.

    Raises:
        ValidationError: what is wrong, by key.
    """
    cls = point_class(kind_name)
    hints = {f.name: get_type_hints(cls)[f.name] for f in fields(cls)}
    hints[EB_N0] = float
    found: dict[str, Any] = {}
    wrong: list[_Wrong] = []
    for key, value in given.items():
        if key not in hints:
            near = get_close_matches(key, hints, n=3, cutoff=0.5)
            meant = f"is {' or '.join(near)} meant?" if near else f"allowed are {', '.join(hints)}"
            wrong.append(_Wrong(key, value, f"{kind_name} has no such parameter; {meant}"))
            continue
        try:
            found[key] = _several(key, value, hints[key])
        except ValueError as error:
            wrong.append(_Wrong(key, value, str(error)))
    if not wrong:
        if (EB_N0 in found) == ("snr_db" in found):
            wrong.append(_Wrong("", given, f"one of snr_db and {EB_N0} is needed"))
        else:
            wrong += _refused(kind_name, found)
    if wrong:
        errors = [
            InitErrorDetails(
                type=PydanticCustomError("value_error", "{error}", {"error": one.text}),
                loc=("parameters", one.key) if one.key else ("parameters",),
                input=one.value,
            )
            for one in wrong
        ]
        raise ValidationError.from_exception_data("parameters", errors)
    return found


def _refused(kind_name: str, parameters: Mapping[str, Any]) -> list[_Wrong]:
    """What a point's class refuses, by the parameter that it names first."""
    try:
        _points(kind_name, parameters)
    except ValueError as error:
        text = str(error)
        key = next((name for name in parameters if text.startswith(f"{name} ")), "")
        if not key:  # some say "channel profile X" or "redundancy version 4"
            key = next((n for n, v in parameters.items() if isinstance(v, str | list) and _quoted(v, text)), "")
        return [_Wrong(key, parameters, text)]
    return []


def _quoted(value: str | list[Any], text: str) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and one and one.upper() in text.upper() for one in values)


def _points(kind_name: str, parameters: Mapping[str, Any]) -> list[Point]:
    if EB_N0 not in parameters:
        return make_points(kind_name, parameters)
    shapes = {name: value for name, value in parameters.items() if name != EB_N0}
    values = expand({EB_N0: parameters[EB_N0]})
    sets = at_eb_n0(kind_name, shapes, [one[EB_N0] for one in values])
    return [point for one in sets for point in make_points(kind_name, one)]


def _several(key: str, value: Any, hint: Any) -> Any:
    """A value, or a list of them, of a type.

    Raises:
        ValueError: what is allowed.
    """
    if value is None:
        raise ValueError("allowed are a value or a list of values")
    if get_origin(hint) is tuple:
        return _sequences(value)
    if isinstance(value, dict):
        return _range(value, hint)
    if isinstance(value, list):
        if not value:
            raise ValueError("allowed is a list of one value or more")
        return [one for item in value for one in _as_list(_several(key, item, hint))]
    if isinstance(value, str) and hint in (int, float) and ("," in value or "-" in value[1:]):
        return numbers(key, value) if hint is int else sweep(key, value, 0.0, 1.0)
    if isinstance(value, str) and hint is str and "," in value:
        return [part.strip() for part in value.split(",")]
    return _one(value, hint)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _one(value: Any, hint: Any) -> Any:
    """A single value of a type."""
    if hint is bool:
        if isinstance(value, str) and value.lower() in _BOOLS:
            return _BOOLS[value.lower()]
        if not isinstance(value, bool):
            raise ValueError("allowed are true and false")
        return value
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    try:
        return adapter.validate_python(value if hint is not str else str(value))
    except ValidationError:
        numeric = "whole numbers" if hint is int else "numbers"
        raise ValueError(f"allowed are {numeric}, lists of them, or first, last and step") from None


def _sequences(value: Any) -> Any:
    """Redundancy versions: a list, or a list of lists of which each is a value."""
    items = value if isinstance(value, list) else str(value).split(",")
    if any(isinstance(item, list) for item in items):
        return [_sequences(item) for item in items]
    try:
        return tuple(int(item) for item in items)
    except (TypeError, ValueError):
        raise ValueError("allowed are lists of whole numbers such as [0, 2, 3, 1], or a list of such lists") from None


def _range(value: dict[str, Any], hint: Any) -> list[Any]:
    """``{first: -4, last: 12, step: 0.5}``."""
    if hint not in (int, float) or set(value) - set(_RANGE) or not {"first", "last"} <= set(value):
        raise ValueError("allowed are values, lists, or for numbers {first: -4, last: 12, step: 0.5}")
    first, last, step = (float(_one(value.get(name, 1), float)) for name in _RANGE)
    if last < first or step <= 0:
        raise ValueError("allowed are ranges whose last is not below the first, in steps above 0")
    found = [round(one, 9) for one in sweep("range", repr(first), last - first, step)]
    return found if hint is float else [_one(one, int) for one in found]


def metrics(one: Sweep, rounds: int) -> tuple[str, ...]:
    """What is drawn of a sweep: what it asks for, else what says most of so many HARQ rounds."""
    return one.plots or (("bler_1",) if rounds == 1 else ("throughput_percent", "bler_1"))
