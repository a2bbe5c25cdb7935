"""How does Dataflow describe an option? As a parameter with a type and what it may be."""

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.options import flags, stream_flags
from pipelines.options.secret_manager import NAME
from transforms.options import SPLITS

_GS = r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_FOLDER = rf"^{_GS}(/[^,\s]+)?/?$"
_FILE = rf"^{_GS}/[^,\s]+$"
_ITEM = r"[A-Za-z0-9._-]+"
_ANY_OF = "|".join(SPLITS)


@dataclass(frozen=True)
class Kind:
    """A type of Dataflow's parameters, and regular expressions that values must match whole."""

    name: str
    regexes: tuple[str, ...] = ()


_BY_TYPE: Mapping[Any, Kind] = {
    flags.boolean: Kind("BOOLEAN"),
    flags.count: Kind("NUMBER", (r"^[0-9]+$",)),
    flags.positive: Kind("NUMBER", (r"^[0-9]*\.?[0-9]*[1-9][0-9]*(\.0*)?$",)),
    flags.not_negative: Kind("NUMBER", (r"^[0-9]+(\.[0-9]+)?$",)),
    flags.date: Kind("TEXT", (r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",)),
    flags.split_list: Kind("TEXT", (rf"^{_ITEM}(,{_ITEM})*$",)),
}
"""What the function that reads a value says about it."""
_BY_NAME: Mapping[str, Kind] = {
    "input": Kind("TEXT", (rf"^{_GS}/[^,\s]*(,{_GS}/[^,\s]*)*$",)),
    "warehouse": Kind(
        "TEXT", (rf"^({_GS}(/[^,\s]+)?|bq://[a-z][a-z0-9-]{{4,28}}[a-z0-9](\.[A-Za-z]\w*)?)/?$",)
    ),
    "staging": Kind("GCS_WRITE_FOLDER", (_FOLDER,)),
    "raw_zone": Kind("GCS_WRITE_FOLDER", (_FOLDER,)),
    "pseudonym_key_secret": Kind("TEXT", (f"^{NAME}$",)),
    "split_on": Kind("TEXT", (rf"^({_ANY_OF})(,({_ANY_OF}))*$",)),
    "reporting_timezone": Kind("TEXT", (r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",)),
    "pubsub_subscription": Kind(
        "PUBSUB_SUBSCRIPTION",
        (r"^projects/[^/,\s]+/subscriptions/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$",),
    ),
    "kafka_bootstrap_servers": Kind("TEXT", (r"^[^,:\s]+:[0-9]+(,[^,:\s]+:[0-9]+)*$",)),
    "kafka_group": Kind("TEXT", (rf"^{_ITEM}$",)),
    "kafka_options": Kind("TEXT", (r"^[a-z0-9._]+=[^,]*(,[a-z0-9._]+=[^,]*)*$",)),
    "kafka_options_file": Kind("TEXT", (f"^{NAME}$",)),
    "start_from": Kind("TEXT", (r"^(committed|earliest|latest|[0-9]{4}-[0-9]{2}-[0-9]{2}T.+)$",)),
    "live_store": Kind("TEXT", (r"^rediss?://[^\s@]+$",)),
    "idle_partition_seconds": Kind("TEXT", (rf"^({stream_flags.NEVER}|[0-9]+(\.[0-9]+)?)$",)),
}
"""What is known of single options besides; it goes before what their type says."""
_IN_A_BUCKET = re.compile(r"FILE\.\w+")
"""`metavar` of options that name a file, which a template reads from a bucket."""


class UndescribedOptionError(Exception):
    """An option of which nobody said what kind of parameter it is."""


def parameters(
    parser: argparse.ArgumentParser, left_out: Mapping[str, str], needed: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """The parameters of a template, in the order of the options, as `ParameterMetadata` in JSON.

    `left_out`: options that the template does not have; `needed`: those it cannot do without,
    besides the ones that the parser asks for. Raises UndescribedOptionError.
    """
    groups = parser._action_groups[2:]  # the first two are argparse's own
    for title, action in ((g.title or "", a) for g in groups for a in g._group_actions):
        if action.dest not in left_out:
            yield _parameter(action, title, action.dest in needed)


def kind_of(action: argparse.Action) -> Kind:
    """The type of the parameter of an option. Raises UndescribedOptionError."""
    if action.dest in _BY_NAME:
        return _BY_NAME[action.dest]
    if action.choices:
        return Kind("ENUM")
    if isinstance(action.metavar, str) and _IN_A_BUCKET.fullmatch(action.metavar):
        return Kind("GCS_READ_FILE", (_FILE,))
    if action.type in _BY_TYPE:
        return _BY_TYPE[action.type]
    raise UndescribedOptionError(
        f"--{action.dest}: say in pipelines/options/template_parameters.py what kind of "
        "parameter it is, or in pipelines/describe_templates.py why templates do not have it"
    )


def _parameter(action: argparse.Action, group: str, is_needed: bool) -> dict[str, Any]:
    kind = kind_of(action)
    found: dict[str, Any] = {
        "name": action.dest,
        "label": _capital(action.dest.replace("_", " ")),
        "helpText": _capital(_help(action)),
        "isOptional": not (action.required or is_needed),
        "paramType": kind.name,
        "groupName": _capital(group),
    }
    if kind.regexes:
        found["regexes"] = list(kind.regexes)
    if action.choices:
        found["enumOptions"] = [{"value": str(c), "label": str(c)} for c in action.choices]
    if action.default not in (None, (), {}):
        found["defaultValue"] = _text(action.default)
    return found


def _help(action: argparse.Action) -> str:
    text = " ".join((action.help or "").split())
    example = (
        f" ({action.metavar})" if isinstance(action.metavar, str) and action.nargs != "?" else ""
    )
    return text.replace(" (%(default)s)", "") + example


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
