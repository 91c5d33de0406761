"""The stack as it is put up, changed and taken away, in an embedded SageMaker that makes what it holds."""

import hashlib
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.stack.code import archive, function_files
from pipelines.stack.delete import delete_stack
from pipelines.stack.deploy import deploy_stack
from pipelines.stack.found import find_stack
from pipelines.target import Target
from steps.deploy.wishes import Wishes

Named = Callable[..., Config]
Said = Callable[[], str]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def test_the_first_deployment_makes_everything_and_the_second_nothing(
    target: Target, named: Named, console: Console, said: Said
) -> None:
    config = named("first")
    placed = deploy_stack(target, config, console)
    assert said().count("stack first") == 2  # created without functions, then with them, whose code lies in the bucket
    assert target.place(config) == placed
    assert placed.role.endswith(":role/first-pipeline")
    assert placed.jobs_role.endswith(":role/first-jobs")
    assert target.client("kms").describe_key(KeyId=placed.kms_key)["KeyMetadata"]["Enabled"]
    access = target.s3.get_public_access_block(Bucket=placed.bucket)["PublicAccessBlockConfiguration"]
    assert all(access.values())
    deploy_stack(target, config, console)
    assert said() == "stack first is as it should be\n"


def test_the_deploying_function_is_told_the_presets_settings_and_called_by_its_rules(
    target: Target, named: Named, console: Console
) -> None:
    config = named("told")
    placed = deploy_stack(target, config, console)
    assert config.deploy
    assert placed.deploy
    functions = target.client("lambda")
    described = functions.get_function_configuration(FunctionName=placed.deploy.function)
    wishes = Wishes.from_environment(described["Environment"]["Variables"])
    assert (wishes.group, wishes.endpoint, wishes.model_role) == ("told", config.deploy.endpoint, placed.jobs_role)
    assert (wishes.hosting, wishes.memory_mb) == (config.deploy.hosting, config.deploy.memory_mb)
    rules = {rule["Name"]: json.loads(rule["EventPattern"]) for rule in target.client("events").list_rules()["Rules"]}
    assert rules["told-decisions"]["detail"]["ModelPackageGroupName"] == ["told"]
    policy = json.loads(functions.get_policy(FunctionName=placed.deploy.function)["Policy"])
    sources = {each["Condition"]["ArnLike"]["AWS:SourceArn"].rpartition("/")[2] for each in policy["Statement"]}
    assert sources == {"told-decisions", "told-endpoint"}
    schedule = target.client("scheduler").get_schedule(Name="told-retrain")
    assert (schedule["State"], schedule["ScheduleExpression"]) == ("DISABLED", "rate(7 days)")
    changed = config.model_copy(update={"deploy": config.deploy.model_copy(update={"memory_mb": 3072})})
    deploy_stack(target, changed, console)
    described = functions.get_function_configuration(FunctionName=placed.deploy.function)
    assert Wishes.from_environment(described["Environment"]["Variables"]).memory_mb == 3072


def test_what_would_be_removed_is_told_and_stays_until_that_is_allowed(
    target: Target, named: Named, console: Console, said: Said
) -> None:
    deploy_stack(target, named("loses", api="key", vpc=True, alarm_email="a@example.com"), console)
    outputs = target.client("cloudformation").describe_stacks(StackName="loses")["Stacks"][0]["Outputs"]
    assert {"ApiUrl", "ApiKeySecret", "Subnets", "SecurityGroups"} <= {each["OutputKey"] for each in outputs}
    assert len(target.place(named("loses")).network.subnets) == 2
    said()
    without = named("loses", vpc=True, alarm_email="a@example.com")
    with pytest.raises(PipelineError, match=r"nothing was changed: .*AskFunction.* --yes"):
        deploy_stack(target, without, console)
    assert "remove   AskFunction (AWS::Lambda::Function)" in said()
    assert target.client("lambda").get_function(FunctionName="loses-ask")
    placed = deploy_stack(target, without, console, yes=True)
    assert placed.network.subnets
    names = {each["FunctionName"] for each in target.client("lambda").list_functions()["Functions"]}
    assert {name for name in names if name.startswith("loses-")} == {"loses-deploy", "loses-retrain"}


