// What is chosen for an endpoint, as a form and as the API takes it.

import { choice, given, text } from "/assets/list.js";

const STYLES = [["standard", "Standard Webhooks"], ["asymmetric", "Standard Webhooks, also ed25519"], ["stripe", "as Stripe signs"]];
const words = (value) => value.split(/[\s,]+/).filter(Boolean);

export const endpointFields = (one = { eventTypes: ["*"] }) => [
  text("url", "URL", one, { type: "url", required: true, maxlength: 2048 }),
  text("eventTypes", "Event types, such as invoice.*", { eventTypes: one.eventTypes.join(" ") }, { required: true, maxlength: null }),
  text("description", "Description", one, { maxlength: 500 }),
  choice("schedule", "Retry schedule", ["standard-webhooks", "minutes"], { schedule: one.schedule }, "the service's own"),
  text("retryWaits", "or seconds to wait after each failure", { retryWaits: one.retryWaits?.join(" ") }, { placeholder: "60 3600 86400" }),
  choice("style", "Signature", STYLES.slice(1), { style: one.asymmetric ? "asymmetric" : one.style }, STYLES[0][1]),
];

export function chosen(form, one = {}) {
  const { url, description, schedule, style, ...lists } = given(form);
  const waits = words(lists.retryWaits);
  return {
    url, description, eventTypes: words(lists.eventTypes), style: style === "stripe" ? "stripe" : "standard", asymmetric: style === "asymmetric",
    ...(schedule || !waits.length ? { schedule: schedule || null } : {}),
    // No waits at all, which is one attempt, looks the same as none of its own: that is left as it is.
    ...(!waits.length && one.retryWaits?.length ? { retryWaits: null } : {}),
    // What is no number is sent as it is: the API says which it is.
    ...(waits.length ? { retryWaits: waits.map((wait) => (Number.isNaN(Number(wait)) ? wait : Number(wait))) } : {}),
  };
}
