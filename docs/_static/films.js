// Films: panels that were filmed when the site was built, to play without a kernel (tools/films.py makes them).
//
// A page says <div class="film" data-film="ring" data-folder="../films/ring/"></div> after a still. When a reader comes
// near it, film.js is loaded from the folder, and with it the first take; the still gives way to the film. Without
// this script, or if a file is missing or broken, the still stays. Nothing moves unless somebody presses Play.
(() => {
  "use strict";

  const NEAR = "300px"; // how far below the window a film is loaded
  const CALM = 2; // frames a second for those who asked their device for less motion
  const FILES = 20000; // milliseconds to wait for a file
  const waiting = new Map(); // name of a film -> what takes its words
  let playing = null;

  window.courseFilms = (name, told) => waiting.get(name)?.(told);

  const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  const make = (tag, attributes = {}, ...inside) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  };

  const inTime = (promise) =>
    Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error("too slow")), FILES))]);

  // A script and no fetch(), so that a site opened as a file plays as well.
  const words = (name, folder) =>
    inTime(
      new Promise((done, fail) => {
        waiting.set(name, done);
        const script = make("script", { src: `${folder}film.js` });
        script.onerror = () => fail(new Error("not found"));
        script.onload = () => setTimeout(() => fail(new Error("no film")), 0);
        document.head.append(script);
      }),
    );

  const sheet = async (address) => {
    const image = new Image();
    image.src = address;
    await inTime(image.decode());
    return createImageBitmap(image);
  };

  class Film {
    constructor(place, still, told, folder, number) {
      Object.assign(this, { place, still, told, folder, number });
      this.frame = 0;
      this.build();
    }

    get take() {
      return this.told.takes[this.chosen];
    }

    build() {
      const { title, choice, takes, note } = this.told;
      this.canvas = make("canvas", { role: "img", "aria-label": `${title}. The line of words below says what it shows.` });
      this.button = make("button", { type: "button", class: "film-play" }, "Play");
      this.slider = make("input", { type: "range", min: 0, value: 0, step: 1, "aria-label": "frame of the film" });
      this.count = make("span", { class: "film-count" });
      this.status = make("p", { class: "film-words", role: "status", "aria-live": "off" });
      this.alert = make("p", { class: "film-alert", role: "alert" });
      const choices = make("fieldset", { class: "film-choice" }, make("legend", {}, choice));
      takes.forEach((take, k) => {
        const radio = make("input", { type: "radio", name: `film-${this.number}`, value: k });
        radio.addEventListener("change", () => this.choose(k));
        choices.append(make("label", {}, radio, take.label));
      });
      this.radios = [...choices.querySelectorAll("input")];
      const row = make("div", { class: "film-row" }, this.button, this.slider, this.count);
      this.figure = make("figure", { role: "group", "aria-label": `Film: ${title}` }, this.canvas, row, choices, this.status);
      if (note) this.figure.append(make("p", { class: "film-note" }, note));
      this.button.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
      this.slider.addEventListener("input", () => {
        this.pause(false); // the slider itself says in words where it is
        this.show(Number(this.slider.value));
      });
    }

    // Load a take and show its first frame; what is shown stays until then.
    async choose(number) {
      const wasPlaying = Boolean(this.timer);
      this.pause(false);
      const wanted = (this.wanted = number);
      let picture;
      try {
        picture = await sheet(this.folder + this.told.takes[number].file);
      } catch {
        if (this.wanted === wanted) this.fail(this.told.takes[number].label);
        return;
      }
      if (this.wanted !== wanted) return picture.close(); // somebody has chosen another one meanwhile
      this.picture?.close();
      this.picture = picture;
      this.chosen = number;
      this.radios[number].checked = true;
      const { width, height, words } = this.take;
      Object.assign(this.canvas, { width, height });
      this.slider.max = words.length - 1;
      if (!this.figure.isConnected) {
        this.place.append(this.figure, this.alert);
        if (this.still) this.still.hidden = true;
      }
      this.alert.textContent = "";
      this.show(0);
      if (wasPlaying) this.play();
      else this.status.setAttribute("aria-live", "polite");
    }

    fail(label) {
      const before = this.picture ? "the one before stays" : "the picture above is its still";
      this.alert.textContent = `The film “${label}” could not be loaded: ${before}.`;
      if (!this.alert.isConnected) this.place.append(this.alert);
      if (this.radios[this.chosen]) this.radios[this.chosen].checked = true;
    }

    show(frame) {
      const { width, height, across, words } = this.take;
      const [x, y] = [(frame % across) * width, Math.floor(frame / across) * height];
      this.canvas.getContext("2d").drawImage(this.picture, x, y, width, height, 0, 0, width, height);
      this.frame = frame;
      this.slider.value = frame;
      this.slider.setAttribute("aria-valuetext", words[frame]);
      this.count.textContent = `${frame + 1} / ${words.length}`;
      this.status.textContent = words[frame];
      this.place.dataset.frame = frame;
    }

    play() {
      playing?.pause(false);
      playing = this;
      this.status.setAttribute("aria-live", "off"); // a screen reader waits for the pause
      const last = this.take.words.length - 1;
      if (this.frame >= last) this.show(0);
      this.button.textContent = "Pause";
      const pause = 1000 / (calm() ? Math.min(CALM, this.told.perSecond) : this.told.perSecond);
      let due = performance.now() + pause;
      const tick = (now) => {
        if (now >= due) {
          this.show(this.frame + 1);
          due = Math.max(due + pause, now); // a slow machine shows every frame, later
          if (this.frame >= last) return this.pause();
        }
        this.timer = requestAnimationFrame(tick);
      };
      this.timer = requestAnimationFrame(tick);
    }

    pause(announced = true) {
      cancelAnimationFrame(this.timer);
      this.timer = null;
      if (playing === this) playing = null;
      this.button.textContent = "Play";
      this.status.setAttribute("aria-live", announced ? "polite" : "off");
      if (announced && this.picture) {
        this.status.textContent = "";
        this.status.textContent = this.take.words[this.frame];
      }
    }
  }

  // The still of a film: the last picture before it in the same output, or in the same part of the page.
  const stillOf = (place) => {
    const around = place.closest(".cell_output") ?? place.parentElement;
    const before = (image) => image.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING;
    return [...around.querySelectorAll("img")].filter(before).pop();
  };

  const begin = async (place, number) => {
    const { film: name, folder } = place.dataset;
    try {
      const told = await words(name, folder);
      await new Film(place, stillOf(place), told, folder, number).choose(0);
    } catch {
      place.append(make("p", { class: "film-alert", role: "alert" }, "The film could not be loaded: the picture above is its still."));
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const places = [...document.querySelectorAll(".film[data-film]")];
    const watch = new IntersectionObserver(
      (seen) => {
        for (const { isIntersecting, target } of seen) {
          if (!isIntersecting) continue;
          watch.unobserve(target);
          begin(target, places.indexOf(target));
        }
      },
      { rootMargin: NEAR },
    );
    places.forEach((place) => watch.observe(place));
    document.addEventListener("visibilitychange", () => document.hidden && playing?.pause());
  });
})();
