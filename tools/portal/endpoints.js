// Endpoints: how each does, and what may be done about it.

import { act, ask } from "/assets/api.js";
import { mayAct } from "/assets/access.js";
import { actionForm } from "/assets/action.js";
import { address, go, say, showAgain } from "/assets/address.js";
import { ANSWERED, attemptColumns } from "/assets/attempts.js";
import { facts, make, section, state, time, trouble } from "/assets/elements.js";
import { attempted, eventLink } from "/assets/events.js";
import { chosen, endpointFields } from "/assets/fields.js";
import { choice, filters, given, list, pages, text } from "/assets/list.js";
import { once } from "/assets/once.js";
import { replays } from "/assets/replays.js";

export async function endpointsPage({ main, signal }) {
  const place = make("div");
  if (mayAct()) {
    main.append(actionForm("Create an endpoint", endpointFields(), {
      first: "Create",
      run: async (form, key) => {
        const made = await act("POST", ["endpoints"], chosen(form), key);
        // Pressed again, it is no second endpoint.
        form.reset();
        show().catch((error) => error.name === "AbortError" || place.append(trouble(error)));
        return once("The secret", made.secret);
      },
    }));
  }
  main.append(place);
  await show();

  async function show() {
    place.replaceChildren();
    const waiting = [];
    await list(place, {
      caption: "Endpoints, the oldest first", noun: "endpoints",
      columns: {
        endpoint: ({ endpointId, url }) => make("a", { href: address(`endpoints/${endpointId}`) }, url), description: (one) => one.description, types: (one) => one.eventTypes.join(", "), state: (one) => state(one.state),
        reason: (one) => one.stateReason,
        "latest attempt": (one) => {
          waiting.push([one.endpointId, make("span")]);
          return waiting.at(-1)[1];
        },
      },
      fetch: async () => ({ rows: (await ask(["endpoints"], null, signal)).endpoints, next: null }),
    });
    for (const [endpointId, cell] of waiting) {
      const { attempts: [last] } = await ask(["attempts"], { endpointId, limit: 1 }, signal);
      cell.append(...(last ? [outcome(last), " ", time(last.at)] : ["none"]));
    }
  }
}

const outcome = (one) => make("span", { class: `state ${one.outcome === "delivered" ? "good" : "bad"}` }, one.outcome);

export async function endpointPage({ main, query, signal, name, keys: [endpointId] }) {
  name(endpointId);
  const path = ["endpoints", endpointId];
  const endpoint = await ask(path, null, signal);
  name(endpoint.url);
  main.append(facts([
    ["State", state(endpoint.state)], ["Reason", endpoint.stateReason], ["Stopped by", endpoint.stoppedBy], ["State since", time(endpoint.stateSince)],
    ["Description", endpoint.description], ["Event types", endpoint.eventTypes.join(", ")],
    ["Filters", Object.keys(endpoint.filters).length ? make("code", null, JSON.stringify(endpoint.filters)) : null],
    ["Retry schedule", endpoint.schedule ?? (endpoint.retryWaits ? (endpoint.retryWaits.length ? `waits of ${endpoint.retryWaits.join(", ")} s` : "one attempt") : "the service's own")],
    ["Signature", endpoint.style + (endpoint.asymmetric ? ", also ed25519" : "")], ["Secrets that sign", endpoint.secretsValid],
    ["Requests a second", endpoint.rateLimit], ["Given up at once after", endpoint.finalStatuses.join(", ")],
    ["Id", make("code", null, endpointId)], ["Created", time(endpoint.createdAt)], ["Changed", time(endpoint.updatedAt)],
  ]));
  if (mayAct()) main.append(make("div", { class: "demands" }, actions(path, endpoint, signal)));
  main.append(make("p", null, make("a", { href: address("deliveries", { endpointId }) }, "Its deliveries")));
  main.append(await replays(path, signal));
  const place = section("Attempts", filters(`endpoints/${endpointId}`, query, [choice("status", "Answered", ANSWERED, query)]));
  main.append(place);
  await list(place, {
    caption: "Attempts, the newest first", noun: "attempts", columns: attemptColumns(["events"], eventLink, signal),
    fetch: pages(["attempts"], "attempts", "cursor", { ...query, endpointId }, signal),
  });
}

function actions(path, endpoint, signal) {
  const step = (verb, done) => actionForm(verb, [], {
    run: async () => {
      await act("POST", [...path, verb.toLowerCase()]);
      showAgain(done);
    },
  });
  return [
    actionForm("Send a test event", [], {
      run: async () => {
        const { eventId } = await act("POST", [...path, "test"]);
        say("The attempt is on its way");
        await attempted(eventId, endpoint.endpointId, 0, signal);
        go(address(`events/${eventId}`));
      },
    }),
    actionForm("Change", endpointFields(endpoint), {
      run: async (form) => {
        await act("PATCH", path, chosen(form, endpoint));
        showAgain("Changed.");
      },
    }),
    actionForm("Rotate the secret", text("overlapHours", "Hours in which the old secret signs, too; 0 if it leaked", { overlapHours: 24 }, { type: "number", min: 0, max: 168, required: true }), {
      run: async (form, key) => {
        const { secret } = await act("POST", [...path, "rotate-secret"], { overlapHours: Number(given(form).overlapHours) }, key);
        return once("The secret", secret);
      },
    }),
    endpoint.state === "ACTIVE" ? step("Pause", "Paused: deliveries wait.") : step("Activate", "Activated: deliveries go on."),
    actionForm("Delete", [], {
      check: (form, real) => [make("p", null, `${endpoint.url} gets nothing more, and what waits for it is given up.`), real],
      run: async () => {
        await act("DELETE", path);
        go(address("endpoints"));
      },
    }),
  ];
}
