"""Makes the article: trains and evaluates its runs, collects the numbers, draws the figures, writes the page.

python docs/article/make.py                     everything; three hours on 2 cores with full MNIST, resumes
python docs/article/make.py --data mnist_5k     with the bundled 5,000 images, in twenty minutes
python docs/article/make.py --stored            only the page, from the results in this folder
"""

import argparse
import json
from pathlib import Path

from decoders import write_live
from figures import CHARTS, PICTURES, Runs
from measured import attempted, contrast, tables
from page import written
from results import Results, collected, stored
from runs import HERE, ROOT, train_and_evaluate

from jlml.data.mnist import load
from jlml.pictures.figures import as_png


def main() -> None:
    """Reads the arguments and makes the article."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", choices=["mnist", "mnist_5k"], help="default: full MNIST if it can be had")
    parser.add_argument("--root", default="data", help="folder with the data")
    parser.add_argument(
        "--outputs", type=Path, default=ROOT / "outputs/article", help="folder of the results"
    )
    parser.add_argument("--only", nargs="*", default=[], help="train only these sweeps")
    parser.add_argument(
        "--stored", action="store_true", help="train nothing: use the results in docs/article"
    )
    parser.add_argument("--untrained", action="store_true", help="train nothing: use the runs that exist")
    given = parser.parse_args()
    if given.stored:
        write_page(HERE, given.outputs)
        return
    data = given.data or load("mnist", Path(given.root), fallback=True).name
    outputs = given.outputs / data
    if not given.untrained:
        train_and_evaluate(data, outputs, given.root, given.only)
    kept = HERE if data == "mnist" else outputs
    measure(data, outputs / "sweeps", kept)
    write_page(kept, given.outputs)


def measure(data: str, sweeps: Path, kept: Path) -> None:
    """Writes `results.json`, the figures and `live.json`. What needs a run that is missing is left out."""
    runs = Runs(sweeps)
    content = {
        "data": data,
        "tables": attempted("tables", lambda: tables(runs)) or {},
        "groups": collected(sweeps),
    }
    curve = attempted("contrast", lambda: contrast(sweeps))
    content["groups"] |= {} if curve is None else {"contrast": curve}
    (kept / "results.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    folder = kept / "figures"
    folder.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        save(folder / f"{name}.png", name, lambda draw=draw: draw(runs))
    for name, draw_chart in CHARTS.items():
        save(folder / f"{name}.png", name, lambda draw=draw_chart: draw(Results(content)))
    attempted("live.json", lambda: write_live(runs, kept))


def save(file: Path, name: str, draw) -> None:
    """Writes a figure, if it can be drawn."""
    picture = attempted(name, draw)
    if picture is not None:
        file.write_bytes(as_png(picture))


def write_page(kept: Path, outputs: Path) -> None:
    """Writes `index.html`, and says what the numbers do not carry."""
    page, text = written(stored(kept / "results.json"), kept / "figures", kept / "live.json")
    outputs.mkdir(parents=True, exist_ok=True)
    (outputs / "index.html").write_text(page)
    for claim in text.failed:
        print(f"Not shown by these runs: {claim}")
    if text.missing:
        print(f"Not measured: {len(text.missing)} numbers, for example {text.missing[0]}")
    print(f"Article  {outputs / 'index.html'}")


if __name__ == "__main__":
    main()
