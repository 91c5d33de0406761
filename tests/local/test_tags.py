"""Tags of what comes and goes."""

import json

import pytest

PIPELINE = json.dumps(
    {"Version": "2020-12-01", "Steps": [{"Name": "f", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}]}
)


def things(tiny):
    """What can be created, tagged and deleted at once: kind, how it is created, how it is deleted."""
    client = tiny.sagemaker
    return {
        "pipeline/p": (
            lambda **tags: client.create_pipeline(
                PipelineName="p", PipelineDefinition=PIPELINE, RoleArn=tiny.role, **tags
            ),
            lambda: client.delete_pipeline(PipelineName="p"),
        ),
        "model/m": (
            lambda **tags: client.create_model(ModelName="m", PrimaryContainer={"Image": tiny.image}, **tags),
            lambda: client.delete_model(ModelName="m"),
        ),
        "experiment/upper": (
            lambda **tags: client.create_experiment(ExperimentName="Upper", **tags),
            lambda: client.delete_experiment(ExperimentName="Upper"),
        ),
    }


@pytest.mark.parametrize("thing", ["pipeline/p", "model/m", "experiment/upper"])
def test_the_tags_of_a_deleted_thing_do_not_pass_to_another_of_its_name(tiny, thing):
    create, delete = things(tiny)[thing]
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:{thing}"
    create()
    tiny.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "old", "Value": "1"}])
    delete()
    create(Tags=[{"Key": "new", "Value": "1"}])
    assert tiny.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "new", "Value": "1"}]
