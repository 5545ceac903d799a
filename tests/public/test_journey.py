"""The journey: every chapter runs small and says what it measured; the page stands alone and escapes what it shows."""

import dataclasses
import json
import re
import warnings

import matplotlib
import pytest
from sklearn.exceptions import ConvergenceWarning

from flambeau import errors
from flambeau.journey import CHAPTERS, Claim, Setting, as_json, chosen, run_chapter
from flambeau.journey.chapter import number, quietly, tiny
from flambeau.journey.page import page_of
from flambeau.pictures.figures import picture
from flambeau.report.document import Chapter, Equation, Figure, Quote, Section, Table
from flambeau.report.html import render, write_report
from flambeau.report.markup import inline, mathematics, plain

SMALL = Setting(small=True, seed=3)
# Exact, so they do not depend on the size of the run.
EXACT = {
    "neuron": 6,
    "perceptron": 4,
    "backpropagation": 4,
    "depth_and_width": 3,
    "convolution": 9,
    "why_depth_fails": 4,
    "restricted_boltzmann_machine": 10,
    "deep_belief": 8,
    "stability": 9,
    "hopfield_memory": 11,
}
EVIL = '<script>alert("1")</script> & <img src=x>'


@pytest.fixture(scope="module")
def chapters():
    """Every chapter, run once at its smallest."""
    before = dict(matplotlib.rcParams)
    run = {plan.name: run_chapter(plan, SMALL) for plan in CHAPTERS}
    assert dict(matplotlib.rcParams) == before, "a figure leaves nothing behind"
    return run


@pytest.mark.parametrize("name", [plan.name for plan in CHAPTERS])
def test_a_chapter_measures_its_claims_and_tells_them(chapters, name):
    chapter = chapters[name]
    assert chapter.name == name
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
    assert sum(claim.holds for claim in chapter.claims) >= EXACT[name]


def test_the_exact_claims_hold_at_any_size(chapters):
    verdicts = {claim.claim: claim.holds for chapter in chapters.values() for claim in chapter.claims}
    for claim in (
        "ReLU is a special case of the saturating function",
        "The perceptron learns AND",
        "One layer represents linear functions only",
        "A separable problem is learned within (R/γ)² mistakes",
        "With a linear unit, the rule is the gradient of the squared error",
        "The lecture's formulas, worked out by hand",
        "They are the gradient: against jax.grad",
        "Two hidden layers express functions that jump",
        "k tent maps make 2ᵏ straight pieces with 2k units",
        "Parity of n inputs by n threshold units",
        "A convolution is a filtering operation",
        "What a convolution extracts is local",
        "Sharing lowers the complexity of the model",
        "A shared weight's gradient is the sum over its copies",
        "Moving the image moves the map",
        "Each pooling enlarges the receptive field",
        "LeNet-5 is the network of its paper",
        "The gradient vanishes on its way down",
        "The more layers, the less arrives",
        "A layer of sigmoids passes on less than a quarter",
        "The top layers move first",
        "The energy falls until it reaches a minimum",
        "Projection: every pattern is a fixed point",
        "Every state comes to rest in a minimum",
    ):
        assert verdicts[claim], claim
    # The two sentences of the lecture that are corrected stay false, and each says why.
    false = {
        claim.claim: claim.note for chapter in chapters.values() for claim in chapter.claims if "squared error" in
        claim.claim or "convex in the weights" in claim.claim if not claim.holds
    }  # fmt: skip
    assert len(false) == 2
    assert all(false.values())


def test_the_same_seed_gives_the_same_chapter(chapters):
    plan = CHAPTERS[1]
    again = dataclasses.replace(run_chapter(plan, SMALL), seconds=chapters[plan.name].seconds)
    assert again == chapters[plan.name]


def test_the_measurements_as_json(chapters):
    found = json.loads(json.dumps(as_json(list(chapters.values()))))
    assert list(found) == ["chapters"]
    assert [chapter["name"] for chapter in found["chapters"]] == [plan.name for plan in CHAPTERS]
    for chapter in found["chapters"]:
        assert list(chapter) == ["name", "seconds", "claims"]
        for claim in chapter["claims"]:
            assert list(claim) == ["claim", "expected", "measured", "holds"]
            assert [type(value) for value in claim.values()] == [str, str, str, bool]


def test_the_page_stands_alone(chapters, tmp_path):
    path = write_report(page_of(list(chapters.values()), SMALL), tmp_path / "index.html")
    page = path.read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["index.html"]
    assert not re.search(r"(?i)(src|href|action|data)\s*=\s*[\"']?\s*(https?:)?//", page)
    assert not re.search(r"(?i)@import|url\(|<script|<link|<iframe|<object", page)
    images = re.findall(r"<img [^>]*>", page)
    assert images
    assert all('src="data:image/png;base64,' in image and re.search('alt="[^"]', image) for image in images)
    assert page.count("<section") == len(CHAPTERS)
    for chapter in chapters.values():
        assert f'href="#{chapter.name}"' in page
        assert f'id="{chapter.name}"' in page
        assert chapter.tally in page
    for needed in ('lang="en"', 'lang="zh-Hans"', "prefers-color-scheme: dark", "@media print", 'name="viewport"'):
        assert needed in page
    tags = [tag for tag in re.findall(r"</?([a-z0-9]+)", page) if tag not in ("meta", "img", "br", "path")]
    opened = [tag for tag in re.findall(r"<([a-z0-9]+)", page) if tag not in ("meta", "img", "br", "path")]
    assert len(tags) == 2 * len(opened), "every element is closed"


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
    assert number(-2.0) == "−2"
    assert number(-0.0) == "0"
    assert tiny(1e-16) == "1·10⁻¹⁶"


def test_chapters_are_chosen_by_name_in_the_lectures_order():
    assert [plan.name for plan in chosen(["backpropagation", "neuron"])] == ["neuron", "backpropagation"]
    assert chosen([]) == CHAPTERS
    with pytest.raises(errors.ConfigurationError, match="one of neuron, perceptron, backpropagation, depth_and_width"):
        chosen(["neurone"])


def test_only_the_expected_warning_is_silenced():
    def warn(kind):
        with quietly():
            warnings.warn("a warning", kind, stacklevel=1)

    warn(ConvergenceWarning)
    with pytest.warns(UserWarning, match="a warning"):
        warn(UserWarning)
