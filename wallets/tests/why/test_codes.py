"""The table of codes: each has a sentence and one name, or the process does not start."""

import re

import pytest

from wallets.models import AutoRecharge
from wallets.why.codes import SUCCESS, WARNING, Allocation, Autopause, Code, Codes, Recharge, find

GROUPS = (Recharge, Allocation, Autopause)
EVERY = [code for group in GROUPS for code in group.by_name.values()]

# What rules write down with a decision, by the names that sentences use.
FIGURES = {
    *("credit", "threshold", "charge", "amount", "limit", "spent", "rate", "payable", "period"),
    *("reason", "until", "error", "card", "minutes", "by", "name"),
}


def test_a_code_without_a_sentence_is_refused():
    with pytest.raises(ValueError, match="The code odd has no sentence"):
        Code("odd", "")


def test_two_codes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="Two codes of auto_recharge are called odd"):

        class Twice(Codes, subject="auto_recharge"):
            ODD = Code("odd", "Odd.")
            STRANGE = Code("odd", "Strange.")


def test_a_name_that_no_code_has_is_found_nowhere():
    assert find("auto_recharge", "of_a_later_version") is None
    assert find("of_a_later_version", "off") is None
    with pytest.raises(KeyError):
        Recharge.of("of_a_later_version")


def test_each_subject_has_its_own_code_of_a_name():
    assert find("auto_recharge", "closed") is Recharge.CLOSED
    assert find("allocation", "closed") is Allocation.CLOSED


@pytest.mark.parametrize("hold", AutoRecharge.Hold.values)
def test_every_reason_to_wait_is_told(hold):
    assert Recharge.of(hold).subject == "auto_recharge"


@pytest.mark.parametrize("code", EVERY, ids=lambda code: f"{code.subject}-{code}")
def test_a_code_reads_as_sentences_of_known_figures(code):
    for text in (code.sentence, code.now):
        assert text.endswith((".", "{error}"))
        assert set(re.findall(r"{(\w+)}", text)) <= FIGURES
    assert code.tone in ("", WARNING, SUCCESS)
    assert len(code) <= 24  # The column's width.


def test_nobody_wonders_why_nothing_happened_while_it_is_off_or_fine():
    assert {code for code in EVERY if code.quiet} == {Recharge.OFF, Recharge.BALANCE_FINE}
    assert {code for code in EVERY if code.expected} == {
        *(Recharge.OFF, Recharge.BALANCE_FINE, Recharge.PAID, Recharge.CHARGE, Recharge.LIFTED),
        Recharge.BACKUP,
    }
