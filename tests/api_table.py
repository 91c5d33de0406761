"""Writes pipelines/local/API.md: each call and step type of the embedded SageMaker, and the test that exercises it.

`make api-table` runs the tests of tests/local with a recorder: a call counts for a test when the test itself made it
through boto3 or the SageMaker SDK, a step type when it stands in a definition that the test gave to the server.
"""

import json
import sys
import threading
from collections import defaultdict
from pathlib import Path

import botocore.client
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
TABLE = REPOSITORY / "pipelines" / "local" / "API.md"
HEAD = """# What the embedded SageMaker answers, and the test that shows it

Written by `make api-table` from a run of `tests/local`: what each test called through boto3 or the SageMaker SDK.
"""


class Recorder:
    """A pytest plugin that notes which test calls what, and how the test ends."""

    def __init__(self):
        self.tests = defaultdict(set)
        self.outcomes = {}
        self._test = None

    def pytest_configure(self):
        make_call = botocore.client.BaseClient._make_api_call

        def recorded(client, operation, parameters):
            answer = make_call(client, operation, parameters)  # what is refused is not noted
            if threading.current_thread() is threading.main_thread():  # the server's own calls come from its threads
                self.note(client.meta.service_model.service_name, operation, parameters)
            return answer

        botocore.client.BaseClient._make_api_call = recorded

    def note(self, service, operation, parameters):
        if self._test is None:
            return
        self.tests["call", service, operation].add(self._test)
        for step in step_types(parameters.get("PipelineDefinition")):
            self.tests["step type", "sagemaker", step].add(self._test)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        self._test = item.nodeid

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.failed:
            self.outcomes[report.nodeid] = report.outcome


def step_types(text):
    """The types of all steps of a definition; none where it is no definition."""
    try:
        waiting = list(json.loads(text)["Steps"])
        found = set()
        while waiting:
            step = waiting.pop()
            found.add(step["Type"])
            waiting += step["Arguments"].get("IfSteps", []) + step["Arguments"].get("ElseSteps", [])
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError):  # tests send broken ones on purpose
        return set()
    return found


def rows(recorder, kind):
    """A line for each thing of a kind: what it is, a test that passed with it, how many tests do."""
    for (of, service, name), tests in sorted(recorder.tests.items()):
        passed = sorted(test for test in tests if recorder.outcomes.get(test) == "passed")
        if of == kind and passed:
            file, _, test = passed[0].partition("::")
            yield f"| {service} | {name} | `{Path(file).relative_to('tests/local')}`: {test} | {len(passed)} passed |"


def main():
    recorder = Recorder()
    code = pytest.main([str(REPOSITORY / "tests" / "local"), "-q", "-m", "not benchmark"], plugins=[recorder])
    sections = [HEAD]
    for title, kind in (("Step types", "step type"), ("Calls", "call")):
        table = "\n".join(rows(recorder, kind))
        sections.append(f"## {title}\n\n| service | name | a test | tests |\n|---|---|---|---|\n{table}\n")
    TABLE.write_text("\n".join(sections))
    print(f"wrote {TABLE.relative_to(REPOSITORY)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
