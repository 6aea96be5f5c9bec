"""Known advisories on the locked packages, by ``pip-audit``.

Run: ``python -m benchmarks.audit_lock``. It asks the open vulnerability database (osv.dev) and needs the network and
`pip-audit <https://pypi.org/project/pip-audit/>`_; without them it says so in one sentence and ends with 0. An advisory
that does not concern this project is explained in :data:`EXPLAINED`; any other one fails.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
RESULTS = Path(__file__).parent / "results" / "audit_lock.json"
EXPLAINED: dict[str, str] = {}  # advisory -> why it does not concern this project
UNREACHABLE = ("ConnectionError", "Timeout", "ProxyError")
TIMEOUT_S = 600


def main() -> None:
    program = shutil.which("pip-audit") or shutil.which("pip-audit", path=str(Path(sys.executable).parent))
    if program is None:
        print("skipped: pip-audit is not installed (`pipx install pip-audit`)")
        return
    command = [program, "--requirement", str(LOCK), "--no-deps", "--disable-pip", "--vulnerability-service", "osv"]
    done = subprocess.run(
        [*command, "--format", "json", "--progress-spinner", "off"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if not done.stdout.strip():
        if any(word in done.stderr for word in UNREACHABLE):
            print("skipped: the database of advisories (osv.dev) cannot be reached")
            return
        raise SystemExit(
            f"pip-audit cannot check {LOCK.name}: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}"
        )
    advisories = found_in(json.loads(done.stdout))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(advisories, indent=2) + "\n")
    unexplained = [each for each in advisories if each["advisory"] not in EXPLAINED]
    for each in advisories:
        reason = EXPLAINED.get(each["advisory"], "NOT EXPLAINED")
        fixed = each["fixed"] or "no version"
        print(f"{each['package']} {each['version']}: {each['advisory']}, fixed in {fixed}: {reason}")
    print(f"{len(advisories)} known advisories, {len(unexplained)} of them not explained")
    if unexplained:
        raise SystemExit(1)


def found_in(report: dict[str, Any]) -> list[dict[str, str]]:
    """The advisories in a report of pip-audit."""
    return [
        {
            "package": package["name"],
            "version": package.get("version", ""),
            "advisory": advisory["id"],
            "fixed": ", ".join(advisory.get("fix_versions", [])),
        }
        for package in report["dependencies"]
        for advisory in package.get("vulns", [])
    ]


if __name__ == "__main__":
    main()
