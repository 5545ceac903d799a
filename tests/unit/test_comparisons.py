"""What claims are judged by: verdict and words come from one number, and an interval decides what was drawn."""

import numpy as np
import pytest
from scipy.stats import binomtest, t

from flambeau.journey.comparisons import Above, All, Below, Equal, Falling, Near, Rising
from flambeau.journey.samples import (
    Consistent,
    Gain,
    MeanAbove,
    MeanBelow,
    MeanNear,
    ShareAbove,
    ShareBelow,
    mean_interval,
    share_interval,
)
from flambeau.journey.setting import Setting
from flambeau.journey.telling import Telling, section, verdict_of
from flambeau.journey.wording import filled, tiny, worded

TIGHT = [1.0, 1.1, 0.9, 1.05, 0.95]  # 1 ± 0.1
SEEN = {
    "equal": (Equal([4, 8, 4], [4, 8, 4]), Equal([4, 4, 8], [4, 8, 4])),
    "above": (Above(2.0, 1.0), Above(1.0, 1.0)),
    "below": (Below(1e-7, 1e-6), Below(1e-6, 1e-6)),
    "near": (Near(0.95, 1.0, 0.1), Near(0.85, 1.0, 0.1)),
    "falling": (Falling([3, 2, 1]), Falling([3, 2, 2])),
    "falling, level allowed": (Falling([3, 2, 2], slack=0.0), Falling([3, 2, 2.1], slack=0.0)),
    "rising": (Rising([1, 2, 3]), Rising([1, 3, 2])),
    "consistent": (Consistent(0.2), Consistent(0.0005)),
    "mean above": (MeanAbove(TIGHT, 0.5), MeanAbove(TIGHT, 1.5)),
    "mean below": (MeanBelow(TIGHT, 1.5), MeanBelow(TIGHT, 0.5)),
    "mean near": (MeanNear(TIGHT, 1.0, 0.2), MeanNear(TIGHT, 2.0, 0.2)),
    "gain": (Gain([0.0] * 5, TIGHT, 0.5), Gain(TIGHT, [0.0] * 5)),
    "share above": (ShareAbove(48, 50, 0.5), ShareAbove(2, 50, 0.5)),
    "share below": (ShareBelow(2, 50, 0.5), ShareBelow(48, 50, 0.5)),
    "all": (All(Above(2, 1), Below(1, 2)), All(Above(2, 1), Below(3, 2))),
}
OPEN = {
    "mean above": MeanAbove([0.0, 2.0, 1.0], 1.0),
    "mean below": MeanBelow([0.0, 2.0, 1.0], 1.0),
    "mean near": MeanNear([0.0, 2.0, 1.0], 1.0, 0.1),
    "one draw": MeanAbove([5.0], 1.0),
    "gain": Gain([0.0, 1.0, 2.0], [1.0, 1.0, 2.0]),
    "share above": ShareAbove(6, 10, 0.5),
    "all": All(Above(2, 1), ShareAbove(6, 10, 0.5)),
}
DRAWN = ("consistent", "mean above", "mean below", "mean near", "gain", "share above", "share below")


@pytest.mark.parametrize("name", SEEN)
def test_what_is_as_expected_holds_and_what_is_not_does_not(name):
    holds, fails = SEEN[name]
    assert holds.holds is True
    assert fails.holds is False
    assert holds.exact == (name not in DRAWN)
    assert holds.expected
    assert holds.expected == fails.expected or name in ("mean above", "mean below", "mean near", "gain", "all")
    assert holds.measured != fails.measured or holds.expected != fails.expected


@pytest.mark.parametrize("name", OPEN)
def test_where_the_interval_holds_the_border_the_verdict_is_open(name):
    assert OPEN[name].holds is None


def test_one_failure_decides_whatever_is_open():
    assert All(Above(0, 1), OPEN["gain"]).holds is False


def test_a_number_that_was_drawn_is_measured_not_exact():
    assert not Above(2, 1, drawn="n = 600").exact
    assert not Near(1, 1, 1, drawn="n = 600").exact
    assert Above(2, 1, drawn="n = 600").measured.endswith("(n = 600)")
    assert not All(Above(2, 1), Consistent(0.5)).exact


