"""Calls lose the foreign keys that 0016 has taken the place of."""

import django.db.models.deletion
from django.db import migrations, models

# All three tables are locked, in the order in which a batch of calls takes them.
LOCK = "LOCK TABLE campaigns_campaign, accounts_account, campaigns_call;"
OF_ACCOUNTS = "campaigns_call_account_id_9e249a7c_fk_accounts_account_id"
OF_CAMPAIGNS = "campaigns_call_campaign_id_f97905b6_fk_campaigns_campaign_id"
FORWARDS = f"""{LOCK}
SET CONSTRAINTS {OF_ACCOUNTS}, {OF_CAMPAIGNS} IMMEDIATE;
ALTER TABLE campaigns_call DROP CONSTRAINT {OF_ACCOUNTS};
ALTER TABLE campaigns_call DROP CONSTRAINT {OF_CAMPAIGNS};
"""
# Going back 0016 validates them, while others read and write.
BACKWARDS = f"""{LOCK}
ALTER TABLE campaigns_call ADD CONSTRAINT {OF_ACCOUNTS} FOREIGN KEY (account_id)
    REFERENCES accounts_account (id) DEFERRABLE INITIALLY DEFERRED NOT VALID;
ALTER TABLE campaigns_call ADD CONSTRAINT {OF_CAMPAIGNS} FOREIGN KEY (campaign_id)
    REFERENCES campaigns_campaign (id) DEFERRABLE INITIALLY DEFERRED NOT VALID;
"""


class Migration(migrations.Migration):
    allowed = {
        "ban-drop-constraint": "the triggers of 0016 refuse whatever the keys refused",
        "table-emptied-or-locked": "all in a batch's order, for a moment: dropping takes the locks",
    }

    dependencies = [("campaigns", "0016_what_calls_refer_to_stays")]
    operations = [
        migrations.RunSQL(
            FORWARDS,
            BACKWARDS,
            state_operations=[
                migrations.AlterField(
                    model_name="call",
                    name="account",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="calls",
                        to="accounts.account",
                    ),
                ),
                migrations.AlterField(
                    model_name="call",
                    name="campaign",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="calls",
                        to="campaigns.campaign",
                    ),
                ),
            ],
        )
    ]
