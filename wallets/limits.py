"""Every limit of the money rules, in one place, each with its reason."""

from datetime import timedelta
from decimal import Decimal

# A recharge by hand. Below $5 Stripe's fixed fee eats the margin; above $10,000 people mistype.
RECHARGE_LEAST = Decimal(5)
RECHARGE_MOST = Decimal(10_000)

# Auto-Recharge settings, as the product's dialog promises.
THRESHOLD_LEAST = Decimal(1)
THRESHOLD_MOST = Decimal(10_000)
AUTO_AMOUNT_LEAST = Decimal(5)
AUTO_AMOUNT_MOST = Decimal(2_500)

# One automatic charge: a threshold of $10,000 needs four of the largest amounts and one more.
AUTO_CHARGE_MOST = Decimal(12_500)

# Automatic charges of one local day, for an account that set no ceiling: ten recharges and $500 are
# more than a busy day needs, and less than a runaway took in an hour.
CEILING_TIMES = 10
CEILING_AT_LEAST = Decimal(500)
# What an account may set: one smallest recharge, to twice the most that ten of the largest cost.
CEILING_LEAST = Decimal(5)
CEILING_MOST = Decimal(50_000)

# A success must be metered before the next charge is decided: two charges a minute is a runaway.
COOLDOWN = timedelta(seconds=60)

# More than this is a runaway, which somebody should look at before the card bleeds.
CHARGES_PER_WINDOW = 3
CHARGE_WINDOW = timedelta(minutes=10)

# Whatever became of them: more intents than this in those ten minutes are a loop. Somebody should
# have looked before the next one.
INTENTS_PER_WINDOW = 6
BRAKE_HOLD = timedelta(hours=1)

# Of a wallet in one minute, by hand or by itself: a person pays once or twice, and ten declines
# are braked. More is a program in a loop, which somebody should look at.
INTENTS_PER_MINUTE = 10

# Card networks penalise retries: wait after the first and the second failure, stop at the third.
DECLINE_WAITS = (timedelta(hours=1), timedelta(hours=6))
DECLINES_TO_SUSPEND = 3

# A hold that has ended is looked at by the next sweep: as late as any queue may be, and a tick.
HOLD_ENDS_WITHIN = timedelta(minutes=6)

# Trouble of the gateway is not the card's fault: ask again soon.
GATEWAY_WAIT = timedelta(minutes=2)

# A person's "Try again" is an attempt at the card, too.
PERSON_RETRIES = 5
PERSON_RETRY_WINDOW = timedelta(hours=1)

# Declined payments that a person asked for and new cards within an hour, per account, person and
# address: more than anybody with a card of their own needs, and too few to try out stolen ones.
CARD_ATTEMPTS = 10
CARD_ATTEMPTS_WINDOW = timedelta(hours=1)

# Two requests that make the same customer at once: Stripe answers in less than a second, and a
# person waits.
SAME_CUSTOMER_WAITS = 5
SAME_CUSTOMER_WAIT = timedelta(seconds=0.3)

# While a recharge is on its way campaigns are not paused yet: the guide promises no interruption.
GRACE = timedelta(seconds=60)

# Allocation retries after a failure, each counted from the previous one.
ALLOCATION_WAITS = (timedelta(hours=1), timedelta(hours=24), timedelta(hours=72))
ALLOCATION_MOST_MINUTES = 1_000_000
ALLOCATION_START_WITHIN = timedelta(days=365)

# An ask for minutes that nobody answered: a week has every working day, then it is stale.
ASK_LASTS = timedelta(days=7)
# It ends by a tick: a minute, and as late as any queue may be.
ASK_ENDS_WITHIN = ASK_LASTS + timedelta(minutes=10)
# A sentence or two, by whoever asks and whoever declines.
ASK_WORDS_LENGTH = 200
# One is open at a time; who is declined five times in a day telephones.
ASKS_A_DAY = 5
ASKS_WITHIN = timedelta(days=1)
# Asks that ran out and are ended in one tick: more wait for the next.
ASKS_ENDED_AT_ONCE = 200

# Chosen together: as many as an agency has on a few pages, and a form can send.
SEVERAL_MOST = 500
# Saving them while a person waits; the rest is named, and gone on with by a button.
SEVERAL_SECONDS = 15.0

# A month whose day lies ahead again, because the agency moved its zone, is looked at this often.
AHEAD_LOOK = timedelta(hours=1)