def test_a_creation_that_fails_names_the_first_failure_and_leaves_nothing(
    target: Target, named: Named, console: Console
) -> None:
    config = named("cannot")
    iam = target.client("iam")
    iam.create_role(RoleName="cannot-scheduler", AssumeRolePolicyDocument=TRUST)
    with pytest.raises(PipelineError, match=r"not created, since SchedulerRole .*nothing of it is left") as raised:
        deploy_stack(target, config, console)
    assert "\n" not in str(raised.value)
    assert find_stack(target.client("cloudformation"), "cannot") is None
    assert config.bucket not in {bucket["Name"] for bucket in target.s3.list_buckets()["Buckets"]}
    iam.delete_role(RoleName="cannot-scheduler")
    assert deploy_stack(target, config, console).role.endswith(":role/cannot-pipeline")


def test_a_stack_of_the_same_name_in_another_region_is_told_before_anything_is_made(
    target: Target, named: Named, console: Console, said: Said
) -> None:
    iam = target.client("iam")
    iam.create_role(RoleName="twice-pipeline", AssumeRolePolicyDocument=TRUST)
    with pytest.raises(PipelineError, match=r"role twice-pipeline exists already, .* in another region"):
        deploy_stack(target, named("twice"), console)
    assert said() == ""
    assert find_stack(target.client("cloudformation"), "twice") is None


def test_an_update_that_fails_leaves_everything_as_it_was(target: Target, named: Named, console: Console) -> None:
    deploy_stack(target, named("update"), console)
    target.client("iam").create_role(RoleName="update-ask", AssumeRolePolicyDocument=TRUST)
    with pytest.raises(PipelineError, match=r"not changed, since AskRole .*everything is as it was before"):
        deploy_stack(target, named("update", api="iam"), console)
    placed = target.place(named("update"))
    assert placed.deploy
    assert target.client("lambda").get_function(FunctionName=placed.deploy.function)


def test_data_stays_when_the_stack_goes_and_the_next_stack_takes_it_up(
    target: Target, named: Named, console: Console, said: Said
) -> None:
    config = named("stays")
    placed = deploy_stack(target, config, console)
    target.s3.put_object(Bucket=placed.bucket, Key="precious", Body=b"data")
    said()
    delete_stack(target, config, console)
    told = said()
    assert "stays: bucket stays-bucket" in told
    assert told.endswith("removed the stack stays\n")
    assert target.place(config) == config
    assert target.s3.get_object(Bucket=placed.bucket, Key="precious")["Body"].read() == b"data"
    again = deploy_stack(target, config, console)
    assert (again.bucket, again.kms_key) == (placed.bucket, placed.kms_key)
    delete_stack(target, config, console, with_data=True)
    assert placed.bucket not in {bucket["Name"] for bucket in target.s3.list_buckets()["Buckets"]}
    said()
    delete_stack(target, config, console)
    assert said() == "there is no stack stays\n"


def test_data_that_another_stack_uses_or_somebody_else_made_stays_even_when_it_is_to_go(
    target: Target, named: Named, console: Console, said: Said
) -> None:
    first = named("shares")
    second = named("shares-too").model_copy(update={"bucket": first.bucket})
    placed = deploy_stack(target, first, console)
    assert deploy_stack(target, second, console).kms_key == placed.kms_key
    target.s3.put_object(Bucket=first.bucket, Key="precious", Body=b"data")
    said()
    delete_stack(target, second, console, with_data=True)
    assert f"stays: bucket {first.bucket}, which the stack shares has made" in said()
    deploy_stack(target, second, console)
    delete_stack(target, first, console, with_data=True)
    told = said()
    assert f"stays: bucket {first.bucket}, which another stack uses: shares-too" in told
    assert f"stays: key {placed.kms_key}, which another stack uses: shares-too" in told
    assert target.s3.get_object(Bucket=first.bucket, Key="precious")["Body"].read() == b"data"
    delete_stack(target, second, console)
    delete_stack(target, first, console, with_data=True)
    key = target.client("kms").describe_key(KeyId=placed.kms_key)["KeyMetadata"]
    assert key["KeyState"] == "PendingDeletion"
    ours = named("company").model_copy(update={"bucket": "the-companys"})
    target.s3.create_bucket(Bucket="the-companys")
    deploy_stack(target, ours, console)
    said()
    delete_stack(target, ours, console, with_data=True)
    assert "stays: bucket the-companys, which the stack company has not made" in said()
    target.s3.head_bucket(Bucket="the-companys")


