"""The journey: every chapter runs small and says what it measured; the page stands alone and escapes what it shows."""

import dataclasses
import functools
import json
import re
import warnings

import matplotlib
import pytest
from sklearn.exceptions import ConvergenceWarning

from flambeau import errors
from flambeau.journey import CHAPTERS, Claim, Setting, as_json, chosen_chapters, run_chapter
from flambeau.journey.chapter import quietly, tiny, worded
from flambeau.journey.page import page_of
from flambeau.pictures.figures import picture
from flambeau.report.document import Chapter, Equation, Figure, Quote, Section, Table
from flambeau.report.html import render, write_report
from flambeau.report.markup import inline, mathematics, plain

pytestmark = pytest.mark.programs(250, "whole chapters are run")
SMALL = Setting(small=True, seed=3)
# Of each chapter: how many claims hold at any size, and those that are looked at by name.
EXACT = {
    "neuron": (6, ["ReLU is a special case of the saturating function"]),
    "perceptron": (
        4,
        [
            "The perceptron learns AND",
            "One layer represents linear functions only",
            "A separable problem is learned within (R/γ)² mistakes",
            "With a linear unit, the rule is the gradient of the squared error",
        ],
    ),
    "backpropagation": (
        4,
        ["The lecture's formulas, worked out by hand", "They are the gradient: against jax.grad"],
    ),
    "depth_and_width": (
        3,
        [
            "Two hidden layers express functions that jump",
            "k tent maps make 2ᵏ straight pieces with 2k units",
            "Parity of n inputs by n threshold units",
        ],
    ),
    "convolution": (
        9,
        [
            "A convolution is a filtering operation",
            "What a convolution extracts is local",
            "Sharing lowers the complexity of the model",
            "A shared weight's gradient is the sum over its copies",
            "Moving the image moves the map",
            "Each pooling enlarges the receptive field",
            "LeNet-5 is the network of its paper",
        ],
    ),
    "why_depth_fails": (
        4,
        [
            "The gradient vanishes on its way down",
            "The more layers, the less arrives",
            "A layer of sigmoids passes on less than a quarter",
            "The top layers move first",
        ],
    ),
    "restricted_boltzmann_machine": (10, []),
    "deep_belief": (8, []),
    "stability": (9, []),
    "hopfield_memory": (
        11,
        [
            "Projection: every pattern is a fixed point",
            "Every state comes to rest in a minimum",
            "The energy falls until it reaches a minimum",
        ],
    ),
}
# Sentences of the lecture that are corrected: they stay false, and each says why.
CORRECTED = {"perceptron": "squared error", "backpropagation": "convex in the weights"}
EVIL = '<script>alert("1")</script> & <img src=x>'


@functools.cache
def chapter_of(name):
    """A chapter, run once at its smallest by whoever asks first."""
    before = dict(matplotlib.rcParams)
    (plan,) = chosen_chapters([name])
    chapter = run_chapter(plan, SMALL)
    assert dict(matplotlib.rcParams) == before, "a figure leaves nothing behind"
    return chapter


@pytest.fixture(scope="module", params=[plan.name for plan in CHAPTERS])
def chapter(request):
    """One chapter at a time, so that workers share them out."""
    return chapter_of(request.param)


def test_a_chapter_measures_its_claims_and_tells_them(chapter):
    assert chapter.lecture.chinese
    assert chapter.lecture.english
    assert chapter.seconds > 0
    parts = [part for section in chapter.story for part in section.parts]
    assert all(section.heading and section.parts for section in chapter.story)
    figures = [part for part in parts if isinstance(part, Figure)]
    assert figures
    assert all(figure.png.startswith(b"\x89PNG") and figure.alt and figure.caption for figure in figures)
    assert len(chapter.claims) >= 6
    for claim in chapter.claims:
        assert claim.claim
        assert claim.expected
        assert claim.measured
        assert isinstance(claim.holds, bool)
    least, exact = EXACT[chapter.name]
    assert sum(claim.holds for claim in chapter.claims) >= least
    verdicts = {claim.claim: claim.holds for claim in chapter.claims}
    assert all(verdicts[claim] for claim in exact), [claim for claim in exact if not verdicts[claim]]
    words = CORRECTED.get(chapter.name)
    false = [claim for claim in chapter.claims if words and words in claim.claim and not claim.holds]
    assert len(false) == (words is not None)
    assert all(claim.note for claim in false)
    standing_alone(page_of([chapter], SMALL), [chapter])
    worded = json.loads(json.dumps(as_json([chapter])))
    assert [claim["holds"] for claim in worded["chapters"][0]["claims"]] == [claim.holds for claim in chapter.claims]


def test_every_chapter_is_asked_for_its_exact_claims():
    assert list(EXACT) == [plan.name for plan in CHAPTERS]


def test_the_same_seed_gives_the_same_chapter():
    first = chapter_of("perceptron")
    (plan,) = chosen_chapters(["perceptron"])
    again = dataclasses.replace(run_chapter(plan, SMALL), seconds=first.seconds)
    assert again == first


