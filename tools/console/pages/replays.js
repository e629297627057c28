// Replays of a tenant's deliveries: each is a job that runs by itself.

import { ask } from "/assets/api.js";
import { action } from "/assets/act.js";
import { address, say, showAgain } from "/assets/place.js";
import { make, state, table, time } from "/assets/elements.js";
import { choice, moment, text } from "/assets/list.js";

const EVERY_MS = 5_000;
const STATES = ["DLQ", "MISSED", "MISSED,DLQ", "DELIVERED"];
const refusals = (found) => Object.entries(found.refused).map(([reason, number]) => `${reason} ${number}`).join(", ");
const endpoint = (tenantId, id) => (id ? make("a", { href: address(`endpoints/${tenantId}/${id}`) }, make("code", null, id)) : "all");

export async function replaysPage({ main, query, signal, name, keys: [tenantId] }) {
  name(`Replays of ${tenantId}`);
  const page = `tenants/${tenantId}/replays`;
  const path = ["operator", "tenants", tenantId, "replays"];
  const body = ({ endpointId, from, to, include, types, rate }) => {
    history.replaceState(null, "", address(page, { endpointId, from, to, include, types, rate }));
    return {
      ...(endpointId && { endpointId }), ...(from && { from }), ...(to && { to }), ...(include && { include: include.split(",") }),
      ...(types.trim() && { eventTypes: types.split(/[\s,]+/).filter(Boolean) }), ...(rate && { rate: Number(rate) }),
    };
  };
  const place = make("div");
  main.append(
    make("p", null, make("a", { href: address(`tenants/${tenantId}`) }, `Tenant ${tenantId}`)),
    action("Start a replay", path, {
      fields: [
        text("endpointId", "Endpoint, all if empty", query), moment("from", "From, UTC", query), moment("to", "To, UTC", query),
        choice("include", "What", STATES, query, "MISSED, or DLQ without an endpoint"), text("types", "Types, such as charge.*", query),
        text("rate", "Deliveries a second", query, { type: "number", min: 1, max: 50 }),
      ],
      body, inBody: ["dryRun"], says: "It would send:", open: true, may: ({ count }) => count.matched > 0 || !count.complete, signal,
      shown: ({ count }) => [["Deliveries", `${count.complete ? "" : "at least "}${count.matched}`], ["Examined", String(count.examined)], ["Cannot be sent", refusals(count)]],
      done: () => showAgain("The replay is started, and begins within two minutes. It is in the audit log."),
    }), place);

  const look = async () => {
    const { replays } = await ask(path, null, signal);
    place.replaceChildren(table("Replays, the newest first", {
      started: (one) => time(one.startedAt), state: (one) => [state(one.state), one.reason && ` ${one.reason}`].filter(Boolean), endpoint: (one) => endpoint(tenantId, one.endpointId),
      what: (one) => `${one.include.join(", ")}: ${one.eventTypes.join(", ")}`, range: (one) => [time(one.from), " to ", time(one.to)], "has reached": (one) => time(one.reachedAt),
      progress: (one) => [`${one.sent} sent, ${one.examined} examined`, refusals(one)].filter(Boolean).join("; "),
      replay: (one) => [make("code", null, one.replayId), one.state === "RUNNING" && action("Cancel", [...path, one.replayId, "cancel"], { isTried: false, signal })].filter(Boolean),
    }, replays));
    const running = replays.filter((one) => one.state === "RUNNING").length;
    say(`${replays.length} replays, ${running} of them running`);
    return running;
  };
  if (!await look()) return;
  const timer = setInterval(async () => {
    // Nobody is to lose what is being typed.
    if (document.hidden || place.querySelector("[open]")) return;
    if (!await look().catch(() => true)) clearInterval(timer);
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}
