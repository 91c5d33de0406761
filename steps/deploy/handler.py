"""An AWS Lambda function: has the endpoint answer with the latest approved version of a model package group.

It does not follow an event's wish but brings about what the registry says now, so that a repeated, late or overtaken
event does no harm. What takes long is begun and left alone; the endpoint's own event calls the function again.
"""

import logging
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import boto3

from steps.deploy.endpoint import Endpoint, create, find_endpoint, prepare, remove, update
from steps.deploy.occasion import Occasion
from steps.deploy.packages import Package, describing_tags, latest_approved, read_package
from steps.deploy.plan import Plan, make_plan
from steps.deploy.watching import put_alarms, put_scaling
from steps.deploy.wishes import Wishes

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes:
        State: waiting (for approval), deploying, live, busy (with another change), failed, or none.
        Message: the same in a sentence.
    """

    State: str
    Message: str


def handler(event: Any, _: Any) -> dict[str, str]:
    """Lambda calls this; the answer holds State and Message."""
    _log.setLevel(logging.INFO)
    outcome = Deployer(Wishes.from_environment(os.environ), boto3.Session()).act(Occasion.of(event))
    _log.info("%s: %s", outcome.State, outcome.Message)
    return asdict(outcome)


class Deployer:
    """Brings the endpoint to what the registry says.

    Args:
        wishes: how approved models should answer.
        session: makes the clients.
    """

    def __init__(self, wishes: Wishes, session: boto3.Session) -> None:
        self._wishes = wishes
        self._session = session
        self._sagemaker: SageMakerClient = session.client("sagemaker")

    def act(self, occasion: Occasion) -> Outcome:
        """Do what the occasion calls for, and begin at most one change of the endpoint."""
        wishes = self._wishes
        named = read_package(self._sagemaker, occasion.package) if occasion.package else None
        if named and named.group != wishes.group:
            return Outcome("none", f"{named.arn} is not of the group {wishes.group}, which alone is deployed")
        if named and named.status == "PendingManualApproval":
            return Outcome("waiting", f"version {named.version} of {wishes.group} is waiting for approval")
        approved = latest_approved(self._sagemaker, wishes.group)
        endpoint = find_endpoint(self._sagemaker, wishes.endpoint)
        if approved is None:
            return self._without_approved(endpoint)
        if endpoint is None or endpoint.status == "Deleting":
            if named is None or named.status != "Approved":
                return Outcome("none", f"there is no endpoint {wishes.endpoint}; the next approval creates it")
            return self._create(endpoint, approved)
        if endpoint.busy:
            return self._busy(endpoint)
        return self._bring(endpoint, approved, wanted=named is not None and named.arn == approved.arn)

    def _bring(self, endpoint: Endpoint, approved: Package, *, wanted: bool) -> Outcome:
        """Have a settled endpoint answer with the approved package.

        Args:
            endpoint: it stands still.
            approved: what it should answer with.
            wanted: whether somebody asked for this very package now, so that what failed is tried again.
        """
        plan = make_plan(self._wishes, approved)
        failed = endpoint.status == "Failed"
        if endpoint.config == plan.name and not failed:
            return self._keep(endpoint, plan)
        if endpoint.asked_for == plan.name and not wanted:
            return Outcome(
                "failed",
                f"version {plan.version} could not be put live on {endpoint.name}, which is {endpoint.status} with "
                f"{endpoint.config}; approve it again to try again. {endpoint.reason}".strip(),
            )
        return self._create(endpoint, approved) if failed else self._update(endpoint, approved, plan)

    def _create(self, earlier: Endpoint | None, approved: Package) -> Outcome:
        """Create the endpoint, in the place of one that has failed or is being deleted."""
        if earlier:
            remove(self._sagemaker, earlier)
        plan = self._prepared(approved)
        if create(self._sagemaker, self._wishes.endpoint, plan):
            return Outcome("deploying", f"the endpoint {self._wishes.endpoint} is created with {_words(plan)}")
        return Outcome("busy", f"the endpoint {self._wishes.endpoint} was created by another call at this moment")

    def _update(self, endpoint: Endpoint, approved: Package, plan: Plan) -> Outcome:
        self._prepared(approved)
        if update(self._sagemaker, endpoint, plan):
            return Outcome("deploying", f"the endpoint {endpoint.name} moves from {endpoint.config} to {_words(plan)}")
        return self._busy(endpoint)

    def _prepared(self, approved: Package) -> Plan:
        """The plan for a package, with all that it needs in place."""
        plan = make_plan(self._wishes, approved)
        prepare(self._sagemaker, plan, describing_tags(approved, self._session.client("s3")))
        if not self._wishes.serverless:
            put_alarms(self._session.client("cloudwatch"), self._wishes)
        return plan

    def _keep(self, endpoint: Endpoint, plan: Plan) -> Outcome:
        if not endpoint.serverless:
            put_scaling(self._session.client("application-autoscaling"), self._wishes)
        return Outcome("live", f"the endpoint {endpoint.name} answers with {_words(plan)}")

    def _without_approved(self, endpoint: Endpoint | None) -> Outcome:
        """Nothing may be deployed; an endpoint that answers is left to people, for whom no answer may be worse."""
        group = self._wishes.group
        if endpoint is None:
            return Outcome("none", f"no version of {group} is approved")
        return Outcome(
            "none",
            f"no version of {group} is approved any more; the endpoint {endpoint.name} goes on with {endpoint.config} "
            "until another version is approved or somebody deletes it",
        )

    def _busy(self, endpoint: Endpoint) -> Outcome:
        return Outcome(
            "busy", f"the endpoint {endpoint.name} is being changed; when that has ended, this function is called again"
        )


def _words(plan: Plan) -> str:
    return f"version {plan.version} ({plan.name})"
