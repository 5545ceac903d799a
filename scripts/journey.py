"""The journey's own checks: the same verdicts at other seeds, and a mutant for every claim.

``python scripts/journey.py verdicts [--seeds 10] [--chapter NAME ...] [--small]`` runs every chapter at each seed and
says which claims change their verdict: exact ones never may, others in one seed of ten.
``python scripts/journey.py mutants [--chapter NAME ...]`` breaks every claim by its mutant, at small size: the verdict
must turn. Both print what they find and keep it in ``docs/journey/verdicts.json`` and ``mutants.json``; the exit status
says whether all is well. ``python scripts/journey.py time`` says what every section takes, and how much of it is
compiling (``docs/journey/time.md``).
"""

import argparse
import collections
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import jax

from flambeau.journey import CHAPTERS, Claim, Plan, Setting, run_chapter
from flambeau.journey.chapter import SectionPlan

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "journey"


def main() -> None:
    """Check, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("verdicts", "mutants", "time"))
    parser.add_argument("--seeds", type=int, default=10, help="how many, from 0 on")
    parser.add_argument("--chapter", action="append", default=[], help="this chapter only (may be repeated)")
    parser.add_argument("--section", default="", help="of the chapters those whose heading holds these words")
    parser.add_argument("--small", action="store_true", help="verdicts at the size of the tests")
    given = parser.parse_args()
    plans = [of_sections(plan, given.section) for plan in CHAPTERS if not given.chapter or plan.name in given.chapter]
    if given.what == "time":
        return keep_times(plans)
    if given.what == "verdicts":
        found = {plan.name: verdicts(plan, given.seeds, given.small) for plan in plans}
        wrong = [f"{name}: {claim}: {counts}" for name, rows in found.items() for claim, counts in rows.items()
                 if not steady(counts)]  # fmt: skip
    else:
        found = {plan.name: mutants(plan) for plan in plans}
        wrong = [f"{name}: {claim}: {row['mutant']}" for name, rows in found.items() for claim, row in rows.items()
                 if not row["turns"]]  # fmt: skip
    if not given.small:
        keep(given.what, found, anew=not given.section)
    print(*wrong, sep="\n")
    print(f"{sum(map(len, found.values()))} claims, {len(wrong)} not as they should be")
    sys.exit(bool(wrong))


def of_sections(plan: Plan, words: str) -> Plan:
    """The chapter with those sections only."""
    return dataclasses.replace(plan, sections=tuple(part for part in plan.sections if words in part.heading))


def verdicts(plan: Plan, seeds: int, small: bool) -> dict[str, dict[str, int]]:
    """How often each claim has each verdict."""
    counts: dict[str, collections.Counter[str]] = {}
    for seed in range(seeds):
        started = time.perf_counter()
        chapter = run_chapter(plan, Setting(seed=seed, small=small, pictures=False))
        for claim in chapter.claims:
            counts.setdefault(claim.claim, collections.Counter())[claim.verdict] += 1
        print(f"{plan.name}, seed {seed}: {chapter.tally}, {time.perf_counter() - started:.0f} s", flush=True)
    jax.clear_caches()
    return {claim: dict(count) for claim, count in counts.items()}


def steady(counts: dict[str, int]) -> bool:
    """The same verdict at every seed; a measured one may once in ten be another."""
    most = max(counts, key=counts.__getitem__)
    total = sum(counts.values())
    return most != "does not hold" and (counts[most] == total or (most != "exact" and counts[most] >= 0.9 * total))


def mutants(plan: Plan) -> dict[str, dict[str, Any]]:
    """Every claim's verdict as it is and under its mutant."""
    rows = {claim: row for part in plan.sections for claim, row in broken(part).items()}
    jax.clear_caches()
    print(f"{plan.name}: {sum(row['turns'] for row in rows.values())} of {len(rows)} turn", flush=True)
    return rows


def broken(part: SectionPlan) -> dict[str, dict[str, Any]]:
    """A section's claims, each under its own mutant; one run for each mutant."""
    setting = Setting(small=True, seed=3, pictures=False)
    claims = part.run(setting)[1]
    found = {name: part.run(dataclasses.replace(setting, broken=name))[1] for name in {c.broken_by for c in claims}}
    return {claim.claim: row_of(claim, found[claim.broken_by][place]) for place, claim in enumerate(claims)}


def row_of(claim: Claim, under: Claim) -> dict[str, Any]:
    """What turned into what."""
    turns = claim.verdict not in (under.verdict, "does not hold")
    verdicts = {"as it is": claim.verdict, "broken": under.verdict, "turns": turns}
    words = {"measured": claim.measured, "measured when broken": under.measured}
    return {"lecture": claim.lecture, "mutant": claim.broken_by, **verdicts, **words}


def keep_times(plans: list[Plan]) -> None:
    """Every section's seconds with its pictures, the slowest first, and the share in tracing and compiling."""
    spent: list[float] = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, seconds, **_: spent.append(seconds) if name.startswith("/jax/core/compile") else None
    )
    rows = []
    for plan in plans:
        for part in plan.sections:
            spent.clear()
            started = time.perf_counter()
            part.run(Setting())
            seconds = time.perf_counter() - started
            rows.append((seconds, sum(spent) / seconds, plan.name, part.heading))
        jax.clear_caches()
    lines = [
        f"| {name} | {heading} | {seconds:.1f} s | {share:.0%} |"
        for seconds, share, name, heading in sorted(rows)[::-1]
    ]
    head = ["| chapter | section | seconds | of them tracing and compiling |", "| --- | --- | --- | --- |"]
    made = "Made by `python scripts/journey.py time`, one run, nothing compiled before."
    whole = (
        f"In all {sum(row[0] for row in rows):.0f} s, of them {sum(row[0] * row[1] for row in rows):.0f} s compiling."
    )
    text = "\n".join(["# What the sections take", "", made, whole, "", *head, *lines, ""])
    print(text)
    (FOLDER / "time.md").write_text(text, encoding="utf-8")


def keep(what: str, found: dict[str, Any], *, anew: bool) -> None:
    """As JSON, beside what is kept of other chapters, or (not ``anew``) of other sections."""
    path = FOLDER / f"{what}.json"
    FOLDER.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, claims in found.items():
        known[name] = claims if anew else {**known.get(name, {}), **claims}
    ordered = {plan.name: known[plan.name] for plan in CHAPTERS if plan.name in known}
    path.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
