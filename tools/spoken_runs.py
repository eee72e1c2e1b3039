"""What ``tools/tables.py spoken`` and ``vocoder`` measure: spoken words under two judges, and ways back to a sound.

``spoken``: a plain judge and a strict one, which knows nonsense, are trained on FSDD's training takes. Both then judge
real words, words that came back through their pictures, noises, and generators of one word.

``vocoder``: notes are turned into pictures and back, by every recipe of ``gancourse.vocoding`` and by Griffin and Lim's
method, for notes that are struck alike and for notes of random phase.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse import recommended, runtime, sounding, vocoding
from gancourse.data import batches, instrument, sounds
from gancourse.metrics import image_sets, listener, sound
from gancourse.models import averaging
from gancourse.spectra import LogMel
from judge_tables import Wanted
from sound_runs import kept

WORD, SAMPLES, KEPT = 0, 300, 4
COMPARED = 135  # sounds on each side of a Fréchet distance: half of the training takes of a word

# ---------------------------------------------------------------- words


class Bench(NamedTuple):
    """The words, their pictures, both judges, and which takes are used for what."""

    words: sounds.Words
    log_mel: LogMel
    pictures: Tensor
    plain: listener.Listener
    strict: listener.Listener
    mine: Tensor  # training takes of the word
    held: Tensor  # its other takes
    halves: tuple[Tensor, Tensor]  # of the training takes


@functools.cache
def bench() -> Bench:
    words = sounds.load("fsdd")
    log_mel = LogMel(words.sample_rate)
    pictures, train = log_mel.pictures(words.waves), ~words.held_out
    bad = listener.nonsense(words.waves[train], words.labels[train], runtime.generator(0))
    judges = [
        listener.train(pictures[train], words.labels[train], len(words.class_names), nonsense=extra)
        for extra in (None, log_mel.pictures(bad.waves))
    ]
    is_word = words.labels == WORD
    mine, held = (is_word & train).nonzero().flatten(), (is_word & words.held_out).nonzero().flatten()
    order = mine[torch.randperm(len(mine), generator=runtime.generator(3))]
    return Bench(words, log_mel, pictures, *judges, mine, held, (order[:COMPARED], order[COMPARED:]))


def heard_as(pictures: Tensor) -> dict[str, float]:
    """Return how often each judge hears the word, and the Fréchet distance to real ones under the plain judge."""
    at = bench()
    found = {
        name: float((judge.probabilities(pictures).argmax(dim=1) == WORD).double().mean())
        for name, judge in (("plain", at.plain), ("strict", at.strict))
    }
    real = at.plain.features(at.pictures[at.halves[0]])
    if len(pictures) >= COMPARED:
        found["frechet"] = image_sets.frechet_distance(real, at.plain.features(pictures[:COMPARED]))
    return {key: round(value, 3) for key, value in found.items()}


def accuracies() -> dict[str, Any]:
    """Return both judges' accuracy on takes that were kept back, of a plain one on speakers that were kept back."""
    at = bench()
    held, labels = at.words.held_out, at.words.labels
    found: dict[str, Any] = {
        "name": "judges",
        "plain": round(at.plain.accuracy(at.pictures[held], labels[held]), 4),
        "strict": round(at.strict.accuracy(at.pictures[held], labels[held]), 4),
    }
    by_speaker = []
    for speaker in range(len(at.words.speaker_names)):
        other = at.words.speakers != speaker
        judge = listener.train(at.pictures[other], labels[other], len(at.words.class_names))
        by_speaker.append(round(judge.accuracy(at.pictures[~other], labels[~other]), 4))
    again = at.log_mel.pictures(at.log_mel.sounds(at.pictures[held], runtime.generator(0)))
    found |= {"unheard_speakers": by_speaker, "speakers": list(at.words.speaker_names)}
    found["through_griffin_lim"] = round(at.plain.accuracy(again, labels[held]), 4)
    for word in range(len(at.words.class_names)):  # how often each judge hears the word that a noise was shaped like
        noise = listener.shaped_noise(at.words.waves[held & (labels == word)], SAMPLES, runtime.generator(5))
        pictures = at.log_mel.pictures(noise)
        for name, judge in (("plain", at.plain), ("strict", at.strict)):
            heard = judge.probabilities(pictures).argmax(dim=1) == word
            found.setdefault(f"{name}_hears_noise", []).append(round(float(heard.double().mean()), 3))
    return found


