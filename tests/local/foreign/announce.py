"""A Lambda function: says which model is to be served, and looks at the bucket through boto3."""

import os

import boto3


def handler(event, context):
    bucket, _, key = event["model"].removeprefix("s3://").partition("/")
    size = boto3.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"]
    return {
        "statusCode": 200,
        "note": f"{context.function_name} saw a model of {'some' if size else 'no'} bytes, rmse {event['rmse']:.3f}",
        "bytes": size,
        "region": os.environ["AWS_REGION"],
    }
