"""Campaigns of link simulations: ``picocell campaign FILE.yaml``.

picocell campaign examples/campaign.yaml --out campaign-out
picocell campaign sweeps.yaml --cluster tcp://10.0.0.1:8786 --resume
"""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picocell.quick_start import one_thread_for_blas

if TYPE_CHECKING:
    from picocell.sims.campaign_file import CampaignFile
    from picocell.sims.workers import Backend

app = typer.Typer()


@app.command()
def campaign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML file of sweeps.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results; FILE's name and -results.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Run this sweep only; may be repeated.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Worker processes here; 0: one a processor, the default.", min=0)
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="ADDRESS", help="Dask scheduler, such as tcp://10.0.0.1:8786.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what the folder holds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Run the sweeps of a YAML file: JSON lines, CSV and curves of each, merged results, one HTML report.

    Exit code 0; 2: something cannot be done. After Ctrl-C, --resume goes on.
    """
    one_thread_for_blas()
    from picocell.sims import campaign_run

    if cluster is not None and jobs is not None:
        raise typer.BadParameter("--cluster and --jobs: use one of them")
    description = _load(file)
    folder = out if out is not None else Path(f"{file.stem}-results")

    def tell(text: str) -> None:
        if not quiet:
            _say(text)

    try:
        chosen = description.only(only) if only else description
        options = campaign_run.RunOptions(
            out=folder,
            open_backend=lambda: _backend(jobs or 0, cluster, tell),
            resume=resume,
            quiet=quiet,
            say=tell,
            source=file.read_text(encoding="utf-8"),
        )
        campaign_run.run(chosen, options)
    except KeyboardInterrupt:
        _say(f"interrupted: --resume with the same options goes on from {folder}")
        raise
    except (ValueError, ImportError) as error:
        raise typer.BadParameter(str(error)) from error
    print(folder / campaign_run.REPORT)


def _load(file: Path) -> "CampaignFile":
    """The campaign, or a line for each thing that is wrong with the file and exit code 2."""
    from picocell.config import ConfigError, load
    from picocell.sims.campaign_file import CampaignFile

    try:
        return load(CampaignFile, file)
    except ConfigError as error:
        for line in error.lines:
            _say(line)
        raise typer.Exit(2) from None


def _backend(jobs: int, cluster: str | None, tell: Callable[[str], None]) -> "Backend":
    if cluster is None:
        from picocell.sims.workers import open_backend

        return open_backend(jobs)
    from picocell.sims.dask_backend import DaskBackend

    backend = DaskBackend(cluster, say=tell)
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # lost connections are told in a line of ours
    return backend


def _say(text: str) -> None:
    print(f"picocell: {text}", file=sys.stderr)


if __name__ == "__main__":
    app()
