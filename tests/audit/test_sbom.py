"""The software bill of materials has everything that is locked."""

import json
import re
import subprocess

import pytest

from thinkrr_billing.sandbox import install
from thinkrr_billing.tests.environments import FOLDER


@pytest.mark.journey
def test_the_bill_of_materials_names_every_locked_package_with_its_hashes(tmp_path):
    file = tmp_path / "sbom.json"
    subprocess.run(["make", "-s", "sbom", f"SBOM={file}"], cwd=FOLDER, check=True, timeout=120)

    bill = json.loads(file.read_text())

    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == (
        "CycloneDX",
        "thinkrr-billing",
    )
    # One that is another for another Python is there with both versions.
    locked = {
        (name, version.split()[0])
        for name, entry in install.entries().items()
        for version in re.findall(rf"^{name}==(.*)", entry, flags=re.MULTILINE)
    }
    assert {(each["name"], each["version"]) for each in bill["components"]} == locked
    for each in bill["components"]:
        assert each["externalReferences"][0]["hashes"]
