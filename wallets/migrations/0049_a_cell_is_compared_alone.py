"""A cell that is away while the others are compared with Stripe is compared by itself later."""

from django.db import migrations, models


class Migration(migrations.Migration):
    allowed = {
        "narrower": "it refuses less than the one before it",
        "require-concurrent-index-creation": "a row a night: it is made in a millisecond",
        "require-concurrent-index-deletion": "and is dropped in one",
    }

    dependencies = [("wallets", "0048_a_series_of_credit_notes")]

    operations = [
        migrations.AddField(
            model_name="stripecomparison",
            name="cell",
            field=models.CharField(blank=True, db_default="", max_length=31),
        ),
        migrations.AddConstraint(
            model_name="stripecomparison",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at", None)),
                fields=("is_full", "cell"),
                name="one_comparison_of_a_cell_at_a_time",
            ),
        ),
        migrations.RemoveConstraint(model_name="stripecomparison", name="one_comparison_at_a_time"),
    ]
