// Deliveries, attempts, and what an endpoint answered; a payload.

import { ask } from "/assets/api.js";
import { make, onDemand, state, time } from "/assets/elements.js";
import { pretty } from "/assets/formats.js";

export const DELIVERY_STATES = ["PENDING", "FAILED", "DELIVERED", "DLQ"];
export const ANSWERED = ["2xx", "3xx", "4xx", "5xx", "none"];

export const deliveryColumns = (endpoint) => ({
  endpoint, state: (one) => state(one.state), reason: (one) => one.reason, attempts: (one) => one.attempts,
  updated: (one) => time(one.updatedAt), "next attempt": (one) => time(one.nextAttemptAt),
});

// `path` is where the API has the events.
export const attemptColumns = (path, addressOf, signal) => ({
  at: (one) => time(one.at),
  event: (one) => make("a", { href: addressOf(one) }, make("code", null, one.eventId)),
  attempt: (one) => one.number, outcome: (one) => one.outcome, ms: (one) => one.durationMs,
  answer: (one) => onDemand("Show", async () => answer(await ask([...path, one.eventId, "attempts", one.endpointId, String(one.number)], null, signal))),
});

function answer({ answer: found }) {
  if (!found) return make("p", null, "There was none.");
  return [
    make("pre", { tabindex: "0", "aria-label": "Answer" }, `${found.headers.map(({ name, value }) => `${name}: ${value}\n`).join("")}\n${found.body}`),
    make("p", null, `${found.encoding}${found.complete ? "" : ", cut"}`),
  ];
}

export function payload(received) {
  const text = new TextDecoder().decode(received);
  const shown = make("pre", { tabindex: "0", "aria-label": "Payload" }, pretty(text));
  let raw = false;
  const change = make("button", {
    type: "button", "aria-pressed": "false",
    click: () => {
      raw = !raw;
      change.setAttribute("aria-pressed", String(raw));
      shown.textContent = raw ? text : pretty(text);
    },
  }, "As received");
  return [make("p", null, `${received.byteLength} bytes`, text.includes("\ufffd") ? ", not all of them UTF-8" : "", " ", change), shown];
}
