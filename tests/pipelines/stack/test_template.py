"""The template by itself: what linters say, what its policies allow, and as much of a deployment as plain moto does."""

import json
import re
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from cfnlint.api import lint
from cfnlint.decode.cfn_yaml import loads
from moto import mock_aws
from moto.cloudformation.parsing import get_model_map

from pipelines.stack.code import HANDLERS
from pipelines.stack.template import LARGEST_BYTES, TEMPLATE, template_body
from steps.deploy.plan import VARIANT, alarm_names
from steps.deploy.watching import scalable

CHECKOV = "checkov==3.3.30"
IMAGES = ("processing", "training", "serving")
REPOSITORY = Path(__file__).resolve().parents[3]
# What plain moto leaves out, and no more than tells of it in a log.
SKIPPED_BY_MOTO = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::IAM::RolePolicy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret",
}
# Actions that take no resource, by the service authorization reference.
WITHOUT_RESOURCE = {
    "application-autoscaling:DeregisterScalableTarget",
    "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:RegisterScalableTarget",
    "cloudwatch:PutMetricData",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "polly:SynthesizeSpeech",
    "sagemaker:ListModelPackages",
}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return loads(template_body())


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The statements of roles that allow something, with the role's logical id."""
    for name, resource in template["Resources"].items():
        properties = resource["Properties"]
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        if resource["Type"] == "AWS::IAM::RolePolicy":
            documents.append(properties["PolicyDocument"])
        yield from ((name, each) for document in documents for each in document["Statement"])


def test_cfn_lint_finds_nothing() -> None:
    assert [str(match) for match in lint(template_body())] == []


def test_what_moto_skips_is_held_against_the_schema_of_its_type() -> None:
    found = loads(template_body())
    types = {resource["Type"] for resource in found["Resources"].values()}
    assert types - set(get_model_map()) == SKIPPED_BY_MOTO
    planted = template_body()
    for name, resource in found["Resources"].items():
        if resource["Type"] in SKIPPED_BY_MOTO:
            planted = _with_property(planted, name)
    wrong = {name for name, each in found["Resources"].items() if each["Type"] in SKIPPED_BY_MOTO}
    told = [match for match in lint(planted) if "'NoSuchProperty' was unexpected" in match.message]
    assert {match.path[1] for match in told} == wrong


def _with_property(text: str, resource: str) -> str:
    head, found, tail = text.partition(f"\n  {resource}:\n")
    assert found
    before, properties, after = tail.partition("    Properties:")
    first = after.lstrip(" ")
    if first.startswith("{"):
        return f"{head}{found}{before}{properties} {{NoSuchProperty: 1, {first[1:]}"
    return f"{head}{found}{before}{properties}\n      NoSuchProperty: 1{after}"


def test_it_is_small_enough_to_be_sent_and_holds_no_alias_which_cloudformation_does_not_resolve() -> None:
    assert len(template_body().encode()) < LARGEST_BYTES
    assert not [event for event in yaml.parse(template_body()) if isinstance(event, yaml.AliasEvent)]


def test_every_parameter_is_described_and_shown_in_a_group(template: dict[str, Any]) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])
    assert all(each["Description"] for each in (*template["Parameters"].values(), *template["Outputs"].values()))


def test_no_role_may_do_anything_of_a_service_or_something_to_everything(template: dict[str, Any]) -> None:
    statements = list(allowed(template))
    assert len(statements) > 20
    for role, statement in statements:
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action], role
        if "*" in listed(statement["Resource"]):
            assert set(actions) <= WITHOUT_RESOURCE, (role, statement["Sid"])
        if "iam:PassRole" in actions:
            assert statement["Condition"]["StringEquals"] == {"iam:PassedToService": "sagemaker.amazonaws.com"}, role


