"""The questions people ask about money, each answered with this product's own ways: for the page
of help, and beside the dialog where the question comes up."""

from collections.abc import Iterable
from dataclasses import dataclass

from wallets import limits
from wallets.texts import rate, usd

# Where a question comes up: a dialog, or everywhere.
TOPICS = {
    "auto_recharge": "Auto-Recharge",
    "recharge": "Recharging",
    "resume": "Paused campaigns",
    "cards": "Cards",
    "allocation": "Monthly allocation",
    "gifts": "Minutes once",
}


@dataclass(frozen=True)
class Question:
    """`slug` is its anchor; each answer is a paragraph, with {premium} and {basic} for what a
    minute costs now. `way` names one of our pages, by a label and the name of its URL."""

    slug: str
    topic: str
    title: str
    answer: tuple[str, ...]
    way: tuple[str, str] | None = None


QUESTIONS = (
    Question(
        "what-is-auto-recharge",
        "auto_recharge",
        "What is Auto-Recharge?",
        (
            "It buys credit by itself when your balance falls below the Minimum Threshold, so that "
            "calls do not stop. With a threshold of $10 and an amount of $50, $50.00 is charged "
            "once less than $10.00 is left.",
        ),
    ),
    Question(
        "why-auto-recharge",
        "auto_recharge",
        "Why should I use Auto-Recharge?",
        (
            "Campaigns pause when nothing can pay their calls. Auto-Recharge pays before that "
            "happens, day and night.",
        ),
    ),
    Question(
        "set-up-auto-recharge",
        "auto_recharge",
        "How do I set up Auto-Recharge?",
        (
            "Open Payments, add a payment method if there is none, and press Configure. Enter the "
            "Minimum Threshold and the Auto-Recharge Amount, switch it on, and save. The button "
            "says what is charged at once, if anything.",
        ),
        ("Open Payments", "wallets:payments"),
    ),
    Question(
        "already-below",
        "auto_recharge",
        "What if my balance is already below the threshold?",
        (
            "Saving charges at once: whole amounts, in one payment, until the balance is above the "
            "threshold. The dialog names the sum before you save.",
        ),
    ),
    Question(
        "change-auto-recharge",
        "auto_recharge",
        "Can I change or stop Auto-Recharge later?",
        (
            "At any time: press Configure on Payments, change the values or switch it off, and "
            "save.",
        ),
        ("Open Payments", "wallets:payments"),
    ),
    Question(
        "limits-of-auto-recharge",
        "auto_recharge",
        "How much can Auto-Recharge charge in a day or a month?",
        (
            f"In a day {limits.CEILING_TIMES} times its amount, at least "
            f"{usd(limits.CEILING_AT_LEAST)}, unless you set a daily ceiling of your own. In a "
            "month as much as your monthly limit says, if you set one. Payments shows how much of "
            "both is used.",
        ),
        ("Open Payments", "wallets:payments"),
    ),
    Question(
        "payment-fails",
        "auto_recharge",
        "What happens if my card is declined during an Auto-Recharge?",
        (
            "You are told by mail and on every page. Your backup card, if you chose one, is tried "
            "once. We try again later by ourselves, and after some attempts Auto-Recharge stops "
            "until you choose another card, pay by hand, or press Try again. Campaigns pause when "
            "the balance runs out.",
        ),
        ("Open Payments", "wallets:payments"),
    ),
    Question(
        "who-may-auto-recharge",
        "auto_recharge",
        "Is Auto-Recharge available for all users?",
        (
            "Yes: agencies, sub-accounts and single accounts. Owners and admins set it; members "
            "can ask an owner.",
        ),
    ),
    Question(
        "agency-and-auto-recharge",
        "auto_recharge",
        "Can agencies manage Auto-Recharge for sub-accounts?",
        (
            "No. Each sub-account sets its own. Its agency sees the settings in Account Manager, "
            "but cannot change them.",
        ),
    ),
    Question(
        "how-to-recharge",
        "recharge",
        "How do I add credit or minutes?",
        (
            "Press Add credit on Payments, or Recharge wherever it is offered. Enter an amount, "
            "choose Premium minutes, Basic minutes or credit, and pay. The button names the sum.",
        ),
        ("Open Payments", "wallets:payments"),
    ),
    Question(
        "dynamic-pricing",
        "recharge",
        "How many minutes does my credit buy?",
        (
            "Credit is in dollars. Premium minutes cost {premium} a minute and Basic minutes "
            "{basic} at present, so the number depends on which calls use it. Minutes you bought "
            "keep their number when the price changes.",
        ),
    ),
    Question(
        "lasts-until",
        "recharge",
        "How is “lasts until” worked out?",
        (
            "From what running campaigns used in the last 7 days, and what the balance pays for. "
            "Days differ, so the chart shows a band in which it most likely stays. It is an "
            "estimate: nothing is charged because of it.",
        ),
    ),
    Question(
        "who-may-pay",
        "recharge",
        "Why can I not pay?",
        (
            "Only owners and admins of an account pay. Press Ask an owner: they get a mail with "
            "what you ask for.",
        ),
    ),
    Question(
        "why-paused",
        "resume",
        "Why were my campaigns paused?",
        (
            "A campaign pauses by itself when less than one minute of its calls can be paid. A "
            "banner on every page says so until there is money again.",
        ),
        ("Open Campaigns", "campaigns:list"),
    ),
    Question(
        "how-to-resume",
        "resume",
        "How do I resume paused campaigns?",
        (
            "Recharge first. Then choose in the list which campaigns go on. Those that the "
            "minutes you bought cannot pay stay in the list with what they need: a Premium "
            "campaign needs Premium minutes or credit.",
        ),
        ("Open Campaigns", "campaigns:list"),
    ),
    Question(
        "resume-by-itself",
        "resume",
        "Can campaigns resume by themselves?",
        (
            "After an Auto-Recharge they can: switch that on under Configure. Otherwise you resume "
            "them, because calls reach real people.",
        ),
    ),
    Question(
        "add-a-card",
        "cards",
        "How do I add or change a card?",
        (
            "Under Payment methods on Payments press Add payment method. The menu of a card makes "
            "it the default or removes it. We never see its number.",
        ),
        ("Open Payments", "wallets:payments"),
    ),
    Question(
        "backup-card",
        "cards",
        "What is a backup card?",
        (
            "The card that is charged once when Auto-Recharge or a monthly allocation is declined. "
            "Choose it with Make backup in the menu of a card on Payments.",
        ),
        ("Open Payments", "wallets:payments"),
    ),
    Question(
        "bank-confirmation",
        "cards",
        "My bank wants me to confirm a payment. What do I do?",
        (
            "Press Confirm payment in the banner or the dialog. It is the same payment: nothing is "
            "charged twice.",
        ),
    ),
    Question(
        "allocate-minutes",
        "allocation",
        "How do I automatically allocate minutes to a sub-account?",
        (
            "In Account Manager open the three-dot menu of the sub-account and choose Manage auto "
            "allocation. Enter the Basic and Premium minutes of a month, 0 for none, check the "
            "estimated monthly charge and the payment method, and save.",
            "The minutes are bought each month in addition. Minutes included with your plan stay "
            "with the primary account and are not shared.",
        ),
    ),
    Question(
        "final-billing",
        "allocation",
        "Why can the monthly charge differ from the estimate?",
        (
            "The estimate uses the prices of today ({premium} Premium, {basic} Basic). What is "
            "charged is worked out on the day of the charge.",
        ),
    ),
    Question(
        "failed-allocation",
        "allocation",
        "What if a monthly allocation could not be charged?",
        (
            "We try again by ourselves, and tell you. Retry now in the sub-account's page charges "
            "the month at once, with the sum in its button.",
        ),
    ),
    Question(
        "minutes-once",
        "gifts",
        "How does a sub-account get minutes once?",
        (
            "Its agency opens it in Account Manager and presses Give minutes. They are charged to "
            "the agency's card at once, and do not expire.",
            "The sub-account can ask: Ask for minutes on Payments. Its agency gives them or "
            "declines; without an answer the request ends after a week.",
        ),
    ),
)


@dataclass(frozen=True)
class Answered:
    """A question with today's prices in its answer."""

    question: Question
    answer: list[str]


def of_topic(topic: str, *, rates: dict) -> list[Answered]:
    """What is asked where this comes up, in order."""
    return _answered((one for one in QUESTIONS if one.topic == topic), rates)


def search(text: str, *, rates: dict) -> list[Answered]:
    """The questions with every word of the text in their title or answer; all for no text."""
    words = text.casefold().split()
    return [
        one
        for one in _answered(QUESTIONS, rates)
        if all(word in " ".join((one.question.title, *one.answer)).casefold() for word in words)
    ]


def _answered(questions: Iterable[Question], rates: dict) -> list[Answered]:
    prices = {name: rate(price) for name, price in rates.items()}
    return [
        Answered(one, [paragraph.format_map(prices) for paragraph in one.answer])
        for one in questions
    ]
