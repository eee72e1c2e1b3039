"""The panel of notebook 17: a walk from one note to another that can be heard.

Three ways lead there. Mixing both sounds gives both notes at once. Turning the instrument's knobs gives one note
whose pitch glides. A generator's latent space gives whatever the generator has learned.
"""

from __future__ import annotations

import io
import wave

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from gancourse import runtime, spectra
from gancourse._torch_modes import usual_modes
from gancourse.data import instrument
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.metrics import sound
from gancourse.plotting import style

__all__ = ["FILMS", "WAYS", "Walk", "panel"]

WAYS: tuple[str, ...] = ("mix both sounds", "turn the knobs", "walk through z")
"""How to go from one note to the other: as the buttons call it."""

_DECAY, _BRIGHTNESS = ((0.06, 0.03), (0.4, 0.7))  # of the first and of the last note
_CANDIDATES, _CEILING = 600, 40.0


class Walk:
    """A sound on the way from one note to another.

    Set ``way``, ``place``, ``first`` and ``last``, then ask for :meth:`current`, :meth:`status` or :meth:`wav`.

    Args:
        generator: a finished generator of notes at 8,000 numbers a second; None where there is none, and then only two
            ways.
        seed: of the latent vectors among which the two ends are chosen.
    Attributes:
        way: one of :data:`WAYS`.
        place: from 0, the first note, to 1, the last.
        first, last: which of the instrument's six notes, from 0 to 5.
    First met in: notebook 17.
    """

    def __init__(self, generator: nn.Module | None = None, *, seed: int = 0) -> None:
        self.ways = WAYS if generator is not None else WAYS[:2]
        self.way, self.place, self.first, self.last = self.ways[-1], 0.5, 0, 4
        self._generator, self._figure = generator, None
        if generator is not None:
            with torch.no_grad():
                self._z = torch.randn(_CANDIDATES, generator.latent_dim, generator=runtime.generator(seed))
                heard = sound.hear(generator(self._z))
            self._heard = sound.semitones(heard.pitch), heard.periodicity

    @torch.no_grad()
    def current(self) -> Tensor:
        """Return the sound at this place, shape (1,024,)."""
        share, ends = float(self.place), (int(self.first), int(self.last))
        if self.way == "mix both sounds":
            waves = [self._note(float(end), place) for place, end in enumerate(ends)]
            return (1 - share) * waves[0] + share * waves[1]
        if self.way == "turn the knobs":
            return self._note(None, share)
        if self.way not in self.ways:
            raise ValueError(f"way must be one of {', '.join(self.ways)}, got {self.way!r}")
        start, end = (self._z[self._nearest(note)] for note in ends)
        cosine = torch.dot(start, end) / (start.norm() * end.norm())
        angle = torch.arccos(cosine.clamp(-0.9999, 0.9999))
        z = (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / torch.sin(angle)
        return self._generator(z[None])[0]

    def _note(self, note: float | None, share: float) -> Tensor:
        """Return the instrument's sound at this share of the way; of one fixed note, or between both pitches."""
        low, high = (instrument.NOTES[int(end)] for end in (self.first, self.last))
        pitch = instrument.NOTES[int(note)] if note is not None else low ** (1 - share) * high**share
        decay = _DECAY[0] ** (1 - share) * _DECAY[1] ** share
        brightness = (1 - share) * _BRIGHTNESS[0] + share * _BRIGHTNESS[1]
        return instrument.play(*(torch.tensor([value]) for value in (pitch, decay, brightness, 0.0)))[0]

    def _nearest(self, note: int) -> int:
        """Return which latent vector gives this note: of those within half a semitone the most periodic."""
        pitch, periodicity = self._heard
        off = (pitch - sound.semitones(torch.tensor(instrument.NOTES[note], dtype=torch.float64))).abs()
        return int((periodicity - 10 * (off > 0.5) - 0.1 * off.clamp(max=5)).argmax())

    def wav(self) -> bytes:
        """Return the sound as a WAV file, as loud as it is: nothing is normalised."""
        numbers = (self.current().clamp(-1, 1) * 32_767).round().to(torch.int16).numpy()
        stream = io.BytesIO()
        with wave.open(stream, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(instrument.SAMPLE_RATE)
            file.writeframes(numbers.astype("<i2").tobytes())
        return stream.getvalue()

    def status(self) -> str:
        """Say where on which way this is, and what is heard there."""
        heard = sound.hear(self.current()[None])
        names = [instrument.NOTE_NAMES[int(end)] for end in (self.first, self.last)]
        pitch, periodicity, centroid = (float(part) for part in (heard.pitch, heard.periodicity, heard.centroid))
        note = f"a note of {pitch:.0f} Hz" if periodicity > sound.TONAL else "no single note"
        said = {"mix both sounds": "Mixed", "turn the knobs": "Knobs", "walk through z": "In z"}[self.way]
        return (
            f"{said}, {100 * float(self.place):.0f} % of the way from {names[0]} to {names[1]}: {note} "
            f"(periodicity {periodicity:.2f}), mean frequency {centroid:.0f} Hz."
        )

    def draw(self) -> Figure:
        """Draw the wave, and its spectrogram with both notes marked."""
        if self._figure is None:
            self._build()
        current = self.current()
        self._line.set_ydata(current.numpy())
        strength = spectra.spectrogram(current[None])[0, : self._rows]
        self._image.set_data((20 * strength.clamp(min=1e-3).log10()).numpy())
        for line, end in zip(self._marks, (self.first, self.last), strict=True):
            line.set_ydata([instrument.NOTES[int(end)]] * 2)
        return self._figure

    def _build(self) -> None:
        self._figure, (above, below) = style.figure(1, 2, size=(6.2, 4.6), dpi=80)
        milliseconds = 1_000 * torch.arange(instrument.LENGTH) / instrument.SAMPLE_RATE
        (self._line,) = above.plot(
            milliseconds.numpy(), torch.zeros(instrument.LENGTH).numpy(), color=style.COLOURS["fake"], linewidth=0.9
        )
        above.set(ylim=(-1, 1), xlim=(0, 128), ylabel="wave")
        self._rows = 65
        self._image = below.imshow(
            torch.zeros(self._rows, 17).numpy(),
            origin="lower", aspect="auto", cmap="gray_r", vmin=_CEILING - 60, vmax=_CEILING,
            extent=(-4, 132, -15.6, 2_015.6),
        )  # fmt: skip
        self._marks = [
            below.axhline(0, color=style.COLOURS["neutral"], linestyle=look, linewidth=1.0, label=words)
            for look, words in ((":", "first note"), ("--", "last note"))
        ]
        below.set(xlim=(0, 128), ylim=(0, 2_000), xlabel="milliseconds", ylabel="Hz")
        below.legend(loc="upper right", frameon=True)


@usual_modes()
def panel(generator: nn.Module | None = None, seed: int = 0) -> Panel:
    """Return the panel *walk from note to note*. It makes a sound when something is moved; nothing trains.

    Args:
        generator: a finished generator of notes; without one there is no way through z.
        seed: of the latent vectors.
    First met in: notebook 17.
    """
    walk = Walk(generator, seed=seed)
    return Panel(
        walk,
        name="walk",
        title="Walk from one note to another, and press play to hear it",
        controls=[
            Choice("way", "way", walk.ways, hint="Half-way: one note, two notes, or none?"),
            Slider("place", "place", 0.0, 1.0, step=0.1, hint="Where does the pitch change: step by step, or at once?"),
            Slider("from", "first", 0, 5, step=1, hint="C, D, E, G, A, high C."),
            Slider("to", "last", 0, 5, step=1, hint="From a note to itself: what still changes?"),
        ],
    )


FILMS = (
    Film(
        "walk", panel, "way", {way: way for way in WAYS[:2]},
        moved="place", places=[step / 10 for step in range(11)], per_second=2,
        note="The site has no sound; in the notebook you press play, and a third way leads through z.",
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
