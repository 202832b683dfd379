"""Loading: delivered files into raw.duckdb, with a manifest and two views over all sources."""

from orchestration.loading.landing import Ignored, LandingFile, Scan, scan
from orchestration.loading.load import FileResult, LoadResult, load_source, prepare
from orchestration.loading.manifest import BatchError, admit, hold, release

__all__ = [
    "BatchError",
    "FileResult",
    "Ignored",
    "LandingFile",
    "LoadResult",
    "Scan",
    "admit",
    "hold",
    "load_source",
    "prepare",
    "release",
    "scan",
]
