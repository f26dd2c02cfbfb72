"""Prints the results of a sweep: ranking, groups, paths of the files, and failures."""

from rich.console import Console

from jlml.cli.decided import print_sentences
from jlml.cli.trained import ON_MNIST_5K
from jlml.comparison.tables import as_rich
from jlml.config import command_line, override
from jlml.errors import UserError
from jlml.runs import trust_needed
from jlml.sweeps import Sweep, Swept
from jlml.sweeps.answer import Answer, answer_of, write_answer
from jlml.sweeps.ranking import outcome, ranking, values_in_words, wide_console


def show_swept(swept: Swept) -> None:
    """Prints the results of a sweep.

    Raises:
        UserError: some jobs have failed or are pending. Raised after all results are printed.
    """
    console, folder, results = wide_console(), swept.sweep.path, swept.results
    console.print(ranking(results, swept.rank))
    trust: tuple[str, ...] = ()
    if any(result.status == "finished" for result in results):
        answer = answer_of(swept.sweep)
        show_answer(console, swept.sweep, answer)
        trust = max(map(trust_needed, answer.configs), default=())
    console.print(f"Sweep folder  {folder}", highlight=False, markup=False)
    console.print(f"Results       {folder / 'results.csv'}", highlight=False, markup=False)
    evaluation = command_line("evaluate.py", override("sweep", str(folder)), *trust)
    console.print(f"Evaluate it   {evaluation}", highlight=False, markup=False)
    if any(result.record.get("data") == "mnist_5k" for result in results):
        console.print(f"[bold yellow]{ON_MNIST_5K}[/]", highlight=False)
    failed = [result for result in results if result.status == "failed"]
    for result in failed:
        line = f"Failed: {values_in_words(result)}: {outcome(result, swept.rank)}"
        console.print(line, style="red", markup=False)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(results)} jobs failed. The same command with sweep.retry=true tries them "
            "again."
        )
    pending = [result for result in results if result.is_pending]
    if pending:
        held = any(swept.sweep.is_held(result.job) for result in pending)
        why = "another process works on them" if held else "the same command resumes them"
        raise UserError(f"{len(pending)} of {len(results)} jobs are pending: {why}.")


def show_answer(console: Console, sweep: Sweep, answer: Answer) -> None:
    """Prints and writes the groups of all finished jobs, including those of earlier commands."""
    print_sentences(console, answer.sentences, "On the test images")
    console.print(as_rich(answer.table()))
    if answer.warning:
        console.print(f"[bold yellow]{answer.warning}[/]", highlight=False)
    first, *others = write_answer(sweep, answer)
    console.print(
        f"Groups        {', '.join([str(sweep.path / first), *others])}", highlight=False, markup=False
    )
