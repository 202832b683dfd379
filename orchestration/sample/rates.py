"""How often things happen in the simulated product: every rate in one place."""

from datetime import UTC, datetime

FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
BAD_DAY = datetime(2026, 2, 17, tzinfo=UTC)

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FIRST_MS = int(FIRST_DAY.timestamp()) * 1000
"""Unix time of the first day's start, in milliseconds: the unit of every time in this package."""

# People
ESTABLISHED_SHARE = 0.15  # customers from before the first day
SIGN_UP_SHARE = 0.38  # people who arrive and mean to sign up
PEOPLE_PER_COMPANY = 7
SECOND_BROWSER = 0.33
PHONE_APP = 0.5  # of members
SHARES_DEVICE = 0.03  # of members, in pairs
CLOCK_HOURS_OFF = 0.03  # of devices
COOKIES_CLEARED = 0.004  # per visit

# Weekly and daily rhythm, Monday first; hours are local, 0 to 23
WEEKDAY = (1.0, 1.08, 1.05, 1.0, 0.8, 0.24, 0.2)
OFFICE_HOURS = (0, 0, 0, 0, 0, 1, 2, 5, 12, 18, 19, 15, 8, 13, 18, 17, 13, 8, 4, 3, 3, 2, 1, 0)
LEISURE_HOURS = (2, 1, 0, 0, 0, 1, 4, 8, 7, 5, 5, 5, 7, 6, 5, 5, 6, 8, 9, 11, 12, 10, 7, 4)
DAYTIME_HOURS = (0, 0, 0, 0, 0, 0, 0, 2, 8, 10, 10, 8, 5, 8, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0)
EVENING_HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 6, 8, 6, 2, 0)

# Looking around
VISITS_BEFORE_SIGN_UP = ((1, 0.42), (2, 0.3), (3, 0.17), (4, 0.08), (5, 0.03))
NEWSLETTER_SUBSCRIBED = 0.08
DEMO_REQUESTED = 0.04

# Members
TRIAL_DAYS = 14
TEMPORARY_ID = 0.06  # of sign-ups
ALIAS_FROM_DEVICE = 0.05  # of sign-ups
LOGS_OUT = 0.035  # per visit
NEW_ID_AFTER_LOG_OUT = 0.3
LOGGED_OUT_RETURN = 0.04  # per visit
LOGS_IN_ON_RETURN = 0.6
IDENTIFY_PER_VISIT = 0.12
ADDRESS_IN_URL = 0.004  # per visit: an e-mail address in a page's url
PHONE_OFFLINE = 0.07  # of phone visits
LONGEST_DELAY_MS = 6 * DAY_MS - 4 * HOUR_MS

# Checkout and churn
CHECKOUT_STARTED = 0.42  # of trials
CHECKOUT_STARTED_IF_INVITED = 0.28  # added for those who invited a teammate
PAYMENT_DETAILS = 0.66  # of checkouts
PAYMENT_FAILED = 0.08
SUBSCRIBED = 0.84  # of those who entered payment details
TRIES_AGAIN = 0.45
YEARLY = 0.2
CHURN_A_DAY = 0.003

# Bots
BOT_CALLS_A_DAY = 280  # of all bots together, at 2,000 people

# Mishaps
REPEATED_AT_ONCE = 0.006  # of calls
REPEATED_LATER = 0.003
MALFORMED_FILES = 0.25  # of days
UNUSABLE_FILES = 0.35  # of days
BAD_DAY_WITHOUT_TIME = 0.4  # of the bad day's rows
BAD_DAY_UNREADABLE = 0.015