def test_a_bucket_that_is_gone_or_named_otherwise_is_told_and_no_function_goes(
    target: Target, named: Named, console: Console
) -> None:
    config = named("moved")
    deploy_stack(target, config, console)
    with pytest.raises(PipelineError, match=r"`bucket` says elsewhere, but the stack moved was made with moved-bucket"):
        deploy_stack(target, config.model_copy(update={"bucket": "elsewhere"}), console, yes=True)
    group = config.register_.model_copy(update={"group": "others"})
    with pytest.raises(PipelineError, match=r"`register.group` says others, but"):
        deploy_stack(target, config.model_copy(update={"register_": group}), console, yes=True)
    for page in target.s3.get_paginator("list_object_versions").paginate(Bucket=config.bucket):
        for each in page.get("Versions", []):
            target.s3.delete_object(Bucket=config.bucket, Key=each["Key"], VersionId=each["VersionId"])
    target.s3.delete_bucket(Bucket=config.bucket)
    with pytest.raises(PipelineError, match=r"bucket moved-bucket, which the stack moved works in, is gone"):
        deploy_stack(target, config, console, yes=True)
    assert target.client("lambda").get_function(FunctionName="moved-deploy")
    delete_stack(target, config, console)
    assert deploy_stack(target, config, console).bucket == config.bucket


def test_code_that_somebody_put_in_the_functions_place_is_not_taken(
    target: Target, named: Named, console: Console
) -> None:
    config = named("planted")
    target.s3.create_bucket(Bucket=config.bucket)
    code = archive(function_files())
    key = f"functions/{hashlib.sha256(code).hexdigest()}.zip"
    target.s3.put_object(Bucket=config.bucket, Key=key, Body=b"planted")
    deploy_stack(target, config, console)
    assert target.s3.get_object(Bucket=config.bucket, Key=key)["Body"].read() == code


def test_a_stack_stays_while_an_execution_is_running(target: Target, named: Named, console: Console) -> None:
    config = deploy_stack(target, named("busy"), console)
    wait = {
        "RoleArn": config.jobs_role,
        "AppSpecification": {
            "ImageUri": config.images.processing,
            "ContainerEntrypoint": ["python3", "-c", "import time; time.sleep(600)"],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    }
    definition = {"Version": "2020-12-01", "Steps": [{"Name": "Wait", "Type": "Processing", "Arguments": wait}]}
    target.sagemaker.create_pipeline(
        PipelineName="busy", PipelineDefinition=json.dumps(definition), RoleArn=config.role, ClientRequestToken="b" * 32
    )
    started = target.sagemaker.start_pipeline_execution(PipelineName="busy", ClientRequestToken="s" * 32)
    execution = started["PipelineExecutionArn"]
    with pytest.raises(PipelineError, match=r"is Executing, and its roles would go"):
        delete_stack(target, config, console)
    assert target.place(config).role == config.role
    target.sagemaker.stop_pipeline_execution(PipelineExecutionArn=execution, ClientRequestToken="e" * 32)


@pytest.mark.slow
def test_the_commands_put_up_stack_and_pipeline_and_take_the_stack_away(command: Callable[..., str]) -> None:
    assert "`make deploy-stack`" in command("upsert-pipeline", fails=True)
    assert command("deploy-stack").endswith("updated the stack bin-counter-demo\n")
    assert "created arn:" in command("upsert-pipeline")
    assert command("deploy-stack") == "stack bin-counter-demo is as it should be\n"
    told = command("delete-stack")
    assert "stays: pipeline bin-counter-demo\n" in told
    assert told.endswith("removed the stack bin-counter-demo\n")
    assert "removed the bucket bin-counter-demo-" in command("delete-stack", "--with-data")


@pytest.mark.parametrize("name", ["9bins", "Bins", "n" * 41])
def test_a_name_that_no_stack_can_have_is_refused_before_anything_is_made(
    target: Target, named: Named, console: Console, name: str
) -> None:
    config = named("bins").model_copy(update={"name": name})
    with pytest.raises(PipelineError, match=f"'{name}' cannot be a stack's"):
        deploy_stack(target, config, console)