def backwards(waves: Tensor) -> Tensor:
    """Return every word played backwards, begun at the same moment: the silence that pads it stays at the end."""
    turned = torch.zeros_like(waves)
    for wave, into in zip(waves, turned, strict=True):
        length = int(wave.nonzero().max()) + 1
        into[:length] = wave[:length].flip(0)
    return turned


def no_generator(name: str) -> Tensor:
    """Return the sounds of a row that no generator makes."""
    at = bench()
    if name == "real, other takes":
        return at.words.waves[at.held]
    if name == "real, other half":
        return at.words.waves[at.halves[1]]
    if name == "real, through Griffin-Lim":
        return at.log_mel.sounds(at.pictures[at.halves[1]], runtime.generator(0))
    if name == "real, backwards":
        return backwards(at.words.waves[at.held])
    if name == "mean picture":  # no generator at all: one picture, and other phases each time
        mean = at.pictures[at.mine].mean(dim=0, keepdim=True)
        return at.log_mel.sounds(mean.repeat(SAMPLES, 1, 1, 1), runtime.generator(0))
    if name == "shaped noise":
        return listener.shaped_noise(at.words.waves[at.held], SAMPLES, runtime.generator(5))
    return listener.scrambled(at.words.waves[at.held].repeat(10, 1), runtime.generator(5))


def waveform(seed: int, steps: int) -> Tensor:
    at = bench()
    generator = sounding.train(at.words.waves[at.mine], sounding.Recipe(num_steps=steps), seed=seed)
    return sounding.sample(generator, SAMPLES, runtime.generator(seed + 4))


def log_mel(seed: int, steps: int) -> Tensor:
    """Train notebook 07's recipe on pictures of the word, and return the sounds of its samples."""
    at = bench()
    parts = recommended.build(32, 1, width=16, num_steps=steps, seed=seed)
    latents = recommended.latents(parts, runtime.generator(seed + 1))
    stream = batches.stream(at.pictures[at.mine], recommended.BATCH_SIZE, runtime.generator(seed + 2))
    step = recommended.make_step(parts, latents)
    for _ in range(steps):
        step(next(stream))
    averaging.recompute_batch_norm(parts.average.module, latents(2_000).split(250))
    with torch.no_grad():
        pictures = parts.average.module.eval()(latents(SAMPLES))
    return at.log_mel.sounds(pictures, runtime.generator(seed + 3))


REAL = (
    "real, other takes",
    "real, other half",
    "real, through Griffin-Lim",
    "real, backwards",
    "shaped noise",
    "scrambled",
    "mean picture",
)
GENERATORS: dict[str, tuple[Callable[[int, int], Tensor], int]] = {
    "waveform, 1,000 steps": (waveform, 1_000),
    "log-mel, 400 steps": (log_mel, 400),
    "log-mel, 1,000 steps": (log_mel, 1_000),
}
SPOKEN = ["judges", *REAL, *GENERATORS]


