"""Films for the web site: made once, small, and played in Chromium as a visitor plays them."""

import contextlib
import dataclasses
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import films
from course import ROOT
from gancourse.labs import minimax, ring, upsampling
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel
from gancourse.plotting import style

STATIC = ROOT / "docs" / "_static"


class Shades:
    """A picture that is one grey all over, lighter from step to step."""

    def __init__(self):
        self.start = 0
        self.figure, self.ax = style.figure(size=(3.0, 2.0), dpi=80)
        self.ax.set_position((0, 0, 1, 1))
        self.ax.set_axis_off()
        self.figure.set_layout_engine("none")
        self.image = self.ax.imshow([[0]], cmap="gray", vmin=0, vmax=255, aspect="auto")
        self.reset()

    def reset(self):
        self.steps_done = 0

    def step(self):
        self.steps_done += 1

    @property
    def shade(self):
        return self.start + 10 * self.steps_done

    def draw(self):
        self.image.set_data([[self.shade]])
        return self.figure

    def status(self):
        return f"Step {self.steps_done}: shade {self.shade}."


def shades():
    choice = Choice("begin at", "start", {"black": 0, "grey": 100}, hint=".", restarts=True)
    return Panel(Shades(), name="two shades", title="It grows light", controls=[choice])


FILM = Film("two shades", shades, "start", {"black": 0, "grey": 100}, frames=7, per_second=10, note="No panel.")


def png(colour, size=(40, 30)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "png")
    return buffer.getvalue()


# ---------------------------------------------------------------- the files


def test_all_frames_lie_side_by_side_and_can_be_cut_out_again():
    colours = [(12 * k, 0, 255 - 12 * k) for k in range(11)]
    picture, across = films.sheet([png(colour) for colour in colours])
    whole = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    height, width = whole.shape[:2]
    assert width == 40 * across and 0.6 < width / height < 1.7, "about square, so that a phone can hold it"
    for number, colour in enumerate(colours):
        x, y = number % across * 40, number // across * 30
        assert (whole[y : y + 30, x : x + 40] == colour).all(), number


def test_a_take_that_is_too_large_gets_fewer_colours_and_then_is_refused():
    random = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "png")
    noise = [buffer.getvalue()] * 2
    large, _ = films.sheet(noise)
    small, _ = films.sheet(noise, most_kb=0.95 * len(large) / 1_000)
    assert len(small) < 0.95 * len(large)
    assert len(Image.open(io.BytesIO(small)).convert("RGB").getcolors()) < films.COLOURS[0]
    with pytest.raises(ValueError, match="2 frames take .* KB in 16 colours, over 0.5"):
        films.sheet(noise, most_kb=0.5)


def test_frames_of_two_sizes_are_no_film():
    with pytest.raises(ValueError, match="one size"):
        films.sheet([png("red"), png("red", (41, 30))])


def test_a_film_depends_on_its_own_code_and_settings():
    def names(film):
        code = films.sources(Path(films.inspect.getfile(films.inspect.unwrap(film.make))))
        return {path.relative_to(ROOT).as_posix() for path in code}

    of_the_ring, of_sizes = names(ring.FILMS[0]), names(upsampling.FILMS[0])
    assert {"gancourse/labs/ring.py", "gancourse/data/toy.py", "gancourse/losses.py"} <= of_the_ring
    assert {"gancourse/labs/panel.py", "gancourse/labs/_film.py"} <= of_sizes
    assert "gancourse/losses.py" not in of_sizes and not any("checks" in name for name in of_the_ring)
    one = minimax.FILMS[0]
    keys = [films.key(film) for film in (one, dataclasses.replace(one), dataclasses.replace(one, per_second=3))]
    assert keys[0] == keys[1] != keys[2]


def test_a_film_is_made_once_and_again_when_something_has_changed(tmp_path, monkeypatch):
    folder = tmp_path / "two-shades"
    assert films.make(FILM, folder) and not films.make(FILM, folder)
    assert sorted(file.name for file in folder.iterdir()) == ["0.webp", "1.webp", "film.js", "key"]
    assert films.make(dataclasses.replace(FILM, frames=3), folder)
    monkeypatch.setattr(films, "shoot", lambda film, value: films.Take([png("red"), png("red", (41, 30))], ["", ""]))
    with pytest.raises(RuntimeError, match="film 'two shades': the frames must have one size"):
        films.make(FILM, folder)
    assert sorted(file.name for file in folder.iterdir()) == ["0.webp", "1.webp", "film.js", "key"]


