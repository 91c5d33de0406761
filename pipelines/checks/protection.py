"""Policies of protection: encryption, isolation, secrets, and images that stay what they were."""

import math
import re
from collections import Counter

from pipelines.checks.combinations import has_local_storage
from pipelines.checks.jobs import jobs
from pipelines.checks.rule import Faults, rule
from pipelines.checks.subject import Subject
from pipelines.checks.values import written_text

# AWS's access key ids (IAM user guide, "Understanding unique ID prefixes"), tokens of common services, private keys.
_SECRET = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bglpat-[\w-]{20}|\bxox[abprs]-[\w-]{10}"
    r"|\bhf_[A-Za-z]{30}|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|://[^/\s:@]+:[^/\s:@]+@"
)
_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)|secret|api_?key|private_?key|access_?key|credential|(?:auth|session|access)_?token"
    # Tokens of a vocabulary, such as pad_token, are no secrets.
    r"|(?<![a-z])(?<!(?:pad|eos|bos|unk|sep|cls)_)(?<!mask_)token$",
    re.IGNORECASE,
)
# An AWS secret access key, which has slashes as paths have, but 40 characters of all kinds.
_SECRET_ACCESS_KEY = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9/+]{40}")
# A text of one word, without the separators of paths, ARNs and URIs, as random keys are.
_WORD = re.compile(r"[A-Za-z0-9+=_-]{20,}")
# Random texts of the base-64 alphabet have some 4.5 bits a character at 30 characters, words and names below 4.
RANDOM_BITS = 4.2


@rule(
    "encrypted-traffic",
    "Instances of a job exchange data in the clear unless told otherwise (guide 'Protect communications between ML "
    "compute instances').",
)
def encrypted_traffic(subject: Subject) -> Faults:
    """Jobs whose instances talk unencrypted."""
    for job in jobs(subject):
        if (job.trains or job.type == "Processing") and job.network(
            "EnableInterContainerTrafficEncryption"
        ) is not True:
            yield job.step, "EnableInterContainerTrafficEncryption must be true"


@rule(
    "one-key",
    "Without a key of one's own AWS encrypts disks and outputs with keys that one cannot withdraw; where one job has "
    "such a key, a disk or output without it would be the hole (guide 'Protect data at rest using encryption').",
)
def one_key(subject: Subject) -> Faults:
    """Disks and outputs without a key of one's own, where others have one."""
    found = list(jobs(subject))
    if not any(job.output_key or job.machine.get("VolumeKmsKeyId") for job in found):
        return
    for job in found:
        if job.machine and not job.machine.get("VolumeKmsKeyId") and not has_local_storage(job.machine):
            yield job.step, "its disks have no VolumeKmsKeyId, as those of other jobs have"
        if any(True for _ in job.outputs()) and not job.output_key:
            yield job.step, "its outputs have no KmsKeyId, as those of other jobs have"


@rule(
    "network-isolation",
    "Trainings and models get all they need through channels: without a network, code from a package cannot send data "
    "out (guide 'Run training and inference containers in internet-free mode').",
)
def network_isolation(subject: Subject) -> Faults:
    """Trainings and models that have a network."""
    for job in jobs(subject):
        if (job.trains or job.type == "Model") and job.network("EnableNetworkIsolation") is not True:
            yield job.step, "EnableNetworkIsolation must be true"


@rule(
    "processing-isolation",
    "A processing job that reads only its inputs needs no network, and one that calls AWS can do so in a VPC of one's "
    "own (API reference, NetworkConfig).",
)
def processing_isolation(subject: Subject) -> Faults:
    """Processing jobs on the open network."""
    for job in jobs(subject):
        enclosed = job.network("EnableNetworkIsolation") is True or job.network("VpcConfig")
        if job.type == "Processing" and not enclosed:
            yield job.step, "it has neither EnableNetworkIsolation nor a VpcConfig"


@rule(
    "no-secrets",
    "Environment, hyperparameters and arguments are shown to everybody who may describe the pipeline or its jobs "
    "(guide 'Pipeline structure and execution'): secrets belong into Secrets Manager.",
)
def no_secrets(subject: Subject) -> Faults:
    """Values that look like keys, tokens or passwords; they are not repeated."""
    for job in jobs(subject):
        for where, name, value in (*job.settings(), *job.arguments()):
            if isinstance(value, str) and _is_secret(name.replace("-", "_"), value):
                yield job.step, f"{where}[{name!r}] looks like a secret"
    for step in subject.steps:
        for path, text in _texts(step.arguments):
            if _SECRET.search(text):
                yield step.name, f"{path} holds what looks like a key or token"
    for each in subject.parameters:
        default = each.get("DefaultValue")
        if isinstance(default, str) and _is_secret(each["Name"], default):
            yield "", f"the default of the parameter {each['Name']!r} looks like a secret"


def _is_secret(name: str, value: str) -> bool:
    return bool((value and _SECRET_NAME.search(name)) or _is_random(value))


def _is_random(value: str) -> bool:
    """Whether a text is one long word, or a key, of as many different characters as chance would give."""
    if not (_WORD.fullmatch(value) or _SECRET_ACCESS_KEY.fullmatch(value)):
        return False
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares) >= RANDOM_BITS


def _texts(value: object, where: str = "") -> list[tuple[str, str]]:
    """Every text inside a value, after its path."""
    if isinstance(value, str):
        return [(where, value)]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inner for found in _texts(item, f"{where}.{key}".lstrip("."))]


@rule(
    "pinned-images",
    "An image that is named by `latest` is another one tomorrow, and the step cache, which compares names, does not "
    "notice: name a digest, or a version that is never pushed twice.",
)
def pinned_images(subject: Subject) -> Faults:
    """Images that may change under their name."""
    for job in jobs(subject):
        for where, image in job.images():
            name = written_text(image)
            if name is not None and not _is_pinned(name):
                yield job.step, f"{where} is {name!r}: name a digest or a version of your own"


def _is_pinned(image: str) -> bool:
    repository, _, digest = image.partition("@")
    tag = repository.rpartition("/")[2].partition(":")[2]
    return bool(digest) or (tag not in ("", "latest")) or repository.endswith("}")
