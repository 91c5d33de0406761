"""An AWS Lambda function: lets a request to the HTTP API pass when its header x-api-key holds the API's key.

Its environment names the secret that holds the key, AUTHORIZE_SECRET. Its role may GetSecretValue of that one. An HTTP
API knows keys in no other way; it remembers an answer for some minutes, so that few requests get here.
"""

import hmac
import os
from collections.abc import Mapping
from typing import Any

import boto3

VARIABLE = "AUTHORIZE_SECRET"
HEADER = "x-api-key"


def handler(event: Mapping[str, Any], _: Any) -> dict[str, bool]:
    """Lambda calls this with an authorizer's event of payload format 2.0; it answers whether the request may pass.

    Raises:
        KeyError: AUTHORIZE_SECRET is not set.
        ClientError: the secret cannot be read; the API refuses the request.
    """
    given = (event.get("headers") or {}).get(HEADER, "")
    # Read each time: a key that is changed is at once the only one.
    key = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ[VARIABLE])["SecretString"]
    return {"isAuthorized": bool(key) and hmac.compare_digest(given.encode(), key.encode())}