def test_all_films_together_are_small(tmp_path, monkeypatch):
    sizes = films.make_all({"two-shades": FILM}, tmp_path)
    assert sizes.keys() == {"two-shades"} and 0.5 < sizes["two-shades"] < 20
    monkeypatch.setattr(films, "MOST_KB_OF_ALL", 0.4)
    with pytest.raises(RuntimeError, match="all films together have .* KB, over 0"):
        films.make_all({"two-shades": FILM}, tmp_path)


def test_every_panel_and_the_digits_are_known():
    known = films.known()
    assert {"ring", "phase-portrait", "collapse", "digits", "upsampling"} <= known.keys() and len(known) >= 10
    assert all(re.fullmatch(r"[\w-]+", name) for name in known)


# ---------------------------------------------------------------- the player, in Chromium

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Films</title>
<link rel="stylesheet" href="course.css"><script src="films.js"></script></head>
<body><main><h1>Films</h1>
<div class="cell_output"><img id="still" src="still.png" alt="A still of the panel, which is grey">
<div class="film" data-film="two-shades" data-folder="films/two-shades/"></div></div>
<div style="height: 4000px"></div>
<div class="cell_output"><img src="still.png" alt="A still of the other panel, which is grey">
<div class="film" data-film="two-shades" data-folder="films/two-shades/"></div></div>
</main></body></html>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("films")
    for file in ("course.css", "films.js"):
        shutil.copy(STATIC / file, made)
    films.make_all({"two-shades": FILM}, made / "films")
    (made / "still.png").write_bytes(png((77, 77, 77), (240, 160)))
    (made / "page.html").write_text(PAGE, encoding="utf-8")
    return made


@pytest.fixture
def visit(chromium):
    """Open the page as a file, as somebody does who has built the site: visit(folder) -> the page."""
    with contextlib.ExitStack() as stack:

        def opened(folder, *, ready=True, **options):
            context = chromium.new_context(width=900, **options)
            stack.callback(context.close)
            context.set_default_timeout(240_000)  # a busy machine is no mistake
            page = context.new_page()
            page.loaded = []
            page.on("request", lambda request: page.loaded.append(request.url.rpartition("/films/")[2]))
            page.goto((folder / "page.html").as_uri())
            if ready:
                page.wait_for_selector(".film canvas")
            return page

        yield opened


def frame(page):
    return int(page.locator(".film").first.get_attribute("data-frame"))