# Stripe's minimum and maximum for a card charge in USD, in cents.
CARD_LEAST_CENTS = 50
CARD_MOST_CENTS = 99_999_999

# A new confirmation is only sent while the reason to buy is fresh.
CONFIRM_WITHIN = timedelta(minutes=15)
CONFIRM_ALLOCATION_WITHIN = timedelta(hours=24)

# A link to the bank lives this long, then the intent is canceled.
BANK_LINK_LIFETIME = timedelta(hours=24)

# Then the sweep ends it: five minutes for a look's wait, and as much for the sweep itself.
BANK_ENDS_WITHIN = BANK_LINK_LIFETIME + timedelta(minutes=10)

# An outcome unknown for longer is told to support.
UNKNOWN_REPORT_AFTER = timedelta(hours=1)

# The sweep leaves young purchases to whoever is driving them.
SWEEP_AFTER = timedelta(seconds=30)

# What resetting Included minutes may take of a task, whose soft limit is 60 s.
RESET_SECONDS = 40.0
# The books say so when minutes that come with a plan are not there: four of its runs.
INCLUDED_WITHIN = timedelta(hours=1)

# What planning the months may take of a tick, whose soft limit is 60 s.
PLAN_SECONDS = 10.0
# So many are planned in one transaction: their wallets wait for it, which nobody should notice.
PLAN_BITE = 200
# From one due date to the next: February's.
SHORTEST_MONTH = timedelta(days=28)
# A month that could not be planned is a defect: look again soon, behind all others.
PLAN_WAIT = timedelta(minutes=5)
# The books say so when a month that has begun is not planned: that wait, and as much for ticks.
PLANNED_WITHIN = timedelta(minutes=10)

# Stripe's events: retried with doubling waits, then given up and shown to support.
EVENT_ATTEMPTS = 10
EVENT_FIRST_WAIT = timedelta(seconds=15)
# About something that Stripe does not know, so that it is none of ours: no use in asking more.
EVENT_ATTEMPTS_OF_OTHERS = 3
EVENT_TOLERANCE = timedelta(minutes=5)
EVENT_LARGEST_BYTES = 512 * 1024

# A look at how we stand with Stripe asks ten times, and a person waits for it.
PROBE_SECONDS = 5
# Stripe tells its time in whole seconds, and an answer may take a few. With NTP a clock is a second
# off at most; a tenth of what an event's signature may be is a clock that nobody sets.
CLOCK_OFF_MOST = timedelta(seconds=30)
# Events usually come within seconds. Stripe repeats what failed a few minutes later.
EVENT_COMES_WITHIN = timedelta(minutes=5)

# Refunds and disputes whose event never came are looked for among those Stripe knows from this
# far back: a bank may take four months to decide on a dispute.
CATCH_UP_HOURLY = timedelta(days=3)
CATCH_UP_NIGHTLY = timedelta(days=120)
# One step of the night: a few pages of Stripe's lists on a busy month. Below the least it is not
# time that kills.
CATCH_UP_SLICE = timedelta(days=10)
CATCH_UP_SLICE_LEAST = timedelta(minutes=1)
# Steps in one task, well within its own limit; another goes on when nobody has for a while.
CATCH_UP_BUDGET = timedelta(minutes=4)
CATCH_UP_IDLE = timedelta(minutes=15)
# The books say so when nothing was caught up with for a day and what one look may take.
CAUGHT_UP_WITHIN = timedelta(hours=30)

# The comparison with Stripe: a confirmation may come a day after its purchase, a bank's link lives
# another, and one more for whatever was late.
COMPARE_OVERLAP = timedelta(days=3)
# One step: a few pages of Stripe's lists on a busy day. Below the least it is not time that kills.
COMPARE_SLICE = timedelta(hours=6)
COMPARE_SLICE_LEAST = timedelta(minutes=1)
# Steps in one task, well within its own limit; another goes on when nobody has for a while.
COMPARE_BUDGET = timedelta(minutes=4)
COMPARE_IDLE = timedelta(minutes=15)
# Longer than this, and the next night finds it still under way.
COMPARE_WITHIN = timedelta(hours=6)
# The books say so when nothing was compared for a day and what one comparison may take.
COMPARED_WITHIN = timedelta(hours=30)
# The long jobs' own limits, in seconds. The broker hands a message out again after 600.
LONG_TASK_SECONDS = 480
LONG_TASK_KILLED_SECONDS = 540

