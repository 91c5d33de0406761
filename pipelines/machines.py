"""What a preset may say about the machines that its jobs run on."""

from pydantic import Field

from pipelines.section import Section

INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
HOUR_SECONDS = 3600


class MachineConfig(Section):
    """What a job runs on."""

    instance_type: str = Field(pattern=INSTANCE_TYPE, description="SageMaker instance type")
    instance_count: int = Field(1, ge=1, le=100, description="instances")
    volume_gb: int = Field(30, ge=1, le=16384, description="disk of each instance, GB")
    maximum_runtime_seconds: int = Field(4 * HOUR_SECONDS, ge=60, le=432000, description="then the job is stopped")


class TrainMachineConfig(MachineConfig):
    """What training runs on."""

    spot: bool = Field(
        True,
        description="take instances that AWS may want back, for up to 90 % less; an interrupted training goes on from "
        "its checkpoint, and may wait for instances as long again as it may run",
    )


class CountMachineConfig(Section):
    """What an audit's transform job runs on; SageMaker sets neither its disk nor its time."""

    instance_type: str = Field("ml.c7i.xlarge", pattern=INSTANCE_TYPE, description="SageMaker instance type")
    instance_count: int = Field(1, ge=1, le=100, description="instances")


class MachinesConfig(Section):
    """What each step runs on."""

    catalog: MachineConfig = MachineConfig(instance_type="ml.m5.xlarge")
    ingest: MachineConfig = MachineConfig(instance_type="ml.m5.xlarge")
    explore: MachineConfig = MachineConfig(instance_type="ml.m5.xlarge")
    train: TrainMachineConfig = TrainMachineConfig(instance_type="ml.g5.xlarge")
    evaluate: MachineConfig = MachineConfig(instance_type="ml.m5.xlarge")
    survey: MachineConfig = MachineConfig(instance_type="ml.m5.xlarge")
    count: CountMachineConfig = CountMachineConfig()
    audit: MachineConfig = MachineConfig(instance_type="ml.m5.xlarge")
