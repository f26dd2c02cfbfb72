"""The decisions of a comparison in sentences, for a reader who has to choose."""

from collections.abc import Iterator, Sequence
from math import isfinite

from jlml.comparison.decisions import Decision, Difference, Levels
from jlml.comparison.factors import NAMES, bare, in_words, plural
from jlml.comparison.groups import grouped
from jlml.comparison.quantities import difference_in_words, label_of, value_in_words

MOST = 12  # sentences; the others are in the table
MOST_OBSERVED = 6  # pairs of levels in one sentence
VERBS = {
    **dict.fromkeys(("mse", "bce", "psnr", "ssim", "squared_error"), "reconstructs better"),
    **dict.fromkeys(("knn_1", "knn_5", "knn_15", "linear_probe"), "has codes that separate classes better"),
    **dict.fromkeys(("trustworthiness", "continuity"), "keeps the neighbours of images better"),
    **dict.fromkeys(("nll", "elbo", "importance_bound"), "explains the test images better"),
    "frechet_distance": "generates images that are closer to real ones",
    "loss": "has a better training objective on the test images",
}


def sentences(decisions: Sequence[Decision], most: int = MOST) -> list[str]:
    """All decisions in at most ``most`` sentences: the largest effects first, then what is not decided."""
    if not decisions:
        return []
    tested = [each for each in decisions if each.average.test is not None]
    if not tested:
        return [*observed(decisions, most)]
    decided = [each for each in tested if each.average.is_decided]
    mixed = [each for each in tested if each not in decided and each.decided_settings]
    rest = [each for each in tested if each not in decided and each not in mixed]
    found = [*decided_sentences(decided, decisions), *map(by_setting, mixed)]
    last = [*undecided(rest, "Not decided")]
    untested = [each for each in decisions if each.average.test is None]
    last += undecided(untested, "Not tested, because a group has one seed or a run has no value")
    shown = most - len(last)
    if len(found) > shown:
        more = len(found) - shown + 1
        last.insert(0, f"{more} further results are in the table of all comparisons.")
        found = found[: shown - 1]
    return [*found, *last]


def verb_of(metric: str) -> str:
    """What the better of two does, for example ``reconstructs better``."""
    return VERBS.get(metric.rpartition("/")[2], f"has a better {label_of(metric)}")


def subject(decision: Decision, level: str) -> str:
    """A level as the subject of a sentence: ``Latent dim 16``."""
    if decision.factor == "model":
        return f"Model {level}"
    if decision.factor in NAMES:
        text = in_words(decision.factor, level)
        return text[0].upper() + text[1:]
    return in_words(decision.factor, level)


def decided_sentences(decided: Sequence[Decision], decisions: Sequence[Decision]) -> Iterator[str]:
    """A sentence for each level that is better in one respect.

    The best levels of all come first, and among them the largest standardised effect.
    """
    alike = grouped(decided, lambda each: (verb_of(each.metric), each.factor, each.level))

    def rank(some: Sequence[Decision]) -> tuple[bool, float]:
        return not beats_all(some, decisions), -max(map(effect, some))

    for some in sorted(alike.values(), key=rank):
        first = some[0]
        others = grouped(some, lambda each: each.other)
        clauses = [f"{bare(first.factor, other)} ({numbers(by)})" for other, by in others.items()]
        than = "every other: " if len(clauses) > 1 and beats_all(some, decisions) else ""
        yield f"{subject(first, first.level)} {verb_of(first.metric)} than {than}{listed(clauses)}."


def beats_all(some: Sequence[Decision], decisions: Sequence[Decision]) -> bool:
    """Whether the first level of these decisions is better than every other level of its factor."""
    alike = [each for each in decisions if each.factor == some[0].factor]
    levels = {level for each in alike for level in (each.level, each.other)}
    return len({each.other for each in some}) == len(levels) - 1


def effect(decision: Decision) -> float:
    """The size of a difference in standard errors."""
    statistic = abs(float(decision.average.test.statistic))
    return statistic if statistic == statistic else float("inf")


def numbers(decisions: Sequence[Decision]) -> str:
    """The numbers of decisions between the same two levels, one per metric."""
    notes = [where(each) for each in decisions]
    common = notes[0] if len(set(notes)) == 1 else ""
    clauses = [
        measured(each.metric, each.average) + (f", {note}" if note and not common else "")
        for each, note in zip(decisions, notes, strict=True)
    ]
    seeds = min(each.average.seeds for each in decisions)
    return "; ".join([*clauses, ", ".join(filter(None, [f"{seeds} seeds", common]))])


def measured(metric: str, difference: Difference) -> str:
    """``MSE 0.0120 against 0.0372, difference 0.0252 ± 0.0006``."""
    one, other = (value_in_words(mean, metric) for mean in difference.means)
    gap = difference_in_words(abs(difference.advantage), difference.margin, metric)
    return f"{label_of(metric)} {one} against {other}, difference {gap}"


