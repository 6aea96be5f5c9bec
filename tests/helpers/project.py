"""A project with a folder of films as its source, whose stages run as a user runs them: as commands."""

import csv
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from pipeline.core.stages import BUILD_STAGES
from sources.core.storage import read_table

REPO = Path(__file__).resolve().parents[2]


class Project:
    """A folder of films with a table of labels, a profile with this source, and the output of its commands."""

    def __init__(self, root: Path) -> None:
        self.root, self.films = root, root / "films"
        self.films.mkdir(parents=True)
        self.labels: dict[str, str] = {}
        self.output = ""

    def add(self, name: str, data: bytes, label: str = "covid") -> None:
        (self.films / name).write_bytes(data)
        self.labels[name] = label

    def write(self) -> None:
        with (self.films / "films.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "patient", "finding"])
            writer.writerows([name, f"p{place}", label] for place, (name, label) in enumerate(self.labels.items()))
        columns = {"item_id": "file", "patient_id": "patient", "label": "finding"}
        folder = {"name": "clinic", "path": str(self.films), "table": "films.csv", "columns": columns}
        folder["labels"] = {"covid": "covid", "normal": "normal"}
        profile = {"extends": "sandbox", "mirror": None, "sources": [], "folders": [folder]}
        profile["experiments"] = dict.fromkeys(("base", "covid_cxnet", "effnet_lite_imagenet"))
        (self.root / "params.yaml").write_text(yaml.safe_dump(profile))
        (self.root / "curation").mkdir(exist_ok=True)
        header = (REPO / "curation" / "decisions.csv").read_text().splitlines()[0]
        (self.root / "curation" / "decisions.csv").write_text(header + "\n")

    def run(self, *arguments: str) -> None:
        """Run one command, which must succeed."""
        command = [sys.executable, "-m", "pipeline.cli", *arguments]
        done = subprocess.run(
            command, cwd=self.root, env={"PYTHONPATH": str(REPO), "PATH": ""}, capture_output=True, timeout=300
        )
        self.output += (done.stdout + done.stderr).decode()
        assert done.returncode == 0, self.output

    def build(self, stages: tuple[str, ...] = BUILD_STAGES) -> pd.DataFrame:
        """Fetch, run the stages, and return the manifest by item_id."""
        self.write()
        self.run("fetch", "--pipeline", "clinic")
        for stage in stages:
            self.run(stage)
        return read_table(self.root / "data" / "manifest" / "manifest.parquet").set_index("item_id")
