"""Files of the sample: JSON lines, gzip and CSV, the same bytes each time."""

import csv
import gzip
import io
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from orchestration.sample import rates
from orchestration.sample.billing import BillingRow
from orchestration.sample.calls import iso

BILLING_COLUMNS = (
    "invoice_id",
    "customer_id",
    "kind",
    "amount",
    "currency",
    "plan",
    "occurred_at",
)


def web_file(day: int) -> str:
    """Return the path, below the landing folder, of what was received on a day."""
    return f"web/{rates.FIRST_DAY + timedelta(days=day):%Y/%m/%d}.jsonl.gz"


def write_lines(path: Path, lines: list[bytes], cut_off: bytes = b"") -> None:
    """Write gzipped lines, and at the end what is left of a line that was cut off."""
    content = b"".join(line + b"\n" for line in lines) + cut_off
    _write(path, gzip.compress(content, compresslevel=4, mtime=0))


def write_billing(folder: Path, rows: Iterable[BillingRow]) -> dict[str, int]:
    """Write a CSV file per month; return the numbers of rows, repeats and malformed lines.

    Each export starts with the last two rows of the one before; the first one has a line with a
    column too many.
    """
    months: dict[str, list[list[str]]] = {}
    for row in _numbered(sorted(rows, key=lambda row: (row.at, row.customer_id, row.kind))):
        months.setdefault(row[-1][:7], []).append(row)
    repeats = malformed = 0
    overlap: list[list[str]] = []
    for month, lines in months.items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(BILLING_COLUMNS)
        writer.writerows(overlap + lines)
        if not overlap:
            malformed += 1
            writer.writerow([*lines[-1], "retry"])
        repeats += len(overlap)
        overlap = lines[-2:]
        _write(folder / "billing" / f"{month}.csv", text.getvalue().encode())
    total = sum(map(len, months.values()))
    return {"rows": total, "repeats": repeats, "malformed": malformed}


def _numbered(rows: Iterable[BillingRow]) -> Iterable[list[str]]:
    """Give out invoice numbers in time order; a start shares its first invoice's number."""
    number = 41_200
    started: dict[str, int] = {}
    for row in rows:
        if row.kind == "invoice_paid" and row.customer_id in started:
            invoice = started.pop(row.customer_id)
        else:
            number += 1
            invoice = number
        if row.kind == "subscription_started":
            started[row.customer_id] = invoice
        yield [
            f"INV-{invoice:06d}",
            row.customer_id,
            row.kind,
            f"{row.amount}.00",
            row.currency,
            row.plan,
            iso(row.at),
        ]


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step, so that nobody meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
