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
