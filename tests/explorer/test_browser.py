"""The explorer's page in a browser, used as a person does: by mouse, keyboard, touch, links and buttons."""

import base64
import io
import re
from itertools import pairwise
from urllib.parse import parse_qs

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import jlml
from jlml.evaluation.entry import evaluate
from jlml.losses import Bernoulli
from jlml.models import AE, VAE
from pages import Noise, page_of

pytestmark = pytest.mark.browser

CLOSE = 1e-4
PHONE = {"size": (390, 844), "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
THREE = [(60, 50), (110, 35), (150, 60), (120, 100), (95, 105), (140, 120), (150, 160), (110, 185), (60, 170)]


@pytest.fixture(scope="module")
def made(tmp_path_factory, data_root):
    """Runs with their pages: a VAE with its history, an AE, and a convolutional VAE with a t-SNE map."""
    common = ("data=mnist_5k", f"data.root={data_root}", "logger=none", "callbacks=none")
    choices = {
        "vae": (
            *("model=vae", "loss=cont_bern", "latent.dim=2", "model.hidden=[50]", "trainer.max_epochs=4"),
            *("callbacks=snapshots", "keep_checkpoints_every=2"),
        ),
        "ae": ("model=ae", "loss=mse", "latent.dim=2", "trainer.max_epochs=4"),
        "conv": ("model=conv_vae", "loss=bce", "latent.dim=16", "trainer.max_epochs=4"),
    }
    parent, runs = tmp_path_factory.mktemp("explored"), {}
    for name, overrides in choices.items():
        runs[name] = jlml.train(*common, *overrides, parent=parent / name).run
        explored(f"run={runs[name].path}", f"parts=[{'tsne,' if name == 'conv' else ''}explorer]")
    return runs


def explored(*overrides):
    """The page that an evaluation writes."""
    settings = ("parts=[explorer]", "tsne_images=100", *overrides)
    return evaluate(jlml.compose(*settings, config_name="evaluate")).folder / "explorer.html"


def explorer_of(run):
    return run.path / "evaluation" / "explorer.html"


@pytest.fixture(scope="module")
def two(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return explored(f"runs=[{made['vae'].path},{made['ae'].path}]", f"output_dir={folder}")


def written(tmp_path, *arguments, **options):
    """The page of an untrained model, as a file."""
    file = tmp_path / "page.html"
    file.write_text(page_of(*arguments, **options), "utf-8")
    return file


def drawn(page, selector):
    """The pixels of a canvas, as text."""
    settle(page)
    return page.locator(selector).first.evaluate("canvas => canvas.toDataURL()")


def pixels_of(address):
    """The pixels of a picture in a data URL, as signed numbers."""
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def settle(page):
    """Waits until the page has drawn what it has to."""
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def address(page):
    """The state after the # of the address, which follows when nothing has changed for a moment."""
    before, now = None, ""
    while not now or now != before:
        page.wait_for_timeout(400)
        before, now = now, page.evaluate("location.hash")
    return {name: values[0] for name, values in parse_qs(now[1:]).items()}


def inside(page, x, y, number=0):
    """A place in a map, by its shares of width and height."""
    box = page.locator(".map").nth(number).bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def place_of(page, x, y, number=0):
    """Where a point of the plane is on the screen."""
    left, top, scale = map(float, address(page)[f"window{number}"].split(","))
    box = page.locator(".map").nth(number).bounding_box()
    return box["x"] + box["width"] / 2 + (x - left) / scale, box["y"] + box["height"] / 2 - (y - top) / scale


def dot_of(page, index, number=0):
    """Where the code of a test image is, in a map of two dimensions."""
    x, y = page.evaluate(
        "([i, run]) => Array.from(jlml.runs[run].codes.slice(2 * i, 2 * i + 2))", [index, number]
    )
    return place_of(page, x, y, number)


def number_of(page):
    """The number of the test image that the page shows."""
    return int(re.match(r"Test image (\d+)", page.inner_text("#input-caption"))[1])


def draw(page, points):
    page.click("#own summary")
    page.locator("#draw-canvas").scroll_into_view_if_needed()
    box = page.locator("#draw-canvas").bounding_box()
    page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    settle(page)


# ---- numbers


@pytest.mark.parametrize("name", ["vae", "ae", "conv"])
def test_codes_and_pictures_equal_pytorchs(made, visit, name):
    page, model = visit(explorer_of(made[name])), jlml.load(made[name].path)
    count = page.evaluate("jlml.labels.length")
    images = torch.tensor(page.evaluate("Array.from({length: 5}, (_, i) => Array.from(jlml.image(i)))"))
    codes = torch.tensor(page.evaluate("Array.from(jlml.codes)")).view(count, -1)
    pixels = images.view(5, *model.image_shape)
    torch.testing.assert_close(codes[:5], model.encode(pixels), atol=CLOSE, rtol=CLOSE)
    encoded = page.evaluate("images => images.map((x) => Array.from(jlml.encode(x)))", images.tolist())
    torch.testing.assert_close(torch.tensor(encoded), codes[:5], atol=CLOSE, rtol=CLOSE)
    some = torch.cat([codes[:5], 3 * torch.randn(5, codes.shape[1])])
    expected = {"decode": model.decode(some), "picture": model.loss.picture(model.decoder(some))}
    for function, values in expected.items():
        ours = page.evaluate(f"codes => codes.map((z) => Array.from(jlml.{function}(z)))", some.tolist())
        torch.testing.assert_close(torch.tensor(ours), values.flatten(1), atol=CLOSE, rtol=0)


def test_the_loss_and_error_under_the_output_are_pytorchs(made, visit):
    page, model = visit(explorer_of(made["vae"])), jlml.load(made["vae"].path)
    page.keyboard.press("]")
    settle(page)
    image = torch.tensor(page.evaluate("Array.from(jlml.image(1))")).view(1, 1, 28, 28)
    logits = model.decoder(model.encode(image))
    error = (model.loss.picture(logits) - image).square().mean().item()
    caption = page.inner_text(".output-caption")
    numbers = re.search(r"loss (\S+) nats: reconstruction (\S+), KL (\S+)\s+MSE (\S+)", caption).groups()
    loss, nll, kl, mse = map(float, numbers)
    output = model(image, torch.zeros(1, 2))
    assert loss == pytest.approx(output.loss.item(), abs=0.1)
    assert nll == pytest.approx(model.loss.nll(logits, image).item(), abs=0.1)
    assert kl == pytest.approx(output.extras["kl"].item(), abs=0.1)
    assert mse == pytest.approx(error, abs=1e-4)
    page.select_option("#picture", "mean")
    settle(page)
    error = (model.loss.mean(logits) - image).square().mean().item()
    assert float(page.inner_text(".output-caption").split()[-1]) == pytest.approx(error, abs=1e-4)


@pytest.mark.parametrize(
    ("shape", "names", "lowest", "dim"),
    [
        ((3, 32, 32), (), -1, 64),
        ((1, 5, 6), tuple(f"class {k}" for k in range(12)), -1, 1),
        ((1, 28, 28), ("only",), 0, 2),
    ],
)
def test_any_images_classes_and_latent_dim_work(visit, tmp_path, shape, names, lowest, dim):
    torch.manual_seed(0)
    model = VAE(shape, dim, Bernoulli(), hidden=[8])
    page = visit(written(tmp_path, model, Noise(shape, names, lowest)))
    before = drawn(page, ".output-picture")
    page.mouse.move(*inside(page, 0.2, 0.3))
    assert drawn(page, ".output-picture") != before
    legend = page.locator("#legend button:visible").all_inner_texts()
    assert legend == ([*names, "no label"] if len(names) > 1 else [])
    code = torch.ones(1, dim)
    ours = torch.tensor(page.evaluate("z => Array.from(jlml.decode(z))", code[0].tolist()))
    torch.testing.assert_close(ours, model.decode(code).flatten(), atol=CLOSE, rtol=0)
    for box in page.locator(".bar input:visible").all():
        box.check()
    page.select_option("#points", "both")
    settle(page)


# ---- pointing


def test_hovering_decodes_the_place_and_a_dot_shows_its_image(made, visit):
    page = visit(explorer_of(made["ae"]))
    pictures = []
    for place in ((0.03, 0.05), (0.97, 0.05), (0.5, 0.97)):
        page.mouse.move(*inside(page, *place))
        pictures.append(drawn(page, ".output-picture"))
        assert page.inner_text(".output-caption") == "Decoded from the map"
        assert "z = (" in page.inner_text(".code-values")
    assert len(set(pictures)) == 3
    front = drawn(page, ".map canvas:nth-child(2)")
    page.mouse.move(*dot_of(page, 7))
    settle(page)
    assert "Reconstruction" in page.inner_text(".output-caption")
    assert re.match(r"Test image \d+: \d", page.inner_text("#input-caption"))
    assert drawn(page, ".map canvas:nth-child(2)") != front  # the picture, in front of all dots
    page.mouse.move(5, 5)
    settle(page)
    assert number_of(page) == 0  # what was selected before


def test_a_drawn_3_lands_near_the_3s(made, visit):
    page = visit(explorer_of(made["conv"]))
    draw(page, THREE)
    assert page.inner_text("#input-caption") == "Your own picture"
    labels = page.evaluate(
        """() => {
          const canvas = Object.assign(document.createElement("canvas"), {width: 28, height: 28});
          const small = canvas.getContext("2d");
          small.imageSmoothingEnabled = false;
          small.drawImage(document.querySelector("#input-picture"), 0, 0, 28, 28);
          const {data} = small.getImageData(0, 0, 28, 28);
          const z = jlml.encode(Array.from({length: 784}, (_, i) => data[4 * i] / 255));
          const away = (i) => z.reduce((sum, v, k) => sum + (v - jlml.codes[i * z.length + k]) ** 2, 0);
          const nearest = Array.from(jlml.labels.keys()).sort((a, b) => away(a) - away(b)).slice(0, 15);
          return nearest.map((i) => jlml.labels[i]);
        }"""
    )
    assert labels.count(3) > 7


def test_a_chosen_file_is_encoded_as_the_test_image_that_it_is(made, visit, tmp_path):
    page = visit(explorer_of(made["ae"]))
    pixels = np.array(page.evaluate("Array.from(jlml.image(3))")).reshape(28, 28)
    Image.fromarray((255 * pixels).round().astype(np.uint8)).save(tmp_path / "three.png")
    page.click("#own summary")
    page.set_input_files("#file", tmp_path / "three.png")
    page.locator("#input-caption", has_text="Your own picture").wait_for()
    expected = page.evaluate("Array.from(jlml.codes.slice(6, 8), (v) => v.toFixed(2).replace('-', '\u2212'))")
    assert page.inner_text(".code-values") == f"z = ({', '.join(expected)})"


# ---- what is shown


def test_a_link_restores_the_view(made, visit):
    page = visit(explorer_of(made["conv"]))
    page.select_option(".plane-kind", "dims")
    page.select_option(".plane-y", "3")
    page.locator("#legend button").nth(4).click()
    page.check("#density")
    page.keyboard.press("p")
    for _ in range(3):
        page.keyboard.press("]")
    page.keyboard.press("p")
    page.mouse.move(*inside(page, 0.4, 0.5))
    page.mouse.wheel(0, -300)
    page.mouse.move(5, 5)
    page.locator("#step").fill("0.3")
    page.click("#tabs button:nth-child(2)")
    page.locator("#dimensions-list input:enabled").first.fill("1")
    state = address(page)
    other = visit(explorer_of(made["conv"]), page.evaluate("location.hash"))
    assert address(other) == state
    assert state["plane0"] == "dims,0,3"
    assert (state["image"], state["hidden"], state["step"]) == ("3", "4", "0.3")
    ours, theirs = (pixels_of(drawn(each, ".map canvas")) for each in (page, other))
    assert np.abs(ours - theirs).mean() < 1  # of 255: the link rounds its numbers
    assert drawn(other, "#input-picture") == drawn(page, "#input-picture")


def test_a_link_is_followed_in_an_open_page_and_nonsense_in_it_is_left_out(made, visit):
    page = visit(explorer_of(made["conv"]))
    page.select_option(".plane-kind", "map")
    page.evaluate("location.hash = 'plane0=dims,2,5&image=4'")
    settle(page)
    assert page.input_value(".plane-kind") == "dims"
    assert number_of(page) == 4
    words = "plane0=dims,0,99&window0=NaN,1,0&picture=x&layers=heat:x,points:y&image=-1&picks=1e9,a&step=7"
    other = visit(explorer_of(made["conv"]), f"#{words}&offsets0=1,2&hidden=77")
    state = address(other)
    assert state["plane0"] == "axes,0,1"
    assert other.input_value("#picture") == "mean"
    assert {"picks", "hidden", "step", "offsets0"}.isdisjoint(state)


def test_the_legend_hides_classes_and_their_dots_are_no_longer_found(made, visit):
    page = visit(explorer_of(made["ae"]))
    before = drawn(page, ".map canvas")
    label = page.evaluate("jlml.labels[7]")
    button = page.locator("#legend button").nth(label)
    place = dot_of(page, 7)
    button.click()
    assert drawn(page, ".map canvas") != before
    assert button.get_attribute("aria-pressed") == "false"
    page.mouse.move(*place)
    settle(page)
    assert page.inner_text(".output-caption") == "Decoded from the map" or not page.inner_text(
        "#input-caption"
    ).endswith(f": {label}")
    page.click("#legend button:has-text('all')")
    assert drawn(page, ".map canvas") == before
    button.dblclick()
    settle(page)
    pressed = page.locator("#legend [aria-pressed=true]").all_inner_texts()
    assert pressed == [str(label)]


@pytest.mark.parametrize("name", ["vae", "conv"])
def test_every_layer_of_the_map_changes_it(made, visit, name):
    page = visit(explorer_of(made[name]))
    seen = [drawn(page, ".map canvas")]
    for box in ("#density", "#prior", "#grid"):
        page.locator(box).click()
        page.wait_for_timeout(200)
        seen.append(drawn(page, ".map canvas"))
    for choice in ("loss", "return"):
        page.select_option("#heat", choice)
        seen.append(drawn(page, ".map canvas"))
        assert "(dark) to" in page.inner_text("#heat-words")
    for choice in ("pictures", "both"):
        page.select_option("#points", choice)
        seen.append(drawn(page, ".map canvas"))
    assert len(set(seen)) == len(seen)


def test_sliders_step_away_from_a_code_and_along_the_other_dimensions(made, visit):
    page = visit(explorer_of(made["conv"]))
    before = drawn(page, ".output-picture")
    page.locator("#step").fill("0.8")
    stepped = drawn(page, ".output-picture")
    assert stepped != before
    page.click("#draw-again")
    assert drawn(page, ".output-picture") not in (stepped, before)
    page.locator("#step").fill("0")
    assert drawn(page, ".output-picture") == before
    page.click("#tabs button:nth-child(2)")
    slider = page.locator("#dimensions-list input:enabled").first
    page.mouse.move(*inside(page, 0.02, 0.02))
    decoded = drawn(page, ".output-picture")
    middle = slider.input_value()
    slider.focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    page.mouse.move(*inside(page, 0.02, 0.03))
    page.mouse.move(*inside(page, 0.02, 0.02))
    assert drawn(page, ".output-picture") != decoded
    slider.dblclick()
    assert float(slider.input_value()) == pytest.approx(float(middle))
    page.mouse.move(*inside(page, 0.02, 0.02))
    assert drawn(page, ".output-picture") == decoded


def test_between_picks_there_are_strips_a_triangle_and_a_sum(made, visit):
    page = visit(explorer_of(made["conv"]))
    page.select_option(".plane-kind", "map")
    page.select_option(".plane-kind", "images")  # it needs three picks
    assert page.input_value(".plane-kind") == "map"
    assert "Pick three images first" in page.inner_text("#status")
    for _ in range(3):
        page.click("#pick")
        page.locator("body").press("]")
    settle(page)
    captions = page.locator("#strips figcaption").all_inner_texts()
    assert captions == [
        "A to B, blend of pixels",
        "A to B, decoded",
        "A above, B left, C right",
        "A \u2212 B + C",
    ]
    straight = drawn(page, "#strips figure:nth-child(2) canvas")
    page.select_option("#spherical", "spherical")
    assert drawn(page, "#strips figure:nth-child(2) canvas") != straight
    page.select_option(".plane-kind", "images")
    settle(page)
    assert address(page)["through0"] == "0,1,2"
    assert page.inner_text(".code-values").startswith("z = (")
    page.locator("#picks button").first.click()
    settle(page)
    assert page.locator("#strips figure").count() == 2
    page.click("#clear-picks")
    settle(page)
    assert page.locator("#between-hint").is_visible()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_playing_honours_reduced_motion(made, visit, motion):
    page = visit(explorer_of(made["ae"]), reduced_motion=motion)
    page.click("#pick")
    page.locator("body").press("]")
    page.click("#pick")
    page.click("#play")
    positions = page.evaluate(
        """() => new Promise((go) => {
          const seen = [], until = performance.now() + 1800;
          const look = (now) => {
            seen.push(Number(document.querySelector("#position").value));
            if (now < until) requestAnimationFrame(look); else go(seen);
          };
          requestAnimationFrame(look);
        })"""
    )
    steps = [after - before for before, after in pairwise(positions) if after != before]
    assert steps
    assert (min(steps) > 0.1) == (motion == "reduce")  # half a second is an eighth of the way there and back
    page.click("#play")
    settle(page)
    assert page.inner_text("#play") == "Play"


def test_the_page_works_by_keyboard_alone(made, visit):
    page = visit(explorer_of(made["ae"]))
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('map')"):
            break
    before = drawn(page, ".output-picture")
    for _ in range(20):
        page.keyboard.press("ArrowUp")
    moved = drawn(page, ".output-picture")
    assert moved != before
    page.keyboard.press("Enter")
    scale = address(page)["window0"]
    page.keyboard.press("+")
    assert address(page)["window0"] != scale
    page.keyboard.press("0")
    assert address(page)["window0"] == scale
    page.keyboard.press("]")
    settle(page)
    assert "Reconstruction" in page.inner_text(".output-caption")
    page.keyboard.press("p")
    page.keyboard.press("[")
    page.keyboard.press("p")
    settle(page)
    assert page.locator("#picks button").count() == 2
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()


def test_keys_work_after_a_choice_while_the_pointer_is_in_the_map(made, visit):
    page = visit(explorer_of(made["ae"]))
    page.check("#grid")
    page.keyboard.press("]")
    settle(page)
    assert number_of(page) == 1
    place = dot_of(page, 7)
    page.focus("#points")
    page.mouse.move(*place)
    page.keyboard.press("p")
    settle(page)
    assert page.locator("#picks button").count() == 1
    assert page.input_value("#points") == "dots"


def test_a_t_sne_map_decodes_the_codes_of_its_points(made, visit):
    page = visit(explorer_of(made["conv"]))
    page.select_option(".plane-kind", "map")
    points = np.load(explorer_of(made["conv"]).with_name("tsne_codes.npy"))
    page.mouse.move(*place_of(page, *points[0].tolist()))
    settle(page)
    assert "Reconstruction" in page.inner_text(".output-caption")
    page.mouse.down()
    page.mouse.up()
    settle(page)
    index = number_of(page)
    code = page.evaluate("i => Array.from(jlml.codes.slice(16 * i, 16 * i + 1))", index)
    assert page.inner_text(".code-values").startswith(f"z = ({code[0]:.2f}".replace("-", "\u2212"))
    page.mouse.move(*inside(page, 0.001, 0.001))
    settle(page)
    assert number_of(page) == index  # an empty place is no code: the selected image stays


def test_the_slider_of_time_moves_validation_codes(made, visit):
    page = visit(explorer_of(made["vae"]))
    end = drawn(page, ".map canvas")
    page.click("#tabs button:nth-child(3)")
    page.locator("#frame").fill("0")
    first = drawn(page, ".map canvas")
    assert re.search(r"epoch \d.*Decoding belongs to the end of training", page.inner_text("#frame-words"))
    page.locator("#frame").fill("2")
    assert drawn(page, ".map canvas") not in (first, end)
    page.locator("#frame").fill(page.locator("#frame").get_attribute("max"))
    assert drawn(page, ".map canvas") == end
    page.click("#play-movement")
    page.locator("#play-movement", has_text="Play").wait_for()
    assert drawn(page, ".map canvas") == end


def test_kept_epochs_encode_and_decode_with_their_own_weights(made, visit):
    page = visit(explorer_of(made["vae"]))
    page.click("#tabs button:nth-child(3)")
    words = page.locator("#version option").all_inner_texts()
    assert words == ["before training", "epoch 2", "epoch 4", "best.ckpt"]
    image = torch.tensor(page.evaluate("Array.from(jlml.image(0))"))
    for epoch in (0, 2):
        page.select_option("#version", label=words[epoch // 2])
        model = made["vae"].load_model(f"epoch_{epoch:04d}")
        codes = model.encode(image.view(1, 1, 28, 28))
        ours = torch.tensor(page.evaluate("x => Array.from(jlml.encode(x))", image.tolist()))
        torch.testing.assert_close(ours, codes[0], atol=CLOSE, rtol=CLOSE)
        torch.testing.assert_close(
            torch.tensor(page.evaluate("Array.from(jlml.codes.slice(0, 2))")),
            codes[0],
            atol=CLOSE,
            rtol=CLOSE,
        )
        pixels = torch.tensor(page.evaluate("Array.from(jlml.decode([1, -1]))"))
        expected = model.decode(torch.tensor([[1.0, -1]])).flatten()
        torch.testing.assert_close(pixels, expected, atol=CLOSE, rtol=0)


def test_the_picture_is_saved(made, visit):
    page = visit(explorer_of(made["vae"]))
    with page.expect_download() as download:
        page.click("#save")
    with Image.open(download.value.path()) as image:
        assert image.format == "PNG"
        assert image.width > 1000
        assert len(image.convert("RGB").getcolors(1 << 20)) > 10


# ---- two runs, and more


def test_two_runs_answer_to_one_pointer(made, two, visit):
    page = visit(two)
    fronts = [drawn(page, f".view[data-run='{run}'] .map canvas:nth-child(2)") for run in (0, 1)]
    page.mouse.move(*dot_of(page, 7))
    settle(page)
    captions = page.locator(".output-caption").all_inner_texts()
    assert all("Reconstruction" in caption for caption in captions)
    for run, (name, caption) in enumerate(zip(("ae", "vae"), captions, strict=True)):
        view = f".view[data-run='{run}']"
        assert drawn(page, f"{view} .map canvas:nth-child(2)") != fronts[run]
        model = jlml.load(made[name].path)
        code = torch.tensor(page.evaluate("r => Array.from(jlml.runs[r].codes.slice(14, 16))", run))
        decoded = page.evaluate("([r, z]) => Array.from(jlml.runs[r].decode(z))", [run, code.tolist()])
        expected = model.decode(code[None]).flatten()
        torch.testing.assert_close(torch.tensor(decoded), expected, atol=CLOSE, rtol=0)
        image = torch.tensor(page.evaluate("Array.from(jlml.image(7))")).view(1, 1, 28, 28)
        nll = model.loss.nll(model.decoder(code[None]), image).item()
        if number_of(page) == 7:  # no other dot is nearer to the pointer
            term = "reconstruction" if name == "vae" else "loss"
            assert float(re.search(rf"{term} ([-.\d]+)", caption)[1]) == pytest.approx(nll, abs=0.1)
    page.click("#pick")
    page.locator("body").press("]")
    page.click("#pick")
    settle(page)
    assert page.locator("#strips figure").count() == 3


def test_a_table_of_runs_sorts_filters_and_links(made, visit, tmp_path):
    paths = ",".join(str(run.path) for run in made.values())
    page = visit(explored(f"runs=[{paths}]", f"output_dir={tmp_path / 'three'}"), ready="tbody a")
    rows = page.locator("tbody tr")
    assert rows.count() == 3
    assert page.locator("tbody a").first.get_attribute("href").endswith("evaluation/explorer.html")
    for order in ("ascending", "descending"):
        page.locator("thead button").first.click()
        values = [row.locator("td").first.inner_text() for row in rows.all()]
        assert values == sorted(values, reverse=order == "descending")
        assert page.locator("thead th").first.get_attribute("aria-sort") == order
    page.fill("#filter", "conv")
    assert page.locator("tbody tr:visible").count() == 1
    assert page.inner_text("#count") == "1 of 3 runs"
    link = page.locator("tbody tr:visible a").first.evaluate("link => link.href")
    assert link == explorer_of(made["conv"]).as_uri()


# ---- any page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_scrolling_sideways_and_a_finger_decodes(made, two, visit, scheme):
    for file in (explorer_of(made["conv"]), two):
        page = visit(file, **PHONE, color_scheme=scheme)
        before = drawn(page, ".output-picture")
        page.touchscreen.tap(*inside(page, 0.1, 0.1))
        assert drawn(page, ".output-picture") != before
        for tab in page.locator("#tabs button").all():
            tab.click()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_names_with_markup_are_shown_as_text(visit, tmp_path):
    markup = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    model = AE((1, 28, 28), 2, Bernoulli(), hidden=[8])
    data = Noise(names=(markup, "<b>bold</b>"))
    page = visit(written(tmp_path, model, data, name="<script>alert(1)<", title=markup))
    assert page.inner_text("h1") == markup
    assert page.locator("#legend button").first.inner_text() == markup
    page.keyboard.press("]")
    settle(page)
    assert page.inner_text("#input-caption").endswith(("<b>bold</b>", markup))
    assert page.locator("img, b").count() == 0


def test_a_page_opens_without_the_networks_that_it_cannot_run(visit, tmp_path):
    model = AE((1, 28, 28), 2, Bernoulli(), hidden=[8])
    model.encoder.append(nn.Mish())
    model.decoder.insert(0, nn.Mish())
    page = visit(written(tmp_path, model, Noise()))
    assert "Mish in the encoder" in page.inner_text(".warn")
    assert "Mish in the decoder" in page.inner_text(".warn")
    page.mouse.move(*dot_of(page, 5))
    settle(page)
    assert page.inner_text("#input-caption").startswith("Test image")
    assert page.inner_text(".output-caption") == "This network cannot run here."
    assert page.locator("#own").is_hidden()
    for _ in range(2):
        page.click("#pick")
        page.locator("body").press("]")
    for tab in page.locator("#tabs button:visible").all():
        tab.click()
    settle(page)


def test_a_notebook_shows_the_page_in_a_frame(made, visit, tmp_path):
    frame = jlml.explore(made["ae"].path, "tsne_images=100")._repr_html_()
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><meta charset='utf-8'>{frame}", "utf-8")
    page = visit(notebook, ready="iframe")
    inner = page.frame_locator("iframe")
    inner.locator("body.ready").wait_for()
    inner.locator(".map").hover(position={"x": 20, "y": 20})
    inner.locator(".output-caption", has_text="Decoded from the map").wait_for()
