"""A ward of sick GANs: each has one planted illness, and all instruments can be attached to it.

A patient is the healthy programme (``programme.gan``) with a line or a few replaced, so a diagnosis can be right or
wrong, and the cure is known::

    patient = ward.admit("G's sign", at="ring", seed=3)
    patient.train(200)
    patient.readings()              # every instrument at once
    print(ward.difference("G's sign"))
    cured = ward.resume(patient)    # the healthy programme goes on from the sick weights

``ward.charts()`` returns what was stored of every patient on three seeds, by ``python tools/tables.py patients``.
"""

from __future__ import annotations

from gancourse.ward.chart import TRACES, Chart, charts, inside_band, pack, recognised, unpack
from gancourse.ward.illnesses import HEALTHY, ILLNESSES, Illness, difference, source
from gancourse.ward.patient import Patient, admit, resume
from gancourse.ward.worlds import WORLDS, World, world

__all__ = [
    "HEALTHY",
    "ILLNESSES",
    "TRACES",
    "WORLDS",
    "Chart",
    "Illness",
    "Patient",
    "World",
    "admit",
    "charts",
    "difference",
    "inside_band",
    "pack",
    "recognised",
    "resume",
    "source",
    "unpack",
    "world",
]