def test_it_and_the_code_agree_on_handlers_variants_and_alarms(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    functions = {n: each["Properties"] for n, each in resources.items() if each["Type"] == "AWS::Lambda::Function"}
    named = {each["FunctionName"]["Fn::Sub"].rpartition("-")[2]: each["Handler"] for each in functions.values()}
    assert named == HANDLERS
    assert resources["EndpointFails"]["Properties"]["Dimensions"][1]["Value"] == VARIANT
    named = {f":alarm:{name}" for name in alarm_names("${EndpointName}")}
    named_by_scaling = f":alarm:TargetTracking-{scalable('${EndpointName}').removesuffix(VARIANT)}*"
    for role, of_scaling in (("DeployRole", {named_by_scaling}), ("JobsRole", set())):
        (alarms,) = (each for name, each in allowed(template) if (name, "Alarms" in each["Sid"]) == (role, True))
        assert {each["Fn::Sub"].partition("AccountId}")[2] for each in alarms["Resource"]} == named | of_scaling


def test_nothing_is_allowed_of_a_pipeline_whose_name_begins_with_this_ones(template: dict[str, Any]) -> None:
    open_ended = {
        each["Fn::Sub"]
        for _, statement in allowed(template)
        for each in listed(statement["Resource"])
        if isinstance(each, dict) and re.search(r"\$\{AWS::StackName\}(-?\*)", each.get("Fn::Sub", ""))
    }
    assert open_ended == set()
    assert "${AWS::StackName}-*" not in template_body()


def test_jobs_write_below_the_pipelines_name_and_so_not_over_the_functions_code(template: dict[str, Any]) -> None:
    (outputs,) = (each for role, each in allowed(template) if role == "JobsRole" and "s3:PutObject" in each["Action"])
    bucket = "arn:${AWS::Partition}:s3:::${BucketName}"
    expected = {f"{bucket}/${{AWS::StackName}}{of}/*" for of in ("", "-audit")}
    assert {each["Fn::Sub"] for each in outputs["Resource"]} == expected


def test_the_smallest_network_that_may_be_asked_for_holds_both_subnets(template: dict[str, Any]) -> None:
    pattern = template["Parameters"]["VpcCidr"]["AllowedPattern"]
    smallest = max(bits for bits in range(33) if re.fullmatch(pattern, f"10.0.0.0/{bits}"))
    _, count, bits = template["Resources"]["SubnetA"]["Properties"]["CidrBlock"]["Fn::Select"][1]["Fn::Cidr"]
    assert count * 2**bits == 2 ** (32 - smallest) == 2048


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_plain_moto_makes_of_it_what_it_can() -> None:
    parameters = {
        "BucketName": "bins-111122223333",
        "SourceArns": "arn:aws:s3:::photos,arn:aws:s3:::photos/*",
        "ImageArns": "arn:aws:ecr:eu-west-1:111122223333:repository/bins",
        "ModelGroup": "bins",
        "EndpointName": "bins",
        "AlarmEmail": "someone@example.com",
        "MonthlyBudgetUsd": "50",
        "ApiAuthentication": "iam",
    }
    with mock_aws():
        stacks = boto3.client("cloudformation", region_name="eu-west-1")
        stacks.create_stack(
            StackName="bins",
            TemplateBody=template_body(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        (stack,) = stacks.describe_stacks(StackName="bins")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        assert outputs["PipelineRole"].endswith(":role/bins-pipeline")
        rules = boto3.client("s3").get_bucket_encryption(Bucket=outputs["Bucket"])["ServerSideEncryptionConfiguration"]
        assert rules["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == outputs["KeyArn"]
        policy = boto3.client("iam").get_role_policy(RoleName="bins-jobs", PolicyName="jobs")
        assert "arn:aws:s3:::photos/*" in str(policy["PolicyDocument"])
        repositories = boto3.client("ecr", region_name="eu-west-1").describe_repositories()["repositories"]
        assert {each["repositoryName"] for each in repositories} == {f"bin-counter/{name}" for name in IMAGES}


@pytest.mark.slow
def test_checkov_finds_nothing_that_is_not_explained() -> None:
    # It needs versions of boto3 and networkx that we and moto cannot take: it has an environment of its own.
    folder = REPOSITORY / ".local" / "checkov"
    if not (folder / "bin" / "checkov").is_file():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", CHECKOV], check=True)
    line = [folder / "bin" / "checkov", "--file", TEMPLATE, "--framework", "cloudformation", "--skip-download"]
    done = subprocess.run([*line, "--output", "json"], capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert [(each["check_id"], each["resource"]) for each in report["results"]["failed_checks"]] == []
    assert report["summary"]["passed"] > 80
    assert all(len(each["check_result"]["suppress_comment"]) > 10 for each in report["results"]["skipped_checks"])
