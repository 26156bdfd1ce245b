"""What is played, in order: a file for each subject. A step makes calls and keeps what later ones
need; what came back is recorded behind it."""

from thinkrr_billing.sandbox.stripe_check.steps import bank, declines, mechanics, reversals, story
from thinkrr_billing.sandbox.stripe_check.steps.course import Course, Step

__all__ = ["ALL", "Course", "Step"]

ALL: tuple[Step, ...] = (
    *story.STEPS,
    *declines.STEPS,
    *bank.STEPS,
    *reversals.STEPS,
    *mechanics.STEPS,
)