def test_intervals_are_students_and_wilsons():
    x = np.random.default_rng(0).normal(size=7)
    expected = t.interval(0.95, 6, loc=x.mean(), scale=x.std(ddof=1) / np.sqrt(7))
    np.testing.assert_allclose(mean_interval(x), expected, rtol=1e-12)
    for count, of in ((0, 12), (5, 12), (12, 12)):
        wilson = binomtest(count, of).proportion_ci(0.95, "wilson")
        np.testing.assert_allclose(share_interval(count, of), (wilson.low, wilson.high), atol=1e-6)


def test_of_a_hundred_intervals_ninety_five_hold_the_truth():
    rng = np.random.default_rng(1)
    held = [low < 0.3 < high for low, high in (mean_interval(rng.normal(0.3, 1, 5)) for _ in range(4000))]
    assert abs(np.mean(held) - 0.95) < 0.015


def test_pairs_are_compared_pair_by_pair():
    luck = np.asarray([0.0, 10.0, 20.0, 30.0])  # far larger than what is gained
    assert Gain(luck, luck + np.asarray([1.0, 1.1, 0.9, 1.0])).holds is True


def test_words_and_verdict_come_from_one_number():
    seen = Above(0.98, 0.9, "{found:.0%} of 500")
    assert (seen.expected, seen.measured) == ("above 90%", "98% of 500")
    assert MeanAbove(TIGHT, 0.5, "{found:.1f} nats").measured == "1.0 nats [0.9, 1.1], n = 5"
    assert Gain([1.0, 1.0, 1.0], [2.0, 2.1, 1.9], 0.5, "{found:.1f} nats").expected == "more by 0.5"


@pytest.mark.parametrize(
    ("comparison", "correction", "verdict"),
    [
        (SEEN["equal"][0], "", "exact"),
        (SEEN["mean above"][0], "", "measured"),
        (SEEN["equal"][1], "because", "corrected"),
        (SEEN["equal"][0], "because", "exact"),
        (OPEN["gain"], "because", "not decided here"),
        (SEEN["equal"][1], "", "does not hold"),
    ],
)
def test_four_verdicts_and_one_that_no_page_should_show(comparison, correction, verdict):
    assert verdict_of(comparison, correction) == verdict


@section("A heading")
def small(page):
    found = page.either("one too many", 4, 5)
    page.say("{count} of them", count=found)
    page.figure("Title {count}", "Caption", lambda axes: None, "Alt", count=found)
    page.claim("Four", Equal(found, 4), "one too many")
    page.beyond("Three", Equal(found, 3), "one too many", correction="There are {count}.", count=found)


def test_a_section_is_told_in_order_and_can_be_broken():
    told, claims = small.run(Setting())
    assert [type(part).__name__ for part in told.parts] == ["str", "Figure"]
    assert [(claim.verdict, claim.lecture, claim.note) for claim in claims] == [
        ("exact", True, ""),
        ("corrected", False, "There are 4."),
    ]
    broken = small.run(Setting(broken="one too many", pictures=False))
    assert [claim.verdict for claim in broken[1]] == ["does not hold", "corrected"]
    assert [type(part).__name__ for part in broken[0].parts] == ["str"]


def test_a_claim_without_a_mutant_does_not_land():
    page = Telling(Setting())
    with pytest.raises(ValueError, match="no `either`"):
        page.claim("Four", Equal(4, 4), "nothing breaks it")


def test_templates_fill_what_they_name_and_nothing_else():
    assert filled("$w_{ij}$ is {w:+.1f}, {each:.0%}", w=-0.25, each=[0.5, 1]) == "$w_{ij}$ is −0.2, 50%, 100%"
    with pytest.raises(KeyError, match="lost"):
        filled("nothing here", lost=1)


def test_numbers_are_written_for_people():
    assert worded(-2.0) == "−2"
    assert worded(-0.0) == "0"
    assert worded(-0.001, ".0%") == "0%"
    assert tiny(1e-16) == "1·10⁻¹⁶"
