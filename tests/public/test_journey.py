"""The journey: every chapter runs small and says what it measured; the page stands alone and escapes what it shows."""

import collections
import dataclasses
import functools
import json
import re
import warnings
from pathlib import Path

import matplotlib
import pytest
from sklearn.exceptions import ConvergenceWarning

from flambeau import errors
from flambeau.journey import CHAPTERS, Claim, Setting, as_json, chosen_chapters, run_chapter
from flambeau.journey.chapter import quietly
from flambeau.journey.page import page_of
from flambeau.pictures.figures import picture
from flambeau.report.document import VERDICTS, Chapter, Equation, Figure, Quote, Section, Table, tally_of
from flambeau.report.html import render, write_report
from flambeau.report.markup import inline, mathematics, plain

pytestmark = pytest.mark.programs(250, "whole chapters are run")
ROOT = Path(__file__).parents[2]
SMALL = Setting(small=True, seed=3)
KEPT = {what: json.loads((ROOT / "docs" / "journey" / f"{what}.json").read_text()) for what in ("verdicts", "mutants")}
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
    for claim in chapter.claims:
        assert claim.claim
        assert claim.expected
        assert claim.measured
        assert claim.verdict in VERDICTS
        assert claim.broken_by
        assert bool(claim.note) == (claim.verdict in ("corrected", "not decided here"))
    standing_alone(page_of([chapter], SMALL), [chapter])
    told = json.loads(json.dumps(as_json([chapter])))["chapters"][0]["claims"]
    assert [claim["verdict"] for claim in told] == [claim.verdict for claim in chapter.claims]


def test_a_chapters_verdicts_are_those_of_ten_seeds(chapter):
    kept = KEPT["verdicts"][chapter.name]
    assert [claim.claim for claim in chapter.claims] == list(kept)
    assert [claim.lecture for claim in chapter.claims] == [
        row["lecture"] for row in KEPT["mutants"][chapter.name].values()
    ]
    for claim in chapter.claims:
        usual = max(kept[claim.claim], key=kept[claim.claim].__getitem__)
        sure = usual in ("exact", "corrected") and claim.verdict != "not decided here"
        assert claim.verdict == usual or not sure, f"{claim.claim}: {claim.verdict}, {claim.measured}; else {usual}"
        assert claim.verdict != "does not hold", f"{claim.claim}: {claim.measured}"


def test_every_claim_has_one_verdict_at_ten_seeds_and_turns_under_its_mutant():
    for name, claims in KEPT["verdicts"].items():
        for claim, counts in claims.items():
            most = max(counts, key=counts.__getitem__)
            assert sum(counts.values()) == 10, (name, claim)
            assert counts[most] == 10 or (counts[most] == 9 and most != "exact"), (
                name,
                claim,
                counts,
            )
    assert list(KEPT["verdicts"]) == list(KEPT["mutants"]) == [plan.name for plan in CHAPTERS]
    for name, rows in KEPT["mutants"].items():
        assert list(rows) == list(KEPT["verdicts"][name])
        assert all(row["turns"] for row in rows.values()), [claim for claim, row in rows.items() if not row["turns"]]


@pytest.mark.parametrize("plan", CHAPTERS, ids=lambda plan: plan.name)
def test_a_section_of_each_chapter_breaks_as_it_was_written_down(plan):
    """The others are broken by ``scripts/journey.py mutants``, whose result is kept."""
    rows, part = KEPT["mutants"][plan.name], plan.sections[0]
    setting = dataclasses.replace(SMALL, pictures=False)
    first = part.run(setting)[1][0]
    under = part.run(dataclasses.replace(setting, broken=first.broken_by))[1][0]
    assert first.verdict != under.verdict
    assert (rows[first.claim]["as it is"], rows[first.claim]["broken"]) == (first.verdict, under.verdict)


def test_every_sentence_of_the_lecture_has_its_claim_or_a_reason():
    lines = (ROOT / "docs" / "journey" / "lecture.md").read_text(encoding="utf-8").splitlines()
    cut = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines if line.startswith("| ")]
    rows = [[cell.strip().replace("\\|", "|") for cell in row] for row in cut[2:]]
    assert len(rows) > 90
    for sentence, chapter, claim in rows:
        assert sentence
        assert claim in KEPT["verdicts"][chapter] if chapter else claim.startswith("none"), (sentence, claim)
    named = collections.Counter((chapter, claim) for _, chapter, claim in rows if chapter)
    lectures = {
        (name, claim) for name, rows in KEPT["mutants"].items() for claim, row in rows.items() if row["lecture"]
    }
    assert lectures - set(named) <= UNNAMED


UNNAMED = {
    ("perceptron", "With a linear unit it is"),
    ("depth_and_width", "Depth costs less than width: a plain product"),
    ("depth_and_width", "Depth costs less than width: k tent maps make 2ᵏ straight pieces with 2k units"),
    ("why_depth_fails", "The more layers, the less arrives"),
    ("why_depth_fails", "The top layers move first"),
    ("why_depth_fails", "… any task: two spirals"),
    ("why_depth_fails", "The same with sigmoids"),
    ("why_depth_fails", "More bad ends with depth: stacks of tanh units"),
    ("deep_belief", "Q(h|v) = sigm(c + W v) is the way up, in a single machine"),
    ("stability", "wᵢⱼ = wⱼᵢ and wᵢᵢ = 0: the energy never rises (states −1 and +1)"),
    ("stability", "Then the network is stable (states −1 and +1)"),
    ("stability", "wᵢⱼ = wⱼᵢ: no cycles"),
    ("stability", "wᵢᵢ = 0: without it, wᵢᵢ > 0 freezes states"),
    ("hopfield_memory", "Every state comes to rest in a minimum"),
}


def test_the_readme_counts_what_there_is():
    lecture = [row["lecture"] for rows in KEPT["mutants"].values() for row in rows.values()]
    every = [counts for rows in KEPT["verdicts"].values() for counts in rows.values()]
    usual = collections.Counter(max(counts, key=counts.__getitem__) for counts in every)
    words = ", ".join(f"{usual[verdict]} {verdict}" for verdict in VERDICTS if usual[verdict])
    text = f"{len(lecture)} claims, {sum(lecture)} of them the lecture's: {words}"
    assert text in " ".join((ROOT / "README.md").read_text().split())


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
            assert list(claim) == [field.name for field in dataclasses.fields(Claim)]


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
    starts = [list(each.seeds(1, 2, 4)) for each in (small, quick, full)]
    assert starts == [[3000], [3000, 3001], [3000, 3001, 3002, 3003]]
    assert not set(Setting(seed=4).seeds(1, 2, 4)) & set(starts[-1])


def test_everything_that_is_shown_is_escaped():
    png = picture(lambda axes: None, height=1.0)
    parts = (EVIL, Equation(EVIL, EVIL), Figure(EVIL, EVIL, png, EVIL), Table(EVIL, (EVIL,), ((EVIL,),)))
    claims = (Claim(EVIL, EVIL, EVIL, "corrected", EVIL, True, EVIL),)
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


def test_a_tally_counts_verdicts_in_their_order():
    claims = [Claim("", "", "", verdict) for verdict in ("measured", "exact", "exact", "corrected")]
    assert tally_of(claims) == "2 exact, 1 measured, 1 corrected"
    assert [claim.holds for claim in claims] == [True, True, True, False]


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
