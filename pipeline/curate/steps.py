"""The steps of a curation in their order: fetch each folder, run the stages, make the report.

A step depends on its own options, on the results of all steps before it and, where people's decisions count, on
``curation/decisions.csv``. If none of these has changed, it is not run again.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from upath import UPath

from pipeline.core.layout import Layout
from pipeline.core.params import Params
from pipeline.core.stages import BUILD_STAGES
from pipeline.curate.receipts import Receipts, content_of, key_of
from sources.core.storage import is_local, read_table

RECEIPTS = "receipts"
DECIDED = ("harmonise", "manifest", "contradictions")  # stages that read the decisions
OPTIONS = {  # of other stages: their own group
    "harmonise": ("harmonise", "split"),
    "contradictions": ("contradictions", "folders"),
    "report": ("profile", "harmonise"),
}


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        label: its name on screen and of its receipt: ``fetch@clinic``, ``ingest``, ``prepare@64``.
        options: groups of the profile that it reads.
        outputs: files and folders that it writes.
        run: does it, and returns its summary.
        is_always_run: it looks for changes itself.
    """

    label: str
    options: tuple[str, ...]
    outputs: tuple[UPath, ...]
    run: Callable[[], object]
    is_always_run: bool = False

    @property
    def stage(self) -> str:
        return self.label.partition("@")[0]


@dataclass(frozen=True)
class StepResult:
    """What became of a step: its summary, whether it was run, and the seconds that this took."""

    label: str
    summary: str
    was_run: bool
    seconds: float


Fetch = Callable[[Layout, Params, str], object]


def run_steps(
    layout: Layout, local: Layout, params: Params, executor: Executor | None, fetch: Fetch
) -> Iterator[StepResult]:
    """Run what has to be run, step by step, and yield the result of each step when it is done.

    Args:
        layout: where all results go, a folder or a bucket.
        local: where files are fetched to: a bucket cannot take half a file. Equal to ``layout`` if that is a folder.
        params: the profile.
        executor: runs per-image work.
        fetch: fetches one source into a layout.

    Raises:
        CxnetError: a step failed; the steps before it need not be run again.
    """
    receipts = Receipts(layout.data / RECEIPTS, layout.root)
    inputs: dict[str, str | None] = {}
    for step in _steps(layout, local, params, executor, fetch):
        began = time.perf_counter()
        options = {name: getattr(params, name) for name in step.options}
        decided = {"decisions": layout.decisions, "withdrawn": layout.withdrawn}
        decisions = {name: content_of(path) for name, path in decided.items()} if step.stage in DECIDED else {}
        key = key_of({name: _plain(value) for name, value in options.items()}, inputs | decisions)
        receipt = None if step.is_always_run else receipts.current(step.label, key, step.outputs)
        was_run = receipt is None
        if receipt is None:
            summary = str(step.run())
            receipt = receipts.write(step.label, key, step.outputs, summary)
        inputs |= receipt.content
        yield StepResult(step.label, receipt.summary, was_run, time.perf_counter() - began)


def _steps(layout: Layout, local: Layout, params: Params, executor: Executor | None, fetch: Fetch) -> Iterator[Step]:
    """The steps, one after the other: whether a later one is needed may depend on what an earlier one wrote."""
    for name in params.source_names:
        run = partial(_fetch_into, layout, local, params, name, fetch)
        yield Step(
            f"fetch@{name}", ("folders", "fetch"), (layout.raw / name / "items.parquet",), run, is_always_run=True
        )
    outputs = {
        "ingest": (layout.pool,),
        "dedupe": (layout.dedupe, layout.duplicates, layout.conflicts),
        "manifest": (layout.manifest,),
        "split": (layout.splits,),
    }
    for stage in BUILD_STAGES:
        yield _stage(stage, outputs.get(stage, (layout.table(stage),)), layout, params, executor)
    if has_labels_to_compare(layout):
        inputs = str(min(params.prepare.sizes))
        run = partial(import_module("pipeline.prepare.stage").run, layout, params, executor, inputs)
        yield Step(f"prepare@{inputs}", ("prepare",), (layout.arrays(inputs),), run)
    yield _stage("contradictions", (layout.contradictions,), layout, params, executor)
    yield _stage("report", (layout.reports / "index.html",), layout, params, executor)


def _stage(name: str, outputs: tuple[UPath, ...], layout: Layout, params: Params, executor: Executor | None) -> Step:
    run = partial(import_module(f"pipeline.{name}.stage").run, layout, params, executor)
    return Step(name, OPTIONS.get(name, (name,)), outputs, run)


def has_labels_to_compare(layout: Layout) -> bool:
    """Do the kept films have two labels or more, so that a classifier can doubt one?"""
    rows = read_table(layout.manifest / "manifest.parquet", ["status", "label"])
    return int(rows.loc[rows["status"] == "kept", "label"].nunique()) > 1


def _fetch_into(layout: Layout, local: Layout, params: Params, name: str, fetch: Fetch) -> object:
    """Fetch a source, and copy what is new into the bucket if the results go to one."""
    summary = fetch(local, params, name)
    if not is_local(layout.root):
        _upload(local.raw / name, layout.raw / name)
    return summary


def _upload(folder: UPath, target: UPath) -> None:
    """Copy the files of a local folder that are not in the bucket yet; the list of files goes last."""
    target.fs.invalidate_cache()
    stored = {
        path.removeprefix(target.path): info["size"] for path, info in target.fs.find(target.path, detail=True).items()
    }
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    for path in sorted(files, key=lambda path: (path.parent == folder, str(path))):
        below = path.path.removeprefix(folder.path)
        is_content = path.parent != folder  # files/<sha256>.png: the same name is the same content
        if not (is_content and stored.get(below) == path.stat().st_size):
            target.fs.put_file(path.path, f"{target.path}{below}")


def _plain(value: object) -> object:
    """Options as JSON."""
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
