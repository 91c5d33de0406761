"""Declares the deploy step: the function that an approval calls too, told of the package just registered."""

from sagemaker.lambda_helper import Lambda
from sagemaker.workflow.entities import PipelineVariable
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaStep

from steps.declaration import StepContext
from steps.deploy.occasion import PACKAGE
from steps.deploy.settings import DeploySettings


def deploy_step(context: StepContext, settings: DeploySettings, package: PipelineVariable) -> LambdaStep:
    """Call the function; it is never taken from the cache, since the registry may have changed.

    Args:
        context: the project's surroundings.
        settings: name the function, which the stack makes.
        package: ARN of the model package.
    """
    return LambdaStep(
        name="Deploy",
        lambda_func=Lambda(function_arn=settings.function, session=context.session),
        inputs={PACKAGE: package},
        outputs=[LambdaOutput(name) for name in ("State", "Message")],
    )
