"""What do the tests of Terraform run? The real provider, built once, and a scanner of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.made_once import go_program, made_once, run_to_its_end
from tests.needs import need

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
ENVIRONMENTS = ("dev", "staging", "prod")
PLANS = ("access", "data", "fresh", "operation", "warehouse")
"""Files of tests that plan an environment; the other says what is refused in any."""
_PROVIDER = "github.com/hashicorp/terraform-provider-google"
_PROVIDER_VERSION = "v1.20.1-0.20260828184646-f3721fb45fa3"
"""What the Go proxy calls the commit of release 8.0.0."""
_SCANNER = "checkov==3.3.30"
_RUN_SECONDS = 900
_CLI_CONFIG = """\
disable_checkpoint = true
provider_installation {
  dev_overrides {
    "hashicorp/google" = "%s"
  }
  direct {}
}
"""
_ONLY_THE_PROVIDER = (
    'terraform {\n required_providers {\n google = { source = "hashicorp/google" }\n }\n}'
)


def provider_folder() -> Path:
    """Folder with the provider's program; built if it is not there, which takes minutes."""
    name = f"terraform-google-{_PROVIDER_VERSION.rsplit('-', 1)[1]}"
    return go_program(_PROVIDER, _PROVIDER_VERSION, name)


def scanner() -> Path:
    """The scanner's program, installed in an environment of its own if it is not there."""

    def _install(folder: Path) -> None:
        run_to_its_end([sys.executable, "-m", "venv", str(folder)], folder, dict(os.environ))
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", _SCANNER]
        run_to_its_end(pip, folder, dict(os.environ))

    return made_once(_SCANNER.replace("==", "-"), _install) / "bin" / "checkov"


class Terraform:
    """Runs `terraform` on our folder with the built provider; what it writes goes to `folder`."""

    def __init__(self, folder: Path) -> None:
        need(shutil.which("terraform"), "no terraform on the PATH")
        self._folder = folder
        config = folder / "terraform.rc"
        config.write_text(_CLI_CONFIG % provider_folder())
        self._environment = os.environ | {
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_DATA_DIR": str(folder / "data"),
            "TF_IN_AUTOMATION": "1",
        }

    def run(self, *arguments: str, folder: Path = TERRAFORM) -> subprocess.CompletedProcess[str]:
        """The command's outcome in `folder`, whatever it is."""
        return subprocess.run(
            ["terraform", f"-chdir={folder}", *arguments],
            env=self._environment, capture_output=True, text=True, timeout=_RUN_SECONDS,
        )  # fmt: skip

    def schemas(self) -> dict[str, Any]:
        """Type of resource -> its schema in the real provider."""
        (self._folder / "main.tf").write_text(_ONLY_THE_PROVIDER)
        done = self.run("providers", "schema", "-json", folder=self._folder)
        assert done.returncode == 0, done.stderr
        (schemas,) = json.loads(done.stdout)["provider_schemas"].values()
        return schemas["resource_schemas"]

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """The messages of a command that was asked for -json; AssertionError if it failed."""
        done = self.run(*arguments)
        messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        wrong = [m for m in messages if m.get("diagnostic", {}).get("severity") == "error"]
        said = [f"{m['diagnostic']['summary']}: {m['diagnostic']['detail']}" for m in wrong]
        assert done.returncode == 0, "\n".join(said) or done.stdout[-3000:] + done.stderr[-3000:]
        return messages

    def test(self, environment: str, names: Iterable[str], *flags: str) -> list[dict[str, Any]]:
        """The messages of `terraform test` on an environment, of files of tests by name."""
        filters = [f"-filter=tests/{name}.tftest.hcl" for name in names]
        file = f"-var-file=environments/{environment}.tfvars"
        return self.lines("test", "-json", *flags, *filters, file)
