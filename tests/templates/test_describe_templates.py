"""Do the templates say all about their parameters, as Dataflow understands it?"""

import argparse
import json
import re
from typing import Any

import pytest
from google.cloud.dataflow_v1beta3.types import ContainerSpec, ParameterType, TemplateMetadata

from pipelines import describe_templates
from pipelines.describe_templates import FOLDER, IMAGE, TEMPLATES, Template, container_spec
from pipelines.options import stream_flags
from pipelines.options.batch_options import parse_batch_options
from pipelines.options.flags import FlagParser, UsageError, build_parser
from pipelines.options.stream_options import parse_stream_options
from pipelines.options.template_parameters import UndescribedOptionError, kind_of

EACH = pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
KEY = "projects/p/secrets/k/versions/3"
USUAL = {
    "batch": {"input": "gs://school-raw/events/**", "warehouse": "bq://school-prod.lms"},
    "streaming": {
        "pubsub_subscription": "projects/p/subscriptions/events",
        "warehouse": "gs://school-warehouse/lms",
        "raw_zone": "gs://school-raw",
        "live_store": "redis://10.0.0.3:6379",
        "kafka_options_file": KEY,
    },
}
WRONG = {
    "input": ["events/*.jsonl", "gs://", "gs://bucket", "gs://a/b gs://c/d"],
    "warehouse": ["warehouse", "bq://", "bq://Project", "gs://x"],
    "start_date": ["16.11.2025", "2025-13-01", "2025-1-1"],
    "session_gap_seconds": ["0", "-5", "nan", "thirty"],
    "max_age_days": ["1.5", "-1"],
    "split_on": ["shoes", "device,", "device;login"],
    "pseudonym_key_secret": ["my-secret", "projects/p/secrets/k", "0123456789abcdef"],
    "pubsub_subscription": ["events", "projects/p/topics/events"],
    "kafka_bootstrap_servers": ["kafka", "kafka:", "kafka:9092 kafka2:9092"],
    "idle_partition_seconds": ["always"],
    "live_store": ["10.0.0.3:6379", "redis://user:password@host:6379"],
    "catalog": ["catalog.csv", "gs://bucket"],
    "raw_zone": ["/raw", "gs://school raw"],
    "reporting_timezone": ["Europe Berlin", "+01:00"],
    "kafka_options_file": ["/etc/kafka.properties"],
}


def _parameters(template: Template) -> dict[str, dict[str, Any]]:
    return {p["name"]: p for p in container_spec(template)["metadata"]["parameters"]}


def _accepts(parameter: dict[str, Any], value: str) -> bool:
    options = [option["value"] for option in parameter.get("enumOptions", [])]
    is_option = not options or value in options
    return is_option and all(re.fullmatch(regex, value) for regex in parameter.get("regexes", []))


@EACH
def test_stored_spec_is_the_one_that_the_options_give(template: Template) -> None:
    assert describe_templates.main(["--check"]) == 0
    assert json.loads((FOLDER / f"{template.name}.json").read_text()) == container_spec(template)


def test_spec_that_is_out_of_date_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(describe_templates, "FOLDER", tmp_path)
    assert describe_templates.main(["--check"]) == 1
    assert "batch.json is out of date" in capsys.readouterr().err
    assert describe_templates.main([]) == describe_templates.main(["--check"]) == 0


@EACH
def test_protocol_of_dataflow_knows_all_that_the_spec_says(template: Template) -> None:
    said = container_spec(template)
    spec = ContainerSpec.from_json(json.dumps(said), ignore_unknown_fields=False)
    assert spec.sdk_info.language.name == "PYTHON"
    assert spec.image == spec.default_environment.sdk_container_image == IMAGE
    assert spec.metadata.streaming == spec.metadata.supports_exactly_once
    assert spec.metadata.streaming == (template.name == "streaming")
    assert not spec.metadata.supports_at_least_once
    assert spec.default_environment.ip_configuration.name == "WORKER_IP_PRIVATE"
    assert all(p.name and p.label and p.help_text for p in spec.metadata.parameters)
    assert all(p.param_type != ParameterType.DEFAULT for p in spec.metadata.parameters)
    again = ContainerSpec.to_dict(spec, including_default_value_fields=False)
    assert len(again["metadata"]["parameters"]) == len(said["metadata"]["parameters"])


