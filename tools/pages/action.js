// An action in a form of its own.

import { make, trouble } from "/assets/elements.js";

// `run` does it, and returns what is shown then, or shows it with `put`. Where there is `check`, that returns first what would be
// done, with the button that does it. `refused` may say more about an error.
export function actionForm(name, controls, { check = null, run, first = name, refused = (error) => error, open = false }) {
  const told = make("div", { class: "told", "aria-live": "polite", tabindex: "-1" });
  let key = null;
  let changes = 0;
  const put = (...children) => {
    told.replaceChildren(...children);
    told.focus();
  };
  const attempt = async (button, doing) => {
    button.disabled = true;
    for (const control of form.elements) control.removeAttribute("aria-invalid");
    try {
      await doing();
    } catch (error) {
      if (error.name !== "AbortError") told.replaceChildren(trouble(refused(error)));
      for (const { field } of error.fields ?? []) form.elements[field.split(".")[0]]?.setAttribute?.("aria-invalid", "true");
    }
    button.disabled = false;
  };
  const tryIt = async () => {
    const before = changes;
    const shown = await check(form, real);
    if (changes === before) told.replaceChildren(...shown);
  };
  // Whoever tries the same again after a lost answer asks with the same key. After an answer it is another request.
  const carryOut = async () => {
    const shown = await run(form, key ??= crypto.randomUUID(), put);
    key = null;
    if (shown) put(...[shown].flat());
  };
  const real = make("button", { type: "button", click: () => attempt(real, carryOut) }, `${name} now`);
  const form = make("form", {
    "aria-label": name,
    input: () => {
      key = null;
      changes += 1;
      // What was tried is no longer what would be done.
      if (check) told.replaceChildren();
    },
    submit: (event) => {
      event.preventDefault();
      attempt(event.submitter, check ? tryIt : carryOut);
    },
  }, controls, make("button", null, first));
  return make("details", { class: "action", open }, make("summary", null, name), form, told);
}
