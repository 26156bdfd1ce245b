"""Every limit of calls and campaigns, in one place, each with its reason."""

from datetime import timedelta
from decimal import Decimal

# One batch is one transaction: it holds its wallets' locks for well under a second.
CALLS_PER_BATCH = 1_000
# A larger one gains nothing from others that are recorded with it.
CALLS_ALONE = 100
# A batch of several cells is answered after so long, whatever one of them does: as long as one
# statement may take (thinkrr_billing/database.py), or, where a proxy in front gives small ones up
# after four seconds (deploy/haproxy-web.cfg), a little less.
BATCH_SECONDS = 30.0
SMALL_BATCH_SECONDS = 3.5
# A cell that was late so often in a row hangs: its calls are rejected at once, and one batch in so
# many seconds tries it, or all who report would wait for it. A wallet that is locked is no reason.
CELL_LATE_IN_A_ROW = 3
CELL_LEFT_ALONE_SECONDS = 5.0

# A day: a longer call is a hung line, which support corrects by hand.
CALL_MOST_SECONDS = 86_400

# Clocks of the platform may be a little ahead.
CALL_FUTURE = timedelta(minutes=5)

# Older ones belong to a closed month. Also bounds how far back a duplicate may be looked for.
CALL_PAST = timedelta(days=35)

# A day is kept when it ended this long ago. A call that is recorded more than half of it after it
# ended takes the days from its own on back (a trigger's WHEN says the half as well): no transaction
# that records calls lasts as long as the other half.
USAGE_KEPT_AFTER = timedelta(hours=12)
# An account is visited again when as many calls wait to be kept as a page counts at no cost, or
# after a week.
USAGE_KEPT_EVERY = timedelta(days=7)
USAGE_FEW_CALLS = 50
# One statement counts a month of a busy account's calls: a second's work.
USAGE_BITE_DAYS = 31
# One night's work: the accounts of a slice are looked for at once, and each has at most so many
# bites (ten years) in one transaction each.
USAGE_SLICE = 500
USAGE_SLICES = 2_000
USAGE_BITES = 120
# As many days as a person looks at first.
USAGE_USUAL_DAYS = 30
# Two years: as far as a year can be compared with the one before.
USAGE_MOST_DAYS = 731
# Figures of a standby this old say so.
USAGE_AGE_TOLD = timedelta(seconds=2)
# Rows of the table on the page; its file has all.
USAGE_LINES_SHOWN = 100
# More bars than this are too narrow for a finger on a phone: days are put together.
USAGE_BARS = 62

# The platform's ids, as long as they may be.
EXTERNAL_ID_LENGTH = 120
NAME_LENGTH = 120

# Of a batch of no more accounts it is asked in advance which campaigns are started.
FEW_ACCOUNTS = 100

# A deadlock, or the same call reported twice at once, is solved by the first repetition.
RECORD_ATTEMPTS = 4

# One sweep's bite: so many wallets are locked at once, and stay unpaused when the process dies.
SWEEP_BATCH = 50

# How long the books let a started campaign without a minute wait for the sweep.
SWEEP_SLACK = timedelta(minutes=2)

# Nobody runs more lines at once for one account and type.
MOST_LIVE_CALLS = 100_000

PAGE = 25
LAST_CALLS = 20
# Of one debit, which is up to CALLS_PER_BATCH: as many as a person looks through at once.
CALLS_SHOWN = 50

# As many as a person looks through before resuming; the others follow.
RESUME_SHOWN = 50

# What a campaign uses a day is told from the week before it paused: each weekday once.
USE_WINDOW = timedelta(days=7)
# How credit is split among minute types is told from so many calls: a few milliseconds' worth.
CALLS_SAMPLED = 5_000

# The Recharge dialog's first amount, for a link that must name a tier before one is typed.
USUAL_RECHARGE = Decimal(50)