def spoken(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the judges' accuracies, and a row for each kind of sound that should be the word "zero"."""
    for name in SPOKEN:
        if not wanted(name):
            continue
        if name == "judges":
            row = accuracies()
        elif name in REAL:
            waves = no_generator(name)
            found = heard_as(bench().log_mel.pictures(waves))
            row = {"name": name, "n": len(waves), **{key: [value] for key, value in found.items()},
                   "sounds": kept(waves[:KEPT])}  # fmt: skip
        else:
            row = generated(name, seeds)
        print({key: value for key, value in row.items() if key != "sounds"}, flush=True)
        yield row


def generated(name: str, seeds: list[int]) -> dict[str, Any]:
    """Train a generator of the word on every seed."""
    make, steps = GENERATORS[name]
    found, spent = [], []
    for seed in seeds:
        started = time.process_time()
        waves = make(seed, steps)
        spent.append(round(time.process_time() - started, 1))
        found.append(heard_as(bench().log_mel.pictures(waves)))
        if seed == seeds[0]:
            heard = kept(waves[:KEPT].clamp(-1, 1))
    values = {key: [one[key] for one in found] for key in found[0]}
    settings = {"name": name, "seeds": seeds, "steps": steps, "n": SAMPLES}
    return {**settings, **values, "cpu_seconds": spent, "sounds": heard}


# ---------------------------------------------------------------- the way back

RECIPES = {
    "wave": vocoding.Recipe(wave=1.0, spectral=0.0),
    "spectral": vocoding.Recipe(),
    "spectral + adversarial": vocoding.Recipe(adversarial=0.05),
    "spectral + wave": vocoding.Recipe(wave=1.0),
}
TRUTH, GRIFFIN_LIM = "truth", "Griffin-Lim"
WAYS = [f"{phase}: {way}" for phase in instrument.PHASES for way in (TRUTH, GRIFFIN_LIM, *RECIPES)]
NOTES, ASKED = 2_048, 500


def numbers(again: Tensor, truth: Tensor, log_mel: LogMel) -> dict[str, Any]:
    """Return what is left of notes that went through their pictures."""
    heard, true = sound.hear(again), sound.hear(truth)
    off = (sound.semitones(heard.pitch) - sound.semitones(true.pitch)).abs()
    decibels = log_mel.RANGE * (log_mel.pictures(again) - log_mel.pictures(truth)).abs().mean()
    return {
        "decibels": round(float(decibels), 2),
        "loudness": round(float(again.square().mean().sqrt() / truth.square().mean().sqrt()), 3),
        "wave": round(float((again - truth).abs().mean() / truth.abs().mean()), 3),
        "periodicity": round(float(heard.periodicity.median()), 3),
        "tonal": round(float((heard.periodicity > sound.TONAL).double().mean()), 3),
        "in_tune": round(float(((off < 0.3) & (heard.periodicity > 0.5)).double().mean()), 3),
        "lines": [round(line, 1) for line in sound.lines(again).tolist()],
    }


def vocoder(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each way back from a picture, and for the truth itself."""
    log_mel = LogMel(instrument.SAMPLE_RATE, length=instrument.LENGTH)
    for name in WAYS:
        if not wanted(name):
            continue
        phase, way = name.split(": ")
        notes = instrument.pluck(NOTES, runtime.generator(0), phase=phase).waves
        truth = instrument.pluck(ASKED, runtime.generator(1), phase=phase).waves
        pictures, found, spent = log_mel.pictures(truth), [], []
        for seed in seeds:
            started = time.process_time()
            if way == TRUTH:
                again = truth
            elif way == GRIFFIN_LIM:
                again = log_mel.sounds(pictures, runtime.generator(seed))
            else:
                again = vocoding.train(notes, log_mel, RECIPES[way], seed=seed)(pictures)
            spent.append(round(time.process_time() - started, 1))
            found.append(numbers(again, truth, log_mel))
            if seed == seeds[0]:
                heard = kept(again[:KEPT].clamp(-1, 1))
        steps = RECIPES[way].num_steps if way in RECIPES else 0
        row = {"name": name, "phase": phase, "seeds": seeds, "steps": steps, "n": ASKED,
               **{key: [one[key] for one in found] for key in found[0]}, "cpu_seconds": spent}  # fmt: skip
        print(row, flush=True)
        yield row | {"sounds": heard}
