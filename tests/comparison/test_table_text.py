"""Tables as Markdown and LaTeX."""

import jlml
from jlml.comparison.table_text import as_latex, as_markdown
from jlml.comparison.tables import Cell, Table

TABLE = Table(
    "Loss & co", ["", "mse ↓"], [[Cell("a_b|c"), Cell("0.1 ± 0.2", bold=True)], [Cell("50%"), Cell("")]]
)


def test_a_table_as_markdown():
    assert as_markdown(TABLE).splitlines() == [
        *("### Loss & co", ""),
        *("|  | mse ↓ |", "| --- | ---: |", r"| a_b\|c | **0.1 ± 0.2** |", "| 50% |  |"),
    ]


def test_a_table_as_latex():
    lines = as_latex(TABLE).splitlines()
    assert lines[2:4] == [r"\caption{Loss \& co}", r"\medskip"]
    assert lines[4:11] == [
        r"\begin{adjustbox}{max width=\linewidth}",
        *(r"\begin{tabular}{lr}", r"\toprule"),
        *(r" & mse $\downarrow$ \\", r"\midrule"),
        *(r"a\_b$|$c & \textbf{0.1 $\pm$ 0.2} \\", r"50\% &  \\"),
    ]
    assert lines[-1] == r"\end{table}"


def test_a_latex_table_with_many_columns_has_several_blocks_that_all_name_the_rows():
    names = [f"m{number}" for number in range(8)]
    lines = as_latex(Table("", ["run", *names], [[Cell("ae"), *map(Cell, names)]])).splitlines()
    assert lines.count(r"\begin{tabular}{lrrrr}") == 2
    assert [line for line in lines if line.startswith("run")] == [
        *(r"run & m0 & m1 & m2 & m3 \\", r"run & m4 & m5 & m6 & m7 \\"),
    ]
    assert [line for line in lines if line.startswith("ae")] == [
        *(r"ae & m0 & m1 & m2 & m3 \\", r"ae & m4 & m5 & m6 & m7 \\"),
    ]


def test_reports_and_comparisons_have_their_tables_as_text_and_their_figures_for_print(
    runs, evaluated, tmp_path
):
    folder = evaluated("vae", "parts=[reconstruction,likelihood,codes,baselines]").folder
    compared = jlml.compare(
        [runs["ae"], runs["vae"]],
        parts=["reconstruction", "pictures"],
        figures="svg",
        output_dir=str(tmp_path),
    ).folder
    for place, column in ((folder, "this model"), (compared, "MSE")):
        latex = (place / "tables.tex").read_text()
        assert latex.isascii()
        assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") > 0
        assert column in latex
        markdown = (place / "tables.md").read_text()
        assert column in markdown
        titles = [line for line in markdown.splitlines() if line.startswith("### ")]
        assert len(set(titles)) == len(titles) == markdown.count("| --- |")
    pictures = {file.stem for file in compared.glob("*.png")}
    assert pictures
    assert pictures == {file.stem for file in compared.glob("*.svg")}
