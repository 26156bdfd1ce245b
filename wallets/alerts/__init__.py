"""Own alerts: what accounts asked to hear of, in mails to whom they name and in Slack."""
