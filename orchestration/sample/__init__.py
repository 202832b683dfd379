"""Sample dumps: a seeded simulator of a small made-up product. Nothing in them is real.

The product is **Planwren**, a project-planning web app with a 14-day free trial and paid plans
(`www.planwren.example` is its public site, `app.planwren.example` the app itself, and there is a
phone app). Names, companies and addresses are invented, hosts end in `.example`, IP addresses come
from the documentation ranges of RFC 5737, and every call says
`context.library.name = "footpath-simulator"`. User agents and referrer hosts are those of real
browsers, crawlers and sites.

Two sources are written:

- `web`: Segment calls as JSON lines, one file per received day (`web/2026/01/05.jsonl.gz`);
- `billing`: what the server books, one CSV file per month (`billing/2026-01.csv`).

What happens in them, with rates in `rates.py` and wording in `catalogue.py`:

- **People** (2,000): 47 % only look around, 38 % arrive in the 60 days and most of them sign up at
  their last planned visit, 15 % were customers before the first day. A third have a second browser,
  half of the members the phone app; 3 % of the members share a computer in pairs.
- **Looking around**: one to five visits to landing pages, pricing, blog and docs, from campaigns
  (utm parameters, click ids), search engines, social sites, news, assistants, or directly.
- **Members**: identify and group calls, projects, tasks, invitations, exports; busy on weekdays and
  in office hours of their own time zone; activity falls off with the days since sign-up.
- **Checkout**: some two in five trials start one; two thirds of the checkouts reach the payment
  details, five in six of those end in a plan. Who invited a teammate buys more often. About 9 % of
  customers leave in a month.
- **Identity**: log-outs and anonymous returns (same device id, or a new one after a reset), cleared
  cookies, 6 % of sign-ups under a temporary id that an alias call replaces later, 5 % with an alias
  from the device id.
- **Time**: 3 % of devices have a clock that is hours off; 7 % of phone visits happen offline and
  arrive up to 6 days later, mostly in a later day's file.
- **Bots**: 14 crawlers, each one device with many page calls.
- **Mishaps** (`mishaps.py`): repeats in the same and in later files, unreadable lines, rows without
  a usable name or time, and one bad day (2026-02-17), whose right version goes to the corrections
  folder.

The same seed gives the same bytes, whatever the date and `PYTHONHASHSEED`. (Another build of zlib
may compress the same lines to other bytes.)
"""

from pathlib import Path

from orchestration.sample.simulation import BadDay, Facts, simulate

__all__ = ["SAMPLE_PLAN", "SAMPLE_SOURCES", "BadDay", "Facts", "simulate"]

#: What the sample dumps are, in the form of sources.yml.
SAMPLE_SOURCES = Path(__file__).with_name("sources.yml")

#: What its makers planned to send, which is not quite what the dumps hold.
SAMPLE_PLAN = Path(__file__).with_name("tracking_plan")