def where(decision: Decision) -> str:
    """In which settings of the other factors the average holds: in all, or in which it does not."""
    count = len(decision.by_setting)
    if not count:
        return ""
    exceptions = decision.exceptions
    if not exceptions:
        return everywhere(decision)
    reversed_in = [each for each in exceptions if each.is_decided]
    note = f"on average over {count} settings, but not {settings_in_words(exceptions, decision)}"
    if reversed_in:
        better = bare(decision.factor, decision.other)
        note += f"; {better} is better {settings_in_words(reversed_in, decision)}"
    return note


def settings_in_words(some: Sequence[Difference], decision: Decision) -> str:
    """Some settings of a decision: ``with latent dim 2``, if these are all that have this level."""
    settings = [each.settings[0] for each in decision.by_setting]
    chosen = [each.settings[0] for each in some]
    for factor, level in ((key, level) for setting in chosen for key, level in setting.items()):
        if [setting for setting in settings if setting.get(factor) == level] == chosen:
            return f"with {in_words(factor, level)}"
    varying = varying_factors(settings)
    texts = [
        " and ".join(in_words(key, setting[key]) for key in varying if key in setting) for setting in chosen
    ]
    return f"with {' or '.join(texts)}"


def everywhere(decision: Decision) -> str:
    """All settings of a decision in words: ``for both models``."""
    settings = [each.settings[0] for each in decision.by_setting]
    varying = varying_factors(settings)
    if len(varying) != 1:
        names = [NAMES.get(factor, factor) for factor in varying]
        return f"in all {len(settings)} combinations of {listed(names)}"
    count, _, name = plural(varying[0], len(settings)).partition(" ")
    return f"for {'both' if count == '2' else f'all {count}'} {name}"


def varying_factors(settings: Sequence[Levels]) -> list[str]:
    """The factors whose levels differ between settings."""
    factors = dict.fromkeys(factor for setting in settings for factor in setting)
    return [factor for factor in factors if len({setting.get(factor) for setting in settings}) > 1]


def by_setting(decision: Decision) -> str:
    """A sentence about two levels of which neither is better on average, but one is in some settings."""
    texts = []
    for winner in (decision.level, decision.other):
        some = [e for e in decision.decided_settings if (e.advantage > 0) == (winner == decision.level)]
        if some:
            smallest = min(some, key=lambda each: abs(each.advantage))
            gap = difference_in_words(abs(smallest.advantage), smallest.margin, decision.metric)
            at_least = "at least " if len(some) > 1 else ""
            texts.append(
                f"{bare(decision.factor, winner)} {settings_in_words(some, decision)} (difference "
                f"{at_least}{gap}, {smallest.seeds} seeds)"
            )
    pair = f"{subject(decision, decision.level)} or {bare(decision.factor, decision.other)}"
    question = f"which one {verb_of(decision.metric)} ({label_of(decision.metric)})"
    return f"{pair}: {question} depends: {listed(texts)}."


def undecided(decisions: Sequence[Decision], why: str) -> Iterator[str]:
    """One sentence about all pairs of levels that are not decided, if there are any."""
    pairs = grouped(decisions, lambda each: (each.factor, frozenset((each.level, each.other))))
    texts = []
    for some in pairs.values():
        first = some[0]
        levels = f"{in_words(first.factor, first.level)} or {bare(first.factor, first.other)}"
        texts.append(f"{levels} in {listed([label_and_means(each) for each in some])}")
    if len(texts) > MOST_OBSERVED:
        texts = [*texts[: MOST_OBSERVED - 1], f"{len(texts) - MOST_OBSERVED + 1} other pairs (see the table)"]
    if texts:
        yield f"{why}: {'; '.join(texts)}."


def label_and_means(decision: Decision) -> str:
    """``MSE (0.0120 against 0.0131)``, only the label if a mean is unknown."""
    label, means = label_of(decision.metric), decision.average.means
    if not all(map(isfinite, means)):
        return label
    one, other = (value_in_words(mean, decision.metric) for mean in means)
    return f"{label} ({one} against {other})"


def observed(decisions: Sequence[Decision], most: int) -> Iterator[str]:
    """Sentences for groups with one seed: what was observed, and no winner."""
    one_seed = all(each.average.seeds < 2 for each in decisions)
    why = "One seed each: nothing" if one_seed else "Some runs have no value: nothing"
    yield f"{why} can be decided. Train each experiment with several seeds, for example seed=0,1,2."
    pairs = grouped(decisions, lambda each: (each.factor, each.level, each.other))
    for some in list(pairs.values())[: most - 2]:
        first = some[0]
        numbers = [measured(each.metric, each.average) for each in some]
        levels = f"{in_words(first.factor, first.level)} against {bare(first.factor, first.other)}"
        yield f"Observed for {levels}: {'; '.join(numbers)}."
    if len(pairs) > most - 2:
        yield f"{len(pairs) - most + 2} further pairs are in the table of all comparisons."


def listed(texts: Sequence[str]) -> str:
    """A list in a sentence: ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
