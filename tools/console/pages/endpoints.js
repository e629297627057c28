// Endpoints of tenants: why each is as it is, and what may be done about it.

import { ask } from "/assets/api.js";
import { ANSWERED } from "/assets/attempts.js";
import { address } from "/assets/place.js";
import { action } from "/assets/act.js";
import { attemptColumns } from "/assets/deliveries.js";
import { facts, make, section, state, time } from "/assets/elements.js";
import { choice, filters, list, pages, text } from "/assets/list.js";

export const endpointColumns = () => ({
  endpoint: (one) => make("a", { href: address(`endpoints/${one.tenantId}/${one.endpointId}`) }, make("code", null, one.endpointId)),
  tenant: (one) => make("a", { href: address(`tenants/${one.tenantId}`) }, one.tenantId), URL: (one) => one.url, state: (one) => state(one.state),
  reason: (one) => one.stateReason, "stopped by": (one) => one.stoppedBy, since: (one) => time(one.stateSince),
});

export async function endpointsPage({ main, query, signal }) {
  main.append(filters("endpoints", query, [text("tenantId", "Tenant", query), choice("state", "State", ["ACTIVE", "PAUSED", "DISABLED"], query)], false));
  await list(main, {
    caption: "Endpoints, by tenant and id", noun: "endpoints", columns: endpointColumns(),
    fetch: pages(["operator", "endpoints"], "endpoints", "cursor", query, signal),
  });
}

export async function endpointPage({ main, query, signal, name, keys: [tenantId, endpointId] }) {
  name(endpointId);
  const path = ["operator", "tenants", tenantId, "endpoints", endpointId];
  const endpoint = await ask(path, null, signal);
  const may = endpoint.state === "ACTIVE" ? ["Pause", "Disable"] : endpoint.state === "PAUSED" ? ["Activate", "Disable"] : ["Activate"];
  main.append(
    facts([["Tenant", make("a", { href: address(`tenants/${tenantId}`) }, tenantId)], ["URL", endpoint.url], ["Types", endpoint.eventTypes.join(", ")],
      ["Requests a second", endpoint.rateLimit], ["Since", time(endpoint.createdAt)], ["Changed", time(endpoint.updatedAt)], ...health(endpoint)]),
    make("div", { class: "demands" }, may.map((verb) =>
      action(verb, [...path, verb.toLowerCase()], { tenantSees: verb !== "Activate", shown: health, signal }))),
    make("p", null, make("a", { href: address("deliveries", { tenantId, endpointId }) }, "Its deliveries"), ", ", make("a", { href: address(`tenants/${tenantId}/replays`, { endpointId }) }, "replays")));
  const place = section("Attempts", filters(`endpoints/${tenantId}/${endpointId}`, query, [choice("status", "Answered", ANSWERED, query)]));
  main.append(place);
  await list(place, {
    caption: "Attempts, the newest first", noun: "attempts", columns: attemptColumns(tenantId, signal),
    fetch: pages(["operator", "tenants", tenantId, "attempts"], "attempts", "cursor", { ...query, endpointId }, signal),
  });
}

const health = (one) => [
  ["State", state(one.state)], ["Reason", one.stateReason], ["Stopped by", one.stoppedBy], ["State since", time(one.stateSince)],
  ["Tenant suspended", time(one.tenantSuspendedSince)], ["Circuit breaker", state(one.breaker)], ["Open until", time(one.openUntil)],
  ["Failures in a row", one.consecutiveFailures], ["Failing since", time(one.failingSince)], ["Asked for no more until", time(one.slowUntil)],
  ["Deliveries that wait", one.waiting], ["Next look", time(one.nextLookAt)],
];
