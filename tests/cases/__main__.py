"""`make cases CASES=file`: put the cases of a file to the analyses."""

import sys
from pathlib import Path

from tests.cases.file import FileError
from tests.cases.run import run_cases


def main(arguments: list[str]) -> int:
    """Print one line per failing case and the sums; return 0 when all pass."""
    if len(arguments) != 1 or not arguments[0]:
        print("which file? make cases CASES=../shared/cases/analyses.json", file=sys.stderr)
        return 2
    # dbt's pool of threads complains on its way out when a query did not compile.
    sys.unraisablehook = lambda _: None
    try:
        results = run_cases(Path(arguments[0]))
    except FileError as error:
        print(error, file=sys.stderr)
        return 2
    failed = [result for result in results if result.failures]
    for result in failed:
        print(f"{result.id}: {'; '.join(result.failures)}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
