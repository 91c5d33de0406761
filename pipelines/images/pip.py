"""What pip is told on this machine about where packages come from, for the build to be told the same.

It reaches the build as secrets: neither a package index with its password nor a certificate stays in an image.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

_CERTIFICATES = "/run/secrets/certificates"
_SECTIONS = ("global.", "install.", ":env:.")  # each overrides the one before
_TOLD = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout", "default-timeout", "retries")


def pip_settings() -> dict[str, str]:
    """The settings of pip for `pip install`, from its configuration files and environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    found = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    settings: dict[str, str] = {}
    for section in _SECTIONS:
        for name, value in found.items():
            if name.startswith(section):
                settings[name.removeprefix(section)] = str(ast.literal_eval(value))
    return settings


def pip_secrets(folder: Path) -> dict[str, Path]:
    """Files that tell a build what pip is told here, by their names in the Dockerfiles.

    Args:
        folder: where the one that is made is put; only the caller's user should be able to look into it.
    """
    settings = pip_settings()
    told = [f"{name} = {' '.join(settings[name].split())}" for name in _TOLD if name in settings]
    secrets = {}
    certificates = settings.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE")
    if certificates:
        told.append(f"cert = {_CERTIFICATES}")
        secrets["certificates"] = Path(certificates)
    if told:
        file = folder / "pip.conf"
        file.write_text("\n".join(["[global]", *told, ""]), encoding="utf-8")
        secrets["pip.conf"] = file
    return secrets
