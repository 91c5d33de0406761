"""Logs, alarms, dashboards and budgets."""

from __future__ import annotations

import json

from pipelines.local.aws import ACCOUNT, REGION, Json
from pipelines.local.stacks.calls import Calls
from pipelines.local.stacks.kinds import Kind, Made, Wanted


def _create_log_group(calls: Calls, wanted: Wanted) -> Made:
    calls("logs", "CreateLogGroup", logGroupName=wanted.name, **wanted.some("KmsKeyId"), tags=dict(wanted.tags))
    return Made(wanted.name, {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{wanted.name}:*"})


def _settle_log_group(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    days = wanted.get("RetentionInDays")
    if days is not None:
        calls("logs", "PutRetentionPolicy", logGroupName=made.physical_id, retentionInDays=days)
    elif "RetentionInDays" in before:
        calls.remove("logs", "DeleteRetentionPolicy", logGroupName=made.physical_id)


def _put_alarm(calls: Calls, name: str, wanted: Wanted) -> None:
    calls("cloudwatch", "PutMetricAlarm", AlarmName=name, **wanted.but("AlarmName"), Tags=wanted.tag_list)


def _create_alarm(calls: Calls, wanted: Wanted) -> Made:
    _put_alarm(calls, wanted.name, wanted)
    return Made(wanted.name, {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{wanted.name}"})


def _settle_alarm(calls: Calls, made: Made, wanted: Wanted, before: Json) -> None:
    if before:
        _put_alarm(calls, made.physical_id, wanted)


def _settle_dashboard(calls: Calls, made: Made, wanted: Wanted, _before: Json) -> None:
    body = wanted.get("DashboardBody")
    text = body if isinstance(body, str) else json.dumps(body)
    calls("cloudwatch", "PutDashboard", DashboardName=made.physical_id, DashboardBody=text)


def _delete_dashboard(calls: Calls, made: Made, _: Json) -> None:
    calls.remove("cloudwatch", "DeleteDashboards", DashboardNames=[made.physical_id])


def _create_budget(calls: Calls, wanted: Wanted) -> Made:
    budget = {"BudgetName": wanted.name, **wanted.get("Budget", {})}
    notified = wanted.get("NotificationsWithSubscribers", [])
    calls("budgets", "CreateBudget", AccountId=ACCOUNT, Budget=budget, NotificationsWithSubscribers=notified)
    return Made(budget["BudgetName"])


def _delete_budget(calls: Calls, made: Made, _: Json) -> None:
    calls.remove("budgets", "DeleteBudget", AccountId=ACCOUNT, BudgetName=made.physical_id)


KINDS = {
    "AWS::Logs::LogGroup": Kind(
        _create_log_group,
        lambda calls, made, _: calls.remove("logs", "DeleteLogGroup", logGroupName=made.physical_id),
        _settle_log_group,
        fixed=frozenset({"LogGroupClass"}),
        named="LogGroupName",
        longest_name=512,
    ),
    "AWS::CloudWatch::Alarm": Kind(
        _create_alarm,
        lambda calls, made, _: calls.remove("cloudwatch", "DeleteAlarms", AlarmNames=[made.physical_id]),
        _settle_alarm,
        named="AlarmName",
        longest_name=255,
    ),
    "AWS::CloudWatch::Dashboard": Kind(
        lambda _, wanted: Made(wanted.name),
        _delete_dashboard,
        _settle_dashboard,
        named="DashboardName",
        longest_name=255,
    ),
    "AWS::Budgets::Budget": Kind(_create_budget, _delete_budget, longest_name=100),
}
