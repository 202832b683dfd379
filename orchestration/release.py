"""`make release BATCH=id`: let a held batch in, after someone has looked at it."""

import sys

from orchestration import loading
from orchestration.database import connect
from orchestration.lock import run_lock
from orchestration.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Release one batch. Returns 0 when it is admitted now; the next run models it."""
    given = sys.argv[1:] if arguments is None else arguments
    settings = Settings.from_environment()
    if not settings.raw.exists():
        print(f"error: nothing was loaded yet into {settings.raw}: run `make run` first")
        return 1
    if len(given) != 1:
        print("error: which batch? `make release BATCH=id`. Held batches:")
        for line in held_batches(settings):
            print(f"  {line}")
        return 1
    with run_lock(settings.lock, on_wait=print), connect(settings.raw) as connection:
        try:
            loading.release(connection, given[0])
        except loading.BatchError as error:
            print(f"error: {error}")
            return 1
    print(f"Batch {given[0]} is released. `make run` models and publishes it.")
    return 0


def held_batches(settings: Settings) -> list[str]:
    """Return one line for each held batch: id, source, file and reason."""
    with connect(settings.raw, read_only=True) as connection:
        rows = connection.execute(
            "select batch_id, source, file, held_reason from files where state = 'held' order by all"
        ).fetchall()
    return [f"{batch}  {source}/{file}: {reason}" for batch, source, file, reason in rows]


if __name__ == "__main__":
    sys.exit(main())