def shade(page):
    """The grey in the middle of what is shown."""
    canvas = page.locator(".film canvas").first
    picture = Image.open(io.BytesIO(canvas.screenshot())).convert("L")
    return picture.getpixel((picture.width // 2, picture.height // 2))


def words(page):
    return page.locator(".film-words").first.inner_text()


@pytest.mark.browser
def test_a_film_takes_the_still_s_place_and_nothing_moves_by_itself(visit, folder):
    page = visit(folder)
    assert not page.locator("#still").is_visible() and page.locator(".film-note").first.inner_text() == "No panel."
    page.wait_for_timeout(700)
    assert frame(page) == 0 and shade(page) == 0 and words(page) == "Step 0: shade 0."


def when(page, number, do):
    """Do something in the page at the moment the first film shows a frame: on a busy machine we come too late."""
    page.evaluate(
        """([number, what]) => new Promise(done => {
            const film = document.querySelector('.film'), button = film.querySelector('.film-play');
            const watch = new MutationObserver(() => {
                if (Number(film.dataset.frame) !== number) return;
                watch.disconnect();
                done(eval(what));
            });
            watch.observe(film, {attributes: true});
            if (button.innerText === 'Play') button.click();
        })""",
        [number, do],
    )


@pytest.mark.browser
def test_it_plays_to_its_end_pauses_and_begins_again(visit, folder):
    page = visit(folder)
    button = page.locator(".film-play").first
    when(page, 1, "window.said = button.innerText")
    assert page.evaluate("window.said") == "Pause"
    page.wait_for_selector(".film[data-frame='6']")
    page.wait_for_function("document.querySelector('.film-play').innerText === 'Play'")
    assert shade(page) == 60
    when(page, 2, "button.click()")
    page.wait_for_timeout(400)
    assert frame(page) == 2 and words(page) == "Step 2: shade 20." and shade(page) == 20
    assert button.inner_text() == "Play"
    when(page, 3, "")


@pytest.mark.browser
def test_it_can_be_scrubbed_and_says_where_it_is(visit, folder):
    page = visit(folder)
    slider = page.locator(".film input[type=range]").first
    slider.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert frame(page) == 2 and shade(page) == 20
    assert slider.get_attribute("aria-valuetext") == words(page) == "Step 2: shade 20."
    assert page.locator(".film-count").first.inner_text() == "3 / 7"
    page.keyboard.press("End")
    assert frame(page) == 6
    move = "slider.value = 4; slider.dispatchEvent(new Event('input'))"
    when(page, 2, f"const slider = film.querySelector('[type=range]'); {move}")
    page.wait_for_timeout(400)
    assert frame(page) == 4, "it stops where it was put"


@pytest.mark.browser
def test_another_choice_is_loaded_when_it_is_chosen_and_plays_on(visit, folder):
    page = visit(folder)
    assert page.loaded.count("two-shades/0.webp") == 1 and "two-shades/1.webp" not in page.loaded
    choice = page.get_by_role("radio", name="grey").first
    choice.check()
    page.wait_for_function("document.querySelector('.film-words').innerText.includes('shade 100')")
    assert shade(page) == 100 and "two-shades/1.webp" in page.loaded
    assert page.locator(".film legend").first.inner_text() == "begin at"
    when(page, 2, "film.querySelector('[type=radio]').click()")
    page.wait_for_function("document.querySelector('.film-words').innerText === 'Step 6: shade 60.'")


@pytest.mark.browser
def test_a_keyboard_reaches_all_of_it(visit, folder):
    page = visit(folder)
    focus = "document.activeElement.className || document.activeElement.type"
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(focus))
    assert reached == ["film-play", "range", "radio"]
    page.keyboard.press("ArrowDown")
    page.wait_for_function("document.querySelector('.film-words').innerText.includes('shade 100')")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    page.wait_for_selector(".film[data-frame='6']")


@pytest.mark.browser
def test_who_asked_for_less_motion_gets_two_frames_a_second(visit, folder):
    page = visit(folder, reduced_motion="reduce")
    page.evaluate(
        """() => {
            window.times = [];
            new MutationObserver(() => window.times.push(performance.now()))
                .observe(document.querySelector('.film'), {attributes: true});
        }"""
    )
    when(page, 3, "")
    times = page.evaluate("window.times")
    assert times[2] - times[0] > 900


@pytest.mark.browser
def test_a_film_is_loaded_when_it_is_scrolled_to_and_one_plays_at_a_time(visit, folder):
    page = visit(folder)
    page.wait_for_timeout(300)
    assert page.locator(".film canvas").count() == 1 and page.loaded.count("two-shades/film.js") == 1
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("document.querySelectorAll('.film canvas').length === 2")
    buttons = page.locator(".film-play")
    # Both are pressed from within, because reaching the other one takes longer than the film.
    page.evaluate("document.querySelectorAll('.film-play').forEach(button => button.click())")
    assert [buttons.nth(0).inner_text(), buttons.nth(1).inner_text()] == ["Play", "Pause"]


@pytest.mark.browser
def test_without_javascript_the_still_stays(visit, folder):
    page = visit(folder, ready=False, java_script_enabled=False)
    assert page.locator("#still").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("broken", ["film.js", "0.webp", "words", "picture"])
def test_a_broken_film_shows_its_still_and_says_so(visit, folder, tmp_path, broken):
    copy = shutil.copytree(folder, tmp_path / "copy")
    at = copy / "films" / "two-shades"
    if broken in ("film.js", "0.webp"):
        (at / broken).unlink()
    elif broken == "words":
        (at / "film.js").write_text("window.courseFilms(")
    else:
        (at / "0.webp").write_bytes((at / "0.webp").read_bytes()[:100])
    page = visit(copy, ready=False)
    alert = page.locator(".film-alert:not(:empty)").first
    alert.wait_for()
    assert "could not be loaded" in alert.inner_text() and "still" in alert.inner_text()
    assert page.locator("#still").is_visible() and page.locator(".film canvas").count() == 0


@pytest.mark.browser
def test_a_broken_choice_leaves_the_one_before(visit, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "films" / "two-shades" / "1.webp").unlink()
    page = visit(copy)
    page.get_by_role("radio", name="grey").first.click()
    alert = page.locator(".film-alert:not(:empty)").first
    alert.wait_for()
    assert alert.inner_text() == "The film “grey” could not be loaded: the one before stays."
    assert page.get_by_role("radio", name="black").first.is_checked() and shade(page) == 0
    page.locator(".film-play").first.click()
    page.wait_for_selector(".film[data-frame='6']")


@pytest.mark.browser
def test_everybody_can_use_it(visit, folder):
    axe = pytest.importorskip(
        "axe_playwright_python", reason="axe-core is not installed, so nobody looked for barriers"
    )
    page = visit(folder)
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(problem["id"], [node["html"] for node in problem["nodes"]]) for problem in found] == []
