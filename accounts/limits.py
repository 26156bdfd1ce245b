"""How often people may have us mail to addresses that may be strangers', and how much they may take
away, each with its reason."""

from datetime import timedelta

# What is counted is counted in these, back from now.
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# A person who waits for the first link asks once or twice more.
RESETS_TO_ADDRESS_AN_HOUR = 3
# On a bad day twice that; more only fill somebody's inbox.
RESETS_TO_ADDRESS_A_DAY = 6
# An office behind one address, and no more.
RESETS_OF_MACHINE_AN_HOUR = 20
RESETS_OF_MACHINE_A_DAY = 60

# The invitation, and once or twice again because it was lost or the role was wrong.
INVITATIONS_TO_ADDRESS_OF_ACCOUNT_A_DAY = 3
# Of all accounts together: a freelancer whom three agencies take in on one day, with room to spare.
INVITATIONS_TO_ADDRESS_A_DAY = 10
# Whoever sets up a team or brings clients over by hand does it on more days than one.
INVITATIONS_OF_PERSON_A_DAY = 50
# An agency that brings its clients over by the API; with its sub-accounts, whose names it chose.
INVITATIONS_OF_ACCOUNT_A_DAY = 200

# A name in a mail to a stranger: enough to know somebody by, too short for a message.
NAME_IN_MAIL = 60

# A bookkeeper who takes a year's receipts one by one, and no copy machine.
FILES_OF_PERSON_AN_HOUR = 300

# What an agency writes to its sub-accounts at once: a short mail, and no newsletter.
AGENCY_NOTICE_LENGTH = 500
# One in the morning, one that corrects it, and a bad day; more is a mailing.
AGENCY_NOTICES_A_DAY = 5

# An office's systems, one of each, and those of two more that are moved; each event goes to all.
WEBHOOKS_MOST = 10
# One that is in use and two that a busy day has replaced: each is another signature to send.
WEBHOOK_OLD_SECRETS = 2
# A working day to carry a new secret to every receiver, whenever it was rotated.
WEBHOOK_OVERLAP = timedelta(hours=24)
# Standard Webhooks takes 24 to 64 bytes; 32 are as many as the signature has.
WEBHOOK_SECRET_BYTES = 32
WEBHOOK_URL_LENGTH = 500
WEBHOOK_DESCRIPTION_LENGTH = 120
# Those of a customer's own servers; what other services listen on is nobody's webhook.
WEBHOOK_PORTS = frozenset({443, 8443})

# How long after each try comes the next: docs/webhooks.md publishes it. Three days in all, so that
# a weekend is no reason to lose anything.
WEBHOOK_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
WEBHOOK_TRIES = len(WEBHOOK_WAITS) + 1
# Whoever asked for it looks at the answer: it need not be repeated for days.
WEBHOOK_TRIES_ALONE = 3
# How long an endpoint may ask us to wait with Retry-After: more is an outage, which has its waits.
WEBHOOK_RETRY_AFTER_MOST = timedelta(hours=1)

# Finding the address and connecting; and all of one try.
WEBHOOK_CONNECT_SECONDS = 5.0
WEBHOOK_TOTAL_SECONDS = 15.0
# Once the answer's head is there its body is only for the log.
WEBHOOK_BODY_SECONDS = 2.0
WEBHOOK_HEAD_BYTES = 16 * 1024
WEBHOOK_ANSWER_BYTES = 1_000
# Names with more addresses are no less reachable by the first of them.
WEBHOOK_ADDRESSES_TRIED = 2

# To one endpoint at once: of different accounts, or it would be out of order. One that has not
# worked yet, or does not now, is asked once at a time.
WEBHOOKS_AT_ONCE_TO_ONE = 4
# Of all: sockets of one process. New ones and those in trouble have room of their own, so that
# however many hang they take none of what works.
WEBHOOKS_AT_ONCE = 300
WEBHOOKS_AT_ONCE_NEW = 150
WEBHOOKS_AT_ONCE_IN_TROUBLE = 200
# Rows that one statement claims or writes: some tens of milliseconds.
WEBHOOKS_CLAIMED = 200
WEBHOOK_EVENTS_NUMBERED = 500
# A worker sends for so long, and then another one: with the last tries within a task's soft limit.
WEBHOOKS_SENT_SECONDS = 40.0
# It waits for what may come: the repeat after five seconds among it.
WEBHOOKS_IDLE_SECONDS = 1.0
WEBHOOKS_LINGER = timedelta(seconds=6)
# How often it looks while something comes, and while nothing does.
WEBHOOKS_LOOK_SECONDS = 0.05
WEBHOOKS_REST_SECONDS = 0.2
# A worker that died is followed by another one after this; it says that it lives each five seconds.
WEBHOOKS_TURN = timedelta(seconds=20)
WEBHOOKS_TURN_RENEWED_SECONDS = 5.0
# Whatever a worker that died was sending is sent again after this: longer than any try takes.
WEBHOOK_CLAIM = timedelta(seconds=60)
# When a sweep should have moved what is due long ago: the books say so.
WEBHOOKS_WITHIN = timedelta(minutes=5)
# As long as messages to Slack are kept: who was away a month asks the API instead.
WEBHOOKS_KEPT = timedelta(days=30)
# Each minute: what goes with them (deliveries, answers) is read first.
WEBHOOKS_FORGOTTEN_AT_ONCE = 500
# A person who tries whether it works does so a few times.
WEBHOOK_TESTS_AN_HOUR = 30
# The API promises a day; a repeat that comes on the next morning still finds its answer.
ANSWERS_KEPT = timedelta(hours=48)
# A minute's worth of a busy day; what is left goes in the next minute.
ANSWERS_FORGOTTEN_AT_ONCE = 5_000
# Longer than any request is at work: a charge takes up to a minute. Who is still at it has died.
ANSWER_BEGUN = timedelta(minutes=2)
# Most requests are done within one.
REPEAT_AFTER_SECONDS = 1
