"""Build panels of ``gancourse.labs``, press what they have, move what they have, and say what their status lines said.

PYTHON press_panel.py ring.panel games.panel
"""

import importlib
import sys
import traceback

import ipywidgets


def press(maker):
    module, _, function = maker.partition(".")
    panel = getattr(importlib.import_module(f"gancourse.labs.{module}"), function)()
    assert panel.frames == 1 and panel.png.startswith(b"\x89PNG"), "no picture"
    print(panel.status_text)
    if panel.live:
        for _ in range(3):
            panel.play.value += 1
        assert panel.stepper.steps_done >= 3, "Play does not train"
        before = panel.stepper.steps_done
        panel.once.click()
        assert panel.stepper.steps_done == before + 1, "the button for one step does not do one"
    for name, widget in panel.controls.items():
        said, frames = panel.status_text, panel.frames
        if isinstance(widget, ipywidgets.Checkbox):
            widget.value = not widget.value
        elif hasattr(widget, "options"):
            widget.index = (widget.index + 1) % len(widget.options)
        else:
            widget.value = widget.max if widget.value != widget.max else widget.min
        assert panel.frames > frames and panel.status_text != said, f"nothing follows {name}"
        assert not panel.alert_text, panel.alert_text
    panel.restart.click()
    assert not panel.alert_text, panel.alert_text
    shown = panel._repr_mimebundle_()
    assert shown["image/png"] and panel.widget.model_id in str(shown), "the cell would show nothing"
    panel.close()


for maker in sys.argv[1:]:
    try:
        press(maker)
        print("ok", maker, ipywidgets.__version__)
    except Exception:
        print("not", maker, traceback.format_exc())