# After a restore Stripe is asked for what happened in this time: no backup of ours is older.
RECOVER_FROM = timedelta(days=35)

# What one member of the staff may give away (or take) within a day, over all wallets: adjustments,
# Included minutes and rates, in dollars. It mends a bad hour of calls; more needs a second person.
GIVEN_ALONE = Decimal(100)
# And all of them together in one wallet: each their own hundred is not two people who agree.
GIVEN_IN_WALLET = Decimal(200)
# A refund goes back to the card that paid: ten usual recharges a day, and twice that in one wallet.
REFUNDED_ALONE = Decimal(500)
REFUNDED_IN_WALLET = Decimal(1_000)
ALONE_WITHIN = timedelta(days=1)
# Minutes that come with a plan stay until somebody changes them: a year of them is what they are
# worth.
INCLUDED_MONTHS = 12
INCLUDED_MOST_MINUTES = 1_000_000
# A new rate that one person may set: a fifth off every price of the last month, so that a price
# does not walk away in steps, and a day ahead, so that a mistake is seen before anybody pays it.
RATE_BAND = Decimal("0.20")
RATE_WITHIN = timedelta(days=30)
RATE_NOTICE = timedelta(days=1)

# Above this somebody typed seconds.
GRANTED_MINUTES_MOST = 10_000

# Low-balance notices are re-armed above this multiple of the level.
LOW_BALANCE_REARM = Decimal("1.5")
# Minutes are about to run out below this many: an hour of calls, time to recharge.
MINUTES_LEVEL = 60
MINUTES_LEVEL_MOST = 1_000_000

# Monthly-limit notices, in percent.
LIMIT_NOTICES = (100, 90, 80)

# Cards that expire within this many days are announced.
CARD_EXPIRY_NOTICE = timedelta(days=30)

# The decision log: over a year, so that a month can be compared with the same one a year ago.
DECISIONS_KEPT = timedelta(days=400)
# A decision repeated by every sweep is counted once a minute: no write for every look.
DECISION_COUNTED_EVERY = timedelta(minutes=1)
DECISION_BITE = 5_000
DECISION_BITES = 200

# Whoever may not pay asks an owner for the same once an hour: a second mail says nothing new.
ASK_AGAIN_AFTER = timedelta(hours=1)

# How fast a balance is used: a week has every weekday once.
PACE_DAYS = 7
PACE_WINDOW = timedelta(days=PACE_DAYS)
# The paces of all sub-accounts of an agency: a busy agency's cost a second, and an average of a
# week does not move in minutes. Balances are always read anew.
PACES_KEPT_SECONDS = 300
# A sub-account needs its agency when its balance ends sooner: a weekend, and a day to act.
AT_RISK_DAYS = 3
# Days that people call by their names.
SPOKEN_DAYS = 6
# Further ahead no pace of a week says anything.
RUNWAY_MOST_DAYS = 365
# Two days say how much is used, three how much that varies.
SPREAD_DAYS_LEAST = 3
# A forecast that may be out by more than three quarters would draw a band without an end.
SPREAD_MOST = 0.75
# A balance below its threshold that lasts longer than a week is no cause for alarm; one above it
# that ends within a day, with nothing charged by itself, is.
LOW_WITHIN_DAYS = 7
SHORT_WITHIN_DAYS = 1

# Replaying settings: a month of the account, in slots that Auto-Recharge's own window measures.
REPLAY_DAYS = 30
REPLAY_WINDOW = timedelta(days=REPLAY_DAYS)
REPLAY_SLOT = CHARGE_WINDOW
# A suggested threshold covers a working day's busiest stretch: time to mend a declined card.
BUSIEST_HOURS = timedelta(hours=6)
SUGGESTED_STEP = Decimal(5)

# An export is read and sent in bites: enough rows that asking costs little, few enough that a
# process holds no more for a year of calls than for a day.
EXPORT_BITE = 2_000
# Its first rows are asked for before it is answered.
EXPORT_FIRST_BITE = 100
EXPORT_BITE_BYTES = 64 * 1024
# beancount knows no year before 1700, and a spreadsheet no day before 1900.
EXPORT_FIRST_YEAR = 1900
# An XLSX file is finished before its first byte is sent: this many rows take some 15 s, and
# spreadsheets are slow with more. CSV has no end.
XLSX_ROWS_MOST = 100_000
# What the format OFX lets an id, a memo and a name be.
OFX_TEXT_MOST = 255
OFX_NAME_MOST = 32
# And what a name or a line of a purpose may be in DATEV's file.
DATEV_TEXT_MOST = 27

