// An action: first a dry run, then the real one, which is there only after a dry run of the same.

import { act } from "/assets/api.js";
import { showAgain } from "/assets/place.js";
import { facts, make, trouble } from "/assets/elements.js";
import { text } from "/assets/list.js";

// `tenantSees` is for a reason that goes into the body, because the tenant sees it.
export function action(name, path, { body = null, tenantSees = false, shown, signal }) {
  const told = make("div", { "aria-live": "polite" });
  const ask = (dryRun) => {
    const { reason } = Object.fromEntries(new FormData(form));
    const query = { ...(dryRun && { dryRun: true }), ...(!tenantSees && reason && { reason }) };
    return act(path, query, tenantSees ? { reason } : body, signal);
  };
  const attempt = async (button, doing) => {
    button.disabled = true;
    try {
      await doing();
    } catch (error) {
      if (error.name !== "AbortError") told.replaceChildren(trouble(error));
    }
    button.disabled = false;
  };
  const real = make("button", { type: "button", click: () => attempt(real, async () => {
    await ask(false);
    showAgain(`${name}: done. It is in the audit log.`);
  }) }, `${name} now`);
  const form = make("form", {
    "aria-label": name,
    input: () => told.replaceChildren(),
    submit: (event) => {
      event.preventDefault();
      attempt(event.submitter, async () => {
        const found = await ask(true);
        told.replaceChildren(make("p", null, "It would be done. Now it is:"), facts(shown(found)), real);
      });
    },
  }, text("reason", tenantSees ? "Reason, which the tenant sees" : "Reason, for the audit log", {}, { required: tenantSees, maxlength: 500 }),
  make("button", null, "Try"), told);
  return make("details", { class: "action" }, make("summary", null, name), form);
}
