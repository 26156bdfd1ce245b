"""Codes of the second factor: each works once, each try counts, and what is kept is hashed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import clock
from accounts.errors import Conflict, Forbidden, Invalid, TooMany
from accounts.models import AuditEntry, FailedLogin, RecoveryCode, SecurityMail, User
from accounts.people import logins, second_factor
from accounts.runtime.askers import Asker, in_words
from accounts.tasks import mail_security, tick
from accounts.telling import mails, security
from accounts.tests.authenticator import HERE, code_of, next_code, turn_on, wrong_code
from accounts.tests.builders import make_staff, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

OTHER_ALPHABETS = "٠١٢٣٤٥"


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.com")


def check(user: User, code: str, *, ip: str = HERE.ip) -> TOTPDevice:
    return second_factor.check(user=user, code=code, asker=Asker(ip=ip, browser=HERE.browser))


def told(user: User) -> list[str]:
    return list(
        SecurityMail.objects.filter(user=user).order_by("pk").values_list("kind", flat=True)
    )


class TestTurningOn:
    def test_it_counts_once_the_apps_first_code_was_given(self, ada):
        secret = second_factor.new_secret()
        before = second_factor.is_on(user=ada)

        code = code_of(secret)
        codes = second_factor.turn_on(user=ada, secret=secret, code=code, asker=HERE)

        assert not before
        assert second_factor.is_on(user=ada)
        assert len(set(codes)) == 10
        assert told(ada) == ["turned_on"]

    def test_with_a_code_of_another_secret_nothing_is_turned_on(self, ada):
        secret, another = second_factor.new_secret(), second_factor.new_secret()
        code = code_of(another)

        with pytest.raises(Invalid, match="This is not the code of the secret above"):
            second_factor.turn_on(user=ada, secret=secret, code=code, asker=HERE)

        assert not second_factor.is_on(user=ada)
        assert not RecoveryCode.objects.exists()
        assert told(ada) == []

    def test_the_code_that_turned_it_on_does_not_log_in(self, ada):
        secret = second_factor.new_secret()
        code = code_of(secret)
        second_factor.turn_on(user=ada, secret=secret, code=code, asker=HERE)

        with pytest.raises(Invalid, match="wrong or was used before"):
            check(ada, code)

    def test_what_is_on_is_not_replaced(self, ada):
        turn_on(ada)
        before = TOTPDevice.objects.get().key
        secret = second_factor.new_secret()

        with pytest.raises(Conflict, match="on already"):
            second_factor.turn_on(user=ada, secret=secret, code=code_of(secret), asker=HERE)

        assert TOTPDevice.objects.get().key == before


class TestCodesOfTheApp:
    @pytest.mark.parametrize("steps", [-1, 0, 1])
    def test_half_a_minute_of_difference_is_allowed(self, ada, steps):
        turn_on(ada)
        TOTPDevice.objects.update(last_t=-1)

        assert check(ada, next_code(ada, steps=steps)).user == ada

    def test_a_code_works_once_and_so_does_each_before_it(self, ada):
        turn_on(ada)
        this, following = next_code(ada, steps=0), next_code(ada, steps=1)
        check(ada, following)

        for used in (following, this):
            with pytest.raises(Invalid, match="was used before"):
                check(ada, used)

    @pytest.mark.parametrize("typed", ["{0} {1}", " {0}{1} ", "{0}-{1}"])
    def test_it_may_be_typed_in_groups(self, ada, typed):
        turn_on(ada)
        code = next_code(ada)

        assert check(ada, typed.format(code[:3], code[3:]))

    @pytest.mark.parametrize(
        "code", ["", "12345", OTHER_ALPHABETS, "9" * 5000, "-1", "1e5", "x\x00"]
    )
    def test_what_is_no_code_is_wrong(self, ada, code):
        turn_on(ada)

        with pytest.raises(Invalid, match="This code is wrong"):
            check(ada, code)

    def test_somebody_elses_code_is_wrong(self, ada):
        other = make_user()
        turn_on(ada)
        theirs = turn_on(other)

        for code in (next_code(other), theirs[0]):
            with pytest.raises(Invalid):
                check(ada, code)

    @pytest.mark.django_db(transaction=True)
    def test_of_ten_who_enter_the_same_code_at_once_one_gets_in(self, ada):
        codes = turn_on(ada)

        assert self._at_once(ada, next_code(ada)) == 1
        assert self._at_once(ada, codes[0]) == 1
        assert second_factor.codes_left(user=ada) == 9

    def _at_once(self, user, code) -> int:
        def enter(number: int) -> bool:
            try:
                check(user, code, ip=f"192.0.2.{number}")
            except Invalid:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(max_workers=10) as pool:
            return sum(pool.map(enter, range(10)))


class TestRecoveryCodes:
    def test_each_works_once_in_any_grouping_and_is_told(self, ada):
        codes = turn_on(ada)

        check(ada, codes[0])
        check(ada, codes[1].replace("-", ""))

        for used in codes[:2]:
            with pytest.raises(Invalid):
                check(ada, used)
        assert second_factor.codes_left(user=ada) == 8
        assert told(ada) == ["turned_on", "code_used", "code_used"]

    def test_no_table_and_no_log_has_them(self, ada):
        codes = turn_on(ada)

        kept = [str(one) for one in RecoveryCode.objects.values_list("code_hash", flat=True)]
        log = str(list(AuditEntry.objects.values_list("before", "after")))
        plain = [code.replace("-", "") for code in codes]
        assert all(one.startswith("pbkdf2_sha256$20000$") for one in kept)
        assert len({one.split("$")[2] for one in kept}) == 10
        assert not [code for code in (*codes, *plain) if code in str(kept) or code in log]
        assert not [one for one in kept if one in log]

    def test_new_ones_void_the_old_ones_and_are_told(self, ada):
        old = turn_on(ada)

        new = second_factor.renew_codes(user=ada, asker=HERE)

        with pytest.raises(Invalid):
            check(ada, old[0])
        assert check(ada, new[0])
        assert told(ada) == ["turned_on", "codes_made", "code_used"]

    def test_without_a_second_factor_there_are_none(self, ada):
        with pytest.raises(Conflict, match="Two-factor log-in is off"):
            second_factor.renew_codes(user=ada, asker=HERE)

        assert second_factor.codes_left(user=ada) == 0

    def test_those_that_staff_had_before_work_once_until_new_ones_are_made(self, ada):
        turn_on(ada)
        device = StaticDevice.objects.create(user=ada, name="Recovery codes")
        for token in ("abcdefgh23", "abcdefgh24"):
            device.token_set.create(token=token)

        check(ada, "ABCDEFGH23")

        with pytest.raises(Invalid):
            check(ada, "abcdefgh23")
        second_factor.renew_codes(user=ada, asker=HERE)
        with pytest.raises(Invalid):
            check(ada, "abcdefgh24")


class TestCountingTries:
    def wrong(self, user: User, *, times: int, ip: str = HERE.ip) -> None:
        for _ in range(times):
            with pytest.raises(Invalid):
                check(user, wrong_code(user), ip=ip)

    def test_ten_wrong_codes_lock_the_person_on_that_machine_for_fifteen_minutes(self, ada):
        codes = turn_on(ada)
        self.wrong(ada, times=10)

        with pytest.raises(TooMany, match="Wait 15 minutes"):
            check(ada, codes[0])
        assert check(ada, codes[0], ip="192.0.2.8")
        with clock.at(clock.now() + logins.WINDOW):
            assert check(ada, codes[1])

    def test_whoever_is_guessed_at_hears_of_it_once_a_day(self, ada):
        turn_on(ada)
        self.wrong(ada, times=10)
        before = told(ada)
        for _ in range(2):
            with pytest.raises(TooMany):
                check(ada, wrong_code(ada))

        assert before == ["turned_on"]
        assert told(ada) == ["turned_on", "guessed"]
        with clock.at(clock.now() + timedelta(days=1)):
            self.wrong(ada, times=10)
            with pytest.raises(TooMany):
                check(ada, wrong_code(ada))
        assert told(ada) == ["turned_on", "guessed", "guessed"]

    def test_a_right_code_ends_the_count_on_its_machine(self, ada):
        codes = turn_on(ada)
        self.wrong(ada, times=9)
        check(ada, codes[0])

        assert not FailedLogin.objects.exists()

    def test_the_password_does_not_end_the_count_of_codes(self, ada):
        turn_on(ada)
        self.wrong(ada, times=9)
        with logins.trying(email=ada.email, ip=HERE.ip):
            pass

        assert FailedLogin.objects.count() == 9

    def test_fifty_wrong_codes_a_day_are_the_most_from_however_many_machines(self, ada):
        codes = turn_on(ada)
        for number in range(10):
            self.wrong(ada, times=5, ip=f"192.0.2.{number}")

        with pytest.raises(TooMany, match="somebody knows your password"):
            check(ada, codes[0], ip="198.51.100.1")
        with clock.at(clock.now() + timedelta(days=1)):
            assert check(ada, codes[0], ip="198.51.100.1")

    def test_the_forty_ninth_locks_nobody_out(self, ada):
        codes = turn_on(ada)
        for number in range(7):
            self.wrong(ada, times=7, ip=f"192.0.2.{number}")

        assert check(ada, codes[0], ip="198.51.100.1")

    def test_with_another_password_the_count_begins_anew(self, ada):
        codes = turn_on(ada)
        for number in range(10):
            self.wrong(ada, times=5, ip=f"192.0.2.{number}")

        logins.forget_codes(user=ada)

        assert check(ada, codes[0], ip="198.51.100.1")

    def test_nobody_without_the_password_locks_somebody_out_of_entering_codes(self, ada, client):
        codes = turn_on(ada)
        self.wrong(ada, times=1)
        [counted_as] = FailedLogin.objects.values_list("email", flat=True)
        for _ in range(10):
            client.post("/login/", {"username": counted_as, "password": "x"}, REMOTE_ADDR=HERE.ip)

        assert FailedLogin.objects.filter(email=counted_as).count() == 1
        assert check(ada, codes[0])

    @pytest.mark.django_db(transaction=True)
    def test_twenty_guesses_at_once_are_no_more_than_ten(self, ada):
        turn_on(ada)
        code = wrong_code(ada)

        def guess(_: int) -> type[Exception]:
            try:
                check(ada, code)
            except (Invalid, TooMany) as error:
                return type(error)
            finally:
                connection.close()
            return Exception

        with ThreadPoolExecutor(max_workers=20) as pool:
            answers = list(pool.map(guess, range(20)))

        assert (answers.count(Invalid), answers.count(TooMany)) == (10, 10)


class TestTurningOff:
    def test_afterwards_nothing_of_it_is_left(self, ada):
        codes = turn_on(ada)

        second_factor.turn_off(user=ada, asker=HERE)

        assert not second_factor.is_on(user=ada)
        assert not RecoveryCode.objects.exists()
        assert told(ada) == ["turned_on", "turned_off"]
        with pytest.raises(Conflict):
            check(ada, codes[0])

    def test_support_removes_it_and_the_mail_says_so_without_an_address(self, ada):
        turn_on(ada)

        second_factor.remove_for(user=ada)

        assert not second_factor.is_on(user=ada)
        mail = SecurityMail.objects.get(kind="removed")
        assert (mail.user, mail.ip, mail.browser) == (ada, None, "")

    @pytest.mark.parametrize("way", [second_factor.remove_for, second_factor.turn_off])
    def test_nobody_takes_it_away_from_staff_here(self, way):
        sam = make_staff()
        turn_on(sam)

        with pytest.raises(Forbidden, match="cannot be without"):
            way(user=sam, **({"asker": HERE} if way is second_factor.turn_off else {}))

        assert second_factor.is_on(user=sam)

    def test_what_is_off_is_not_turned_off(self, ada):
        with pytest.raises(Conflict, match="is off"):
            second_factor.turn_off(user=ada, asker=HERE)

        assert told(ada) == []


class TestMails:
    @pytest.mark.parametrize(
        ("kind", "subject", "sentence"),
        [
            ("turned_on", "Two-factor log-in is on", "asks for a code of your authenticator app"),
            ("turned_off", "Two-factor log-in is off", "asks for the password only"),
            ("codes_made", "New recovery codes were made", "The ones of before are void"),
            ("code_used", "A recovery code was used", "It does not work again"),
            ("guessed", "Somebody has your password", "and then too many wrong codes"),
        ],
    )
    def test_each_says_what_when_where_and_what_to_do(
        self, ada, mailoutbox, settings, kind, subject, sentence
    ):
        settings.SITE_URL = "https://billing.example"
        User.objects.update(muted=["people"])
        with clock.at(clock.now().replace(year=2026, month=3, day=2, hour=10, minute=5)):
            security.tell(user=ada, kind=kind, asker=HERE)
            mails.mail_due()

        [mail] = mailoutbox
        assert (mail.to, mail.subject) == (["ada@example.com"], subject)
        for text in (mail.body, mail.alternatives[0].content):
            words = " ".join(text.split())
            assert sentence in words
            assert "ada@example.com" in words
            assert "Time: 2 Mar 2026, 10:05 UTC" in words
            assert "From: Firefox on Linux, 192.0.2.7" in words
            assert "If this was not you, choose a new password at once" in words
            assert "https://billing.example/settings/security/" in words

    def test_that_of_support_names_no_address(self, ada, mailoutbox):
        security.tell(user=ada, kind="removed", asker=None)
        mails.mail_due()

        [mail] = mailoutbox
        assert mail.subject == "Support removed your second factor"
        assert "From:" not in mail.body

    def test_it_leaves_from_the_queue_while_nobody_waits(
        self, ada, mailoutbox, nudges, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            security.tell(user=ada, kind="turned_on", asker=HERE)

        row = SecurityMail.objects.get()
        assert mailoutbox == []
        assert nudges == [("accounts.mail_security", (row.pk,))]
        mail_security(row.pk)
        assert len(mailoutbox) == 1

    def test_a_month_later_it_is_forgotten(self, ada):
        security.tell(user=ada, kind="turned_on", asker=HERE)
        with clock.at(clock.now() + timedelta(days=29, hours=23)):
            tick()
            assert SecurityMail.objects.exists()
        with clock.at(clock.now() + timedelta(days=30, minutes=1)):
            tick()
            assert not SecurityMail.objects.exists()


CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
SAFARI = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (CHROME.format("Windows NT 10.0; Win64; x64"), "Chrome on Windows"),
        (CHROME.format("Linux; Android 10; K"), "Chrome on Android"),
        (CHROME.format("X11; CrOS x86_64 14541.0.0"), "Chrome on ChromeOS"),
        (CHROME.format("Windows NT 10.0; Win64; x64") + " Edg/140.0.0.0", "Edge on Windows"),
        (CHROME.format("Macintosh; Intel Mac OS X 10_15_7") + " OPR/120.0", "Opera on Mac"),
        (SAFARI.format("iPhone; CPU iPhone OS 18_0 like Mac OS X"), "Safari on iPhone"),
        (SAFARI.format("Macintosh; Intel Mac OS X 10_15_7"), "Safari on Mac"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        ("Something on Windows", "Unknown browser on Windows"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>" * 1000, "Unknown browser"),
    ],
)
def test_browsers_are_told_in_words_of_ours(sent, words):
    assert in_words(sent) == words
