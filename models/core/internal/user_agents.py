"""One row per distinct user agent text that an event carried, taken apart once by maintained libraries.

Browser, operating system and device come from `ua-parser`, crawlers from `crawler-user-agents`.
"""

import importlib.metadata

import crawleruseragents
import ua_parser

PHONES_AND_TABLETS = {"iPhone": "phone", "iPad": "tablet", "iPod": "phone", "Kindle": "tablet"}
DESKTOP_SYSTEMS = {
    "Windows",
    "Mac OS X",
    "Linux",
    "Ubuntu",
    "Fedora",
    "Debian",
    "Chrome OS",
    "FreeBSD",
}


def device_type(text: str, system: str | None, device: str | None) -> str | None:
    """Sort a device into desktop, phone, tablet or tv; None when the text does not tell."""
    lowered = text.lower()
    if device in PHONES_AND_TABLETS:
        return PHONES_AND_TABLETS[device]
    if "smart-tv" in lowered or "smarttv" in lowered or "appletv" in lowered:
        return "tv"
    if system == "Android":
        return "phone" if "mobile" in lowered else "tablet"
    if system in DESKTOP_SYSTEMS:
        return "desktop"
    return None


def take_apart(text: str) -> tuple[str | None, ...]:
    """Parse one user agent into the columns of the table, without versions of libraries."""
    parsed = ua_parser.parse(text)
    browser = parsed.user_agent
    system = parsed.os.family if parsed.os else None
    device = parsed.device.family if parsed.device else None
    return (
        text,
        browser.family if browser else None,
        browser.major if browser else None,
        system,
        device,
        device_type(text, system, device),
    )


def model(dbt, session):
    """Return the user agents that the table does not have yet."""
    dbt.config(materialized="incremental", meta={"region": "append"})
    known = (
        f"where user_agent not in (select user_agent from {dbt.this})" if dbt.is_incremental else ""
    )
    staged = dbt.ref("staged_rows")  # noqa: F841 - read by name below
    texts = session.sql(
        f"""
        select user_agent
        from (select distinct user_agent from staged where user_agent is not null) as distinct_values
        {known}
        order by user_agent
        """
    ).fetchall()
    rows = [(*take_apart(text), crawleruseragents.is_crawler(text)) for (text,) in texts]
    versions = "ua-parser-builtins {}, crawler-user-agents {}".format(
        importlib.metadata.version("ua-parser-builtins"),
        importlib.metadata.version("crawler-user-agents"),
    )
    session.execute(
        """
        create or replace temp table parsed_user_agents (
            user_agent varchar, browser varchar, browser_version varchar, operating_system varchar,
            device varchar, device_type varchar, is_bot boolean
        )
        """
    )
    if rows:
        session.executemany("insert into parsed_user_agents values (?, ?, ?, ?, ?, ?, ?)", rows)
    return session.sql(f"select *, '{versions}' as data_version from parsed_user_agents")
