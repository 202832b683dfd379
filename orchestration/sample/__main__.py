"""Write the sample dumps: `python -m orchestration.sample --landing DIR --corrections DIR`."""

import argparse
from pathlib import Path

from orchestration.sample.simulation import Facts, simulate


def main() -> None:
    """Read the arguments, write the dumps, print what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.sample",
        description="Write simulated dumps of a made-up product (see the package's docstring).",
    )
    parser.add_argument("--landing", type=Path, required=True, help="folder for the dumps")
    parser.add_argument(
        "--corrections", type=Path, required=True, help="folder for the bad day's right version"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--days", type=int, default=60, help="days from 2026-01-05 on")
    parser.add_argument("--people", type=int, default=2000)
    arguments = parser.parse_args()
    if arguments.days < 1 or arguments.people < 1:
        parser.error("--days and --people must be at least 1")
    facts = simulate(
        arguments.landing,
        arguments.corrections,
        seed=arguments.seed,
        days=arguments.days,
        people=arguments.people,
    )
    print(summary(facts))


def summary(facts: Facts) -> str:
    """Return the facts as a few lines of text."""
    quarantined = sum(facts.quarantine_rows.values())
    lines = [
        f"Simulated dumps (seed {facts.seed}, {facts.days} days from 2026-01-05)",
        f"  people     {facts.people:>9,}  {facts.members:,} with an account,"
        f" {facts.anonymous_ids:,} anonymous ids",
        f"  web        {facts.web_events:>9,}  events in {facts.web_files} files,"
        f" {facts.bot_events:,} of them by {facts.bots} bots",
        f"  billing    {facts.billing_rows:>9,}  rows",
        f"  repeats    {facts.repeats + facts.billing_repeats:>9,}"
        f"  {facts.repeats_in_later_files:,} of them in later web files",
        f"  late       {facts.late_events:>9,}  events, received more than a day later",
        f"  malformed  {facts.malformed_lines + facts.billing_malformed_lines:>9,}  lines",
        f"  unusable   {quarantined:>9,}  rows without a name or a plausible time",
    ]
    if facts.bad_day is not None:
        bad = facts.bad_day
        lines.append(
            f"  bad day    {bad.rows_without_time:>9,}  of {bad.lines:,} lines of {bad.file}"
            " without a time"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