# Receipts and credit notes drawn into one file: a few seconds' work, and some megabytes.
PAPERS_IN_A_FILE = 400

# Listed on one page, which is to stay light; the months of a busy year are pages of their own.
PAPERS_LISTED = 200

# Years offered there: as long as books are kept.
YEARS_LISTED = 10

# Months listed for statements: ten years, as long as books are kept.
MONTHS_LISTED = 120

# The furthest that an entry may be dated out of order (a host's clock set by hand, before
# PostgreSQL's was asked): a list of days looks so far for the first and the last of their entries.
CLOCKS_APART = timedelta(days=1)

# Addresses that get an account's papers: a bookkeeper, an assistant, an archive, with room.
BILLING_ADDRESSES = 10
# The mail that asks whether an address wants papers: once, and again because it was lost.
CONFIRMATIONS_TO_ADDRESS_A_DAY = 3
# An account that fills its list and mends some; with its sub-accounts, whose names it chose.
CONFIRMATIONS_OF_ACCOUNT_A_DAY = 30
# A bookkeeper comes back from a holiday.
ADDRESS_CONFIRMED_WITHIN = timedelta(days=14)
# Refused so often in a row, with pauses that grow: the address is dead, and not only full.
REFUSALS_OF_ADDRESS = 3
# A month's statement is drawn up so long after its end: whatever was being written is written.
STATEMENT_AFTER = timedelta(hours=1)
# Sweeps post each minute; one or two may be late or lost, and the first of a month is busy.
STATEMENTS_POSTED_WITHIN = timedelta(minutes=15)
# Own alerts of one account: every level of three kinds that anybody looks at, and the events.
ALERTS_MOST = 20
# Addresses of one alert beside the people of the account: a bookkeeper, an office, a pager.
ALERT_ADDRESSES_MOST = 5
# Minutes are the largest figures: what an allocation may buy in a month.
ALERT_LEVEL_MOST = 1_000_000
# A runway further ahead than this is no estimate (`RUNWAY_MOST_DAYS`).
ALERT_DAYS_MOST = 365
# A pace is measured over a week: looking more often tells nothing new.
ALERT_RUNWAY_EVERY = timedelta(minutes=10)
# Payments are looked at in the order in which they closed, so not before the last transaction that
# closed one by then has ended: it takes milliseconds, and on a host that stands still some seconds.
ALERT_SETTLED = timedelta(seconds=15)
# A runway moves with the pace of calls: armed again well above, so that it does not flap.
ALERT_RUNWAY_REARM = Decimal("1.2")
# Mails to addresses outside and messages to Slack, tests among them, of one account in a day: more
# is a balance that swings, and the bell tells the rest.
ALERTS_A_DAY = 50
ALERTS_DAY = timedelta(days=1)
# Tests somebody sends within an hour: enough to set up each alert once.
ALERT_TESTS = 10
ALERT_TESTS_WINDOW = timedelta(hours=1)

# Slack answers within a second. What it answers is a word: more is not read.
SLACK_SECONDS = 5
SLACK_ANSWER_BYTES = 1_024
# Tries of one message, each wait half of its age: some two hours of outage. After them the webhook
# is taken for broken.
SLACK_TRIES = 12
SLACK_FIRST_WAIT = timedelta(minutes=1)
SLACK_LONGEST_WAIT = timedelta(hours=1)
# What was sent or given up is kept so long for support.
SLACK_KEPT = timedelta(days=30)

# The platform's ids of calls, as long as they may be.
CALL_ID_LENGTH = 120
# As long as a call may last that can be reported.
HOLD_MOST_SECONDS = 86_400
# A held call may last all its seconds, and the platform reports in batches: so long after that its
# seconds stay reserved. What is forgotten stays reserved for no longer.
HOLD_REPORT_WITHIN = timedelta(minutes=10)
# One bite of the sweep locks so many wallets; what is left over counts for nothing meanwhile.
HOLDS_SWEEP_WALLETS = 200
HOLDS_SWEEP_BITES = 20
# Ended holds are deleted each minute: over this the sweep does not come through.
HOLD_ENDED_BOUND = timedelta(minutes=10)