def test_the_measurements_as_json():
    found = json.loads(json.dumps(as_json([chapter_of("neuron"), chapter_of("depth_and_width")])))
    assert list(found) == ["chapters"]
    assert [chapter["name"] for chapter in found["chapters"]] == ["neuron", "depth_and_width"]
    for chapter in found["chapters"]:
        assert list(chapter) == ["name", "seconds", "claims"]
        for claim in chapter["claims"]:
            assert list(claim) == ["claim", "expected", "measured", "holds"]
            assert [type(value) for value in claim.values()] == [str, str, str, bool]


def standing_alone(report, chapters):
    """The page loads nothing, hides nothing from a screen reader, and closes what it opens."""
    page = render(report)
    assert not re.search(r"(?i)(src|href|action|data)\s*=\s*[\"']?\s*(https?:)?//", page)
    assert not re.search(r"(?i)@import|url\(|<script|<link|<iframe|<object", page)
    images = re.findall(r"<img [^>]*>", page)
    assert images
    assert all('src="data:image/png;base64,' in image and re.search('alt="[^"]', image) for image in images)
    assert page.count("<section") == len(chapters)
    for chapter in chapters:
        assert f'href="#{chapter.name}"' in page
        assert f'id="{chapter.name}"' in page
        assert chapter.tally in page
    for needed in ('lang="en"', 'lang="zh-Hans"', "prefers-color-scheme: dark", "@media print", 'name="viewport"'):
        assert needed in page
    tags = [tag for tag in re.findall(r"</?([a-z0-9]+)", page) if tag not in ("meta", "img", "br", "path")]
    opened = [tag for tag in re.findall(r"<([a-z0-9]+)", page) if tag not in ("meta", "img", "br", "path")]
    assert len(tags) == 2 * len(opened), "every element is closed"


def test_the_page_of_several_chapters_stands_alone_in_one_file(tmp_path):
    several = [chapter_of("neuron"), chapter_of("depth_and_width")]
    standing_alone(page_of(several, SMALL), several)
    path = write_report(page_of(several, SMALL), tmp_path / "index.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["index.html"]
    assert path.read_text(encoding="utf-8") == render(page_of(several, SMALL))


def test_sizes_and_seeds_are_those_of_the_setting():
    small, quick, full = (Setting(small=True, seed=3), Setting(seed=3), Setting(full=True, seed=3))
    assert [each.pick(1, 2, 4) for each in (small, quick, full)] == [1, 2, 4]
    assert [list(each.seeds(1, 2, 4)) for each in (small, quick, full)] == [[3], [3, 4], [3, 4, 5, 6]]


def test_everything_that_is_shown_is_escaped():
    png = picture(lambda axes: None, height=1.0)
    parts = (EVIL, Equation(EVIL, EVIL), Figure(EVIL, EVIL, png, EVIL), Table(EVIL, (EVIL,), ((EVIL,),)))
    claims = (Claim(EVIL, EVIL, EVIL, False, EVIL),)
    chapter = Chapter('"><script>', EVIL, Quote(EVIL, EVIL), (Section(EVIL, parts),), claims, 1.0)
    report = dataclasses.replace(page_of([chapter], SMALL), title=EVIL, introduction=(EVIL,))
    page = render(report)
    assert "<script" not in page
    assert page.count("<img ") == 1
    assert "&lt;script&gt;" in page


def test_markup():
    assert inline("a < b & *very* `x<y`") == "a &lt; b &amp; <em>very</em> <code>x&lt;y</code>"
    assert inline("2 * 3 * 4") == "2 * 3 * 4"
    assert mathematics("x_{ij}^2") == "<i>x</i><sub><i>ij</i></sub><sup>2</sup>"
    assert mathematics("max(0, -s)") == "max(0, −<i>s</i>)"
    assert mathematics(r"\frac{a}{b").count("<span>") == 2, "an unfinished group is no error"
    assert plain("*a* $x_{i}$") == "a x_i"


def test_numbers_are_written_for_people():
    assert worded(-2.0) == "−2"
    assert worded(-0.0) == "0"
    assert tiny(1e-16) == "1·10⁻¹⁶"


def test_chapters_are_chosen_by_name_in_the_lectures_order():
    assert [plan.name for plan in chosen_chapters(["backpropagation", "neuron"])] == ["neuron", "backpropagation"]
    assert chosen_chapters([]) == CHAPTERS
    with pytest.raises(errors.ConfigurationError, match="one of neuron, perceptron, backpropagation, depth_and_width"):
        chosen_chapters(["neurone"])


def test_only_the_expected_warning_is_silenced():
    def warn(kind):
        with quietly():
            warnings.warn("a warning", kind, stacklevel=1)

    warn(ConvergenceWarning)
    with pytest.warns(UserWarning, match="a warning"):
        warn(UserWarning)
