"""Selective executions: which steps may be run alone, and what they take over from an earlier execution."""

from __future__ import annotations

from pipelines.local.aws import Json, invalid
from pipelines.local.definitions.definition import Definition
from pipelines.local.executions.records import Execution
from pipelines.local.executions.runs import StepRun


def check_selection(definition: Definition, selection: Json, source: Execution | None) -> None:
    """Check a SelectiveExecutionConfig.

    Args:
        definition: what is to be run.
        selection: the configuration.
        source: the execution that it names as the one to take results from, if it does.

    Raises:
        ApiError: a step is not one, steps between selected ones are missing, or their inputs are not in the source.
    """
    selected = {each["StepName"] for each in selection["SelectedSteps"]}
    unknown = selected - set(definition.steps)
    if unknown:
        raise invalid(f"Invalid SelectedSteps: the pipeline has no steps {_list(unknown)}.")
    _check_connected(definition, selected)
    needed = _needed(definition, selected)
    if source is None:
        if needed:
            raise invalid(
                "Invalid SourcePipelineExecutionArn: null. "
                f"The selected steps {_list(selected)} have dependencies on {_list(needed)}"
            )
        return
    if not source.ended.is_set():
        raise invalid(f"Invalid SourcePipelineExecutionArn: {source.arn}. The execution has not ended yet.")
    absent = {name for name in needed if not _succeeded(source, name)}
    if absent:
        raise invalid(
            f"Invalid SourcePipelineExecutionArn: {source.arn}. The selected steps {_list(selected)} have "
            f"dependencies on {_list(absent)}, which did not succeed there."
        )
    _check_branches(definition, selected, source)


def reused_runs(execution: Execution, source: Execution) -> dict[str, StepRun]:
    """The steps of the source on which selected steps build, as runs of this execution."""
    runs = {}
    for name in sorted(_needed(execution.definition, execution.selected)):
        earlier = source.runs[name]
        runs[name] = StepRun(execution.definition.steps[name], "Succeeded", earlier.started, earlier.ended)
        runs[name].result_of(earlier.result())
        runs[name].reused_from = source.arn
    return runs


def _needed(definition: Definition, selected: set[str] | frozenset[str]) -> set[str]:
    """Steps that are not selected, but for which selected ones wait."""
    nodes = [node for node in definition.nodes if node.step.name in selected]
    return {name for node in nodes for name in node.waits_for} - selected


def _check_connected(definition: Definition, selected: set[str]) -> None:
    """Refuse a step that is left out although it stands on a path between two that are selected."""
    above = _ancestors(definition)
    for name in set(definition.steps) - selected:
        below = {each for each in selected if name in above[each]}
        if below and above[name] & selected:
            raise invalid(
                f"Invalid SelectedSteps: all steps on the paths between two selected steps must be selected, "
                f"but '{name}' is not; it stands between {_list(above[name] & selected)} and {_list(below)}."
            )


def _ancestors(definition: Definition) -> dict[str, set[str]]:
    """For each step the steps that precede it, at any distance."""
    nodes = {node.step.name: node for node in definition.nodes}
    above: dict[str, set[str]] = {}

    def climb(name: str) -> set[str]:
        if name not in above:
            above[name] = set(nodes[name].waits_for).union(*(climb(each) for each in nodes[name].waits_for))
        return above[name]

    for name in nodes:
        climb(name)
    return above


def _check_branches(definition: Definition, selected: set[str], source: Execution) -> None:
    for node in definition.nodes:
        alone = node.step.name in selected and node.condition is not None and node.condition not in selected
        if alone and source.runs[node.condition or ""].outcome != node.branch:
            raise invalid(
                f"Invalid SelectedSteps: '{node.step.name}' stands in a branch of the condition '{node.condition}' "
                f"that was not taken in {source.arn}; select the condition too."
            )


def _succeeded(source: Execution, name: str) -> bool:
    run = source.runs.get(name)
    return run is not None and run.status == "Succeeded"


def _list(names: set[str] | frozenset[str]) -> str:
    return f"[{', '.join(sorted(names))}]"