def test_protocol_refuses_what_it_does_not_know() -> None:
    with pytest.raises(Exception, match="nonsense"):
        TemplateMetadata.from_json('{"name": "x", "nonsense": true}', ignore_unknown_fields=False)


@EACH
def test_every_option_is_a_parameter_or_left_out_for_a_reason(template: Template) -> None:
    options = {a.dest for a in template.parser._actions if a.dest != "help"}
    assert _parameters(template).keys() | template.left_out.keys() == options
    assert not _parameters(template).keys() & template.left_out.keys()
    assert all(template.left_out.values())


@EACH
def test_defaults_are_what_the_programs_assume(template: Template) -> None:
    found = {n: p["defaultValue"] for n, p in _parameters(template).items() if "defaultValue" in p}
    assert found["session_gap_seconds"] == "1800"
    assert all(_accepts(_parameters(template)[name], value) for name, value in found.items())
    given = [f"--{name}={value}" for name, value in (USUAL[template.name] | found).items()]
    parse = parse_batch_options if template.name == "batch" else parse_stream_options
    without = [f"--{name}={value}" for name, value in USUAL[template.name].items()]
    runner = "--runner=DataflowRunner"
    assert parse([*given, runner]) == parse([*without, runner])


@EACH
def test_usual_values_are_accepted(template: Template) -> None:
    known = _parameters(template)
    usual = USUAL[template.name] | {"pseudonym_key_secret": KEY, "reporting_timezone": "Asia/Tokyo"}
    usual |= {"catalog": "gs://school-raw/catalog.csv", "split_on": "login,device"}
    assert [name for name, value in usual.items() if not _accepts(known[name], value)] == []


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in WRONG.items() for v in vs])
def test_wrong_value_is_refused_before_a_machine_is_started(name: str, value: str) -> None:
    found = [p[name] for p in map(_parameters, TEMPLATES) if name in p]
    assert found
    assert not any(_accepts(parameter, value) for parameter in found)


@pytest.mark.parametrize("name", ["session_gap_seconds", "max_age_days", "split_on", "start_date"])
def test_template_refuses_what_the_program_refuses(name: str) -> None:
    usual = [f"--{option}={value}" for option, value in USUAL["batch"].items()]
    for value in WRONG[name]:
        if (name, value) != ("split_on", "device,"):
            with pytest.raises(UsageError):
                parse_batch_options([*usual, f"--{name}={value}", "--end_date=2025-12-31"])


def test_only_the_key_and_what_programs_ask_for_is_needed() -> None:
    for template in TEMPLATES:
        needed = {n for n, p in _parameters(template).items() if not p["isOptional"]}
        asked = {a.dest for a in template.parser._actions if a.required}
        assert needed == asked | {"pseudonym_key_secret"}


def test_option_of_an_unknown_kind_is_an_error_that_says_where_to_describe_it() -> None:
    parser = argparse.ArgumentParser()
    action = parser.add_argument("--colour", type=complex)
    with pytest.raises(UndescribedOptionError, match="template_parameters"):
        kind_of(action)


@pytest.mark.parametrize(("text", "is_on"), [("", True), ("=true", True), ("=false", False)])
def test_switch_is_understood_as_templates_spell_it(text: str, is_on: bool) -> None:
    parser = build_parser()
    needed = ["--input=a", "--warehouse=b"]
    assert parser.parse_args([*needed, f"--force{text}"]).force is is_on
    assert parser.parse_args(needed).force is False
    assert stream_flags.build_parser().parse_args(["--warehouse=b"]).from_scratch is False
    with pytest.raises(UsageError):
        _parse(parser, *needed, "--force=perhaps")


def _parse(parser: FlagParser, *arguments: str) -> argparse.Namespace:
    return parser.parse_args(arguments)
