"""What a function sees where Linux grants it namespaces: its code, nothing else of what the server keeps."""

import pytest

from pipelines.local import Isolation

pytestmark = pytest.mark.skipif(
    Isolation.best() is not Isolation.NAMESPACES, reason="this machine grants this user no namespaces"
)


def test_a_function_sees_its_code_but_neither_the_state_nor_other_processes(tiny, functions):
    code = """
        import os
        def handler(event, context):
            processes = [name for name in os.listdir("/proc") if name.isdecimal()]
            return {"state": os.listdir(event["state"]), "few": len(processes) < 5, "code": os.path.dirname(__file__)}
    """
    answer = functions.run(code, {"state": str(tiny.state)})["Payload"]
    assert answer == {"state": [], "few": True, "code": "/opt/ml/shown/0"}
