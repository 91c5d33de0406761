"""The verb `validate`, what a preset may switch off, and that nothing faulty is put up."""

import os
import subprocess
import sys

import pytest

from pipelines.audit.definition import audit_config
from pipelines.audit.definition import compile_definition as compile_audit
from pipelines.checks.check import check, refuse_faulty
from pipelines.checks.rules import RULES
from pipelines.config import load_preset, parse_config, preset_names
from pipelines.definition import compile_definition
from pipelines.errors import PipelineError

MINIMAL = """
name = "some-pipeline"
[images]
processing = "p"
training = "t"
serving = "s"
[catalog]
source = "s3://{bucket}/photos"
"""


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_and_its_audit_keep_the_rules(preset: str) -> None:
    config = load_preset(preset).placed("111122223333", "eu-west-1")
    audit = audit_config(config)
    assert check(compile_definition(config, "eu-west-1"), config) == []
    assert check(compile_audit(audit, "eu-west-1"), audit) == []


@pytest.mark.parametrize(
    ("off", "message"),
    [
        ('spot-trainig = "cheap"', r"there is no rule 'spot-trainig'; rules are definition-form, .*spot-training"),
        ('spot-training = " "', r"the rule 'spot-training' is switched off without a reason: give one"),
        ("spot-training = false", r"field 'checks.off.spot-training' is False: Input should be a valid string"),
    ],
)
def test_an_unknown_rule_or_an_empty_reason_is_refused_when_the_preset_is_read(off: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        parse_config(f"{MINIMAL}[checks.off]\n{off}".encode(), "preset test")


def test_a_rule_that_is_switched_off_finds_nothing_and_the_others_still_do() -> None:
    content = f'{MINIMAL}[machines.train]\ninstance_type = "ml.g5.xlarge"\nspot = false\n'
    strict = parse_config(content.encode(), "test").placed("111122223333", "eu-west-1")
    text = f'{content}[checks.off]\nspot-training = "trainings are short"'
    lax = parse_config(text.encode(), "test").placed("111122223333", "eu-west-1")
    definition = compile_definition(strict, "eu-west-1")
    found, left = ({finding.rule for finding in check(definition, config)} for config in (strict, lax))
    assert found - left == {"spot-training"}
    assert "pinned-images" in left


def test_a_faulty_definition_is_refused_with_its_first_fault_and_the_number_of_others() -> None:
    config = parse_config(MINIMAL.encode(), "test").placed("111122223333", "eu-west-1")
    definition = compile_definition(config, "eu-west-1")
    with pytest.raises(PipelineError, match=r"breaks the rule processing-isolation: Catalog: .*, and \d+ more; `make"):
        refuse_faulty(definition, config)


def test_a_fault_of_the_pipeline_as_a_whole_is_told_without_a_step() -> None:
    config = load_preset("demo").placed("111122223333", "eu-west-1")
    with pytest.raises(PipelineError, match="breaks the rule definition-form: the definition is not JSON: "):
        refuse_faulty("nothing", config)


def validate(*words: str) -> subprocess.CompletedProcess[str]:
    """The verb in another process, which has neither credentials nor a home."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "COLUMNS": "200"}
    command = [sys.executable, "-m", "pipelines", "validate", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_the_verb_shows_what_is_off_and_how_many_rules_hold() -> None:
    done = validate("--preset", "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pipeline bin-counter-demo: no findings" in done.stdout
    assert "pipeline bin-counter-demo-audit: no findings" in done.stdout
    for name, reason in load_preset("demo").checks.off.items():
        assert f"{name:<22}{reason}" in done.stdout
    assert done.stdout.endswith(f"{len(RULES) - len(load_preset('demo').checks.off)} rules hold\n")


def test_the_verb_shows_each_finding_with_its_reason_and_fails() -> None:
    done = validate("--preset", "demo", "--region", "mars")
    assert done.returncode == 1
    assert "pipeline bin-counter-demo: 1 finding\n" in done.stdout
    assert "request-shape  Deploy  Invoke: 'arn:aws:lambda:mars:" in done.stdout
    assert RULES["request-shape"].reason[:60] in done.stdout
    assert "error: mend what was found, or switch a rule off with a reason under [checks.off]" in done.stderr


def test_all_rules_are_listed_with_their_reasons() -> None:
    done = validate("--rules")
    assert done.returncode == 0
    for rule in RULES.values():
        assert f"{rule.name}  " in done.stdout
        assert rule.reason[:60] in done.stdout


def test_the_checks_need_nothing_of_the_embedded_sagemakers_own() -> None:
    program = (
        "import sys; import pipelines.checks.rules;"
        "print(sorted({'moto', 're2', 'optuna', 'werkzeug', 'sagemaker'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
